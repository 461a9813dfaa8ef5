"""People, accounts, invitations and keys, made through the public API alone, with the links in mails read from the kept files."""

import email
import email.policy
import itertools
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

import pytest

from tests.support.api import Api, LiveServer

PASSWORD = "an orchard under seven moons"  # not that of the published examples
_PATIENCE_SECONDS = 15
_LINK = re.compile(r"https?://[^/\s]+/(verify|join|reset|email/verify|email/undo)/(\S+)")


@dataclass(frozen=True)
class Person:
    """Somebody who has signed up and in."""

    name: str
    email: str
    password: str
    id: str
    api: Api
    """Speaks with their session."""


@dataclass(frozen=True)
class Account:
    """An account, and its owner's way in."""

    id: str
    region: str
    alias: str
    owner: Person
    api: Api
    """Speaks with its owner's account token."""


@dataclass(frozen=True)
class Key:
    """An API key with its secret."""

    id: str
    secret: str
    api: Api


@dataclass
class World:
    """Makes what tests need on one server; every person has an address of their own."""

    server: LiveServer
    _numbers: itertools.count = field(default_factory=itertools.count)
    _read: set[str] = field(default_factory=set)
    _tokens: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    @property
    def anyone(self) -> Api:
        return self.server.anyone

    def address(self, name: str = "user") -> str:
        """Draw an address that nobody has."""
        return f"{name.lower().replace(' ', '-')}.{next(self._numbers)}@example.com"

    def person(self, name: str = "Ann Example", *, password: str = PASSWORD, address: str = "") -> Person:
        """Sign somebody up, follow the link in the mail, sign them in."""
        address = address or self.address(name)
        wanted = {"email": address, "name": name, "password": password}
        self.anyone.call("POST", "/api/signup", wanted, status=202)
        made = self.anyone.call("POST", "/api/signup/verify", {"token": self.token_to(address, "verify")})
        api = self.sign_in(address, password=password)
        return Person(name, address, password, made["user"]["id"], api)

    def sign_in(self, address: str, *, password: str = PASSWORD) -> Api:
        """Begin another session."""
        body = {"email": address, "password": password}
        return self.anyone.with_(
            f"Bearer {self.anyone.call('POST', '/api/sessions', body, status=201)['token']}"
        )

    def account(self, owner: Person, region: str = "de-1", alias: str = "Example Labs") -> Account:
        """Create an account and enter it."""
        made = owner.api.call("POST", "/api/accounts", {"alias": alias, "region": region}, status=201)
        return Account(made["id"], region, alias, owner, self.enter(owner, made["id"]))

    def enter(self, person: Person, account_id: str) -> Api:
        """Enter an account with a session; waits for the directory to know of it."""
        path = f"/api/accounts/{account_id}/token"
        entered = until(lambda: person.api.post(path), lambda answer: answer.status_code == 201)
        return self.anyone.with_(f"Bearer {entered.json()['token']}")

    def invite(self, inviter: Api, address: str, role: str = "read-only") -> str:
        """Invite an address; gives the token in the mail."""
        inviter.call("POST", "/api/invitations", {"email": address, "roleID": role}, status=201)
        return self.token_to(address, "join")

    def join(self, account: Account, person: Person, role: str = "read-only") -> Api:
        """Bring a person into an account by invitation; gives their way in."""
        token = self.invite(account.api, person.email, role)
        person.api.call("POST", "/api/invitations/accept", {"token": token})
        return self.enter(person, account.id)

    def key(self, maker: Api, role: str = "full-access", **more: Any) -> Key:
        """Create an API key."""
        made = maker.call("POST", "/api/apikeys", {"alias": "ci", "roleID": role, **more}, status=201)
        api = self.anyone.with_(f"ApiKey {made['id']}:{made['secret']}")
        return Key(made["id"], made["secret"], api)

    def role(self, account: Account, role: str, levels: dict[str, str], name: str = "") -> str:
        """Make a role of the account's own out of service → level; gives its id."""
        urns = [f"urn:domicile:{s}:{account.region}:{account.id}:role/{level}" for s, level in levels.items()]
        body = {"id": role, "name": name or role, "serviceRoleURNs": urns}
        account.api.call("POST", "/api/roles", body, status=201)
        return role

    def token_to(self, address: str, kind: str) -> str:
        """Wait for the next link of a kind (`verify`, `join`, `reset`, `email/verify`, `email/undo`) to an address; each is given once."""
        waiting = self._tokens.setdefault((address.lower(), kind), [])
        until(self._read_mails, lambda _: bool(waiting))
        return waiting.pop(0)

    def mails_to(self, address: str) -> list[str]:
        """Read the texts of the mails to an address, oldest first."""
        found = [_parse(file.read_bytes()) for file in sorted(self.server.mails.glob("*.eml"))]
        return [text for to, text in found if to == address.lower()]

    def html_to(self, address: str) -> str:
        """Read the newest mail to an address as it is shown."""
        mails = [_message(file.read_bytes()) for file in sorted(self.server.mails.glob("*.eml"))]
        (*_, newest) = [mail for mail in mails if str(mail["to"]).lower() == address.lower()]
        part = newest.get_body(("html",))
        assert part is not None
        return part.get_content()

    def _read_mails(self) -> None:
        """Read what came since; asked for so often that the whole folder is not looked through each time."""
        for name in sorted(set(os.listdir(self.server.mails)) - self._read):  # noqa: PTH208  # names alone
            if name.endswith(".eml"):
                to, text = _parse((self.server.mails / name).read_bytes())
                self._read.add(name)
                for kind, token in _LINK.findall(text):
                    self._tokens.setdefault((to, kind), []).append(token)


def _message(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


def _parse(raw: bytes) -> tuple[str, str]:
    mail = _message(raw)
    part = mail.get_body(("plain",))
    return str(mail["to"]).lower(), part.get_content() if part else ""


def until(ask: Callable[[], Any], is_so: Callable[[Any], bool]) -> Any:  # noqa: ANN401  # whatever is asked for
    """Ask again and again until the answer is as it must become; one that never does fails the test."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        answer = ask()
        if is_so(answer):
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"it did not come about in {_PATIENCE_SECONDS} seconds: {answer!r}")
        time.sleep(0.01)


@pytest.fixture(scope="module")
def world(server: LiveServer) -> World:
    """The world of a module's shared server."""
    return World(server)


@pytest.fixture
def own_world(own_server: LiveServer) -> World:
    """A world of one test alone, whose clock it may set."""
    return World(own_server)
