"""Use cases by which a person gets an authenticator app, or one in place of another."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from uuid_utils import uuid7

from domicile.identity.events.domain import Outcome, SecurityEventType, security_event
from domicile.identity.events.store import append_event
from domicile.identity.factors.domain import Factor, FactorAct, FactorChange, FactorKind
from domicile.identity.factors.service import parse_factor_name, settle_factors
from domicile.identity.plane import IdentityPlane
from domicile.identity.recovery_codes.service import NewCodes, give_first_codes
from domicile.identity.sessions.service import LiftedSession, count_other_sessions, lift_session
from domicile.identity.totp import store
from domicile.identity.totp.domain import TotpFactor
from domicile.identity.totp.service import open_secret, seal_secret
from domicile.infra.databases import IdentityTx
from domicile.infra.one_time_codes import find_step, looks_like_totp, new_totp_secret, totp_uri
from domicile.infra.qr_codes import qr_svg
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Person
from domicile.kernel.errors import DomainError, ErrorKind, conflict, invalid, not_found
from domicile.kernel.methods import Way, methods_of

MOST_APPS: Final = 5
CONFIRM_WITHIN: Final = timedelta(hours=1)
MOST_WRONG_CODES: Final = 5
"""Then the secret is thrown away, and another is to be asked for."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """An app that does not count yet, with its secret, which is shown this once."""

    factor: TotpFactor
    secret: SecretText
    """In base 32, for who types it."""
    uri: SecretText
    """What the QR code says (`otpauth://`)."""
    qr: SecretText
    """The QR code as an SVG element."""
    confirm_until: datetime


@dataclass(frozen=True, slots=True)
class Confirmed:
    """An app that counts now, and what came with it."""

    factor: Factor
    lifted: LiftedSession
    codes: NewCodes | None
    """None: the person had recovery codes already."""
    other_sessions: int


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A code that was not the app's."""

    left: int


async def enrol_totp(plane: IdentityPlane, person: Person, name: str, *, replaces: str | None) -> Enrolment:
    """Draw the secret of a new app for the caller, in place of any that they have not confirmed.

    Only for who has shown lately who they are (`reauthentication-required`). `replaces` names an app of theirs that stops to count
    when the new one begins to. `too-many-factors` for a sixth. Nothing counts before `confirm_totp`.
    """
    now = plane.clock()
    person.require_fresh(now)
    called, secret, factor_id = parse_factor_name(name), new_totp_secret(), str(uuid7())
    factor = TotpFactor(
        id=factor_id,
        user_id=person.user_id,
        name=called,
        sealed_secret=seal_secret(plane, factor_id, secret),
        created_at=now,
        confirmed_at=None,
        last_step=-1,
        last_used_at=None,
        replaces_id=replaces,
    )

    async def work(tx: IdentityTx) -> None:
        have = {each.id for each in await store.list_confirmed(tx, person.user_id)}
        if replaces is not None and replaces not in have:
            raise invalid({"replaces": "is none of your authenticator apps"})
        if replaces is None and len(have) >= MOST_APPS:
            raise too_many_factors(MOST_APPS)
        await store.insert_factor(tx, factor)

    await plane.database.run_tx(work)
    uri = totp_uri(secret, issuer=_issuer(plane), name=person.email)
    return Enrolment(factor, secret, uri, qr_svg(uri), now + CONFIRM_WITHIN)


async def confirm_totp(
    plane: IdentityPlane, person: Person, enrolment_id: str, code: SecretText
) -> Confirmed:
    """Let an app count, by a first code of it; the caller's session has then used a second factor, and goes on under a new token.

    The app that it replaces stops to count in the same transaction. `factor-wrong` up to five times, then the secret is gone;
    `not-found` for one that is gone, older than an hour, confirmed already, or somebody else's. The code is used up.
    """
    now = plane.clock()
    person.require_fresh(now)

    async def work(tx: IdentityTx) -> Confirmed | _Wrong:
        factor = await store.find_pending(tx, person.user_id, enrolment_id, since=now - CONFIRM_WITHIN)
        if factor is None:
            raise not_found("enrolment")
        step = _step_of(plane, factor, code, now=now)
        if step is None:
            return await _count_wrong(tx, person, factor, now=now)
        if not await store.confirm_factor(tx, factor, step, now=now):
            raise not_found("enrolment")
        return await _begin_to_count(plane, tx, person, factor, now=now)

    outcome = await plane.database.run_tx(work)
    if isinstance(outcome, _Wrong):
        raise _factor_wrong(outcome.left)
    await plane.tell_regions()
    return outcome


async def forget_pending_apps(plane: IdentityPlane) -> None:
    """Delete the secrets that nobody confirmed in time."""
    before = plane.clock() - CONFIRM_WITHIN
    await plane.database.run_tx(lambda tx: store.forget_pending(tx, before=before))


def too_many_factors(most: int) -> DomainError:
    """Make the refusal of one more factor of a kind."""
    return conflict(
        "too-many-factors", f"You have {most} of this kind, which is the most: remove one, or replace it."
    )


async def _begin_to_count(
    plane: IdentityPlane, tx: IdentityTx, person: Person, factor: TotpFactor, *, now: datetime
) -> Confirmed:
    former = factor.replaces_id
    if former is not None and await store.delete_confirmed(tx, person.user_id, former) is None:
        former = None
    act = FactorAct.ADDED if former is None else FactorAct.REPLACED
    change = FactorChange(
        act, person.user_id, FactorKind.TOTP, factor.id, factor.name, person.origin, now, former
    )
    await settle_factors(plane, tx, change)
    codes = await give_first_codes(plane, tx, person.user_id, now=now)
    lifted = await lift_session(plane, tx, person, methods_of(Way.TOTP), now=now)
    others = await count_other_sessions(plane, tx, person.user_id, but=lifted.session.id, now=now)
    shown = Factor(factor.id, FactorKind.TOTP, factor.name, factor.created_at, now)
    return Confirmed(shown, lifted, codes, others)


async def _count_wrong(tx: IdentityTx, person: Person, factor: TotpFactor, *, now: datetime) -> _Wrong:
    left = await store.count_wrong_code(tx, factor, most=MOST_WRONG_CODES)
    details = {"factorID": factor.id, "kind": FactorKind.TOTP.value}
    refused = security_event(
        person.user_id,
        SecurityEventType.FACTOR_ADDED,
        person.origin,
        now=now,
        outcome=Outcome.REFUSED,
        details=details,
    )
    await append_event(tx, refused)
    return _Wrong(left)


def _step_of(plane: IdentityPlane, factor: TotpFactor, code: SecretText, *, now: datetime) -> int | None:
    typed = code.reveal()
    if not looks_like_totp(typed):
        return None
    return find_step(open_secret(plane, factor), typed, now=now, after=factor.last_step)


def _issuer(plane: IdentityPlane) -> str:
    """Name what the app is for by the host that people sign in at, so that two installations are told apart."""
    return urlsplit(plane.settings.public_url).hostname or "domicile"


def _factor_wrong(left: int) -> DomainError:
    message = (
        "That is not the code that your app shows now. See that the clock of your device is right."
        if left
        else "That was the last try: begin anew, with another secret."
    )
    return DomainError(ErrorKind.FORBIDDEN, "factor-wrong", message, facts={"triesLeft": left})
