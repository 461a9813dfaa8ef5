"""What is sent to Domicile's API and how the answers are read, without sending anything."""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from urllib.parse import quote, urlencode

from domicile_sdk.client.answers import Account, Decision, Item, Revocations, ServiceEntry, User, Whoami
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
class Calls:
    """Every call, as a conversation; what else a service may say to Domicile gets its place here."""

    url: str
    authorization: str = field(repr=False)

    def __post_init__(self) -> None:
        check_address(self.url)
        if not (self.authorization.isascii() and self.authorization.isprintable()):
            raise ValueError("authorization cannot be sent in a header")

    def whoami(self) -> Conversation[Whoami]:
        """Ask who the credential is."""
        return self._get("/api/whoami", Whoami.of)

    def account(self, account: str) -> Conversation[Account]:
        """Describe an account."""
        return self._get(f"/api/accounts/{_part(account)}", Account.of)

    def users(self, cursor: str) -> Conversation[Page[User]]:
        """List a page of the account's users."""
        return self._page("/api/users", "users", User.of, cursor)

    def services(self) -> Conversation[list[ServiceEntry]]:
        """List the services in the account's region."""
        return self._get(
            "/api/services", lambda body: [ServiceEntry.of(each) for each in body.objects("services")]
        )

    def items(self, service: str, kind: str, cursor: str) -> Conversation[Page[Item]]:
        """List a page of an account's items, by the plural of their kind."""
        return self._page(_items(service, kind), "items", Item.of, cursor)

    def item(self, service: str, kind: str, name: str) -> Conversation[Item]:
        """Describe an item."""
        return self._get(f"{_items(service, kind)}/{_part(name)}", Item.of)

    def create_item(
        self, service: str, kind: str, name: str, *, spec: Mapping[str, object], labels: Mapping[str, str]
    ) -> Conversation[Item]:
        """Make an item; every try carries the same `Idempotency-Key`."""
        body = {"name": name, "spec": dict(spec), "labels": dict(labels)}
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._call("POST", _items(service, kind), Item.of, body=body, headers=headers)

    def change_item(
        self,
        service: str,
        kind: str,
        name: str,
        *,
        spec: Mapping[str, object] | None,
        labels: Mapping[str, str] | None,
        if_match: int | None,
    ) -> Conversation[Item]:
        """Replace an item's spec, or its labels, or both."""
        given = {"spec": spec, "labels": labels}
        body = {name: dict(value) for name, value in given.items() if value is not None}
        address = f"{_items(service, kind)}/{_part(name)}"
        return self._call("POST", address, Item.of, body=body, headers=_precondition(if_match))

    def delete_item(self, service: str, kind: str, name: str, *, if_match: int | None) -> Conversation[None]:
        """Delete an item."""
        address = f"{_items(service, kind)}/{_part(name)}"
        return self._call("DELETE", address, lambda _: None, headers=_precondition(if_match))

    def revocations(self, since: int | None, region: str) -> Conversation[Revocations]:
        """Read the revocation feed once."""
        query = {"region": region} if region else {}
        query |= {} if since is None else {"since": str(since)}
        return self._get(f"/api/revocations?{urlencode(query)}", Revocations.of)

    def check(self, action: str, principal: str) -> Conversation[Decision]:
        """Ask whether an action is allowed, to the caller or to another principal."""
        body = {"action": action} | ({"principal": principal} if principal else {})
        return self._call("POST", "/api/access/check", Decision.of, body=body)

    def _page(
        self, path: str, plural: str, read: Callable[[Fields], ResultT], cursor: str
    ) -> Conversation[Page[ResultT]]:
        query = {"limit": str(_LARGEST_PAGE)} | ({"cursor": cursor} if cursor else {})

        def read_page(body: Fields) -> Page[ResultT]:
            return Page([read(each) for each in body.objects(plural)], body.text_or_empty("next"))

        return self._get(f"{path}?{urlencode(query)}", read_page)

    def _get(self, path: str, read: Callable[[Fields], ResultT]) -> Conversation[ResultT]:
        return self._call("GET", path, read)

    def _call(
        self,
        method: str,
        path: str,
        read: Callable[[Fields], ResultT],
        *,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Conversation[ResultT]:
        sent = {"Api-Version": "v1", "Authorization": self.authorization, **(headers or {})}
        content = None
        if body is not None:
            sent["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        request = Request(method, self.url.rstrip("/") + path, sent, content)
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


def _items(service: str, kind: str) -> str:
    return f"/api/services/{_part(service)}/{_part(kind)}"


def _part(text: str) -> str:
    """Write one part of a path; an empty one, or dots alone, would name another path."""
    if not text.strip("."):
        raise ValueError(f"{text!r} cannot be part of an address")
    return quote(text, safe="")


def _precondition(if_match: int | None) -> dict[str, str]:
    return {} if if_match is None else {"If-Match": f'"{if_match}"'}
