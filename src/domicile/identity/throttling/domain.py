"""How failed attempts are counted, and when another may be made (NIST SP 800-63B-4, section 3.2.2; OWASP ASVS 5.0, 6.3.1)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network
from typing import Final

from domicile.kernel.ids import UserId
from domicile.kernel.permissions import Address

FREE_FAILURES: Final = 5
"""Of one person that nobody has to wait for."""
FIRST_DELAY: Final = timedelta(seconds=1)
"""After the last free failure; each further one doubles it."""
LONGEST_DELAY: Final = timedelta(minutes=15)
TOLD_AFTER: Final = 10
"""Failures of one person in one bucket after which they are told by mail."""
TOLD_EVERY: Final = timedelta(days=1)
NOTED_EVERY: Final = timedelta(minutes=1)
"""How often a counter that refuses leaves a security event."""
FAMILIAR_FOR: Final = timedelta(days=90)
"""How long after their last sign-in a person is known at a source."""
SEEN_EVERY: Final = timedelta(days=1)
"""How exactly the last sign-in from a source is known; more would be a write at each of them."""
MOST_SOURCES: Final = 20
"""Familiar sources of one person; the one that was longest not seen goes first."""
_WIDE_FACTOR: Final = 5


class Bucket(StrEnum):
    """Whose failures a counter holds."""

    FAMILIAR = "familiar"
    """One person's, from all sources where they have signed in lately."""
    STRANGERS = "strangers"
    """One person's, from everywhere else."""
    SESSION = "session"
    """One person's, inside their sessions: nobody without one can fill it."""
    RANGE = "range"
    """Everybody's, from one address, or what one IPv6 customer has (/64)."""
    WIDE_RANGE = "wide-range"
    """Everybody's, from the network around it: /24, or /48."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose credential is tried: a user, or an address that is nobody's, counted alike so that nothing tells the two apart."""

    key: str
    user_id: UserId | None
    has_session: bool = False

    @staticmethod
    def of_user(user_id: UserId) -> "Subject":
        """Name a user who is not signed in yet; the count follows them through a change of address."""
        return Subject(f"user {user_id}", user_id)

    @staticmethod
    def of_session(user_id: UserId) -> "Subject":
        """Name a user who shows a credential again in a session of theirs."""
        return Subject(f"user {user_id}", user_id, has_session=True)

    @staticmethod
    def of_address(email_key: str) -> "Subject":
        """Name an address that is no user's."""
        return Subject(f"address {email_key}", None)


@dataclass(frozen=True, slots=True)
class Rule:
    """How one counter counts."""

    free: int
    """Failures before anybody has to wait."""
    closes_at: int | None = None
    """Failures after which nothing is verified any more until the factor is set up anew; None: never."""
    eases_every: timedelta | None = None
    """Time in which one failure is forgotten; None: only success or setting the factor up anew makes them forgotten."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of every bucket, from the two numbers that an operator may set."""

    most_failures: int
    """Consecutive ones of one person and factor, all buckets together: the standard's 100 at most."""
    range_failures: int
    """From one address, before anybody there has to wait."""

    def of(self, bucket: Bucket) -> Rule:
        """Give the rule of a bucket: strangers have half of a person's failures, familiar sources and sessions a quarter each."""
        match bucket:
            case Bucket.STRANGERS:
                return Rule(FREE_FAILURES, closes_at=self.most_failures // 2)
            case Bucket.FAMILIAR | Bucket.SESSION:
                return Rule(FREE_FAILURES, closes_at=self.most_failures // 4)
            case Bucket.RANGE:
                return Rule(self.range_failures, eases_every=timedelta(minutes=5))
            case Bucket.WIDE_RANGE:
                return Rule(self.range_failures * _WIDE_FACTOR, eases_every=timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class Counter:
    """Failures, and tries that are not known to have succeeded."""

    failures: int
    last_at: datetime
    """When the last one was counted: delays begin there."""
    eased_at: datetime
    """From when on time has not made any forgotten yet."""


def nothing_counted(now: datetime) -> Counter:
    """Make the counter of what nobody has tried."""
    return Counter(0, now, now)


def eased(counter: Counter, rule: Rule, *, now: datetime) -> Counter:
    """Forget what time has made forgotten."""
    if rule.eases_every is None or now <= counter.eased_at:
        return counter
    forgotten = (now - counter.eased_at) // rule.eases_every
    if forgotten >= counter.failures:
        return replace(counter, failures=0, eased_at=now)
    return replace(
        counter,
        failures=counter.failures - forgotten,
        eased_at=counter.eased_at + forgotten * rule.eases_every,
    )


def counted(counter: Counter, rule: Rule, *, now: datetime) -> Counter:
    """Count one more, before it is verified."""
    before = eased(counter, rule, now=now)
    return Counter(before.failures + 1, now, before.eased_at if before.failures else now)


def delay_after(failures: int, rule: Rule) -> timedelta:
    """Tell how long after so many failures the next try may follow."""
    doublings = failures - rule.free
    if doublings < 0:
        return timedelta(0)
    # Bounded before it is a power: a thousand failures must not make a number of three hundred digits.
    return min(FIRST_DELAY * 2 ** min(doublings, 16), LONGEST_DELAY)


def is_closed(counter: Counter, rule: Rule) -> bool:
    """Tell whether so much has failed that nothing is verified any more."""
    return rule.closes_at is not None and counter.failures >= rule.closes_at


def wait_of(counter: Counter, rule: Rule, *, now: datetime) -> timedelta:
    """Tell how long the next try has to wait; zero: it may be made now. Where it is closed, the longest delay, each time again.

    A last try that lies in the future by more than the longest delay was counted by a clock that was wrong, and nobody waits for it.
    """
    if is_closed(counter, rule):
        return LONGEST_DELAY
    present = eased(counter, rule, now=now)
    if present.last_at > now + LONGEST_DELAY:
        return timedelta(0)
    return max(present.last_at + delay_after(present.failures, rule) - now, timedelta(0))


Network = IPv4Network | IPv6Network
_ADDRESSES_HELD = 1024


@lru_cache(_ADDRESSES_HELD)
def network_of(address: Address) -> Network:
    """Give the network in which one household or office moves about, and out of which one can take many addresses: /24, or /48."""
    return ip_network((address.packed, 24 if isinstance(address, IPv4Address) else 48), strict=False)


@lru_cache(_ADDRESSES_HELD)
def range_of(address: Address) -> Network:
    """Give the range of one customer: an IPv4 address, or an IPv6 /64."""
    return ip_network((address.packed, 32 if isinstance(address, IPv4Address) else 64), strict=False)
