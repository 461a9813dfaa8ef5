"""Serves a node over HTTP until it is told to stop."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

import uvicorn

from domicile.apps.api import running
from domicile.apps.connection import Connection
from domicile.apps.routes import has_mailbox_pages
from domicile.infra.settings import Settings
from domicile.infra.telemetry import configure_logs

_GRACE_SECONDS = 10


def run(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are finished first."""
    import uvloop  # noqa: PLC0415  # not there on every platform

    configure_logs()
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    async with running(settings) as (app, node):
        config = uvicorn.Config(
            app,  # pyright: ignore[reportArgumentType]  # the two packages' ASGI types differ in spelling only
            host=settings.server.host,
            port=settings.server.port,
            loop="none",
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=bool(settings.server.trusted_proxies),
            forwarded_allow_ips=list(settings.server.trusted_proxies),
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        greeting = _greeting(settings, has_mailbox=has_mailbox_pages(node))
        await _Server(config, greeting, node.service_side.let_nobody_wait).serve()


class _Server(uvicorn.Server):
    """Says where to click once it listens, and stops by itself when it is told to."""

    def __init__(self, config: uvicorn.Config, greeting: str, let_go: Callable[[], None]) -> None:
        super().__init__(config)
        self._greeting = greeting
        self._let_go = let_go

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, then greet."""
        await super().startup(sockets)
        if self.started:
            sys.stdout.write(self._greeting)
            sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let answers go that wait for news, then finish what is under way."""
        self._let_go()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Take the signals that end the server; uvicorn's own way raises them again, which would cut our closing short."""
        loop, ends = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
        for each in ends:
            loop.add_signal_handler(each, self.handle_exit, each, None)
        try:
            yield
        finally:
            for each in ends:
                loop.remove_signal_handler(each)


def _greeting(settings: Settings, *, has_mailbox: bool) -> str:
    url = settings.public_url
    lines = [f"Domicile is ready: {url}", f"  API reference  {url}/docs"]
    if has_mailbox:
        lines.append(f"  Mailbox        {url}/mailbox  (every mail; files in {settings.data / 'mail'})")
    return "\n".join([*lines, f"  Data           {settings.data.resolve()}", ""])
