"""A room in which answers wait for news: so many at once and no more, woken by what happens, let go at the end of the node."""

import asyncio
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager


class News:
    """Something that can be told to whoever listens in this process."""

    def __init__(self) -> None:
        self.listeners: set[Callable[[], None]] = set()

    def tell(self) -> None:
        """Tell everybody; quick, in memory."""
        for listener in tuple(self.listeners):
            listener()


class WaitingRoom:
    """Holds back answers that have nothing to tell yet."""

    def __init__(self, *, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._waiting: Counter[str] = Counter()
        self._wakers: set[asyncio.Event] = set()
        self.is_closing = False
        """Whether no answer may wait any more."""

    def close(self) -> None:
        """Give every answer that waits at once, and let none wait any more: the node is about to end."""
        self.is_closing = True
        for waker in self._wakers:
            waker.set()

    def has_room(self, name: str) -> bool:
        """Tell whether one more answer to somebody may wait; asked once, so that who came first goes on waiting."""
        return self._waiting.total() < self._most and self._waiting[name] < self._most_each

    @contextmanager
    def listening(self, name: str, listeners: set[Callable[[], None]]) -> Generator[asyncio.Event]:
        """Be told, through an event, whatever those listeners are told of, from now on."""
        news = asyncio.Event()
        wake = news.set
        listeners.add(wake)
        self._wakers.add(news)
        self._waiting[name] += 1
        try:
            yield news
        finally:
            listeners.discard(wake)
            self._wakers.discard(news)
            self._waiting[name] -= 1
