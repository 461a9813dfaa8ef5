"""When a guard asks for what, second by second, without waiting for any of them."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from domicile_sdk.exchange import Pause, Request, Unreachable
from domicile_sdk.following import Follower
from domicile_sdk.testing import FakeRegion
from tests.support.sdk import MANIFEST


class Drive:
    """Drives what goes on in the background, and notes when what was asked."""

    def __init__(self, region: FakeRegion, follower: Follower, what: str) -> None:
        self.region = region
        self.steps: Any = follower.occupations[what]()
        self.next: Any = next(self.steps)

    def answered(self, *, after: float = 0) -> str:
        """Answer the request at hand after so many seconds; gives what it asked."""
        asked = _shown(self.next)
        answer = self.region.answer(self.next)
        self.region.advance(after)
        self.next = self.steps.send(answer)
        return asked

    def lost(self) -> str:
        """Lose the request at hand, which is known when its time is over."""
        asked = _shown(self.next)
        self.region.advance(self.next.timeout_seconds)
        self.next = self.steps.throw(Unreachable("lost"))
        return asked

    def paused(self) -> float:
        """Let the pause at hand go by; gives its seconds."""
        assert isinstance(self.next, Pause)
        seconds = self.next.seconds
        self.region.advance(seconds)
        self.next = self.steps.send(None)
        return seconds


def _shown(request: Request) -> str:
    address = urlsplit(request.url)
    asked = {name: value for name, (value,) in parse_qs(address.query).items() if name != "region"}
    return " ".join([address.path, *(f"{name}={value}" for name, value in sorted(asked.items()))])


@pytest.fixture
def region() -> FakeRegion:
    return FakeRegion(MANIFEST)


@pytest.fixture
def follower(region: FakeRegion) -> Follower:
    return Follower(region.service(), jitter=lambda: 1.0)


@pytest.fixture
def drive(region: FakeRegion, follower: Follower) -> Callable[[str], Drive]:
    return lambda what: Drive(region, follower, what)


def test_the_feed_is_begun_at_once_and_then_waited_for(drive: Callable[[str], Drive], region: FakeRegion):
    feed = drive("revocations")

    assert feed.answered() == "/.well-known/domicile"
    assert feed.answered() == "/api/revocations wait=0"
    region.revoke_user("ann")
    assert feed.answered() == "/api/revocations since=0 wait=25"
    assert feed.answered(after=25) == "/api/revocations since=1 wait=25", "at once after news"
    assert feed.answered() == "/api/revocations since=1 wait=25", "at once after a whole wait"
    assert feed.paused() == 1.0, "a node that has no room is asked once a second"
    assert feed.answered() == "/api/revocations since=1 wait=25"


def test_one_request_that_is_lost_refuses_nobody(drive: Callable[[str], Drive], follower: Follower):
    feed, known = drive("revocations"), follower.verifier.feed
    for _ in range(2):
        feed.answered()
    feed.answered(after=25)

    assert feed.lost() == "/api/revocations since=0 wait=25"

    assert known.is_fresh and known.age_seconds == 55
    assert feed.paused() == 0.25
    assert feed.answered(after=4) == "/api/revocations since=0 wait=0"
    assert known.is_fresh and known.age_seconds == 4


def test_what_is_lost_again_and_again_is_asked_for_more_and_more_rarely_and_in_the_end_nobody_is_believed(
    drive: Callable[[str], Drive], follower: Follower
):
    feed = drive("revocations")
    for _ in range(2):
        feed.answered()
    pauses = []
    for _ in range(8):
        feed.lost()
        pauses.append(feed.paused())

    assert pauses == [0.25, 0.5, 1, 2, 4, 8, 8, 8]
    assert not follower.state.is_fresh and "lost" in follower.state.last_failure
    feed.answered()
    assert follower.verifier.feed.is_fresh and follower.state.last_failure == ""


def test_keys_are_fetched_every_two_minutes_and_soon_after_a_failure(
    drive: Callable[[str], Drive], follower: Follower
):
    keys = drive("keys")

    assert [keys.answered(), keys.answered()] == ["/.well-known/domicile", "/jwks.json"]
    assert 108 <= keys.paused() <= 132
    assert keys.lost() == "/.well-known/domicile"
    assert keys.paused() == 0.25
    assert [keys.answered(), keys.answered()] == ["/.well-known/domicile", "/jwks.json"]
    assert follower.verifier.keys.age_seconds == 0
