"""Use cases of the operator about failed attempts: see them, clear them; the command line alone calls them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from domicile.identity.events.domain import NOBODY, SYSTEM_ORIGIN, SecurityEventType, security_event
from domicile.identity.events.store import append_event
from domicile.identity.plane import IdentityPlane
from domicile.identity.throttling import store
from domicile.identity.throttling.counting import range_keys, rules_of
from domicile.identity.throttling.domain import (
    FAMILIAR_FOR,
    Bucket,
    is_closed,
    network_of,
    range_of,
    wait_of,
)
from domicile.infra.databases import IdentityTx
from domicile.kernel.callers import Origin
from domicile.kernel.errors import invalid
from domicile.kernel.ids import UserId
from domicile.kernel.methods import Way


@dataclass(frozen=True, slots=True)
class CountedAttempts:
    """What one counter of a person says."""

    factor: Way
    bucket: Bucket
    failures: int
    last_at: datetime
    next_at: datetime | None
    """From when on another try is verified; None: it is closed until the factor is set up anew, or this is cleared."""


@dataclass(frozen=True, slots=True)
class AttemptsRecord:
    """What is counted of a person, and at how many sources they are known."""

    counters: tuple[CountedAttempts, ...]
    familiar_sources: int


async def list_attempts(plane: IdentityPlane, user: UserId) -> AttemptsRecord:
    """List what is counted of a person: each factor by itself, familiar sources, strangers and sessions apart."""
    now = plane.clock()

    async def work(tx: IdentityTx) -> AttemptsRecord:
        counters = tuple(_shown(plane, each, now) for each in await store.list_counters(tx, user))
        return AttemptsRecord(counters, await store.count_sources(tx, user, since=now - FAMILIAR_FOR))

    return await plane.database.read(work)


async def clear_attempts(plane: IdentityPlane, user: UserId, factor: Way | None) -> int:
    """Forget the failures of a person, of one factor or of all (None), so that they may try at once; tells how many counters said any.

    The person can read it among their security events.
    """
    details = {"factor": factor.value} if factor else {}
    now = plane.clock()
    event = security_event(user, SecurityEventType.ATTEMPTS_CLEARED, SYSTEM_ORIGIN, now=now, details=details)

    async def work(tx: IdentityTx) -> int:
        if cleared := await store.reset_counters(tx, user, factor):
            await append_event(tx, event)
        return cleared

    return await plane.database.run_tx(work)


async def clear_range(plane: IdentityPlane, address: str) -> tuple[str, ...]:
    """Forget what is counted of the ranges that an address is in; gives their names. An event without a person tells of it."""
    try:
        parsed = ip_address(address)
    except ValueError:
        raise invalid({"range": "must be an IPv4 or IPv6 address"}) from None
    keys = range_keys(plane, Origin("", parsed))
    ranges = (str(range_of(parsed)), str(network_of(parsed)))
    event = security_event(
        NOBODY,
        SecurityEventType.ATTEMPTS_CLEARED,
        SYSTEM_ORIGIN,
        now=plane.clock(),
        details={"ranges": " ".join(ranges)},
    )

    async def work(tx: IdentityTx) -> None:
        if await store.drop_counters(tx, tuple(keys.values())):
            await append_event(tx, event)

    await plane.database.run_tx(work)
    return ranges


def _shown(plane: IdentityPlane, one: store.PersonsCounter, now: datetime) -> CountedAttempts:
    rule, counter = rules_of(plane).of(one.bucket), one.counter
    wait: timedelta | None = None if is_closed(counter, rule) else wait_of(counter, rule, now=now)
    next_at = None if wait is None else now + wait
    return CountedAttempts(one.factor, one.bucket, counter.failures, counter.last_at, next_at)
