"""Security events and all their SQL; append-only, but for the network addresses of people who are gone."""

from datetime import datetime

from sqlalchemy import Column, Index, Row, Table, Text, delete, insert, select, update
from uuid_utils import uuid7

from domicile.identity.events.domain import (
    NAMING,
    NOBODY,
    Outcome,
    RecordedSecurityEvent,
    SecurityEvent,
    SecurityEventType,
)
from domicile.infra.databases import IdentityTx
from domicile.infra.planes import IDENTITY, OpaqueJson, UtcTime
from domicile.kernel.ids import UserId
from domicile.kernel.paging import Page, PageRequest

security_events = Table(
    "security_events",
    IDENTITY,
    Column("user_id", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("type", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("source_address", Text, nullable=False),
    Column("details", OpaqueJson, nullable=False),
    Index("ix_security_events_at", "at"),
)
_APPEND = insert(security_events)


async def append_event(tx: IdentityTx, event: SecurityEvent) -> str:
    """Write an event down, in the transaction of what it tells of; gives its id."""
    event_id = str(uuid7())
    row = {
        "user_id": event.user_id,
        "event_id": event_id,
        "at": event.at,
        "type": event.type,
        "outcome": event.outcome,
        "request_id": event.request_id,
        "source_address": event.source_address,
        "details": dict(event.details),
    }
    await tx.execute(_APPEND, row)
    return event_id


async def find_event(tx: IdentityTx, user: UserId, event_id: str) -> SecurityEvent | None:
    """Find one event of a person."""
    mine = (security_events.c.user_id == user) & (security_events.c.event_id == event_id)
    row = await tx.first(select(security_events).where(mine))
    return _recorded(row).event if row else None


async def list_events(tx: IdentityTx, user: UserId, page: PageRequest) -> Page[RecordedSecurityEvent]:
    """List a person's events, newest first."""
    events = security_events.c
    query = select(security_events).where(events.user_id == user)
    if page.after is not None:
        query = query.where(events.event_id < page.after[0])
    query = query.order_by(events.event_id.desc()).limit(page.limit + 1)
    found = tuple(_recorded(row) for row in await tx.all(query))
    shown = found[: page.limit]
    return Page(shown, (shown[-1].event_id,) if len(found) > page.limit else None)


async def forget_whereabouts(tx: IdentityTx, user: UserId) -> None:
    """Take the network addresses out of the events of somebody who is gone, and the names that they gave; what happened stays for its time."""
    mine = security_events.c.user_id == user
    await tx.execute(update(security_events).where(mine).values(source_address=""))
    naming = mine & security_events.c.type.in_([type_.value for type_ in NAMING])
    await tx.execute(update(security_events).where(naming).values(details={}))


async def forget_events(tx: IdentityTx, *, before: datetime, of_nobody_before: datetime) -> None:
    """Delete events past their retention, which is shorter for those about no known person."""
    about_nobody = (security_events.c.user_id == NOBODY) & (security_events.c.at < of_nobody_before)
    await tx.execute(delete(security_events).where((security_events.c.at < before) | about_nobody))


def _recorded(row: Row[tuple[object, ...]]) -> RecordedSecurityEvent:
    event = SecurityEvent(
        user_id=UserId(row.user_id),
        type=SecurityEventType(row.type),
        outcome=Outcome(row.outcome),
        at=row.at,
        request_id=row.request_id,
        source_address=row.source_address,
        details=row.details,
    )
    return RecordedSecurityEvent(row.event_id, event)
