"""The outbox: rows written with a change, whose effect happens later, once more if need be, and never inside the change."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, Text, delete, or_, select, update
from uuid_utils import uuid7

from domicile.infra.databases import Tx
from domicile.infra.planes import UtcTime
from domicile.kernel.clock import Clock

_LEASE = timedelta(seconds=60)
_OUTAGE_WAIT = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(minutes=10)


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


class Outbox:
    """Appends to, and works off, the outbox of one plane; `wake` is called after each commit that appended."""

    def __init__(self, table: Table, clock: Clock, *, park_after: int, wake: Callable[[], None]) -> None:
        self._table = table
        self._clock = clock
        self._park_after = park_after
        self._wake = wake

    async def append(self, tx: Tx, kind: str, *, owner_id: str, subject_id: str, version: int = 0) -> str:
        """Write down an effect together with the change that calls for it; gives the row's id."""
        row_id = str(uuid7())
        await tx.execute(
            tx.insert(self._table).values(
                owner_id=owner_id,
                id=row_id,
                kind=kind,
                subject_id=subject_id,
                version=version,
                attempts=0,
                due_at=self._clock(),
                parked_at=None,
                last_error="",
            )
        )
        tx.after_commit(self._wake)
        return row_id

    async def list_due(self, tx: Tx, *, at_most: int) -> tuple[OutboxRow, ...]:
        """List rows whose time has come, oldest first; parked ones are left out."""
        due = (self._table.c.parked_at.is_(None)) & (self._table.c.due_at <= self._clock())
        rows = await tx.all(
            select(self._table).where(due).order_by(self._table.c.due_at, self._table.c.id).limit(at_most)
        )
        return tuple(_row(row) for row in rows)

    async def list_of_owner(self, tx: Tx, owner_id: str, *, kinds: frozenset[str]) -> tuple[OutboxRow, ...]:
        """List an owner's rows of some kinds, oldest first, whether claimed, put off or parked."""
        mine = (self._table.c.owner_id == owner_id) & self._table.c.kind.in_(sorted(kinds))
        rows = await tx.all(select(self._table).where(mine).order_by(self._table.c.id))
        return tuple(_row(row) for row in rows)

    async def claim(self, tx: Tx, row: OutboxRow) -> bool:
        """Take a due row for a minute, against other workers; False if another was first."""
        now = self._clock()
        mine = (
            update(self._table).where(self._is(row), self._table.c.due_at <= now).values(due_at=now + _LEASE)
        )
        return await tx.count(mine) == 1

    async def finish(self, tx: Tx, row: OutboxRow) -> None:
        """Strike a row whose effect has happened."""
        await tx.execute(delete(self._table).where(self._is(row)))

    async def fail(self, tx: Tx, row: OutboxRow, error: str) -> bool:
        """Put a row off, with growing delays, or park it after too many failures; True if it is parked now.

        `error` is a code or the name of an exception, never its text: texts may hold data of accounts.
        """
        now, attempts = self._clock(), row.attempts + 1
        parked = attempts >= self._park_after
        wait = min(timedelta(seconds=2 ** min(attempts, 10) / 2), _LONGEST_WAIT)
        change = update(self._table).where(self._is(row))
        await tx.execute(
            change.values(
                attempts=attempts, due_at=now + wait, last_error=error, parked_at=now if parked else None
            )
        )
        return parked

    async def postpone(self, tx: Tx, row: OutboxRow, error: str) -> None:
        """Put a row off because something it needs is out of reach: no fault of the row, and no step towards parking."""
        later = self._clock() + _OUTAGE_WAIT
        await tx.execute(update(self._table).where(self._is(row)).values(due_at=later, last_error=error))

    async def list_waiting(self, tx: Tx, *, at_most: int) -> tuple[OutboxRow, ...]:
        """List rows that have failed at least once, parked or not, oldest first, for the operator."""
        failed = or_(self._table.c.parked_at.is_not(None), self._table.c.attempts > 0)
        rows = await tx.all(select(self._table).where(failed).order_by(self._table.c.id).limit(at_most))
        return tuple(_row(row) for row in rows)

    async def retry_parked(self, tx: Tx, row_id: str | None) -> int:
        """Set parked rows, all or one, going again from zero attempts; tells how many."""
        parked = update(self._table).where(self._table.c.parked_at.is_not(None))
        if row_id is not None:
            parked = parked.where(self._table.c.id == row_id)
        tx.after_commit(self._wake)
        return await tx.count(parked.values(parked_at=None, attempts=0, due_at=self._clock(), last_error=""))

    def _is(self, row: OutboxRow):  # noqa: ANN202  # SQLAlchemy's condition type says less than the name
        return (self._table.c.owner_id == row.owner_id) & (self._table.c.id == row.id)


Handler = Callable[[OutboxRow], Awaitable[None]]
"""Brings about one effect; raises if it did not happen. Must bear being called again."""


def _row(row: object) -> OutboxRow:
    names = ("id", "owner_id", "kind", "subject_id", "version", "attempts", "parked_at", "last_error")
    return OutboxRow(**{name: getattr(row, name) for name in names})
