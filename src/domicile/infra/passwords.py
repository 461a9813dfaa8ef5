"""Password hashing with Argon2id (RFC 9106) in a bounded pool beside the event loop."""

import asyncio
import base64
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError

from domicile.infra import imported_hashes
from domicile.infra.secrets import SecretText
from domicile.kernel.errors import DomainError, ErrorKind

ResultT = TypeVar("ResultT")
_MEMORY_KIB = 19 * 1024
_PASSES = 2
_LANES = 1
_NICENESS = 10
_COME_BACK_SECONDS = 2


class PasswordHasher:
    """Hashes and verifies in threads of low priority, so that answering others goes before hashing.

    At most `queue` callers wait for one of the `threads`; the next one is refused with `too-busy`, because a queue of
    hashes is the cheapest way to bring a sign-in page down.
    """

    def __init__(self, *, threads: int, queue: int) -> None:
        self._argon2 = Argon2(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=_LANES)
        self._room = threads + queue
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="password", initializer=_yield_to_others)
        self._stand_in = _stand_in()
        self._todays = _parameters()

    async def hash(self, password: SecretText) -> str:
        """Hash a password, with a new salt, into the PHC string form."""
        return await self.in_pool(lambda: self._argon2.hash(password.reveal()))

    async def verify(
        self, password: SecretText, kept: str | None, *, as_typed: SecretText | None = None
    ) -> bool:
        """Compare a password with a kept hash; without one (None) a hash that nothing matches is used, for equal time.

        `password` is normalised. Another system may have hashed it as it was typed, so that a hash that was imported is compared with
        `as_typed` too; a hash of ours is made beside that, or by whoever makes it anew, so that no such answer comes sooner than others.
        """
        if kept is not None and imported_hashes.is_imported(kept):
            return await self.in_pool(lambda: self._matches_imported(password, as_typed or password, kept))
        matches = await self.in_pool(lambda: self._matches(password, kept or self._stand_in))
        return matches and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Tell whether a hash was made with other parameters than today's, or by another system."""
        if kept.startswith(self._todays) and len(kept) == len(self._stand_in):
            return False  # told at a glance, because every sign-in asks
        return imported_hashes.is_imported(kept) or self._argon2.check_needs_rehash(kept)

    def close(self) -> None:
        """Stop the threads; whoever still waits is cancelled."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _matches(self, password: SecretText, kept: str) -> bool:
        try:
            return self._argon2.verify(kept, password.reveal())
        except (VerificationError, InvalidHashError):
            return False

    def _matches_imported(self, password: SecretText, as_typed: SecretText, kept: str) -> bool:
        forms = dict.fromkeys((as_typed.reveal(), password.reveal()))
        if any(imported_hashes.matches(kept, form) for form in forms):
            return True
        return self._matches(password, self._stand_in)

    async def in_pool(self, work: Callable[[], ResultT]) -> ResultT:
        """Do what takes a processor's time in one of the threads; `too-busy` if there is no room in the queue."""
        if self._room == 0:
            raise too_busy()
        self._room -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._room += 1


def _stand_in() -> str:
    """Write a hash of today's parameters that no password is known to have; to make a true one would cost a start 19 MiB."""
    salt, drawn = (base64.b64encode(os.urandom(size)).rstrip(b"=").decode() for size in (16, 32))
    return f"{_parameters()}{salt}${drawn}"


def _parameters() -> str:
    """Write how a hash of today's begins."""
    return f"$argon2id$v=19$m={_MEMORY_KIB},t={_PASSES},p={_LANES}$"


def _yield_to_others() -> None:
    if sys.platform == "linux":  # elsewhere a priority belongs to the whole process
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def too_busy() -> DomainError:
    """Make the refusal of a caller for whom there is no room in the queue."""
    message = "Too many people sign in at this moment: try again in a few seconds."
    return DomainError(ErrorKind.OVERLOADED, "too-busy", message, facts={"retryAfter": _COME_BACK_SECONDS})
