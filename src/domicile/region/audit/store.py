"""Audit events of accounts and all their SQL: appended, and after their time deleted; only what is personal is ever taken out of one."""

import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    LargeBinary,
    Row,
    Table,
    Text,
    delete,
    func,
    or_,
    select,
    update,
)
from uuid_utils import uuid7

from domicile.infra.databases import RegionTx
from domicile.infra.planes import REGION, OpaqueJson, UtcTime
from domicile.kernel.hash_tree import HASH_BYTES
from domicile.kernel.ids import AccountId, UserId
from domicile.kernel.paging import Page, PageRequest
from domicile.kernel.urn import Principal
from domicile.region.audit.domain import EVERYTHING, AuditEvent, Evidence, Filters, RecordedEvent
from domicile.region.audit.leaf import (
    SALT_BYTES,
    addresses_in,
    hash_of_leaf,
    leaf_of,
    put_back,
    read_personal,
    seal_event,
)
from domicile.region.audit_tree.store import take_place

audit_events = Table(
    "audit_events",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("type", Text, nullable=False),
    Column("principal_kind", Text, nullable=False),
    Column("principal_id", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("details", OpaqueJson, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("personal", Text, nullable=True),
    Column("salt", LargeBinary, nullable=True),
    Column("commitment", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Index("ix_audit_events_at", "account_id", "at", "event_id"),
    Index("uq_audit_events_seq", "account_id", "seq", unique=True),
)
audit_marks = Table(
    "audit_marks",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("subject_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("at", UtcTime, nullable=False),
)
GONE = bytes(HASH_BYTES)
"""Stands for the hash of an event that somebody took out of the database; nothing hashes to it."""
_ERASED_AT_ONCE = 500


async def append_audit(tx: RegionTx, event: AuditEvent) -> int:
    """Write an event down, in the transaction of what it tells of; gives its place in the account's tree.

    The account's events are written one after the other: the row that counts them stays locked until the commit.
    """
    event_id, sealed = str(uuid7()), seal_event(event, os.urandom(SALT_BYTES))
    seq = await take_place(tx, event.account_id, now=event.at)
    row = {
        "account_id": event.account_id,
        "event_id": event_id,
        "at": event.at,
        "type": event.type,
        "principal_kind": event.principal.kind,
        "principal_id": event.principal.id,
        "outcome": event.outcome,
        "request_id": event.request_id,
        "details": sealed.details,
        "seq": seq,
        "personal": sealed.personal,
        "salt": sealed.salt,
        "commitment": sealed.commitment,
        "leaf_hash": hash_of_leaf(leaf_of(event, sealed, event_id=event_id, seq=seq)),
    }
    await tx.execute(tx.insert(audit_events), row)
    return seq


async def list_events(
    tx: RegionTx, account: AccountId, page: PageRequest, filters: Filters = EVERYTHING
) -> Page[RecordedEvent]:
    """List an account's events, newest first."""
    query = select(audit_events).where(audit_events.c.account_id == account, *_conditions(filters))
    if page.after is not None:
        query = query.where(audit_events.c.seq < int(page.after[0]))
    query = query.order_by(audit_events.c.seq.desc())
    found = tuple(_recorded(row) for row in await tx.all(query.limit(page.limit + 1)))
    shown = found[: page.limit]
    return Page(shown, (str(shown[-1].seq),) if len(found) > page.limit else None)


async def list_in_order(
    tx: RegionTx, account: AccountId, filters: Filters, *, begin: int, end: int, at_most: int
) -> tuple[RecordedEvent, ...]:
    """List events with places from `begin` up to, and without, `end`, oldest first."""
    query = select(audit_events).where(_between(account, begin, end), *_conditions(filters))
    return tuple(_recorded(row) for row in await tx.all(query.order_by(audit_events.c.seq).limit(at_most)))


async def count_events(tx: RegionTx, account: AccountId, filters: Filters, *, end: int) -> int:
    """Count the events with places up to, and without, `end`."""
    query = select(func.count()).where(_between(account, 0, end), *_conditions(filters))
    row = await tx.first(query.select_from(audit_events))
    return row[0] if row else 0


async def find_seq(tx: RegionTx, account: AccountId, event_id: str) -> tuple[int, bytes] | None:
    """Find the place of an event and its leaf hash."""
    mine = (audit_events.c.account_id == account) & (audit_events.c.event_id == event_id)
    row = await tx.first(select(audit_events.c.seq, audit_events.c.leaf_hash).where(mine))
    return (row.seq, row.leaf_hash) if row else None


async def read_leaf_hashes(tx: RegionTx, account: AccountId, *, begin: int, end: int) -> tuple[bytes, ...]:
    """Read the leaf hashes of the events with places from `begin` up to, and without, `end`; GONE for one that is missing."""
    query = select(audit_events.c.seq, audit_events.c.leaf_hash).where(_between(account, begin, end))
    found = {row.seq: row.leaf_hash for row in await tx.all(query)}
    return tuple(found.get(seq, GONE) for seq in range(begin, end))


async def list_moments(
    tx: RegionTx, account: AccountId, *, begin: int, at_most: int
) -> tuple[tuple[int, datetime], ...]:
    """List places from `begin` with the moments of their events."""
    query = select(audit_events.c.seq, audit_events.c.at)
    mine = (audit_events.c.account_id == account) & (audit_events.c.seq >= begin)
    rows = await tx.all(query.where(mine).order_by(audit_events.c.seq).limit(at_most))
    return tuple((row.seq, row.at) for row in rows)


async def delete_events(tx: RegionTx, account: AccountId, *, end: int) -> int:
    """Delete the events with places up to, and without, `end`; tells how many."""
    return await tx.count(delete(audit_events).where(_between(account, 0, end)))


async def erase_personal(
    tx: RegionTx, account: AccountId, *, user_id: UserId, emails: Iterable[str] = ()
) -> int:
    """Take out of an account's events what is personal of a user; tells out of how many. Ids stay, and so does the tree.

    Of the user's own events the address and the source go; of any event that names one of the addresses, or that tells something
    personal of the user, the whole personal part, that of who did it included: it is committed to as one.
    """
    events, user = audit_events.c, Principal.user(user_id)
    theirs = (events.principal_kind == user.kind) & (events.principal_id == user.id)
    mine = (events.account_id == account) & events.personal.is_not(None)
    count = await tx.count(update(audit_events).where(mine & theirs).values(personal=None, salt=None))
    wanted = frozenset(email.casefold() for email in emails)
    after = -1
    while True:
        query = select(events.seq, events.personal, events.details).where(mine & (events.seq > after))
        query = query.where(_may_name(wanted)).order_by(events.seq).limit(_ERASED_AT_ONCE)
        rows = await tx.all(query)
        named = [row.seq for row in rows if _names(row, user_id, wanted)]
        if named:
            here = (events.account_id == account) & events.seq.in_(named)
            count += await tx.count(update(audit_events).where(here).values(personal=None, salt=None))
        if len(rows) < _ERASED_AT_ONCE:
            return count
        after = rows[-1].seq


def _may_name(wanted: frozenset[str]) -> ColumnElement[bool]:
    """Narrow the search down, in words that every engine reads alike, to events that can name one of the addresses."""
    personal = audit_events.c.personal
    has_details = ~personal.contains('"details":{}')
    if not all(email.isascii() for email in wanted):
        return personal.contains("@")  # engines differ in what the lower case of other letters is
    return or_(has_details, *(func.lower(personal).contains(email, autoescape=True) for email in wanted))


def _names(row: Row[Any], user_id: UserId, wanted: frozenset[str]) -> bool:
    _, _, told = read_personal(row.personal)
    is_about = bool(told) and row.details.get("userID") == user_id
    return is_about or bool(addresses_in(row.personal) & wanted)


async def mark_once(tx: RegionTx, account: AccountId, subject: str, kind: str, *, now: datetime) -> bool:
    """Mark something of a subject for the first time; False if it is marked already."""
    row = tx.insert(audit_marks).values(account_id=account, subject_id=subject, kind=kind, at=now)
    return (await tx.execute(row.on_conflict_do_nothing())).rowcount == 1


async def mark_again(
    tx: RegionTx, account: AccountId, subject: str, kind: str, *, now: datetime, every: timedelta
) -> bool:
    """Mark something of a subject; False if it was marked less than `every` ago, by whichever process."""
    row = tx.insert(audit_marks).values(account_id=account, subject_id=subject, kind=kind, at=now)
    row = row.on_conflict_do_update(
        index_elements=list(audit_marks.primary_key.columns),
        set_={"at": row.excluded.at},
        where=audit_marks.c.at <= now - every,
    )
    return (await tx.execute(row)).rowcount == 1


async def take_mark(tx: RegionTx, account: AccountId, subject: str, kind: str) -> bool:
    """Strike a mark; False if there was none."""
    marks = audit_marks.c
    mine = (marks.account_id == account) & (marks.subject_id == subject) & (marks.kind == kind)
    return await tx.count(delete(audit_marks).where(mine)) == 1


async def forget_marks(tx: RegionTx, *, before: datetime) -> int:
    """Delete marks that are older than `before`; tells how many."""
    return await tx.count(delete(audit_marks).where(audit_marks.c.at < before))


def _between(account: AccountId, begin: int, end: int) -> ColumnElement[bool]:
    events = audit_events.c
    return (events.account_id == account) & (events.seq >= begin) & (events.seq < end)


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    events = audit_events.c
    wanted: list[ColumnElement[bool]] = []
    if filters.since is not None:
        wanted.append(events.at >= filters.since)
    if filters.before is not None:
        wanted.append(events.at < filters.before)
    if filters.type is not None and filters.type.endswith("*"):
        beginning = filters.type[:-1]
        # LIKE would take upper and lower case for the same on SQLite alone.
        wanted.append(func.substr(events.type, 1, len(beginning)) == beginning)
    elif filters.type is not None:
        wanted.append(events.type == filters.type)
    if filters.principal is not None:
        wanted.append(events.principal_kind == filters.principal.kind)
        wanted.append(events.principal_id == filters.principal.id)
    if filters.outcome is not None:
        wanted.append(events.outcome == filters.outcome)
    return wanted


def _recorded(row: Row[Any]) -> RecordedEvent:
    email, source, personal = read_personal(row.personal)
    event = AuditEvent(
        account_id=AccountId(row.account_id),
        type=row.type,
        principal=Principal(row.principal_kind, row.principal_id),
        principal_email=email,
        outcome=row.outcome,
        request_id=row.request_id,
        source_address=source,
        details=put_back(row.details, personal),
        at=row.at,
    )
    evidence = Evidence(row.details, row.salt, row.personal, row.commitment, row.leaf_hash)
    return RecordedEvent(row.event_id, row.seq, event, evidence)
