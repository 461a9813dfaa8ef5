"""Keeps a service's knowledge of its region up to date, and recognises its callers: what is asked when, without doing the asking."""

import logging
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Never

from domicile_sdk.credential import AccountToken, ask_about, read_authorization
from domicile_sdk.exchange import Conversation, Pause, Request, Unreachable, ask
from domicile_sdk.key_set import KEYS_TRUSTED_SECONDS, Region
from domicile_sdk.principal import Principal
from domicile_sdk.problem import Problem, expect
from domicile_sdk.refusal import DomicileUnreachable, KeyUnknown
from domicile_sdk.revocation import FEED_TRUSTED_SECONDS, FeedPage
from domicile_sdk.service import Service
from domicile_sdk.verifier import Verifier

WORST_CASE_SECONDS: Final = FEED_TRUSTED_SECONDS
"""For so long at most a removed user can go on, when the feed cannot be read; else for a round trip, and a second across nodes."""

_WAIT_SECONDS = 25
_WAIT_TIMEOUT_SECONDS = 30.0
_TIMEOUT_SECONDS = 5.0
_KEYS_EVERY_SECONDS = 120.0
_AT_ONCE_SECONDS = 1.0
"""An answer that was to wait and came so soon without news: the node has no room for another that waits (rule 3)."""
_FIRST_RETRY_SECONDS = 0.25
"""Short, so that one lost request of 30 seconds and the one after it fit into the 60 of rule 6."""
_LAST_RETRY_SECONDS = 8.0
_FETCH_LOOKS = 500
_FETCH_LOOK_SECONDS = 0.02

_log = logging.getLogger("domicile_sdk")

_FAILURES = (Unreachable, Problem, ValueError)


@dataclass(frozen=True, slots=True)
class State:
    """How fresh a service's knowledge is; for its health check, and without secrets."""

    is_fresh: bool
    """Whether callers with account tokens can be recognised at present."""
    keys_age_seconds: float | None
    """Since the key set was asked for; beyond 300 everybody is refused. None: it never was."""
    feed_age_seconds: float | None
    """Since the request was sent after whose answer everything was known; beyond 60 everybody is refused. None: there was none."""
    feed_position: int | None
    last_failure: str
    """What went wrong last; empty since it went well again."""


class Follower:
    """Everything that one service knows of its region, and the conversations by which it learns it."""

    def __init__(self, service: Service, *, jitter: Callable[[], float] = random.random) -> None:
        self.service = service
        self.verifier = Verifier(service)
        self._jitter = jitter
        self._region: Region | None = None
        self._is_fetching = False
        self._failures: dict[str, str] = {}
        """What fails at present → why."""

    # ------------------------------------------------------------ who is calling

    def recognise(self, authorization: str | None) -> Principal | None:
        """Recognise a caller by what is known; None if Domicile has to be asked first, with `ask_about_caller`."""
        credential = read_authorization(authorization)
        if not isinstance(credential, AccountToken):
            return None
        try:
            return self.verifier.verify(credential.text)
        except KeyUnknown:
            return None

    def ask_about_caller(self, authorization: str | None) -> Conversation[Principal]:
        """Recognise a caller by asking: about an API key, or for the key that a token names."""
        credential = read_authorization(authorization)
        if isinstance(credential, AccountToken):
            yield from self._look_again()
            return self.verifier.verify(credential.text)
        if self._region is None:
            raise DomicileUnreachable("Domicile could not be reached yet.")
        return (yield from ask_about(credential, self.service, self._region.base_url))

    def _look_again(self) -> Conversation[None]:
        """Fetch the keys because one is unknown; who comes while that goes on waits for it, and does not ask again."""
        if self.verifier.keys.may_look_again():
            try:
                yield from self.fetch_keys()
            except _FAILURES as failure:
                self._note("keys", failure)
            return
        for _ in range(_FETCH_LOOKS):
            if not self._is_fetching:
                return
            yield Pause(_FETCH_LOOK_SECONDS)

    # ------------------------------------------------------------ what is known

    @property
    def state(self) -> State:
        """How fresh it all is."""
        keys, feed = self.verifier.keys, self.verifier.feed
        return State(
            is_fresh=keys.age_seconds <= KEYS_TRUSTED_SECONDS and feed.is_fresh,
            keys_age_seconds=_finite(keys.age_seconds),
            feed_age_seconds=_finite(feed.age_seconds),
            feed_position=feed.position,
            last_failure="; ".join(f"{what}: {why}" for what, why in sorted(self._failures.items())),
        )

    def fetch_keys(self) -> Conversation[None]:
        """Fetch the region's description and its keys, once; raises what went wrong."""
        self._is_fetching = True
        try:
            region = yield from self._discover()
            asked_at = self.service.clock.steady()
            answer = yield from ask(Request("GET", region.jwks_uri, timeout_seconds=_TIMEOUT_SECONDS))
            self.verifier.keys.adopt(region, expect(answer, 200), asked_at=asked_at)
        finally:
            self._is_fetching = False

    def read_feed(self, *, wait_seconds: int = 0) -> Conversation[bool]:
        """Read the feed until everything is known; raises what went wrong. Gives whether there was any news."""
        region = self._region or (yield from self._discover())
        feed, has_news = self.verifier.feed, False
        while True:
            question = feed.ask()
            answer = yield from ask(self._feed_request(region, question.since, wait_seconds))
            page = FeedPage.of(expect(answer, 200))
            if not feed.take(question, page):
                raise ValueError("the feed does not go on where it was left")
            has_news = has_news or bool(page.rows) or page.floor is not None
            if page.following == page.head:
                return has_news
            if page.floor is None and page.following == question.since:
                raise ValueError("the feed does not come forward")
            wait_seconds = 0

    def follow_keys(self) -> Conversation[Never]:
        """Fetch the keys every two minutes, for ever; rather often after a failure."""
        failures = 0
        while True:
            try:
                yield from self.fetch_keys()
            except _FAILURES as failure:
                self._note("keys", failure)
                failures += 1
                yield self._pause_after(failures)
            else:
                self._note_success("keys")
                failures = 0
                yield Pause(_KEYS_EVERY_SECONDS * (0.9 + 0.2 * self._jitter()))

    def follow_feed(self) -> Conversation[Never]:
        """Read the feed for ever, in answers that wait for news; without waiting at the start and after a failure (rule 6)."""
        failures, wait = 0, 0
        while True:
            begun = self.service.clock.steady()
            try:
                has_news = yield from self.read_feed(wait_seconds=wait)
            except _FAILURES as failure:
                self._note("revocations", failure)
                failures, wait = failures + 1, 0
                yield self._pause_after(failures)
                continue
            self._note_success("revocations")
            if wait and not has_news and self.service.clock.steady() - begun < _AT_ONCE_SECONDS:
                yield Pause(_AT_ONCE_SECONDS)
            failures, wait = 0, _WAIT_SECONDS

    @property
    def occupations(self) -> Mapping[str, Callable[[], Conversation[Never]]]:
        """What goes on in the background, by its name."""
        return {"keys": self.follow_keys, "revocations": self.follow_feed}

    def _discover(self) -> Conversation[Region]:
        address = f"{self.service.url.rstrip('/')}/.well-known/domicile"
        answer = yield from ask(Request("GET", address, timeout_seconds=_TIMEOUT_SECONDS))
        self._region = Region.find(expect(answer, 200), self.service.region)
        return self._region

    def _feed_request(self, region: Region, since: int | None, wait_seconds: int) -> Request:
        query = f"&wait={wait_seconds}" + ("" if since is None else f"&since={since}")
        headers = {"Api-Version": "v1", "Authorization": f"Bearer {self.service.token}"}
        timeout = _WAIT_TIMEOUT_SECONDS if wait_seconds else _TIMEOUT_SECONDS
        return Request("GET", region.revocations_uri + query, headers, timeout_seconds=timeout)

    def _pause_after(self, failures: int) -> Pause:
        """Longer after each failure, and never for all services at the same time."""
        longest = min(_FIRST_RETRY_SECONDS * 2 ** min(failures - 1, 10), _LAST_RETRY_SECONDS)
        return Pause(longest * (0.5 + 0.5 * self._jitter()))

    def _note(self, what: str, failure: Exception) -> None:
        """Keep what went wrong, and log the first of several failures."""
        if what not in self._failures:
            _log.warning("%s cannot be read: %s", what, failure)
        self._failures[what] = str(failure)

    def _note_success(self, what: str) -> None:
        if self._failures.pop(what, None) is not None:
            _log.info("%s can be read again", what)


def _finite(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) else None
