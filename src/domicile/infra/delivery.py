"""Works an outbox off: each row is claimed, handled, and finished, put off or parked; a failing row never holds up the others."""

from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Generic

import structlog

from domicile.infra.databases import Database, TxT
from domicile.infra.mail.errors import MailDeferred, MailRefused, MailUnreachable
from domicile.infra.outbox import NotYet, Outbox, OutboxRow
from domicile.kernel.errors import DomainError, ErrorKind

_ROWS_AT_ONCE = 50
_MOST_DEFERRALS = 432
"""Tries, ten minutes apart, for a mail that its recipient's server puts off: three days (RFC 5321, section 4.5.4.1)."""
_log = structlog.get_logger("domicile.delivery")

Handle = Callable[[OutboxRow], Awaitable[None]]


class Delivery(Generic[TxT]):
    """The delivery of one database's outbox."""

    def __init__(self, name: str, database: Database[TxT], outbox: Outbox, handle: Handle) -> None:
        self._name = name
        self._database = database
        self._outbox = outbox
        self._handle = handle

    async def deliver_due(self) -> int:
        """Deliver what is due, oldest first; tells how many rows were finished.

        Where one row finds out of reach what it needs, the others of its kind are spared the same wait.
        """
        due = await self._database.read(lambda tx: self._outbox.list_due(tx, at_most=_ROWS_AT_ONCE))
        finished, out_of_reach = 0, set[str]()
        for row in due:
            if row.kind in out_of_reach:
                continue
            match await self._deliver(row):
                case _Outcome.FINISHED:
                    finished += 1
                case _Outcome.OUT_OF_REACH:
                    out_of_reach.add(row.kind)
                case _Outcome.ELSEWHERE | _Outcome.FAILED | _Outcome.DELAYED:
                    pass
        return finished

    async def deliver_now(self, owner_id: str, kinds: frozenset[str]) -> None:
        """Bring about one owner's effects of some kinds before the next round, whoever else may be at it.

        For effects that are the same however often they happen. An error leaves the rows as they were, to the next round.
        """
        rows = await self._database.read(
            lambda tx: self._outbox.list_open(tx, owner_id, kinds, at_most=_ROWS_AT_ONCE)
        )
        for row in rows:
            await self._handle(row)

        async def finish(tx: TxT) -> None:
            for row in rows:
                await self._outbox.finish(tx, row)

        if rows:
            await self._database.run_tx(finish)

    async def _deliver(self, row: OutboxRow) -> "_Outcome":
        if not await self._database.run_tx(lambda tx: self._outbox.claim(tx, row)):
            return _Outcome.ELSEWHERE
        try:
            await self._handle(row)
        except NotYet as wait:
            until, reason = wait.until, wait.reason
            await self._database.run_tx(lambda tx: self._outbox.delay(tx, row, until, reason))
            return _Outcome.DELAYED
        except Exception as error:  # noqa: BLE001  # whatever failed, the row is put off and the others go on
            return await self._put_off(row, error)
        await self._database.run_tx(lambda tx: self._outbox.finish(tx, row))
        return _Outcome.FINISHED

    async def _put_off(self, row: OutboxRow, error: Exception) -> "_Outcome":
        name = error_name(error)
        if is_outage(error):
            await self._database.run_tx(lambda tx: self._outbox.postpone(tx, row, name))
            return _Outcome.OUT_OF_REACH
        most = _MOST_DEFERRALS if isinstance(error, MailDeferred) else None
        parked = await self._database.run_tx(lambda tx: self._outbox.fail(tx, row, name, most=most))
        _log.warning(
            "delivery_failed", plane=self._name, kind=row.kind, row=row.id, error=name, parked=parked
        )
        return _Outcome.FAILED


class _Outcome(Enum):
    FINISHED = auto()
    ELSEWHERE = auto()
    """Another worker has it."""
    FAILED = auto()
    DELAYED = auto()
    """Wanted, but not before a later moment."""
    OUT_OF_REACH = auto()


def is_outage(error: Exception) -> bool:
    """Tell whether something needed was out of reach, which is no fault of the row."""
    is_unavailable = isinstance(error, DomainError) and error.kind is ErrorKind.UNAVAILABLE
    return is_unavailable or isinstance(error, MailUnreachable)


def error_name(error: Exception) -> str:
    """Name an error without its text, which may hold data of accounts."""
    return error.code if isinstance(error, DomainError | MailDeferred | MailRefused) else type(error).__name__
