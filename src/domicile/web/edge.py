"""The outermost layer: request ids, the version header, security headers, and the lean path of the hottest calls."""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any

from litestar.types import (
    ASGIApp,
    HTTPReceiveMessage,
    HTTPScope,
    Message,
    Receive,
    Scope,
    Send,
    WebSocketReceiveMessage,
)

from domicile.kernel.errors import DomainError, ErrorKind
from domicile.web.forwarding import Headers, find_forwarded
from domicile.web.problems import problem_body

Keep = Callable[[bytes], None]
"""Takes the body that the ordinary route answered with, status 200, for the next time."""
LeanGet = Callable[[Scope, bytes], bytes | Keep | None]
"""Answers a GET, given its `Authorization`, with a JSON body and status 200; otherwise the ordinary route answers, errors included,
and what a `Keep` was given for is shown to it."""
LeanPost = Callable[[Scope, bytes, bytes], bytes | None]
"""The same for a POST with its whole body; nothing is kept."""
LeanForward = Callable[[Scope, bytes], Headers | None]
"""Answers a proxy that asks about a request, with headers and status 200; otherwise the ordinary route answers."""
_Received = HTTPReceiveMessage | WebSocketReceiveMessage
_Tell = Callable[[Any], Awaitable[None]]  # Any: a message of ASGI

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_THIS_PROCESS = secrets.token_hex(7).encode()
_REQUESTS = count()
"""Ids of requests tell them apart and are no secret: a random start for each process, then counted."""
_VERSION = b"v1"
_LARGEST_LEAN_BODY = 4096

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_BY_DEFAULT = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
}


_NO_CONTENT = ((b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"0"))


class Edge:
    """Wraps the application; `gets` and `posts` are the lean routes by path, and `forward` is what proxies ask."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        public_url: str,
        gets: Mapping[str, LeanGet],
        posts: Mapping[str, LeanPost],
        forward: LeanForward,
    ) -> None:
        self._app = app
        self._public_url = public_url
        self._gets = gets
        self._posts = posts
        self._forward = forward
        is_secure = public_url.startswith("https://")
        strict = (
            ((b"strict-transport-security", b"max-age=31536000; includeSubDomains"),) if is_secure else ()
        )
        self._always = (*_ALWAYS, *strict)
        headers = [*self._always, *_BY_DEFAULT.items()]
        self._lean_headers = [*headers, (b"content-type", b"application/json")]
        self._forward_headers = [*headers, *_NO_CONTENT]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, version, authorization = _read_headers(scope)
        path: str = scope["path"]
        keep: Keep | None = None
        if (asked := find_forwarded(scope)) is not None:
            scope = asked
            if (told := self._forward(scope, authorization)) is not None:
                await self._answer_forward(send, request_id, told)
                return
        elif path.lstrip("/").startswith("api/"):  # the router takes //api/ for /api/
            if version != _VERSION:
                await self._refuse_version(send, request_id, version)
                return
            if authorization:
                receive, lean = await self._try_lean(scope, receive, authorization)
                if isinstance(lean, bytes):
                    await self._answer_lean(send, request_id, lean)
                    return
                keep = lean
        scope["state"] = {**scope.get("state", {}), "request_id": request_id.decode()}
        await self._app(
            scope, receive, self._dressed(send if keep is None else _kept(send, keep), request_id)
        )

    async def _try_lean(
        self, scope: HTTPScope, receive: Receive, authorization: bytes
    ) -> tuple[Receive, bytes | Keep | None]:
        method, path = scope["method"], scope["path"]
        if method == "GET" and (lean_get := self._gets.get(path)) is not None:
            return receive, lean_get(scope, authorization)
        if method == "POST" and (lean_post := self._posts.get(path)) is not None:
            first = await receive()
            body = _whole_body(first)
            lean = None if body is None else lean_post(scope, authorization, body)
            return receive if lean else _told_again(first, receive), lean
        return receive, None

    async def _answer_lean(self, send: _Tell, request_id: bytes, body: bytes) -> None:
        length = (b"content-length", str(len(body)).encode())
        await _send_whole(send, 200, [*self._lean_headers, length, (b"x-request-id", request_id)], body)

    async def _answer_forward(self, send: _Tell, request_id: bytes, told: Headers) -> None:
        head = [*self._forward_headers, *told, (b"x-request-id", request_id)]
        await _send_whole(send, 200, head, b"")

    async def _refuse_version(self, send: Send, request_id: bytes, version: bytes | None) -> None:
        given = "is required: send Api-Version: v1" if version is None else "must be v1"
        error = DomainError(
            ErrorKind.INVALID,
            "api-version",
            f"The header Api-Version {given}.",
            fields={"Api-Version": given},
        )
        body = problem_body(400, error, request_id=request_id.decode(), public_url=self._public_url)
        told = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
        await _send_whole(self._dressed(send, request_id), 400, told, body)

    def _dressed(self, send: Send, request_id: bytes) -> Send:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = [(bytes(name), bytes(value)) for name, value in message["headers"]]
                names = {name.lower() for name, _ in given}
                # Said twice, some of them (RFC 9651) would count as not said at all.
                given += [pair for pair in (*_BY_DEFAULT.items(), *self._always) if pair[0] not in names]
                given.append((b"x-request-id", request_id))
                message["headers"] = given
            await send(message)

        return dressed


def _kept(send: Send, keep: Keep) -> Send:
    """Show the body of a whole answer with status 200 to `keep` on its way out."""
    is_good = False

    async def showing(message: Message) -> None:
        nonlocal is_good
        if message["type"] == "http.response.start":
            is_good = message["status"] == 200
        elif message["type"] == "http.response.body" and is_good and not message.get("more_body"):
            keep(message["body"])
        await send(message)

    return showing


async def _send_whole(send: _Tell, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _read_headers(scope: Scope) -> tuple[bytes, bytes | None, bytes]:
    """Read request id (made here if none of a harmless form was sent), API version, and the one `Authorization`, if it is one."""
    request_id: bytes | None = None
    version: bytes | None = None
    authorization: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"api-version":
            version = value
        elif name == b"authorization":
            authorization = value if authorization is None else b""
        elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            request_id = value
    return request_id or b"%b%010x" % (_THIS_PROCESS, next(_REQUESTS)), version, authorization or b""


def _whole_body(first: _Received) -> bytes | None:
    """Give the body that came with the first message; None unless that was all of it, and little."""
    if first["type"] != "http.request" or first.get("more_body"):
        return None
    body: bytes = first.get("body", b"")
    return body if len(body) <= _LARGEST_LEAN_BODY else None


def _told_again(first: _Received, receive: Receive) -> Receive:
    """Make a `receive` that begins with a message that was taken already."""
    is_told = False

    async def again() -> _Received:
        nonlocal is_told
        if is_told:
            return await receive()
        is_told = True
        return first

    return again
