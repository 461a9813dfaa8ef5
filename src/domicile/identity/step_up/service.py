"""Use cases of step-up: a person shows again who they are, and goes on in a session under a new id and token."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domicile.identity.events.domain import Outcome, SecurityEvent, SecurityEventType, security_event
from domicile.identity.events.store import append_event
from domicile.identity.passkeys.service import begin_assertion, use_assertion
from domicile.identity.passwords.service import confirm_password, password_wrong
from domicile.identity.passwords.store import find_hash
from domicile.identity.plane import IdentityPlane
from domicile.identity.second_factors.service import list_ways, use_code
from domicile.identity.sessions.service import LiftedSession, lift_session
from domicile.identity.step_up.options import StepUpOptions
from domicile.identity.throttling.domain import Subject
from domicile.identity.throttling.service import Attempt, look_ahead, note_success, trying
from domicile.infra.databases import IdentityTx
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Person
from domicile.kernel.errors import DomainError, ErrorKind, forbidden
from domicile.kernel.methods import Way, methods_of

_ACT = SecurityEventType.STEPPED_UP


async def begin_step_up(plane: IdentityPlane, person: Person) -> StepUpOptions:
    """Tell in which ways the caller can step up, and ask for their passkey, bound to this session.

    Whoever has a second factor must show one; everybody else, their password.
    """

    async def work(tx: IdentityTx) -> StepUpOptions:
        ways = await _ways_of(plane, tx, person)
        if Way.PASSKEY not in ways:
            return StepUpOptions(ways, None)
        asked = await begin_assertion(
            plane, tx, user=person.user_id, binding=_binding(person), needs_uv=False, now=plane.clock()
        )
        return StepUpOptions(ways, asked)

    return await plane.database.run_tx(work)


async def show_password(plane: IdentityPlane, person: Person, password: SecretText) -> LiftedSession:
    """Step up with the password, for who has nothing else; `second-factor-required` for who does, and `password-wrong`."""
    if person.mfa_enabled:
        ways = await plane.database.read(lambda tx: list_ways(plane, tx, person.user_id))
        raise second_factor_required(ways)
    kept = await confirm_password(plane, person, password, field="password", act=_ACT)
    now = plane.clock()

    async def work(tx: IdentityTx) -> LiftedSession:
        if await find_hash(tx, person.user_id) != kept:
            raise password_wrong()
        return await _lift(plane, tx, person, methods_of(Way.PASSWORD), now)

    return await plane.database.run_tx(work)


async def show_code(plane: IdentityPlane, person: Person, way: Way, code: SecretText) -> LiftedSession:
    """Step up with a code of an app, or a recovery code, which is used up; `factor-wrong`, and `too-many-attempts` after too many of those."""
    now, subject = plane.clock(), Subject.of_session(person.user_id)
    prospect = await plane.database.read(lambda tx: look_ahead(plane, tx, subject, way, person.origin))

    async def work(tx: IdentityTx, attempt: Attempt) -> LiftedSession | None:
        methods = await use_code(plane, tx, person.user_id, way, code, origin=person.origin, now=now)
        if methods is None:
            await append_event(tx, _refused(person, way, now))
            return None
        await note_success(tx, attempt)
        return await _lift(plane, tx, person, methods, now)

    async with trying(plane, prospect, failing="factor-wrong") as attempt:
        return _require(await plane.database.run_tx(lambda tx: work(tx, attempt)))


async def show_passkey(
    plane: IdentityPlane,
    person: Person,
    challenge_id: str,
    credential: Mapping[str, Any],  # Any: JSON as the browser made it
) -> LiftedSession:
    """Step up with a passkey, in answer to a challenge that was given to this session; `factor-wrong`, whatever the reason.

    `too-many-attempts` after too many of those; the challenge is good still.
    """
    now, subject = plane.clock(), Subject.of_session(person.user_id)
    prospect = await plane.database.read(
        lambda tx: look_ahead(plane, tx, subject, Way.PASSKEY, person.origin)
    )

    async def work(tx: IdentityTx, attempt: Attempt) -> LiftedSession | None:
        shown = await use_assertion(
            plane,
            tx,
            challenge_id=challenge_id,
            binding=_binding(person),
            credential=credential,
            user=person.user_id,
            origin=person.origin,
            now=now,
        )
        if shown is None:
            await append_event(tx, _refused(person, Way.PASSKEY, now))
            return None
        await note_success(tx, attempt)
        return await _lift(plane, tx, person, shown.methods, now)

    async with trying(plane, prospect, failing="factor-wrong") as attempt:
        return _require(await plane.database.run_tx(lambda tx: work(tx, attempt)))


def second_factor_required(ways: tuple[Way, ...]) -> DomainError:
    """Make the refusal of a password alone, for who has more."""
    return DomainError(
        ErrorKind.UNAUTHENTICATED,
        "second-factor-required",
        "You have a second factor: show that in place of the password.",
        facts={"ways": [str(way) for way in ways]},
    )


async def _ways_of(plane: IdentityPlane, tx: IdentityTx, person: Person) -> tuple[Way, ...]:
    return await list_ways(plane, tx, person.user_id) if person.mfa_enabled else (Way.PASSWORD,)


async def _lift(
    plane: IdentityPlane, tx: IdentityTx, person: Person, methods: tuple[str, ...], now: datetime
) -> LiftedSession:
    lifted = await lift_session(plane, tx, person, methods, now=now)
    details = {"sessionID": lifted.session.id, "formerSessionID": person.session_id}
    await append_event(tx, security_event(person.user_id, _ACT, person.origin, now=now, details=details))
    return lifted


def _refused(person: Person, way: Way, now: datetime) -> SecurityEvent:
    details = {"way": str(way)}
    return security_event(
        person.user_id, _ACT, person.origin, now=now, outcome=Outcome.REFUSED, details=details
    )


def _binding(person: Person) -> str:
    return f"session {person.session_id}"


def _require(lifted: LiftedSession | None) -> LiftedSession:
    if lifted is None:
        raise forbidden("factor-wrong", "That is not right, or was used before.")
    return lifted
