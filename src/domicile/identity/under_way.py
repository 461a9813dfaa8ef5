"""Tries that this process verifies at present and has not counted: what spares a sign-in that succeeds the write of a counter."""

import asyncio
from collections import defaultdict, deque


class UnderWay:
    """How many tries are held against each counter, and who waits for one of them to end.

    In memory, so that it bounds this process alone; what fails is counted in the database before it is let go of here.
    """

    def __init__(self) -> None:
        self._held: defaultdict[bytes, int] = defaultdict(int)
        self._waiting: dict[bytes, deque[asyncio.Future[None]]] = {}
        self.failures = 0
        """How many tries have failed: where it has moved, what was read meanwhile may be from before."""

    def count(self, key: bytes) -> int:
        """Tell how many tries are held against a counter."""
        return self._held.get(key, 0)

    def waiting(self, key: bytes) -> int:
        """Tell how many wait for one of them to end."""
        return len(self._waiting.get(key, ()))

    def hold(self, *keys: bytes) -> None:
        """Hold one more try against counters."""
        for key in keys:
            self._held[key] += 1

    def let_go(self, *keys: bytes, has_failed: bool) -> None:
        """End a try that was held, and let one of those who wait look again; one that failed was written down before."""
        self.failures += has_failed
        for key in keys:
            self._held[key] -= 1
            if self._held[key] <= 0:
                del self._held[key]
            self.pass_on(key)

    async def until_one_ends(self, key: bytes, *, at_most_seconds: float) -> None:
        """Wait until one of the tries against a counter ends; TimeoutError if none does in time.

        Who comes back and takes no place of its own must `pass_on` to the next.
        """
        mine = asyncio.get_running_loop().create_future()
        line = self._waiting.setdefault(key, deque())
        line.append(mine)
        try:
            async with asyncio.timeout(at_most_seconds):
                await mine
        except BaseException:
            if mine.done() and not mine.cancelled():
                self.pass_on(key)
            raise
        finally:
            if mine in line:
                line.remove(mine)
            if not line:
                self._waiting.pop(key, None)

    def pass_on(self, key: bytes) -> None:
        """Let the next of those who wait look again."""
        line = self._waiting.get(key)
        while line:
            first = line.popleft()
            if not first.done():
                first.set_result(None)
                return
