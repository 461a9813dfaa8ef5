"""A service of a test that uses the SDK: against a real platform, or against the SDK's own fake of a region."""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import pytest

from domicile_sdk import Clock, Principal, Refused, Service, Unreachable, read_manifest
from domicile_sdk.exchange import Answer, Conversation, Request
from domicile_sdk.testing import FakeApiKey, FakeRegion
from domicile_sdk.transport import converse
from tests.support.api import Api
from tests.support.people import FrozenClock
from tests.support.services import EXAMPLE
from tests.support.signing_keys import Operator
from tests.support.world import Account, Person, World, until

MANIFEST = read_manifest(EXAMPLE)
_PATIENCE_SECONDS = 15

Ask = Callable[[str | None], Awaitable[Principal]]
"""Asks a guard about a header."""


class SteadyClock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass(frozen=True)
class Caller:
    """Somebody or something that calls the service."""

    authorization: str
    id: str
    account: str


class Stage(Protocol):
    """What is around a guard: people, keys and the region that knows them."""

    def service(self) -> Service: ...
    def user(self, level: str) -> Caller: ...
    def api_key(self, level: str) -> Caller: ...
    def stranger(self) -> Caller: ...
    def remove(self, caller: Caller) -> None: ...
    def lock(self, caller: Caller) -> None: ...
    def withdraw_keys(self) -> None: ...
    def again(self, caller: Caller) -> Caller: ...
    def pass_time(self, seconds: float) -> None: ...


@dataclass
class RealStage:
    """A platform whose clock is the service's time of day."""

    world: World
    token: str
    clock: FrozenClock
    _account: Account | None = None
    _people: dict[str, Person] = field(default_factory=dict)
    _roles: set[str] = field(default_factory=set)

    @property
    def account(self) -> Account:
        if self._account is None:
            self._account = self.world.account(self.world.person())
        return self._account

    def service(self, **more: Any) -> Service:
        settings: dict[str, Any] = {
            "manifest": MANIFEST,
            "region": "de-1",
            "url": self.world.server.url,
            "token": self.token,
            "clock": Clock(now=lambda: self.clock().timestamp()),
        }
        return Service(**(settings | more))

    def user(self, level: str) -> Caller:
        person = self.world.person()
        inside = self.world.join(self.account, person, self._role(level))
        self._people[person.id] = person
        return _caller(inside, person.id, self.account)

    def again(self, caller: Caller) -> Caller:
        return _caller(self.world.enter(self._people[caller.id], caller.account), caller.id, self.account)

    def api_key(self, level: str) -> Caller:
        key = self.world.key(self.account.api, self._role(level))
        return _caller(key.api, key.id, self.account)

    def stranger(self) -> Caller:
        account = self.world.account(self.world.person(), "us-1")
        return _caller(account.api, account.owner.id, account)

    def remove(self, caller: Caller) -> None:
        self.account.api.call("DELETE", f"/api/users/{caller.id}", status=204)

    def lock(self, caller: Caller) -> None:
        self.account.api.call("POST", f"/api/apikeys/{caller.id}", {"enabled": False})

    def withdraw_keys(self) -> None:
        """Withdraw them, and wait until the node has heard of it."""
        server = self.world.server
        rotation = Operator(server).withdraw().rotation
        assert rotation is not None
        until(
            lambda: server.client.get("/.well-known/domicile/de-1/jwks.json").json()["keys"],
            lambda keys: [key["kid"] for key in keys] == [rotation.kid],
        )
        account = self.account
        self._account = replace(account, api=self.world.enter(account.owner, account.id))

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)

    def _role(self, level: str) -> str:
        if level not in self._roles:
            self.world.role(self.account, f"does-{level}", {"workload": level, "identity": "read-only"})
            self._roles.add(level)
        return f"does-{level}"


def _caller(api: Api, id_: str, account: Account) -> Caller:
    assert api.authorization is not None
    return Caller(api.authorization, id_, account.id)


@dataclass
class FakeStage:
    """The same with the SDK's fake."""

    region: FakeRegion = field(default_factory=lambda: FakeRegion(MANIFEST))
    _levels: dict[str, str] = field(default_factory=dict)
    _keys: dict[str, FakeApiKey] = field(default_factory=dict)

    def service(self) -> Service:
        return self.region.service()

    def user(self, level: str) -> Caller:
        user = f"user-{len(self._levels)}"
        self._levels[user] = level
        return self._enter(user)

    def again(self, caller: Caller) -> Caller:
        return self._enter(caller.id)

    def api_key(self, level: str) -> Caller:
        key = self.region.api_key(levels={"workload": level})
        self._keys[key.id] = key
        return Caller(key.authorization, key.id, "004217730956")

    def stranger(self) -> Caller:
        other = FakeRegion(MANIFEST, region="us-1")
        return Caller(f"Bearer {other.token()}", "", "")

    def remove(self, caller: Caller) -> None:
        self.region.revoke_user(caller.id, account=caller.account)

    def lock(self, caller: Caller) -> None:
        self.region.lock_api_key(self._keys[caller.id])

    def withdraw_keys(self) -> None:
        self.region.withdraw_keys()

    def pass_time(self, seconds: float) -> None:
        self.region.advance(seconds)

    def _enter(self, user: str) -> Caller:
        token = self.region.token(user=user, levels={"workload": self._levels[user]})
        return Caller(f"Bearer {token}", user, "004217730956")


def in_thread(guard: Any) -> Ask:  # noqa: ANN401  # whatever authenticates
    """Ask a guard of threads from a test that has an event loop."""
    return lambda authorization: asyncio.to_thread(guard.authenticate, authorization)


async def refusal(ask: Ask, authorization: str | None) -> str | None:
    """Give the code with which a caller is refused; None for one who is let in."""
    try:
        await ask(authorization)
    except Refused as refused:
        return refused.code
    return None


async def until_refused(ask: Ask, authorization: str, code: str) -> None:
    """Ask until the guard has heard of something; one that never does fails the test."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (found := await refusal(ask, authorization)) != code:
        if time.monotonic() > deadline:
            pytest.fail(f"the answer is still {found} and not {code}")
        await asyncio.sleep(0.01)


async def result(found: Any) -> Any:  # noqa: ANN401  # whatever a client gives
    """Give what a client of either kind gives; a list of all it goes through."""
    if inspect.iscoroutine(found):
        return await found
    if isinstance(found, AsyncIterator):
        return [each async for each in found]
    return list(found) if isinstance(found, Iterator) else found


class Line:
    """Answers in turn, and keeps what was sent and for how long was paused."""

    def __init__(self, *answers: Answer | None) -> None:
        self.answers = list(answers)
        self.sent: list[Request] = []
        self.pauses: list[float] = []

    def send(self, request: Request) -> Answer:
        self.sent.append(request)
        answer = self.answers.pop(0)
        if answer is None:
            raise Unreachable("lost")
        return answer

    def run(self, steps: Conversation[Any]) -> Any:  # noqa: ANN401  # whatever it ends with
        return converse(steps, self.send, pause=self.pauses.append)
