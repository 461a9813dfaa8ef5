"""What an attempt is counted by, what those counters say, and which of them refuses it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from domicile.identity.events.domain import NOBODY
from domicile.identity.plane import IdentityPlane
from domicile.identity.throttling import store
from domicile.identity.throttling.domain import (
    FAMILIAR_FOR,
    Bucket,
    Counter,
    Rules,
    Subject,
    counted,
    is_closed,
    network_of,
    nothing_counted,
    range_of,
    wait_of,
)
from domicile.infra.databases import IdentityTx
from domicile.kernel.callers import Origin
from domicile.kernel.ids import UserId
from domicile.kernel.methods import Way

_LONG_AGO = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an attempt is counted by."""

    subject: Subject | None
    """None: a link, which is nobody's until it works."""
    factor: Way | None
    origin: Origin
    own: Mapping[Bucket, bytes]
    """The person's counters that may come in question."""
    ranges: Mapping[Bucket, bytes]
    source: bytes | None
    """Where it comes from, hashed together with the person; None over a connection without an address."""

    @property
    def owner(self) -> UserId:
        """Give the user whose credential is tried, or nobody."""
        return (self.subject.user_id if self.subject else None) or NOBODY


@dataclass(frozen=True, slots=True)
class Seen:
    """What the counters said at a moment."""

    rows: Mapping[bytes, store.CounterRow]
    seen_at: datetime | None
    """When the person last signed in from the source."""
    now: datetime

    def counter(self, key: bytes) -> Counter:
        """Give a counter, whether or not there is one."""
        return self.rows[key].counter if key in self.rows else nothing_counted(self.now)

    def bucket(self, asked: Asked) -> Bucket | None:
        """Choose the person's bucket: strangers never fill that of the sources where the person signs in."""
        if asked.subject is None:
            return None
        if asked.subject.has_session:
            return Bucket.SESSION
        is_familiar = self.seen_at is not None and self.seen_at > self.now - FAMILIAR_FOR
        return Bucket.FAMILIAR if is_familiar else Bucket.STRANGERS

    def own(self, asked: Asked) -> dict[Bucket, bytes]:
        """Give the person's counter that an attempt counts in; none for a link."""
        bucket = self.bucket(asked)
        return {bucket: asked.own[bucket]} if bucket else {}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which counter refuses, and for how long."""

    key: bytes
    bucket: Bucket
    wait: timedelta
    is_closed: bool
    noted_at: datetime


def rules_of(plane: IdentityPlane) -> Rules:
    """Give the rules that the configuration sets."""
    wanted = plane.settings.throttling
    return Rules(wanted.most_failures, wanted.range_failures)


def range_keys(plane: IdentityPlane, origin: Origin) -> dict[Bucket, bytes]:
    """Give the keys of the counters of the ranges that an address is in; none without an address."""
    if (address := origin.address) is None:
        return {}
    of = plane.attempt_hash.of
    return {
        Bucket.RANGE: of(f"range {range_of(address)}"),
        Bucket.WIDE_RANGE: of(f"range {network_of(address)}"),
    }


def name_attempt(plane: IdentityPlane, subject: Subject | None, factor: Way | None, origin: Origin) -> Asked:
    """Find the keys of the counters of an attempt; without subject and factor of a link's."""
    own: dict[Bucket, bytes] = {}
    if subject is not None and factor is not None:
        of = plane.attempt_hash.of
        buckets = (Bucket.SESSION,) if subject.has_session else (Bucket.FAMILIAR, Bucket.STRANGERS)
        own = {bucket: of(f"{bucket} {factor} {subject.key}") for bucket in buckets}
    ranges = {} if subject and subject.has_session else range_keys(plane, origin)
    owner = (subject.user_id if subject else None) or NOBODY
    return Asked(subject, factor, origin, own, ranges, source_hash(plane, owner, origin))


def source_hash(plane: IdentityPlane, user: UserId, origin: Origin) -> bytes | None:
    """Hash a source together with the person, so that no table tells who signs in from the same places; None without an address."""
    address = origin.address
    return plane.attempt_hash.of(f"source {user} {network_of(address)}") if address is not None else None


async def look(plane: IdentityPlane, tx: IdentityTx, asked: Asked) -> Seen:
    """Read what the counters of an attempt say."""
    now = plane.clock()
    keys = (*asked.own.values(), *asked.ranges.values())
    rows, seen_at = await store.read_counters(
        tx, keys, asked.owner, asked.source or b"", never=now - _LONG_AGO
    )
    return Seen(rows, seen_at, now)


def find_refusal(plane: IdentityPlane, asked: Asked, seen: Seen) -> Refusal | None:
    """Find the counter that refuses a try; that of the range comes first, but holds nobody up where they are known."""
    rules, no_ranges = rules_of(plane), dict[Bucket, bytes]()
    is_strange = seen.bucket(asked) in {Bucket.STRANGERS, None}
    for bucket, key in {**(asked.ranges if is_strange else no_ranges), **seen.own(asked)}.items():
        counter, rule = seen.counter(key), rules.of(bucket)
        if (wait := wait_of(counter, rule, now=seen.now)) > timedelta(0):
            return Refusal(key, bucket, wait, is_closed(counter, rule), seen.rows[key].noted_at)
    return None


async def put_counts(plane: IdentityPlane, tx: IdentityTx, asked: Asked, seen: Seen) -> None:
    """Count one more for the person and for the ranges; for these also where it is familiar, so that it takes no less work."""
    rules = rules_of(plane)
    for bucket, key in seen.own(asked).items():
        counter = counted(seen.counter(key), rules.of(bucket), now=seen.now)
        owner = asked.subject.user_id if asked.subject else None
        await store.put_count(tx, store.NewCount(key, bucket, asked.factor, owner, counter))
    for bucket, key in asked.ranges.items():
        counter = counted(seen.counter(key), rules.of(bucket), now=seen.now)
        await store.put_count(tx, store.NewCount(key, bucket, None, None, counter))
