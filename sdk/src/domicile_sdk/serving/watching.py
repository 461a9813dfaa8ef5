"""Watches what accounts keep in a service: lists it, then follows it, and lists it again when Domicile begins anew."""

import logging
import random
from collections.abc import Callable

from domicile_sdk.exchange import Conversation, Pause, Unreachable
from domicile_sdk.problem import Problem
from domicile_sdk.serving.answers import ChangePage, Changes, KeptItem, Listing
from domicile_sdk.serving.calls import WAIT_SECONDS, ServingCalls

_AT_ONCE_SECONDS = 1.0
"""An answer that was to wait and came so soon without news: the node has no room for another that waits."""
_FIRST_RETRY_SECONDS = 0.25
_LAST_RETRY_SECONDS = 8.0
_OVERLOADED = 429

_log = logging.getLogger("domicile_sdk")


class Watch:
    """How far one watcher has come, and the conversation that brings it on."""

    def __init__(
        self, calls: ServingCalls, since: int | None, *, jitter: Callable[[], float] = random.random
    ) -> None:
        self._calls = calls
        self._since = since
        self._jitter = jitter

    def next_news(self) -> Conversation[Listing | Changes]:
        """Wait for news, however long it takes, and through every outage; a refusal, such as of the credential, is `Problem`."""
        failures = 0
        while True:
            try:
                news = yield from self._look()
            except (Unreachable, Problem) as failure:
                if isinstance(failure, Problem) and not _may_pass(failure):
                    raise
                failures += 1
                if failures == 1:
                    _log.warning("items cannot be followed: %s", failure)
                yield self._pause_after(failures)
                continue
            if failures:
                _log.info("items can be followed again")
                failures = 0
            if news is not None:
                return news

    def _look(self) -> Conversation[Listing | Changes | None]:
        if self._since is None:
            return (yield from self._list())
        begun = self._calls.service.clock.steady()
        page = yield from self._calls.changes(self._since, wait_seconds=WAIT_SECONDS)
        if page.is_reset:
            self._since = None
            return None
        return (yield from self._take(page, waited=self._calls.service.clock.steady() - begun))

    def _take(self, page: ChangePage, *, waited: float) -> Conversation[Changes | None]:
        self._since = page.following
        if page.changes:
            return Changes(page.changes, page.following)
        if waited < _AT_ONCE_SECONDS:
            yield Pause(_AT_ONCE_SECONDS)
        return None

    def _list(self) -> Conversation[Listing]:
        """List all; whoever goes on from the head of the first page misses nothing."""
        page = yield from self._calls.items("")
        head = page.head
        items: list[KeptItem] = [*page.items]
        while page.next:
            page = yield from self._calls.items(page.next)
            items += page.items
        self._since = head
        return Listing(tuple(items), head)

    def _pause_after(self, failures: int) -> Pause:
        longest = min(_FIRST_RETRY_SECONDS * 2 ** min(failures - 1, 10), _LAST_RETRY_SECONDS)
        return Pause(longest * (0.5 + 0.5 * self._jitter()))


def _may_pass(problem: Problem) -> bool:
    return problem.status >= 500 or problem.status == _OVERLOADED
