"""Counters of failed attempts and familiar sources, and all their SQL; a counter is found by a keyed hash of what it counts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    CompoundSelect,
    ForeignKey,
    Index,
    LargeBinary,
    Row,
    Table,
    Text,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    select,
    union_all,
    update,
)

from domicile.identity.throttling.domain import Bucket, Counter
from domicile.identity.users.store import users
from domicile.infra.databases import IdentityTx
from domicile.infra.planes import IDENTITY, UtcTime
from domicile.kernel.ids import UserId
from domicile.kernel.methods import Way

attempts = Table(
    "attempts",
    IDENTITY,
    Column("counter_key", LargeBinary, primary_key=True),
    Column("bucket", Text, nullable=False),
    Column("factor", Text),
    Column("user_id", Text),
    Column("failures", BigInteger, nullable=False),
    Column("last_at", UtcTime, nullable=False),
    Column("eased_at", UtcTime, nullable=False),
    Column("told_at", UtcTime),
    Column("noted_at", UtcTime),
    Index("ix_attempts_user_id", "user_id"),
)
familiar_sources = Table(
    "familiar_sources",
    IDENTITY,
    Column("user_id", Text, ForeignKey(users.c.user_id), primary_key=True),
    Column("source_hash", LargeBinary, primary_key=True),
    Column("last_seen_at", UtcTime, nullable=False),
)


_KEYS = ("key_0", "key_1", "key_2", "key_3")


def _both() -> CompoundSelect[*tuple[Any, ...]]:
    """Read counters and whether a source is familiar by one statement: it is in the way of every sign-in."""
    counters = select(
        attempts.c.counter_key,
        attempts.c.failures,
        attempts.c.last_at,
        attempts.c.eased_at,
        func.coalesce(attempts.c.noted_at, bindparam("never", type_=UtcTime)).label("noted_at"),
    ).where(attempts.c.counter_key.in_([bindparam(name, type_=LargeBinary) for name in _KEYS]))
    seen = familiar_sources.c.last_seen_at
    sources = select(familiar_sources.c.source_hash, literal_column("0", BigInteger), seen, seen, seen).where(
        familiar_sources.c.user_id == bindparam("of_user"),
        familiar_sources.c.source_hash == bindparam("source"),
    )
    return union_all(counters, sources)


_BOTH = _both()


@dataclass(frozen=True, slots=True)
class CounterRow:
    """A counter, and when it last left a security event."""

    counter: Counter
    noted_at: datetime


@dataclass(frozen=True, slots=True)
class NewCount:
    """What a counter is to say, and whose it is."""

    key: bytes
    bucket: Bucket
    factor: Way | None
    user_id: UserId | None
    counter: Counter


@dataclass(frozen=True, slots=True)
class PersonsCounter:
    """One counter of a person, for the operator."""

    factor: Way
    bucket: Bucket
    counter: Counter


async def read_counters(
    tx: IdentityTx, keys: Sequence[bytes], user: UserId, source: bytes, *, never: datetime
) -> tuple[dict[bytes, CounterRow], datetime | None]:
    """Read those of at most four counters that there are, and when a user was last seen at a source."""
    padded = (*keys, *(b"" for _ in _KEYS))
    asked = {"of_user": user, "source": source, "never": never} | dict(zip(_KEYS, padded, strict=False))
    rows = {row.counter_key: row for row in await tx.all(_BOTH, asked)}
    seen = rows.pop(source, None)
    found = {key: CounterRow(_counter_of(row), row.noted_at) for key, row in rows.items()}
    return found, seen.last_at if seen else None


async def put_count(tx: IdentityTx, new: NewCount) -> None:
    """Write a counter down, whether or not there was one."""
    change = {
        "user_id": new.user_id,
        "failures": new.counter.failures,
        "last_at": new.counter.last_at,
        "eased_at": new.counter.eased_at,
    }
    row = tx.insert(attempts).values(
        counter_key=new.key,
        bucket=new.bucket.value,
        factor=new.factor.value if new.factor else None,
        **change,
    )
    await tx.execute(row.on_conflict_do_update(index_elements=[attempts.c.counter_key], set_=change))


async def take_one_back(tx: IdentityTx, keys: Collection[bytes]) -> None:
    """Take one try out of counters again, because it did not fail."""
    mine = attempts.c.counter_key.in_(keys) & (attempts.c.failures > 0)
    await tx.execute(update(attempts).where(mine).values(failures=attempts.c.failures - 1))


async def reset_counter(tx: IdentityTx, key: bytes) -> None:
    """Begin a counter again at nothing; what it was told and noted stays, so that neither is done again too soon."""
    await tx.execute(update(attempts).where(attempts.c.counter_key == key).values(failures=0))


async def reset_counters(tx: IdentityTx, user: UserId, factor: Way | None) -> int:
    """Begin the counters of a person, of one factor or of all (None), again at nothing; tells how many said something."""
    mine = (attempts.c.user_id == user) & (attempts.c.failures > 0)
    if factor is not None:
        mine &= attempts.c.factor == factor.value
    return await tx.count(update(attempts).where(mine).values(failures=0))


async def drop_counters(tx: IdentityTx, keys: Collection[bytes]) -> int:
    """Delete counters by their keys; tells how many there were."""
    return await tx.count(delete(attempts).where(attempts.c.counter_key.in_(keys)))


async def list_counters(tx: IdentityTx, user: UserId) -> tuple[PersonsCounter, ...]:
    """List the counters of a person that say something."""
    mine = (attempts.c.user_id == user) & (attempts.c.failures > 0)
    rows = await tx.all(select(attempts).where(mine).order_by(attempts.c.factor, attempts.c.bucket))
    return tuple(PersonsCounter(Way(row.factor), Bucket(row.bucket), _counter_of(row)) for row in rows)


async def note_once(tx: IdentityTx, key: bytes, *, now: datetime, before: datetime) -> bool:
    """Note that a counter leaves a security event; False if it did so later than `before`."""
    is_due = attempts.c.noted_at.is_(None) | (attempts.c.noted_at <= before)
    mine = update(attempts).where(attempts.c.counter_key == key, is_due)
    return await tx.count(mine.values(noted_at=now)) == 1


async def tell_once(tx: IdentityTx, key: bytes, user: UserId, *, now: datetime, before: datetime) -> bool:
    """Note that a person is told of the failures of a counter; False if they were told of any of theirs later than `before`."""
    told = attempts.alias("told")
    lately = exists().where(
        (told.c.user_id == user) | (told.c.counter_key == key),
        told.c.told_at > before,
    )
    mine = update(attempts).where(attempts.c.counter_key == key, ~lately)
    return await tx.count(mine.values(told_at=now)) == 1


async def put_source(tx: IdentityTx, user: UserId, source: bytes, *, now: datetime, most: int) -> None:
    """Remember that a user was seen at a source, and forget their oldest ones beyond `most`."""
    row = tx.insert(familiar_sources).values(user_id=user, source_hash=source, last_seen_at=now)
    keys = [familiar_sources.c.user_id, familiar_sources.c.source_hash]
    await tx.execute(row.on_conflict_do_update(index_elements=keys, set_={"last_seen_at": now}))
    mine = familiar_sources.c.user_id == user
    newest = (
        select(familiar_sources.c.source_hash)
        .where(mine)
        .order_by(familiar_sources.c.last_seen_at.desc(), familiar_sources.c.source_hash)
        .limit(most)
    )
    await tx.execute(
        delete(familiar_sources).where(mine, familiar_sources.c.source_hash.not_in(newest.scalar_subquery()))
    )


async def count_sources(tx: IdentityTx, user: UserId, *, since: datetime) -> int:
    """Count the sources at which a user is known."""
    mine = (familiar_sources.c.user_id == user) & (familiar_sources.c.last_seen_at > since)
    return (await tx.execute(select(func.count()).select_from(familiar_sources).where(mine))).scalar_one()


async def delete_attempts(tx: IdentityTx, user: UserId) -> None:
    """Delete everything that is counted of a user, and the sources where they are known."""
    await tx.execute(delete(attempts).where(attempts.c.user_id == user))
    await tx.execute(delete(familiar_sources).where(familiar_sources.c.user_id == user))


async def forget_attempts(
    tx: IdentityTx, *, of_nobody_before: datetime, settled_before: datetime, sources_before: datetime
) -> None:
    """Delete counters of nobody and of ranges that were last counted long ago, those that say nothing, and sources of long ago.

    What a person's counters say stays for as long as the person: only success or a new credential makes it forgotten.
    """
    of_nobody = attempts.c.user_id.is_(None) & (attempts.c.last_at < of_nobody_before)
    settled = (attempts.c.failures == 0) & (attempts.c.last_at < settled_before)
    of_the_gone = attempts.c.user_id.is_not(None) & ~exists().where(users.c.user_id == attempts.c.user_id)
    await tx.execute(delete(attempts).where(of_nobody | settled | of_the_gone))
    await tx.execute(delete(familiar_sources).where(familiar_sources.c.last_seen_at < sources_before))


def _counter_of(row: Row[Any]) -> Counter:  # Any: a row of the table above
    return Counter(row.failures, row.last_at, row.eased_at)
