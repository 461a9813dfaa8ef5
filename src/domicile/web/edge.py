"""The outermost layer: request ids, the version header, security headers, and the lean path of the hottest calls."""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from domicile.kernel.errors import DomainError, ErrorKind
from domicile.web.problems import problem_body

LeanRoute = Callable[[Scope], bytes | None]
"""Answers a GET with a JSON body, status 200, or None when it cannot at once: then the ordinary route does, errors included."""
LeanPost = Callable[[Scope, bytes], bytes | None]
"""The same for a POST with its whole body."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
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


class Edge:
    """Wraps the application; `gets` and `posts` are the lean routes by path."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        public_url: str,
        gets: Mapping[str, LeanRoute],
        posts: Mapping[str, LeanPost],
    ) -> None:
        self._app = app
        self._public_url = public_url
        self._gets = gets
        self._posts = posts
        is_secure = public_url.startswith("https://")
        strict = ((b"strict-transport-security", b"max-age=31536000; includeSubDomains"),) if is_secure else ()
        self._always = (*_ALWAYS, *strict)
        self._lean_headers = [*self._always, *_BY_DEFAULT.items(), (b"content-type", b"application/json")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, version = _read_headers(scope)
        path: str = scope["path"]
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        if path.startswith("/api/"):
            if version != _VERSION:
                await self._refuse_version(send, request_id, version)
                return
            if scope["method"] == "GET":
                if (lean := self._gets.get(path)) is not None and (body := lean(scope)) is not None:
                    await self._answer_lean(send, request_id, body)
                    return
            elif scope["method"] == "POST" and (lean_post := self._posts.get(path)) is not None:
                receive, read = await _read_ahead(receive)
                if read is not None and (body := lean_post(scope, read)) is not None:
                    await self._answer_lean(send, request_id, body)
                    return
        await self._app(scope, receive, self._dressed(send, request_id))

    async def _answer_lean(self, send: Send, request_id: str, body: bytes) -> None:
        headers = [
            *self._lean_headers,
            (b"content-length", str(len(body)).encode()),
            (b"x-request-id", request_id.encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": False})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _refuse_version(self, send: Send, request_id: str, version: bytes | None) -> None:
        given = "is required: send Api-Version: v1" if version is None else "must be v1"
        error = DomainError(
            ErrorKind.INVALID, "api-version", f"The header Api-Version {given}.", fields={"Api-Version": given}
        )
        body = problem_body(400, error, request_id=request_id, public_url=self._public_url)
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
        ]
        dressed = self._dressed(send, request_id)
        await dressed({"type": "http.response.start", "status": 400, "headers": headers, "trailers": False})
        await dressed({"type": "http.response.body", "body": body, "more_body": False})

    def _dressed(self, send: Send, request_id: str) -> Callable[[Message], Awaitable[None]]:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = [(bytes(name), bytes(value)) for name, value in message["headers"]]
                names = {name.lower() for name, _ in given}
                given += [pair for pair in _BY_DEFAULT.items() if pair[0] not in names]
                given += [*self._always, (b"x-request-id", request_id.encode())]
                message["headers"] = given
            await send(message)

        return dressed


def _read_headers(scope: Scope) -> tuple[str, bytes | None]:
    """Read the request id (made here if none of a harmless form was sent) and the API version."""
    request_id: bytes | None = None
    version: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"api-version":
            version = value
        elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            request_id = value
    return request_id.decode() if request_id else secrets.token_hex(12), version


async def _read_ahead(receive: Receive) -> tuple[Receive, bytes | None]:
    """Take the first part of a body; gives a `receive` that tells it again, and the body if it was small and whole."""
    first = await receive()
    is_told = False

    async def again() -> Message:
        nonlocal is_told
        if is_told:
            return await receive()  # pyright: ignore[reportReturnType]  # the framework's union of both directions
        is_told = True
        return first  # pyright: ignore[reportReturnType]

    whole = first["type"] == "http.request" and not first.get("more_body")
    body = first.get("body", b"") if whole else None
    return again, body if body is not None and len(body) <= _LARGEST_LEAN_BODY else None
