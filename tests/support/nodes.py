"""Several real servers on the same PostgreSQL databases, with one root key and one mail server, as an installation with several nodes has them."""

import asyncio
import socket
import threading
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
from sqlalchemy.engine import make_url

from domicile.infra.mail.mailbox import Mailbox
from domicile.kernel.clock import utc_now
from tests.support.api import REGIONS
from tests.support.postgres import PostgresServer, run_apart
from tests.support.process import RealServer

_PATIENCE_SECONDS = 30


@dataclass
class Nodes:
    """Empty databases for identity and every region, a mailbox, and the servers that were set up on them."""

    folder: Path
    databases: dict[str, str]
    """By region id, and `identity`."""
    mail_port: int
    stack: ExitStack
    servers: list[RealServer] = field(default_factory=list)

    @property
    def mails(self) -> Path:
        return self.folder / "mail"

    @property
    def root_key(self) -> Path:
        return self.folder / "secret.key"

    def add(self, name: str, *, serves: Sequence[str] = ()) -> RealServer:
        """Set a server up that serves some regions, or all; it knows no other database."""
        data = self.folder / name
        data.mkdir()
        port = free_port()
        config = data / "domicile.toml"
        config.write_text(self._configuration(serves or tuple(REGIONS)))
        client = self.stack.enter_context(httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30))
        server = RealServer(data, client, port, config=config, mails=self.mails)
        self.stack.callback(server.kill)
        self.servers.append(server)
        return server

    def publish(self, platform: str, at: dict[str, str]) -> None:
        """Tell every server, before it starts, the public address of the platform and of the regions that have one of their own."""
        for server in self.servers:
            assert server.config is not None
            written = server.config.read_text()
            written = written.replace("[server]", f'[server]\npublic_url = "{platform}"')
            for region, url in at.items():
                written = written.replace(f'id = "{region}"', f'id = "{region}"\npublic_url = "{url}"')
            server.config.write_text(written)

    def start(self) -> None:
        """Start every server that does not run, all at once."""
        stopped = [server for server in self.servers if not server.is_running]
        for server in stopped:
            server.launch()
        for server in stopped:
            server.wait_until_ready()

    def run_sql(self, database: str, *statements: str) -> None:
        """Run statements in one of the databases, by region id or `identity`."""
        run_apart(_execute(self.databases[database], statements))

    def ask_sql(self, database: str, query: str, *values: str) -> Any:  # noqa: ANN401  # whatever is asked for
        """Give the first value of a query."""
        found: list[Any] = []
        run_apart(_fetch(self.databases[database], query, values, found))
        return found[0]

    def name_of(self, database: str) -> str:
        """Give the name that a database has in its cluster."""
        return make_url(self.databases[database]).database or ""

    @contextmanager
    def dark(self, database: str) -> Generator[None]:
        """Let nobody reach a database while the body runs; connections that there are end."""
        name = self.name_of(database)
        elsewhere = next(each for each in self.databases if each != database)
        ending = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1"
        self.run_sql(elsewhere, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        self.ask_sql(elsewhere, ending, name)
        try:
            yield
        finally:
            self.run_sql(elsewhere, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

    def _configuration(self, serves: Sequence[str]) -> str:
        lines = [f'secret_key_file = "{self.root_key}"', "[server]", f"regions = {list(serves)}"]
        lines += ["[identity]", f'database = "{self.databases["identity"]}"']
        lines += ["[mail]", 'host = "127.0.0.1"', f"port = {self.mail_port}", 'tls = "none"']
        for region, name in REGIONS.items():
            lines += ["[[regions]]", f'id = "{region}"', f'name = "{name}"']
            if region in serves:
                lines.append(f'database = "{self.databases[region]}"')
        return "\n".join(lines)


@contextmanager
def several_nodes(postgres: PostgresServer, folder: Path) -> Generator[Nodes]:
    """Lend empty databases and a mailbox; whatever was set up on them ends with the body."""
    with ExitStack() as stack:
        names = ("identity", *REGIONS)
        databases = {name: stack.enter_context(postgres.database()) for name in names}
        port = stack.enter_context(_mailbox(folder / "mail"))
        yield Nodes(folder, databases, port, stack)


def free_port() -> int:
    """Find a port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def _mailbox(folder: Path) -> Generator[int]:
    """Keep the mails of all nodes in one folder; gives the port of the mail server."""
    loop = asyncio.new_event_loop()
    mailbox = Mailbox(folder, clock=utc_now)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(mailbox.start(), loop).result(_PATIENCE_SECONDS)
    try:
        yield mailbox.port
    finally:
        asyncio.run_coroutine_threadsafe(mailbox.stop(), loop).result(_PATIENCE_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_PATIENCE_SECONDS)
        loop.close()


async def _execute(url: str, statements: Sequence[str]) -> None:
    connection = await _connect(url)
    try:
        for statement in statements:
            await connection.execute(statement, timeout=_PATIENCE_SECONDS)
    finally:
        await connection.close()


async def _fetch(url: str, query: str, values: Sequence[str], found: list[Any]) -> None:
    connection = await _connect(url)
    try:
        found.append(await connection.fetchval(query, *values, timeout=_PATIENCE_SECONDS))
    finally:
        await connection.close()


async def _connect(url: str) -> asyncpg.Connection:
    address = make_url(url)
    return await asyncpg.connect(
        host=str(address.query["host"]),
        port=5432,
        user=address.username,
        database=address.database,
        timeout=_PATIENCE_SECONDS,
    )
