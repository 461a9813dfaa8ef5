"""Works an outbox off: each row is claimed, handled, and finished, put off or parked; a failing row never holds up the others."""

from collections.abc import Awaitable, Callable
from typing import Generic

import structlog

from domicile.infra.databases import Database, TxT
from domicile.infra.outbox import Outbox, OutboxRow
from domicile.kernel.errors import DomainError, ErrorKind

_ROWS_AT_ONCE = 50
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
        """Deliver what is due, oldest first; tells how many rows were finished."""
        due = await self._database.read(lambda tx: self._outbox.list_due(tx, at_most=_ROWS_AT_ONCE))
        return sum([await self._deliver(row) for row in due])

    async def _deliver(self, row: OutboxRow) -> bool:
        if not await self._database.run_tx(lambda tx: self._outbox.claim(tx, row)):
            return False
        try:
            await self._handle(row)
        except Exception as error:  # noqa: BLE001  # whatever failed, the row is put off and the others go on
            await self._put_off(row, error)
            return False
        await self._database.run_tx(lambda tx: self._outbox.finish(tx, row))
        return True

    async def _put_off(self, row: OutboxRow, error: Exception) -> None:
        name = error_name(error)
        if is_outage(error):
            await self._database.run_tx(lambda tx: self._outbox.postpone(tx, row, name))
            return
        parked = await self._database.run_tx(lambda tx: self._outbox.fail(tx, row, name))
        _log.warning(
            "delivery_failed", plane=self._name, kind=row.kind, row=row.id, error=name, parked=parked
        )


def is_outage(error: Exception) -> bool:
    """Tell whether something needed was out of reach, which is no fault of the row."""
    return isinstance(error, DomainError) and error.kind is ErrorKind.UNAVAILABLE


def error_name(error: Exception) -> str:
    """Name an error without its text, which may hold data of accounts."""
    return error.code if isinstance(error, DomainError) else type(error).__name__
