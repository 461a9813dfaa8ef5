"""Serves a node over HTTP until it is told to stop."""

import asyncio
import sys
from typing import Any

import uvicorn

from domicile.apps.api import running
from domicile.infra.settings import Settings
from domicile.infra.telemetry import configure_logs

_GRACE_SECONDS = 10


def run(settings: Settings, host: str | None = None, port: int | None = None) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are finished first. Host and port default to the settings'."""
    import uvloop  # noqa: PLC0415  # not there on every platform

    configure_logs()
    uvloop.run(_serve(settings, host or settings.server.host, settings.server.port if port is None else port))


async def _serve(settings: Settings, host: str, port: int) -> None:
    async with running(settings) as (app, node):
        config = uvicorn.Config(
            app,  # pyright: ignore[reportArgumentType]  # the two packages' ASGI types differ in spelling only
            host=host,
            port=port,
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
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        server = uvicorn.Server(config)
        greeting = asyncio.create_task(_greet(server, settings, has_mailbox=node.mailbox is not None))
        await server.serve()
        greeting.cancel()


async def _greet(server: Any, settings: Settings, *, has_mailbox: bool) -> None:
    while not server.started:
        await asyncio.sleep(0.01)
    lines = [f"Domicile is ready: {settings.public_url}", f"  API reference  {settings.public_url}/docs"]
    if has_mailbox:
        lines.append(
            f"  Mailbox        {settings.public_url}/mailbox  (every mail; files in {settings.data / 'mail'})"
        )
    lines.append(f"  Data           {settings.data.resolve()}")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
