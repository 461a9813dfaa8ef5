"""Middleware for WSGI (PEP 3333), without a framework: nobody reaches the application who is not known."""

import sys
from collections.abc import Collection, Iterable, Iterator
from contextvars import Context, copy_context
from http import HTTPStatus
from typing import TYPE_CHECKING

from domicile_sdk.guard import Authenticates
from domicile_sdk.refusal import Refused
from domicile_sdk.requiring import KEY, begin_acting

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class DomicileMiddleware:
    """Recognises the caller of each request, and answers refusals, those of handlers too, as problems.

    The principal is in `environ["domicile.principal"]`, and `current_principal()` gives it, also while a body is being made.
    """

    def __init__(
        self, app: "WSGIApplication", *, guard: Authenticates, open_paths: Collection[str] = ()
    ) -> None:
        self._app = app
        self._guard = guard
        self._open_paths = frozenset(open_paths)
        """Paths, compared letter by letter, that need no caller."""

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        context = copy_context()
        try:
            principal = None
            if environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "") not in self._open_paths:
                principal = environ[KEY] = self._guard.authenticate(environ.get("HTTP_AUTHORIZATION"))
            context.run(begin_acting, principal)
            made = context.run(self._app, environ, start_response)
        except Refused as refused:
            return _answer(refused, start_response)
        return _Body(made, context, start_response)


class _Body:
    """The body that the application makes, made in the context of its request."""

    def __init__(self, made: Iterable[bytes], context: Context, start_response: "StartResponse") -> None:
        self._made = made
        self._pieces: Iterator[bytes] | None = None
        self._context = context
        self._start_response = start_response

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """Make the next piece; a refusal in the first of them is answered, and a later one breaks the answer off."""
        try:
            if self._pieces is None:
                self._pieces = self._context.run(iter, self._made)
            return self._context.run(next, self._pieces)
        except Refused as refused:
            self._pieces = iter(())
            return b"".join(_answer(refused, self._start_response))

    def close(self) -> None:
        """Tell the application that its body is no longer wanted."""
        close = getattr(self._made, "close", None)
        if close is not None:
            self._context.run(close)


def _answer(refused: Refused, start_response: "StartResponse") -> Iterable[bytes]:
    """Answer with a problem; where an answer has begun, the server raises the refusal again, and breaks it off."""
    body = refused.body()
    headers = [*refused.headers.items(), ("Content-Length", str(len(body)))]
    start_response(f"{refused.status} {HTTPStatus(refused.status).phrase}", headers, sys.exc_info())
    return [body]
