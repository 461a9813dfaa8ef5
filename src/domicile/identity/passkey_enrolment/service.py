"""Use cases by which a person gets a passkey, or one in place of another (WebAuthn Level 3, section 7.1)."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from uuid_utils import uuid7

from domicile.identity.events.domain import Outcome, SecurityEventType, security_event
from domicile.identity.events.store import append_event
from domicile.identity.factors.domain import Factor, FactorAct, FactorChange, FactorKind
from domicile.identity.factors.service import parse_factor_name, settle_factors
from domicile.identity.passkeys import store
from domicile.identity.passkeys.domain import (
    MOST_PASSKEYS,
    Ceremony,
    Challenge,
    Passkey,
    Purpose,
    suggest_name,
)
from domicile.identity.passkeys.service import (
    as_known,
    methods_shown,
    new_challenge,
    require_possible,
    take_challenge,
)
from domicile.identity.plane import IdentityPlane
from domicile.identity.recovery_codes.service import NewCodes, give_first_codes
from domicile.identity.sessions.service import LiftedSession, count_other_sessions, lift_session
from domicile.infra.databases import IdentityTx
from domicile.infra.passkeys import CredentialRefused, NewCredential, creation_options, verify_creation
from domicile.kernel.callers import Person
from domicile.kernel.errors import DomainError, ErrorKind, conflict, invalid

_HANDLE_BYTES = 32


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """What a person wants to have as a passkey."""

    challenge_id: str
    credential: Mapping[str, Any]  # Any: JSON as the browser made it
    name: str | None
    """None: called after the model that the device claims to be."""
    replaces: str | None
    """A passkey of theirs that stops to count when this one begins to."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A passkey that counts, and what came with it."""

    factor: Factor
    lifted: LiftedSession
    codes: NewCodes | None
    """None: the person had recovery codes already."""
    other_sessions: int


class _Refusal(StrEnum):
    NOT_GOOD = "passkey-refused"
    KNOWN = "passkey-known"


async def begin_passkey(plane: IdentityPlane, person: Person) -> Ceremony:
    """Tell the caller's browser what key to make, for this session and within five minutes.

    Only for who has shown lately who they are (`reauthentication-required`). `too-many-factors` for who has ten and does not replace
    one is told at the end. `passkeys-unavailable` where the server has no domain.
    """
    require_possible(plane)
    now = plane.clock()
    person.require_fresh(now)

    async def work(tx: IdentityTx) -> Ceremony:
        held = await store.list_passkeys(tx, person.user_id)
        # One handle for all keys of a person, so that a device keeps one key for them and not two.
        handle = held[0].user_handle if held else secrets.token_bytes(_HANDLE_BYTES)
        challenge = new_challenge(
            Purpose.ENROLMENT, person.user_id, _binding(person), needs_uv=False, user_handle=handle, now=now
        )
        await store.insert_challenge(tx, challenge)
        options = creation_options(
            plane.settings.passkeys,
            challenge.secret,
            user_handle=handle,
            user_name=person.email,
            known=[as_known(one) for one in held],
        )
        return Ceremony(challenge.id, challenge.expires_at, options)

    return await plane.database.run_tx(work)


async def enrol_passkey(plane: IdentityPlane, person: Person, wanted: NewPasskey) -> Enrolled:
    """Let a passkey count; the caller's session has then used it, and goes on under a new token.

    The passkey that it replaces stops to count in the same transaction. `passkey-refused` for an answer that is not good, whatever
    the reason, and for a challenge of another session; the challenge is used up. `passkey-known` if somebody has it already.
    """
    require_possible(plane)
    now = plane.clock()
    person.require_fresh(now)
    name = None if wanted.name is None else parse_factor_name(wanted.name)

    async def work(tx: IdentityTx) -> Enrolled | _Refusal:
        challenge = await take_challenge(
            tx, wanted.challenge_id, Purpose.ENROLMENT, _binding(person), user=person.user_id, now=now
        )
        made = _verified(plane, challenge, wanted)
        if challenge is None or made is None:
            return await _refuse(tx, person, _Refusal.NOT_GOOD, now=now)
        await _make_room(tx, person, wanted.replaces)
        passkey = _passkey_of(person, made, challenge, name, now=now)
        if not await store.insert_passkey(tx, passkey):
            return await _refuse(tx, person, _Refusal.KNOWN, now=now)
        methods = methods_shown(passkey, user_verified=made.user_verified)
        return await _begin_to_count(
            plane, tx, person, passkey, former=wanted.replaces, methods=methods, now=now
        )

    outcome = await plane.database.run_tx(work)
    if isinstance(outcome, _Refusal):
        raise _refused(outcome)
    await plane.tell_regions()
    return outcome


def _verified(plane: IdentityPlane, challenge: Challenge | None, wanted: NewPasskey) -> NewCredential | None:
    if challenge is None:
        return None
    try:
        return verify_creation(plane.settings.passkeys, wanted.credential, challenge=challenge.secret)
    except CredentialRefused:
        return None


async def _make_room(tx: IdentityTx, person: Person, replaces: str | None) -> None:
    held = {one.id for one in await store.list_passkeys(tx, person.user_id)}
    if replaces is not None and replaces not in held:
        raise invalid({"replaces": "is none of your passkeys"})
    if replaces is None and len(held) >= MOST_PASSKEYS:
        raise conflict(
            "too-many-factors",
            f"You have {MOST_PASSKEYS} passkeys, which is the most: remove one, or replace it.",
        )


def _passkey_of(
    person: Person, made: NewCredential, challenge: Challenge, name: str | None, *, now: datetime
) -> Passkey:
    assert challenge.user_handle is not None
    return Passkey(
        id=str(uuid7()),
        user_id=person.user_id,
        name=name or suggest_name(made.aaguid),
        credential_id=made.id,
        user_handle=challenge.user_handle,
        public_key=made.public_key,
        sign_count=made.sign_count,
        transports=made.transports,
        aaguid=made.aaguid,
        backup_eligible=made.backup_eligible,
        backed_up=made.backed_up,
        uv_initialised=made.user_verified,
        created_at=now,
        last_used_at=None,
    )


async def _begin_to_count(
    plane: IdentityPlane,
    tx: IdentityTx,
    person: Person,
    passkey: Passkey,
    *,
    former: str | None,
    methods: tuple[str, ...],
    now: datetime,
) -> Enrolled:
    if former is not None and await store.delete_passkey(tx, person.user_id, former) is None:
        former = None
    act = FactorAct.ADDED if former is None else FactorAct.REPLACED
    change = FactorChange(
        act, person.user_id, FactorKind.PASSKEY, passkey.id, passkey.name, person.origin, now, former
    )
    await settle_factors(plane, tx, change)
    codes = await give_first_codes(plane, tx, person.user_id, now=now)
    lifted = await lift_session(plane, tx, person, methods, now=now)
    others = await count_other_sessions(plane, tx, person.user_id, but=lifted.session.id, now=now)
    return Enrolled(Factor(passkey.id, FactorKind.PASSKEY, passkey.name, now, None), lifted, codes, others)


async def _refuse(tx: IdentityTx, person: Person, refusal: _Refusal, *, now: datetime) -> _Refusal:
    """Write down that a passkey was not taken, in the transaction that used the challenge up."""
    details = {"kind": FactorKind.PASSKEY.value, "reason": refusal.value}
    refused = security_event(
        person.user_id,
        SecurityEventType.FACTOR_ADDED,
        person.origin,
        now=now,
        outcome=Outcome.REFUSED,
        details=details,
    )
    await append_event(tx, refused)
    return refusal


def _refused(refusal: _Refusal) -> DomainError:
    if refusal is _Refusal.KNOWN:
        return conflict(
            "passkey-known", "This passkey is in use already: choose another device, or remove it there."
        )
    return DomainError(
        ErrorKind.INVALID,
        "passkey-refused",
        "This is no good answer to what your browser was asked: begin anew, on a page of this platform.",
    )


def _binding(person: Person) -> str:
    return f"session {person.session_id}"
