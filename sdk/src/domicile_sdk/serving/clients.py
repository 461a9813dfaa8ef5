"""What a service says to Domicile as itself, for threads and for event loops; what is said is in `calls` and `watching`."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self, TypeVar

from domicile_sdk.exchange import Conversation
from domicile_sdk.service import Service
from domicile_sdk.serving.answers import (
    Admitted,
    Changes,
    Listing,
    Outcome,
    Purge,
    Report,
    UsageOutcome,
    UsageRecord,
)
from domicile_sdk.serving.calls import ServingCalls
from domicile_sdk.serving.watching import Watch
from domicile_sdk.transport import AsyncTransport, Transport, converse, converse_async

ResultT = TypeVar("ResultT")


class ServingClient:
    """A service in its region, under its own credential. Refusals are `Problem`, and `Unreachable` says that there was no answer."""

    def __init__(self, service: Service, *, transport: Transport | None = None) -> None:
        self._calls = ServingCalls(service)
        self._transport = transport or Transport()

    def watch(self, since: int | None = None) -> Iterator[Listing | Changes]:
        """Watch what accounts keep in the service, for ever, from a number on that the service has kept; None: from the beginning.

        First, and whenever Domicile begins anew, comes a `Listing` of everything; then `Changes`, as they happen.
        """
        watch = Watch(self._calls, since)
        while True:
            yield self._run(watch.next_news())

    def report(self, reports: Sequence[Report]) -> list[Outcome]:
        """Say what became of items; people see it as their status. What comes again, or late, changes nothing."""
        return self._run(self._calls.report(reports))

    def report_usage(self, records: Sequence[UsageRecord]) -> list[UsageOutcome]:
        """Say what accounts used; each record counts once, so repeat a report whose answer was lost."""
        return self._run(self._calls.report_usage(records))

    def owed_purges(self) -> Iterator[Purge]:
        """List the accounts that the service is to delete, and has given no receipt for."""
        page = self._run(self._calls.owed_purges(""))
        yield from page.entries
        while page.next:
            page = self._run(self._calls.owed_purges(page.next))
            yield from page.entries

    def purge(self, account: str) -> Purge:
        """Read a purge back, with its receipt; the problem `not-found` if the service was not asked for it."""
        return self._run(self._calls.purge(account))

    def acknowledge_purge(self, account: str, deleted: Mapping[str, int]) -> Purge:
        """Say that nothing of an account remains, and how many of what were deleted; the first receipt counts."""
        return self._run(self._calls.acknowledge_purge(account, deleted))

    def admit(self, code: str) -> Admitted:
        """Let a person in who came from the console with a code; the problem `opening-refused` for a code that is not good."""
        return self._run(self._calls.admit(code))

    def renew(self, handle: str) -> Admitted:
        """Get the next token of a person, by their newest handle; `opening-refused` means that it is over for them."""
        return self._run(self._calls.renew(handle))

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _run(self, steps: Conversation[ResultT]) -> ResultT:
        return converse(steps, self._transport.send)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncServingClient:
    """`ServingClient` for event loops."""

    def __init__(self, service: Service, *, transport: AsyncTransport | None = None) -> None:
        self._calls = ServingCalls(service)
        self._transport = transport or AsyncTransport()

    async def watch(self, since: int | None = None) -> AsyncIterator[Listing | Changes]:
        """Watch what accounts keep in the service, for ever, from a number on that the service has kept; None: from the beginning.

        First, and whenever Domicile begins anew, comes a `Listing` of everything; then `Changes`, as they happen.
        """
        watch = Watch(self._calls, since)
        while True:
            yield await self._run(watch.next_news())

    async def report(self, reports: Sequence[Report]) -> list[Outcome]:
        """Say what became of items; people see it as their status. What comes again, or late, changes nothing."""
        return await self._run(self._calls.report(reports))

    async def report_usage(self, records: Sequence[UsageRecord]) -> list[UsageOutcome]:
        """Say what accounts used; each record counts once, so repeat a report whose answer was lost."""
        return await self._run(self._calls.report_usage(records))

    async def owed_purges(self) -> AsyncIterator[Purge]:
        """List the accounts that the service is to delete, and has given no receipt for."""
        page = await self._run(self._calls.owed_purges(""))
        for entry in page.entries:
            yield entry
        while page.next:
            page = await self._run(self._calls.owed_purges(page.next))
            for entry in page.entries:
                yield entry

    async def purge(self, account: str) -> Purge:
        """Read a purge back, with its receipt; the problem `not-found` if the service was not asked for it."""
        return await self._run(self._calls.purge(account))

    async def acknowledge_purge(self, account: str, deleted: Mapping[str, int]) -> Purge:
        """Say that nothing of an account remains, and how many of what were deleted; the first receipt counts."""
        return await self._run(self._calls.acknowledge_purge(account, deleted))

    async def admit(self, code: str) -> Admitted:
        """Let a person in who came from the console with a code; the problem `opening-refused` for a code that is not good."""
        return await self._run(self._calls.admit(code))

    async def renew(self, handle: str) -> Admitted:
        """Get the next token of a person, by their newest handle; `opening-refused` means that it is over for them."""
        return await self._run(self._calls.renew(handle))

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def _run(self, steps: Conversation[ResultT]) -> ResultT:
        return await converse_async(steps, self._transport.send)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
