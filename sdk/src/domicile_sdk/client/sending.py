"""How a request is sent under one credential, repeated where that is safe, and its answer read."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from urllib.parse import quote, urlencode

from domicile_sdk.exchange import Answer, Conversation, Fields, Pause, Request, Unreachable, ask
from domicile_sdk.problem import expect, retry_after
from domicile_sdk.service import check_address

ResultT = TypeVar("ResultT")

_LARGEST_PAGE: Final = 250
_MOST_TRIES: Final = 3
_LONGEST_PAUSE_SECONDS: Final = 30.0
_FIRST_PAUSE_SECONDS: Final = 0.5
_OVERLOADED = {429, 503}


@dataclass(frozen=True, slots=True)
class Page(Generic[ResultT]):
    """A piece of a list."""

    entries: Sequence[ResultT]
    next: str
    """The cursor of the next piece; empty on the last one."""


@dataclass(frozen=True, slots=True)
class Sender:
    """An address of Domicile, and the credential that is sent there."""

    url: str
    authorization: str = field(repr=False)

    def __post_init__(self) -> None:
        check_address(self.url)
        if not (self.authorization.isascii() and self.authorization.isprintable()):
            raise ValueError("authorization cannot be sent in a header")

    def page(
        self, path: str, plural: str, read: Callable[[Fields], ResultT], cursor: str
    ) -> Conversation[Page[ResultT]]:
        """Ask for a page of a list, after a cursor; empty: for the first."""
        query = {"limit": str(_LARGEST_PAGE)} | ({"cursor": cursor} if cursor else {})

        def read_page(body: Fields) -> Page[ResultT]:
            return Page([read(each) for each in body.objects(plural)], body.text_or_empty("next"))

        return self.get(f"{path}?{urlencode(query)}", read_page)

    def get(
        self, path: str, read: Callable[[Fields], ResultT], *, timeout_seconds: float = 10.0
    ) -> Conversation[ResultT]:
        """Ask for something, and read the answer."""
        return self.call("GET", path, read, timeout_seconds=timeout_seconds)

    def call(
        self,
        method: str,
        path: str,
        read: Callable[[Fields], ResultT],
        *,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 10.0,
    ) -> Conversation[ResultT]:
        """Send a request, again where that is safe, and read the answer: `Problem` for a refusal, `Unreachable` for what makes no sense."""
        sent = {"Api-Version": "v1", "Authorization": self.authorization, **(headers or {})}
        content = None
        if body is not None:
            sent["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        request = Request(method, self.url.rstrip("/") + path, sent, content, timeout_seconds)
        answer = yield from _repeated(request)
        found = expect(answer, 200, 201, 204)
        try:
            return read(found)
        except ValueError as fault:
            raise Unreachable(
                f"{method} {path.partition('?')[0]}: the answer has another form: {fault}"
            ) from None


def _repeated(request: Request) -> Conversation[Answer]:
    """Send a request, and again where that is safe: what was not taken in (429, 503), and a GET that was lost; three times in all."""
    for tries in range(1, _MOST_TRIES + 1):
        pause = _FIRST_PAUSE_SECONDS * 2 ** (tries - 1)
        is_last = tries == _MOST_TRIES
        try:
            answer = yield from ask(request)
        except Unreachable:
            if is_last or request.method != "GET":
                raise
        else:
            if is_last or answer.status not in _OVERLOADED:
                return answer
            told = retry_after(answer)
            if told is None and request.method != "GET":
                return answer
            pause = pause if told is None else told
            if pause > _LONGEST_PAUSE_SECONDS:
                return answer
        yield Pause(pause)
    raise AssertionError("unreachable: the last try returns or raises")


def part(text: str) -> str:
    """Write one part of a path; an empty one, or dots alone, would name another path."""
    if not text.strip("."):
        raise ValueError(f"{text!r} cannot be part of an address")
    return quote(text, safe="")
