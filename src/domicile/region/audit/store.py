"""Audit events of accounts and all their SQL; append-only, there is no statement that changes one."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, Row, Table, Text, select, tuple_
from uuid_utils import uuid7

from domicile.infra.databases import RegionTx
from domicile.infra.planes import REGION, OpaqueJson, UtcTime
from domicile.kernel.ids import AccountId
from domicile.kernel.paging import Page, PageRequest
from domicile.kernel.urn import Principal
from domicile.region.audit.domain import AuditEvent, RecordedEvent

audit_events = Table(
    "audit_events",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("type", Text, nullable=False),
    Column("principal_kind", Text, nullable=False),
    Column("principal_id", Text, nullable=False),
    Column("principal_email", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("source_address", Text, nullable=False),
    Column("details", OpaqueJson, nullable=False),
    Index("ix_audit_events_at", "account_id", "at", "event_id"),
)


async def append_audit(tx: RegionTx, event: AuditEvent) -> None:
    """Write an event down, in the transaction of what it tells of."""
    row = {
        "account_id": event.account_id,
        "event_id": str(uuid7()),
        "at": event.at,
        "type": event.type,
        "principal_kind": event.principal.kind,
        "principal_id": event.principal.id,
        "principal_email": event.principal_email,
        "outcome": event.outcome,
        "request_id": event.request_id,
        "source_address": event.source_address,
        "details": event.details,
    }
    await tx.execute(tx.insert(audit_events), row)


async def list_events(tx: RegionTx, account: AccountId, page: PageRequest) -> Page[RecordedEvent]:
    """List an account's events, newest first."""
    query = select(audit_events).where(audit_events.c.account_id == account)
    if page.after is not None:
        before = tuple_(datetime.fromisoformat(page.after[0]), page.after[1])
        query = query.where(tuple_(audit_events.c.at, audit_events.c.event_id) < before)
    query = query.order_by(audit_events.c.at.desc(), audit_events.c.event_id.desc())
    found = tuple(_recorded(row) for row in await tx.all(query.limit(page.limit + 1)))
    shown = found[: page.limit]
    last = shown[-1] if len(found) > page.limit else None
    return Page(shown, (last.event.at.isoformat(), last.event_id) if last else None)


async def list_details_since(
    tx: RegionTx, account: AccountId, type_: str, principal: Principal, since: datetime
) -> tuple[dict[str, Any], ...]:
    """List what was told of a principal's latest events of a type since a moment, at most ten."""
    theirs = (audit_events.c.principal_kind == principal.kind) & (audit_events.c.principal_id == principal.id)
    query = select(audit_events.c.details).where(
        audit_events.c.account_id == account, audit_events.c.at > since, audit_events.c.type == type_, theirs
    )
    return tuple(row.details for row in await tx.all(query.order_by(audit_events.c.at.desc()).limit(10)))


async def list_source_addresses(
    tx: RegionTx, account: AccountId, principal: Principal, *, among: int
) -> tuple[str, ...]:
    """List from where a principal did what is written down among the account's latest events."""
    latest = (
        select(audit_events.c.principal_kind, audit_events.c.principal_id, audit_events.c.source_address)
        .where(audit_events.c.account_id == account)
        .order_by(audit_events.c.at.desc(), audit_events.c.event_id.desc())
        .limit(among)
        .subquery()
    )
    theirs = (latest.c.principal_kind == principal.kind) & (latest.c.principal_id == principal.id)
    query = select(latest.c.source_address).where(theirs, latest.c.source_address != "").distinct()
    return tuple(row.source_address for row in await tx.all(query.order_by(latest.c.source_address)))


def _recorded(row: Row[tuple[object, ...]]) -> RecordedEvent:
    event = AuditEvent(
        account_id=AccountId(row.account_id),
        type=row.type,
        principal=Principal(row.principal_kind, row.principal_id),
        principal_email=row.principal_email,
        outcome=row.outcome,
        request_id=row.request_id,
        source_address=row.source_address,
        details=row.details,
        at=row.at,
    )
    return RecordedEvent(row.event_id, event)
