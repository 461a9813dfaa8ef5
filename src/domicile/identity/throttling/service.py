"""Use cases about attempts: counting each before or as it is verified, refusing what comes too fast, and forgetting what succeeded."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import NoReturn

from domicile.identity.events.domain import Outcome, SecurityEventType, security_event
from domicile.identity.events.store import append_event
from domicile.identity.outbox import TOO_MANY_FAILURES_MAIL
from domicile.identity.plane import IdentityPlane
from domicile.identity.throttling import store
from domicile.identity.throttling.counting import (
    Asked,
    Refusal,
    Seen,
    find_refusal,
    look,
    name_attempt,
    put_counts,
    rules_of,
    source_hash,
)
from domicile.identity.throttling.domain import (
    FAMILIAR_FOR,
    FREE_FAILURES,
    LONGEST_DELAY,
    MOST_SOURCES,
    NOTED_EVERY,
    SEEN_EVERY,
    TOLD_AFTER,
    TOLD_EVERY,
    Bucket,
    Subject,
    eased,
)
from domicile.identity.users.domain import User
from domicile.identity.users.store import find_user
from domicile.infra.databases import IdentityTx
from domicile.kernel.callers import Origin
from domicile.kernel.errors import DomainError, ErrorKind
from domicile.kernel.ids import UserId
from domicile.kernel.methods import Way

_PATIENCE_SECONDS = 10.0
_MOST_WAITING = 64


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that may be verified now."""

    own: bytes
    """The person's counter that it counts in."""
    ranges: tuple[bytes, ...]
    source: bytes | None
    """Where it comes from, hashed together with the person; None over a connection without an address."""
    is_known_lately: bool
    """Whether the person has signed in from there so lately that it need not be written down again."""
    is_counted: bool
    """Whether the database has counted it already; else this process holds it until it has ended."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What the counters of an attempt said in a transaction that was open anyway."""

    asked: Asked
    seen: Seen
    failures: int
    """Of the attempts under way in this process, when it was read."""


@dataclass(frozen=True, slots=True)
class FailuresToTell:
    """Whom to tell of failed attempts, and when the last one was."""

    user: User
    failed_at: datetime


async def begin_attempt(plane: IdentityPlane, subject: Subject, factor: Way, origin: Origin) -> Attempt:
    """Count a try before anything is verified, in a transaction of its own; every factor on every path begins with this or `trying`.

    `too-many-attempts` if it comes too soon, and then it does not count: a refused try puts the next one off no further. Who succeeds
    says so by `note_success`; nothing need be said of a failure.
    """
    asked = name_attempt(plane, subject, factor, origin)
    return await _admit(plane, await _look_now(plane, asked), may_hold=False)


async def look_ahead(
    plane: IdentityPlane, tx: IdentityTx, subject: Subject, factor: Way, origin: Origin
) -> Prospect:
    """Read what `trying` needs to know, in the transaction in which the credential is read."""
    failures, asked = plane.under_way.failures, name_attempt(plane, subject, factor, origin)
    return Prospect(asked, await look(plane, tx, asked), failures)


@asynccontextmanager
async def trying(plane: IdentityPlane, prospect: Prospect, *, failing: str) -> AsyncGenerator[Attempt]:
    """Verify something inside; the error `failing` counts as a failure, every other one (too busy, no database) as no try at all.

    Where nothing has failed lately the try is held in this process and written only if it fails, so that success costs one query: at
    most five are held against one person at once, the next wait for those to end. `too-many-attempts`, as of `begin_attempt`.
    """
    attempt, asked = await _admit(plane, prospect, may_hold=True), prospect.asked
    has_failed = False
    try:
        yield attempt
    except DomainError as error:
        has_failed = error.code == failing
        if has_failed and not attempt.is_counted:
            await plane.database.run_tx(lambda tx: _count_failure(plane, tx, asked))
        elif not has_failed and attempt.is_counted:
            await plane.database.run_tx(lambda tx: store.take_one_back(tx, (attempt.own, *attempt.ranges)))
        raise
    finally:
        if not attempt.is_counted:
            plane.under_way.let_go(attempt.own, *attempt.ranges, has_failed=has_failed)


@asynccontextmanager
async def trying_nobodys(plane: IdentityPlane, origin: Origin, *, failing: str) -> AsyncGenerator[None]:
    """Take inside what names its person only when it is good (the link of a mail, a passkey): `failing` counts against the range alone."""
    asked = name_attempt(plane, None, None, origin)
    seen = await plane.database.read(lambda tx: look(plane, tx, asked))
    if (refusal := find_refusal(plane, asked, seen)) is not None:
        await _refuse(plane, asked, refusal)
    try:
        yield
    except DomainError as error:
        if error.code == failing:
            await plane.database.run_tx(lambda tx: _count_failure(plane, tx, asked))
        raise


async def note_success(tx: IdentityTx, attempt: Attempt) -> None:
    """Forget the failures of a person's counter, in the transaction of what succeeded; the range gets its one try back and no more.

    Were the range forgiven, one user of one's own would pay for guessing at all others. Writes nothing where nothing was counted.
    """
    if attempt.is_counted:
        await store.reset_counter(tx, attempt.own)
        await store.take_one_back(tx, attempt.ranges)


async def note_sign_in(tx: IdentityTx, attempt: Attempt, user: UserId, *, now: datetime) -> None:
    """Do what `note_success` does, and remember the source as familiar: for the last step of a sign-in, when it is complete."""
    await note_success(tx, attempt)
    if attempt.source is not None and not attempt.is_known_lately:
        await store.put_source(tx, user, attempt.source, now=now, most=MOST_SOURCES)


async def settle_success(plane: IdentityPlane, attempt: Attempt) -> None:
    """Do what `note_success` does where success has no transaction of its own."""
    if attempt.is_counted:
        await plane.database.run_tx(lambda tx: note_success(tx, attempt))


async def note_rebinding(tx: IdentityTx, user: UserId, factor: Way) -> None:
    """Open a factor again, everywhere, because it was set up anew: what was guessed before was guessed at another."""
    await store.reset_counters(tx, user, factor)


async def remember_source(
    plane: IdentityPlane, tx: IdentityTx, user: UserId, origin: Origin, *, now: datetime
) -> None:
    """Remember as familiar from where a person has just followed a link of their mailbox: nobody else can have done so."""
    if (source := source_hash(plane, user, origin)) is not None:
        await store.put_source(tx, user, source, now=now, most=MOST_SOURCES)


async def forget_old_attempts(plane: IdentityPlane) -> None:
    """Delete what is counted of ranges and unknown addresses after ninety days without a try, and sources unseen for as long."""
    now = plane.clock()
    long_ago = now - FAMILIAR_FOR
    await plane.database.run_tx(
        lambda tx: store.forget_attempts(
            tx, of_nobody_before=long_ago, settled_before=now - 2 * TOLD_EVERY, sources_before=long_ago
        )
    )


async def find_failures_to_tell(plane: IdentityPlane, user_id: UserId) -> FailuresToTell | None:
    """Find whom to tell of many failed attempts, and when the last was; None for nobody, and where they were forgotten meanwhile."""

    async def work(tx: IdentityTx) -> FailuresToTell | None:
        user = await find_user(tx, user_id)
        found = [each.counter.last_at for each in await store.list_counters(tx, user_id)]
        return FailuresToTell(user, max(found)) if user is not None and found else None

    return await plane.database.read(work)


def too_many_attempts(wait: timedelta, *, is_closed: bool = False) -> DomainError:
    """Make the refusal of a try that comes too soon; it says the same for known and unknown addresses."""
    seconds = max(1, ceil(wait.total_seconds()))
    message = (
        "There were too many failed attempts: from here this is closed until it is set up anew, a password by the link in a mail."
        if is_closed
        else f"There were too many failed attempts: try again in {seconds} {'second' if seconds == 1 else 'seconds'}."
    )
    return DomainError(ErrorKind.OVERLOADED, "too-many-attempts", message, facts={"retryAfter": seconds})


async def _look_now(plane: IdentityPlane, asked: Asked) -> Prospect:
    failures = plane.under_way.failures
    return Prospect(asked, await plane.database.read(lambda tx: look(plane, tx, asked)), failures)


async def _admit(plane: IdentityPlane, prospect: Prospect, *, may_hold: bool) -> Attempt:
    """Let a try begin, now or when those that this process holds against the same person have ended."""
    under_way, asked = plane.under_way, prospect.asked
    waited: bytes | None = None
    while True:
        seen = prospect.seen
        (key,) = seen.own(asked).values()
        if waited is not None and waited != key:
            # The place has become familiar meanwhile: those who wait as strangers look again too.
            under_way.pass_on(waited)
            waited = None
        if (refusal := find_refusal(plane, asked, seen)) is not None:
            under_way.pass_on(key)
            await _refuse(plane, asked, refusal)
        if prospect.failures != under_way.failures:
            # One has failed since this was read, which does not show in it yet.
            prospect = await _look_now(plane, asked)
            continue
        if _is_full(plane, seen, key):
            await _await_turn(plane, key)
            waited = key
            prospect = await _look_now(plane, asked)
        elif may_hold and _may_hold(plane, asked, seen, key):
            attempt = _attempt(asked, seen, key, is_counted=False)
            under_way.hold(key, *attempt.ranges)
            return attempt
        else:
            under_way.pass_on(key)
            if (attempt := await _count(plane, asked)) is not None:
                return attempt
            prospect = await _look_now(plane, asked)


def _is_full(plane: IdentityPlane, seen: Seen, key: bytes) -> bool:
    """Tell whether those that are held would, if all of them failed, use the person's free failures up."""
    held = plane.under_way.count(key)
    return held > 0 and seen.counter(key).failures + held >= FREE_FAILURES


def _may_hold(plane: IdentityPlane, asked: Asked, seen: Seen, key: bytes) -> bool:
    if seen.counter(key).failures:
        return False
    if seen.bucket(asked) is not Bucket.STRANGERS:
        return True
    rules = rules_of(plane)
    return all(
        eased(seen.counter(each), rules.of(bucket), now=seen.now).failures + plane.under_way.count(each)
        < rules.of(bucket).free
        for bucket, each in asked.ranges.items()
    )


async def _await_turn(plane: IdentityPlane, key: bytes) -> None:
    if plane.under_way.waiting(key) >= _MOST_WAITING:
        raise too_many_attempts(timedelta(seconds=1))
    try:
        await plane.under_way.until_one_ends(key, at_most_seconds=_PATIENCE_SECONDS)
    except TimeoutError:
        raise too_many_attempts(timedelta(seconds=1)) from None


async def _count(plane: IdentityPlane, asked: Asked) -> Attempt | None:
    """Look again and count, in one transaction; None if it must be looked at anew because of what this process holds."""

    async def work(tx: IdentityTx) -> Attempt | Refusal | None:
        seen = await look(plane, tx, asked)
        (key,) = seen.own(asked).values()
        if (refusal := find_refusal(plane, asked, seen)) is not None:
            return refusal
        if _is_full(plane, seen, key):
            return None
        if seen.counter(key).failures >= TOLD_AFTER:
            await _tell(plane, tx, asked, key, now=seen.now)
        await put_counts(plane, tx, asked, seen)
        return _attempt(asked, seen, key, is_counted=True)

    decided = await plane.database.run_tx(work)
    if isinstance(decided, Refusal):
        await _refuse(plane, asked, decided)
    return decided if isinstance(decided, Attempt) else None


async def _count_failure(plane: IdentityPlane, tx: IdentityTx, asked: Asked) -> None:
    await put_counts(plane, tx, asked, await look(plane, tx, asked))


async def _tell(plane: IdentityPlane, tx: IdentityTx, asked: Asked, key: bytes, *, now: datetime) -> None:
    """Have the person told by mail, at most once a day; for an unknown address the same is written, and nobody is told."""
    if await store.tell_once(tx, key, asked.owner, now=now, before=now - TOLD_EVERY):
        await plane.outbox.append(tx, TOO_MANY_FAILURES_MAIL, owner_id=asked.owner, subject_id=asked.owner)


async def _refuse(plane: IdentityPlane, asked: Asked, refusal: Refusal) -> NoReturn:
    """Refuse a try; each counter leaves a security event once a minute at most, so that a flood fills no table."""
    now = plane.clock()
    before = now - NOTED_EVERY
    if refusal.noted_at <= before:
        details = {"sources": refusal.bucket.value} | ({"factor": asked.factor.value} if asked.factor else {})
        event = security_event(
            asked.owner,
            SecurityEventType.ATTEMPT_REFUSED,
            asked.origin,
            now=now,
            outcome=Outcome.REFUSED,
            details=details,
        )

        async def note(tx: IdentityTx) -> None:
            if await store.note_once(tx, refusal.key, now=now, before=before):
                await append_event(tx, event)

        await plane.database.run_tx(note)
    raise too_many_attempts(min(refusal.wait, LONGEST_DELAY), is_closed=refusal.is_closed)


def _attempt(asked: Asked, seen: Seen, key: bytes, *, is_counted: bool) -> Attempt:
    is_known_lately = seen.seen_at is not None and seen.seen_at > seen.now - SEEN_EVERY
    ranges = tuple(asked.ranges.values())
    return Attempt(key, ranges, asked.source, is_known_lately, is_counted)
