"""Two small services behind the SDK's middlewares, one for ASGI and one for WSGI, on real sockets, and what they do is the same."""

import asyncio
import socket
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx2
import uvicorn

from domicile_sdk import asgi, current_principal, require, wsgi
from domicile_sdk.testing import FakeRegion

OPEN_PATHS = {"/healthz"}


class _Silent(WSGIRequestHandler):
    """Writes no log."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name
        return


@require("workload:policy:update")
def change() -> str:
    """Do what only some may."""
    return "changed"


@require("workload:policy:update")
async def change_later() -> str:
    """The same as a coroutine."""
    return "changed"


async def asgi_service(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
    """Answer who is calling, or do what only some may."""
    assert scope["type"] == "http", "this service knows neither lifespan nor WebSockets"
    match scope["path"]:
        case "/changes":
            text = await change_later()
        case "/healthz":
            text = f"open to {scope.get('domicile.principal')}"
        case "/secret":
            text = current_principal().id
        case _:
            text = f"{current_principal().id} {scope['domicile.principal'].role}"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": text.encode()})


def wsgi_service(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401  # as WSGI has it
    """The same, made while it is sent."""

    def body() -> Iterator[bytes]:
        match environ["PATH_INFO"]:
            case "/changes":
                text = change()
            case "/healthz":
                text = f"open to {environ.get('domicile.principal')}"
            case "/secret":
                text = current_principal().id
            case _:
                text = f"{current_principal().id} {environ['domicile.principal'].role}"
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield text.encode()

    return body()


@contextmanager
def asgi_serving(region: FakeRegion) -> Generator[httpx2.Client]:
    """Serve the ASGI service with uvicorn, of whose lifespan it knows nothing."""
    app = asgi.DomicileMiddleware(asgi_service, guard=region.async_guard(), open_paths=OPEN_PATHS)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, ws="none", lifespan="on")  # pyright: ignore[reportArgumentType]  # uvicorn's types are narrower than ASGI's
        server = uvicorn.Server(config)
        listening.listen()
        with _in_thread(lambda: asyncio.run(server.serve([listening])), lambda: _end(server)):
            yield from _client(listening.getsockname()[1])


@contextmanager
def wsgi_serving(region: FakeRegion) -> Generator[httpx2.Client]:
    """Serve the WSGI service with the server of the standard library."""
    app = wsgi.DomicileMiddleware(wsgi_service, guard=region.guard(), open_paths=OPEN_PATHS)
    with (
        make_server("127.0.0.1", 0, app, handler_class=_Silent) as server,  # pyright: ignore[reportArgumentType]  # as above
        _in_thread(lambda: server.serve_forever(0.01), server.shutdown),
    ):
        yield from _client(server.server_port)


def _end(server: uvicorn.Server) -> None:
    server.should_exit = True


def _client(port: int) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        yield client


@contextmanager
def _in_thread(serve: Callable[[], None], end: Callable[[], None]) -> Generator[None]:
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        end()
        thread.join(10)
        assert not thread.is_alive()
