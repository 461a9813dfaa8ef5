"""What stands before a service's endpoints: recognises callers, and keeps what it knows up to date in the background."""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Never, Protocol, Self, TypeVar

from domicile_sdk.exchange import Conversation
from domicile_sdk.following import WORST_CASE_SECONDS, Follower, State
from domicile_sdk.principal import Principal
from domicile_sdk.refusal import DomicileUnreachable
from domicile_sdk.service import Service
from domicile_sdk.transport import AsyncSend, AsyncTransport, converse_async

ResultT = TypeVar("ResultT")

_PATIENCE_SECONDS = 5.0
"""How long a start waits until callers can be recognised, before it goes on without."""
_LOOK_SECONDS = 0.01
_ASK_SECONDS = 15.0
_AFTER_FAULT_SECONDS = 1.0

_log = logging.getLogger("domicile_sdk")

TransportMaker = Callable[[], AsyncTransport]


class Authenticates(Protocol):
    """What a WSGI service needs of a guard."""

    def authenticate(self, authorization: str | None) -> Principal:
        """Recognise a caller by the header `Authorization`; raises `Refused`."""
        ...


class AuthenticatesAsync(Protocol):
    """What an ASGI service needs of a guard."""

    async def authenticate(self, authorization: str | None) -> Principal:
        """Recognise a caller by the header `Authorization`; raises `Refused`."""
        ...

    async def start(self) -> None:
        """Begin to keep up; a second start changes nothing."""
        ...

    async def stop(self) -> None:
        """Cease to keep up."""
        ...


class AsyncGuard:
    """Recognises callers in one event loop, in which two tasks follow the region's keys and its revocation feed."""

    worst_case_seconds = WORST_CASE_SECONDS

    def __init__(self, service: Service, *, transport: TransportMaker = AsyncTransport) -> None:
        self._follower = Follower(service)
        self._make_transport = transport
        self._transport: AsyncTransport | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._starting = asyncio.Lock()
        self._has_started = False
        """Whether one start was waited for to its end."""

    @property
    def state(self) -> State:
        """How fresh the knowledge is, for a health check."""
        return self._follower.state

    @property
    def is_fresh(self) -> bool:
        """Whether callers with account tokens can be recognised at present."""
        return self.state.is_fresh

    async def start(self) -> None:
        """Follow keys and feed from now on; returns when callers can be recognised, and after five seconds in any case.

        Where Domicile cannot be reached, callers are refused with 503 until it can.
        """
        async with self._starting:
            if not self._is_running():
                await self.stop()
                self._begin()
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while not self.is_fresh and not self._has_started:  # noqa: ASYNC110  # nobody tells, and it is over in milliseconds
                    await asyncio.sleep(_LOOK_SECONDS)
        self._has_started = True

    def _begin(self) -> None:
        self._transport = self._make_transport()
        self._tasks = [
            asyncio.create_task(_for_ever(follow, self._transport.send), name=f"domicile: {what}")
            for what, follow in self._follower.occupations.items()
        ]

    async def stop(self) -> None:
        """End both tasks, also in the middle of an answer that waits, and close the connections."""
        tasks, self._tasks, self._has_started = self._tasks, [], False
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._transport is not None:
            await self._transport.close()
            self._transport = None

    async def authenticate(self, authorization: str | None) -> Principal:
        """Recognise a caller by the header `Authorization`; raises `Refused`. Starts the guard if nobody has."""
        if not (self._has_started and self._is_running()):
            await self.start()
        return self.recognise(authorization) or await self._ask(authorization)

    def recognise(self, authorization: str | None) -> Principal | None:
        """Recognise a caller by what is known, from any thread; None where Domicile has to be asked. Raises `Refused`."""
        return self._follower.recognise(authorization)

    async def _ask(self, authorization: str | None) -> Principal:
        if self._transport is None:
            raise DomicileUnreachable("The service is about to end.")
        return await converse_async(self._follower.ask_about_caller(authorization), self._transport.send)

    def _is_running(self) -> bool:
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


class Guard:
    """Recognises callers in any number of threads; one of its own follows the region's keys and its revocation feed.

    Start it in the process that serves, and not before that is forked: threads do not come along.
    """

    worst_case_seconds = WORST_CASE_SECONDS

    def __init__(self, service: Service, *, transport: TransportMaker = AsyncTransport) -> None:
        self._guard = AsyncGuard(service, transport=transport)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def state(self) -> State:
        """How fresh the knowledge is, for a health check."""
        return self._guard.state

    @property
    def is_fresh(self) -> bool:
        """Whether callers with account tokens can be recognised at present."""
        return self._guard.is_fresh

    def start(self) -> None:
        """Follow keys and feed from now on; returns when callers can be recognised, and after five seconds in any case."""
        with self._lock:
            if self._is_running():
                return
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=_run_loop, args=(self._loop,), name="domicile-guard", daemon=True
            )
            self._thread.start()
            self._in_loop(self._guard.start(), self._loop)

    def stop(self) -> None:
        """End the thread, also in the middle of an answer that waits."""
        with self._lock:
            thread, loop = self._thread, self._loop
            self._thread = self._loop = None
            if thread is None or loop is None or not thread.is_alive():
                return
            self._in_loop(self._guard.stop(), loop)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def authenticate(self, authorization: str | None) -> Principal:
        """Recognise a caller by the header `Authorization`; raises `Refused`. Starts the guard if nobody has."""
        if not self._is_running():
            self.start()
        known = self._guard.recognise(authorization)
        if known is not None:
            return known
        loop = self._loop
        if loop is None:
            raise DomicileUnreachable("The service is about to end.")
        return self._in_loop(self._guard.authenticate(authorization), loop)

    def _is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _in_loop(self, work: Coroutine[Any, Any, ResultT], loop: asyncio.AbstractEventLoop) -> ResultT:
        asked = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return asked.result(_ASK_SECONDS)
        except TimeoutError:
            asked.cancel()
            raise DomicileUnreachable("Domicile did not answer in time.") from None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


async def _for_ever(follow: Callable[[], Conversation[Never]], send: AsyncSend) -> None:
    """Follow something, and begin again after a fault of ours: a guard that ceased to look would refuse everybody for ever."""
    while True:
        try:
            await converse_async(follow(), send)
        except Exception:  # noqa: BLE001  # whatever it is, it must not end the following
            _log.exception("A fault of the SDK; what it followed is followed anew.")
            await asyncio.sleep(_AFTER_FAULT_SECONDS)


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Run until stopped, then leave nothing open."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()
