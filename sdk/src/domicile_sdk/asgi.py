"""Middleware for ASGI 3, without a framework: nobody reaches the application who is not known."""

import logging
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any, TypeAlias

from domicile_sdk.guard import AuthenticatesAsync
from domicile_sdk.refusal import NobodyCalling, Refused
from domicile_sdk.requiring import KEY, acting

Scope: TypeAlias = MutableMapping[str, Any]  # Any: ASGI has values of many kinds
Message: TypeAlias = MutableMapping[str, Any]  # Any: as above
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger("domicile_sdk")

_POLICY_VIOLATION = 1008
"""How a WebSocket is closed (RFC 6455, section 7.4.1) where the server cannot answer with a problem."""


class DomicileMiddleware:
    """Recognises the caller of each request and each WebSocket, and answers refusals, those of handlers too, as problems.

    The principal is in `scope["domicile.principal"]`, and `current_principal()` gives it.
    The guard starts and stops with the application, and at the first request where the server has no lifespan.
    """

    def __init__(self, app: App, *, guard: AuthenticatesAsync, open_paths: Collection[str] = ()) -> None:
        self._app = app
        self._guard = guard
        self._open_paths = frozenset(open_paths)
        """Paths, compared letter by letter, that need no caller."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["type"] in {"http", "websocket"}:
            await self._serve(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        lifespan = _Lifespan(receive, send)
        await self._guard.start()
        try:
            await lifespan.run(self._app, scope)
        finally:
            await self._guard.stop()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            receive = _beginning_with(await receive(), receive)
        is_begun = False

        async def note_and_send(message: Message) -> None:
            nonlocal is_begun
            is_begun = True
            await send(message)

        try:
            if scope["path"] in self._open_paths:
                with acting(None):
                    await self._app(scope, receive, note_and_send)
                return
            principal = await self._guard.authenticate(_authorization_in(scope))
            with acting(principal):
                await self._app({**scope, KEY: principal}, receive, note_and_send)
        except Refused as refused:
            if is_begun:
                raise
            await _answer(scope, send, refused)


class _Lifespan:
    """The life of the application, which need not know of lifespans: then its guard still lives as long as the server."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._is_asked = False
        self._is_answered = False

    async def run(self, app: App, scope: Scope) -> None:
        """Run the application's lifespan, or answer in its place."""
        try:
            await app(scope, self._note_and_receive, self._note_and_send)
        except Exception:
            if self._is_answered:
                raise
            _log.info("The application does not take part in the lifespan", exc_info=True)
        if not self._is_answered:
            await self._answer()

    async def _note_and_receive(self) -> Message:
        self._is_asked = True
        return await self._receive()

    async def _note_and_send(self, message: Message) -> None:
        self._is_answered = True
        await self._send(message)

    async def _answer(self) -> None:
        if not self._is_asked:
            await self._receive()
        await self._send({"type": "lifespan.startup.complete"})
        await self._receive()
        await self._send({"type": "lifespan.shutdown.complete"})


def _authorization_in(scope: Scope) -> str | None:
    found: list[bytes] = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
    if len(found) > 1:
        raise NobodyCalling("Send one credential, and not several.")
    return found[0].decode("latin-1") if found else None


def _beginning_with(first: Message, receive: Receive) -> Receive:
    """Give again what was received already: a WebSocket is answered only once it has asked to connect."""
    waiting = [first]

    async def receive_in_order() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_in_order


async def _answer(scope: Scope, send: Send, refused: Refused) -> None:
    if scope["type"] == "http":
        await _send_problem(send, "http.response", refused)
    elif "websocket.http.response" in (scope.get("extensions") or {}):
        await _send_problem(send, "websocket.http.response", refused)
    else:
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": refused.code})


async def _send_problem(send: Send, kind: str, refused: Refused) -> None:
    body = refused.body()
    headers = {**refused.headers, "Content-Length": str(len(body))}
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": f"{kind}.start", "status": refused.status, "headers": raw})
    await send({"type": f"{kind}.body", "body": body})
