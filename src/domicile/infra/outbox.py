"""The outbox: rows written with a change, whose effect happens later, once more if need be, and never inside the change."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    or_,
    select,
    update,
)
from uuid_utils import uuid7

from domicile.infra.databases import Tx
from domicile.infra.planes import UtcTime
from domicile.kernel.clock import Clock

_LEASE = timedelta(seconds=60)
_OUTAGE_WAIT = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(minutes=10)
_AFTER_THE_OTHERS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One effect to bring about: a kind, ids and a version; never a body, never a secret."""

    id: str
    owner_id: str
    """The account, or the person, that the effect belongs to."""
    kind: str
    subject_id: str
    version: int
    attempts: int
    parked_at: datetime | None
    last_error: str


def define_outbox(metadata: MetaData, owner_column: str) -> Table:
    """Declare the outbox of a plane; its key begins with the owner."""
    return Table(
        "outbox",
        metadata,
        Column(owner_column, Text, primary_key=True, key="owner_id"),
        Column("id", Text, primary_key=True),
        Column("kind", Text, nullable=False),
        Column("subject_id", Text, nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("attempts", BigInteger, nullable=False),
        Column("due_at", UtcTime, nullable=False),
        Column("parked_at", UtcTime),
        Column("last_error", Text, nullable=False),
        Index("ix_outbox_due", "due_at", "id"),
    )


class NotYet(Exception):
    """Raised by a handler whose effect is wanted, but not before a later moment: no failure, and no step towards parking."""

    def __init__(self, until: datetime, reason: str) -> None:
        super().__init__(reason)
        self.until = until
        self.reason = reason
        """A code, for the operator."""


class Outbox:
    """Appends to, and works off, the outbox of one plane; `wake` is called after each commit that appended."""

    def __init__(self, table: Table, clock: Clock, *, park_after: int, wake: Callable[[], None]) -> None:
        self._table = table
        self._clock = clock
        self._park_after = park_after
        self._wake = wake
        due = self._is_open() & (table.c.due_at <= bindparam("now", type_=UtcTime))
        self._due = select(table).where(due).order_by(table.c.due_at, table.c.id)
        self._due = self._due.limit(bindparam("at_most", type_=BigInteger))

    async def append(self, tx: Tx, kind: str, *, owner_id: str, subject_id: str, version: int = 0) -> str:
        """Write down an effect together with the change that calls for it; gives the row's id."""
        row_id = str(uuid7())
        row = {
            "owner_id": owner_id,
            "id": row_id,
            "kind": kind,
            "subject_id": subject_id,
            "version": version,
            "attempts": 0,
            "due_at": self._clock(),
            "parked_at": None,
            "last_error": "",
        }
        await tx.execute(tx.insert(self._table), row)
        tx.after_commit(self._wake)
        return row_id

    async def list_due(self, tx: Tx, *, at_most: int) -> tuple[OutboxRow, ...]:
        """List rows whose time has come, oldest first; parked ones are left out."""
        rows = await tx.all(self._due, {"now": self._clock(), "at_most": at_most})
        return tuple(_row(row) for row in rows)

    async def list_open(
        self, tx: Tx, owner_id: str, kinds: frozenset[str], *, at_most: int
    ) -> tuple[OutboxRow, ...]:
        """List an owner's rows of some kinds, oldest first, those too that a worker has claimed or put off; no parked ones."""
        mine = self._is_open() & (self._table.c.owner_id == owner_id) & self._table.c.kind.in_(sorted(kinds))
        rows = await tx.all(select(self._table).where(mine).order_by(self._table.c.id).limit(at_most))
        return tuple(_row(row) for row in rows)

    async def claim(self, tx: Tx, row: OutboxRow) -> bool:
        """Take a due row, as it was listed, for a minute, against other workers; False if another was first."""
        now = self._clock()
        as_listed = self._is(row) & self._is_open() & (self._table.c.attempts == row.attempts)
        mine = update(self._table).where(as_listed, self._table.c.due_at <= now)
        return await tx.count(mine.values(due_at=now + _LEASE)) == 1

    async def finish(self, tx: Tx, row: OutboxRow) -> None:
        """Strike a row whose effect has happened."""
        await tx.execute(delete(self._table).where(self._is(row)))

    async def fail(self, tx: Tx, row: OutboxRow, error: str, *, most: int | None = None) -> bool:
        """Put a row off, with growing delays, or park it after too many failures (None: the usual); True if it is parked now.

        `error` is a code or the name of an exception, never its text: texts may hold data of accounts.
        """
        now, attempts = self._clock(), row.attempts + 1
        parked = attempts >= (most or self._park_after)
        wait = min(timedelta(seconds=2 ** min(attempts, 11) / 2), _LONGEST_WAIT)
        change = update(self._table).where(self._is(row))
        await tx.execute(
            change.values(
                attempts=attempts, due_at=now + wait, last_error=error, parked_at=now if parked else None
            )
        )
        return parked

    async def postpone(self, tx: Tx, row: OutboxRow, error: str) -> None:
        """Put a row off because something it needs is out of reach, and with it all due rows of its kind, which need the same.

        No fault of the rows, and no step towards parking; rows of other kinds do not wait behind them. This row comes last of
        them: were it the only one for which nothing is ever in reach, the others would wait behind it for ever.
        """
        now = self._clock()
        alike = self._is_open() & (self._table.c.kind == row.kind) & (self._table.c.due_at <= now)
        change = update(self._table).where(or_(self._is(row), alike))
        await tx.execute(change.values(due_at=now + _OUTAGE_WAIT, last_error=error))
        last = update(self._table).where(self._is(row))
        await tx.execute(last.values(due_at=now + _OUTAGE_WAIT + _AFTER_THE_OTHERS))

    async def delay(self, tx: Tx, row: OutboxRow, until: datetime, reason: str) -> None:
        """Put one row off to a moment, because its effect may not happen before; the others of its kind go on."""
        await tx.execute(update(self._table).where(self._is(row)).values(due_at=until, last_error=reason))

    async def list_waiting(self, tx: Tx, *, at_most: int) -> tuple[OutboxRow, ...]:
        """List rows that were tried in vain, parked or not, oldest first, for the operator."""
        tried = or_(self._table.c.parked_at.is_not(None), self._table.c.last_error != "")
        rows = await tx.all(select(self._table).where(tried).order_by(self._table.c.id).limit(at_most))
        return tuple(_row(row) for row in rows)

    async def retry_parked(self, tx: Tx, row_id: str | None) -> int:
        """Set parked rows, all or one, going again from zero attempts; tells how many."""
        parked = update(self._table).where(self._table.c.parked_at.is_not(None))
        if row_id is not None:
            parked = parked.where(self._table.c.id == row_id)
        tx.after_commit(self._wake)
        return await tx.count(parked.values(parked_at=None, attempts=0, due_at=self._clock(), last_error=""))

    def _is(self, row: OutboxRow) -> ColumnElement[bool]:
        return (self._table.c.owner_id == row.owner_id) & (self._table.c.id == row.id)

    def _is_open(self) -> ColumnElement[bool]:
        return self._table.c.parked_at.is_(None)


Handler = Callable[[OutboxRow], Awaitable[None]]
"""Brings about one effect; raises if it did not happen. Must bear being called again."""


def _row(row: object) -> OutboxRow:
    names = ("id", "owner_id", "kind", "subject_id", "version", "attempts", "parked_at", "last_error")
    return OutboxRow(**{name: getattr(row, name) for name in names})
