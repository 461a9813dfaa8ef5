"""Events for services, and all their SQL."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Row,
    Table,
    Text,
    delete,
    exists,
    select,
    update,
)
from uuid_utils import uuid7

from domicile.infra.databases import RegionTx
from domicile.infra.planes import NODE_TABLE, REGION, UtcTime
from domicile.kernel.ids import AccountId
from domicile.region.plane import RegionPlane
from domicile.region.service_events.domain import Happening, ServiceEvent, State, wait_after

_LEASE = timedelta(seconds=60)

service_events = Table(
    "service_events",
    REGION,
    Column("service", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("happening", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("last_error", Text, nullable=False),
    Index(None, "service", "state", "due_at"),
    info=NODE_TABLE,
)


async def append_service_event(
    plane: RegionPlane,
    tx: RegionTx,
    happening: Happening,
    account: AccountId,
    subject_id: str = "",
    *,
    seq: int,
) -> None:
    """Write down, for every service of the region that asked to be told, what happened; `seq` is its number in the access log."""
    now = plane.clock()
    event = {
        "seq": seq,
        "happening": happening,
        "account_id": account,
        "subject_id": subject_id,
        "at": now,
        "state": State.DUE,
        "attempts": 0,
        "due_at": now,
        "last_error": "",
    }
    asked = [service.name for service in plane.catalogue.told_in(plane.id)]
    if asked:
        await tx.execute(
            tx.insert(service_events),
            [{**event, "service": name, "id": f"evt_{uuid7().hex}"} for name in asked],
        )


async def list_due(tx: RegionTx, service: str, *, now: datetime, at_most: int) -> tuple[ServiceEvent, ...]:
    """List the events that a service is to be told now, in their order; none whose account has an earlier one under way."""
    table, earlier = service_events, service_events.alias("earlier")
    waits = exists().where(
        earlier.c.service == table.c.service,
        earlier.c.account_id == table.c.account_id,
        earlier.c.state == State.DUE,
        earlier.c.seq < table.c.seq,
    )
    query = (
        select(table)
        .where(table.c.service == service, table.c.state == State.DUE, table.c.due_at <= now, ~waits)
        .order_by(table.c.seq)
        .limit(at_most)
    )
    return tuple(_event(row) for row in await tx.all(query))


async def claim(tx: RegionTx, event: ServiceEvent, *, now: datetime) -> bool:
    """Take an event, as it was listed, for a minute, against other workers; False if another was first."""
    mine = _is(event) & (service_events.c.attempts == event.attempts) & (service_events.c.due_at <= now)
    return await tx.count(update(service_events).where(mine).values(due_at=now + _LEASE)) == 1


async def note_told(tx: RegionTx, event: ServiceEvent) -> None:
    """Write down that the service took an event."""
    told = {"state": State.TOLD, "attempts": event.attempts + 1, "last_error": ""}
    await tx.execute(update(service_events).where(_is(event)).values(told))


async def note_failure(
    tx: RegionTx, event: ServiceEvent, error: str, *, now: datetime, is_final: bool
) -> State:
    """Put an event off, or give it up after the last attempt, or at once; tells which. `error` is a code."""
    attempts = event.attempts + 1
    wait = None if is_final else wait_after(attempts)
    state = State.DUE if wait else State.GIVEN_UP
    values: dict[str, object] = {"attempts": attempts, "last_error": error, "state": state}
    if wait:
        values["due_at"] = now + wait
    await tx.execute(update(service_events).where(_is(event)).values(values))
    return state


async def list_untold(tx: RegionTx, *, at_most: int) -> tuple[ServiceEvent, ...]:
    """List events that were tried in vain, given up or not, oldest first, for the operator."""
    tried = (service_events.c.state != State.TOLD) & (service_events.c.attempts > 0)
    query = select(service_events).where(tried).order_by(service_events.c.seq).limit(at_most)
    return tuple(_event(row) for row in await tx.all(query))


async def send_again(
    tx: RegionTx, service: str, *, since: datetime | None = None, id_: str | None = None
) -> int:
    """Make events of a service due again: those given up, or all that happened since a moment, or one; tells how many."""
    again = service_events.c.service == service
    if since is not None:
        again &= service_events.c.at >= since
    elif id_ is not None:
        again &= service_events.c.id == id_
    else:
        again &= service_events.c.state == State.GIVEN_UP
    values = {"state": State.DUE, "attempts": 0, "due_at": service_events.c.at, "last_error": ""}
    return await tx.count(update(service_events).where(again).values(values))


async def forget_told(tx: RegionTx, *, before: datetime) -> int:
    """Delete events that were told and happened before a moment; tells how many."""
    old = (service_events.c.state == State.TOLD) & (service_events.c.at < before)
    return await tx.count(delete(service_events).where(old))


def _is(event: ServiceEvent) -> ColumnElement[bool]:
    return (
        (service_events.c.service == event.service)
        & (service_events.c.seq == event.seq)
        & (service_events.c.state == State.DUE)
    )


def _event(row: Row[Any]) -> ServiceEvent:
    return ServiceEvent(
        service=row.service,
        seq=row.seq,
        id=row.id,
        happening=Happening(row.happening),
        account_id=AccountId(row.account_id),
        subject_id=row.subject_id,
        at=row.at,
        state=State(row.state),
        attempts=row.attempts,
        last_error=row.last_error,
    )
