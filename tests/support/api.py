"""A whole server in a thread of this process, on a real socket and real databases, with a clock that tests set, and clients for it."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Generator, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx2
import pytest
import uvicorn
from litestar import Litestar

from domicile.apps.api import running
from domicile.apps.node import Node
from domicile.infra.migrations import History
from domicile.infra.settings import Settings, load_settings
from domicile.kernel.clock import Clock
from tests.support.databases import DatabaseEngine, borrower
from tests.support.people import FrozenClock, quick_hashes

ResultT = TypeVar("ResultT")
REGIONS = {"us-1": "United States", "de-1": "Germany", "jp-1": "Japan"}
_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Api:
    """A client that carries one credential, or none."""

    client: httpx2.Client
    authorization: str | None = None

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """Send a request with the version header and the credential; `headers` win over both."""
        sent = {"Api-Version": "v1"}
        if self.authorization is not None:
            sent["Authorization"] = self.authorization
        if content is not None:
            sent["Content-Type"] = "application/json"
        return self.client.request(
            method, path, json=body, content=content, headers={**sent, **(headers or {})}
        )

    def get(self, path: str, **more: Any) -> httpx2.Response:
        return self.send("GET", path, **more)

    def post(self, path: str, body: object = None, **more: Any) -> httpx2.Response:
        return self.send("POST", path, body, **more)

    def delete(self, path: str, **more: Any) -> httpx2.Response:
        return self.send("DELETE", path, **more)

    def call(
        self, method: str, path: str, body: object = None, *, status: int = 200, **more: Any
    ) -> dict[str, Any]:
        """Send a request that must be answered with `status`; gives the body of the answer."""
        answer = self.send(method, path, body, **more)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else {}

    def with_(self, authorization: str | None) -> "Api":
        """Give the same client with another credential."""
        return Api(self.client, authorization)


@dataclass
class LiveServer:
    """A running server and what tests may look at behind it."""

    url: str
    settings: Settings
    clock: FrozenClock
    node: Node
    app: Litestar
    loop: asyncio.AbstractEventLoop
    client: httpx2.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx2.Client(
            base_url=self.url,
            timeout=_PATIENCE_SECONDS,
            limits=httpx2.Limits(max_connections=120),
            verify=False,  # nothing here speaks TLS, and the list of authorities takes long to read
        )

    @property
    def anyone(self) -> Api:
        """A client without a credential."""
        return Api(self.client)

    @property
    def mails(self) -> Path:
        """The folder in which every mail is kept."""
        return self.settings.data / "mail"

    def run(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Run a coroutine in the server's own event loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(_PATIENCE_SECONDS)


@contextmanager
def serving(config: Path | None, data: Path, clock: FrozenClock) -> Generator[LiveServer]:
    """Serve at a free port of this machine while the body runs."""
    started: Future[tuple[uvicorn.Server, asyncio.AbstractEventLoop, Any, Node]] = Future()
    # Told to be TCP, so that the event loop sends small answers at once instead of waiting 40 ms to send more with them.
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening,
        pytest.MonkeyPatch.context() as patch,
    ):
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", 0))
        settings = load_settings(config, data, {}, port=listening.getsockname()[1])
        # A frozen clock is set by hand, and whoever sets it waits for what is due.
        patch.setattr("domicile.apps.worker._PURGE_ROUND_SECONDS", 0.5)
        patch.setattr("domicile.apps.worker._WEBHOOK_ROUND_SECONDS", 0.1)
        thread = threading.Thread(target=lambda: asyncio.run(_serve(settings, clock, listening, started)))
        thread.start()
        uvicorn_server, loop, edge, node = started.result(_PATIENCE_SECONDS)
        server = LiveServer(settings.public_url, settings, clock, node, cast("Litestar", edge._app), loop)
        try:
            with server.client:
                yield server
        finally:
            uvicorn_server.should_exit = True
            thread.join(_PATIENCE_SECONDS)
            assert not thread.is_alive()


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, listens: Callable[[uvicorn.Server], None]) -> None:
        super().__init__(config)
        self._listens = listens

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listens(self)


async def _serve(
    settings: Settings,
    clock: Clock,
    listening: socket.socket,
    started: Future[tuple[uvicorn.Server, asyncio.AbstractEventLoop, Any, Node]],
) -> None:
    try:
        async with AsyncExitStack() as stack:
            with quick_hashes():
                app, node = await stack.enter_async_context(running(settings, clock))
            config = uvicorn.Config(
                cast("Any", app),
                loop="none",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=bool(settings.server.trusted_proxies),
                forwarded_allow_ips=list(settings.server.trusted_proxies),
                timeout_graceful_shutdown=5,
            )
            loop = asyncio.get_running_loop()
            server = _Server(config, lambda it: started.set_result((it, loop, app, node)))
            await server.serve(sockets=[listening])
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)


@dataclass(frozen=True)
class Installation:
    """Migrated, empty databases and a data folder: everything that a server needs to start."""

    config: Path | None
    data: Path


Install = Callable[[], Installation]


@contextmanager
def installing(
    engine: DatabaseEngine, request: pytest.FixtureRequest, folders: pytest.TempPathFactory
) -> Generator[Install]:
    """Make fresh installations on an engine; what they borrow comes back when the body ends."""
    with ExitStack() as lent:
        borrow = borrower(engine, request, lent)

        def make() -> Installation:
            data = folders.mktemp("data")
            identity = borrow(History.GLOBAL, data / "identity.db")
            regions = {region: borrow(History.REGION, data / f"region-{region}.db") for region in REGIONS}
            if engine is DatabaseEngine.SQLITE:
                return Installation(None, data)  # the files are where they are looked for
            config = data / "domicile.toml"
            config.write_text(_configuration(identity, regions))
            return Installation(config, data)

        yield make


@pytest.fixture(scope="module")
def install(
    database_engine: DatabaseEngine, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Install]:
    """Makes fresh installations on the engine of the test."""
    with installing(database_engine, request, tmp_path_factory) as make:
        yield make


def _configuration(identity: str, regions: dict[str, str]) -> str:
    entries = [
        f'[[regions]]\nid = "{region}"\nname = "{REGIONS[region]}"\ndatabase = "{url}"\n'
        for region, url in regions.items()
    ]
    return f'[identity]\ndatabase = "{identity}"\n' + "".join(entries)


@pytest.fixture(scope="module")
def server(install: Install) -> Generator[LiveServer]:
    """A server that the tests of a module share."""
    installed = install()
    with serving(installed.config, installed.data, FrozenClock()) as running_server:
        yield running_server


@pytest.fixture
def own_server(install: Install) -> Generator[LiveServer]:
    """A server of one test alone, whose clock it may set."""
    installed = install()
    with serving(installed.config, installed.data, FrozenClock()) as running_server:
        yield running_server
