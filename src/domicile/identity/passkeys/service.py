"""Use of a passkey: what a browser is asked, and whether its answer shows who somebody is (WebAuthn Level 3, section 7.2)."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from uuid_utils import uuid7

from domicile.identity.events.domain import Outcome, SecurityEventType, security_event
from domicile.identity.notices.service import append_notice, whereabouts
from domicile.identity.passkeys import store
from domicile.identity.passkeys.domain import (
    CHALLENGE_FOR,
    Ceremony,
    Challenge,
    Passkey,
    Purpose,
    Shown,
    is_challenge_id,
)
from domicile.identity.plane import IdentityPlane
from domicile.infra.databases import IdentityTx
from domicile.infra.passkeys import (
    Assertion,
    CredentialRefused,
    KnownCredential,
    VerifiedAssertion,
    read_assertion,
    request_options,
    verify_assertion,
)
from domicile.kernel.callers import Origin
from domicile.kernel.errors import DomainError, conflict
from domicile.kernel.ids import UserId
from domicile.kernel.methods import (
    HARDWARE_KEY_METHOD,
    SOFTWARE_KEY_METHOD,
    USER_VERIFIED_METHOD,
    joined,
)

_CHALLENGE_BYTES = 32


async def begin_assertion(
    plane: IdentityPlane,
    tx: IdentityTx,
    *,
    user: UserId | None,
    binding: str,
    needs_uv: bool,
    now: datetime,
) -> Ceremony:
    """Ask for a passkey of a user or, with None, for any that the device holds: then the options are the same for everybody.

    The answer must come with the same `binding` (the sign-in or session that asks) and the same `user`, within five minutes, once.
    `passkeys-unavailable` where there is no domain to make them for: see `are_possible`.
    """
    require_possible(plane)
    challenge = new_challenge(Purpose.ASSERTION, user, binding, needs_uv=needs_uv, user_handle=None, now=now)
    await store.insert_challenge(tx, challenge)
    held = await store.list_passkeys(tx, user) if user is not None else ()
    options = request_options(
        plane.settings.passkeys,
        challenge.secret,
        allowed=[as_known(one) for one in held if one.cloned_at is None],
        needs_uv=needs_uv,
    )
    return Ceremony(challenge.id, challenge.expires_at, options)


async def use_assertion(
    plane: IdentityPlane,
    tx: IdentityTx,
    *,
    challenge_id: str,
    binding: str,
    credential: Mapping[str, Any],  # Any: JSON as the browser made it
    user: UserId | None,
    origin: Origin,
    now: datetime,
) -> Shown | None:
    """Take the answer to a challenge; None for every answer that is not good, whatever the reason.

    Commit after None too: the challenge is used up, and a passkey whose counter went back is stopped, written down and told to its
    owner. Whether the user may sign in at all is not looked at here.
    """
    challenge = await take_challenge(tx, challenge_id, Purpose.ASSERTION, binding, user=user, now=now)
    if challenge is None:
        return None
    try:
        assertion = read_assertion(credential)
        passkey = await store.find_by_credential(tx, assertion.credential_id)
        if passkey is None or not _is_asked_for(passkey, assertion, challenge):
            return None
        verified = verify_assertion(
            plane.settings.passkeys,
            assertion,
            challenge=challenge.secret,
            public_key=passkey.public_key,
            needs_uv=challenge.needs_uv,
        )
    except CredentialRefused:
        return None
    # Whether a passkey can be copied is fixed when it is made (section 7.2, step 19).
    if verified.backup_eligible != passkey.backup_eligible:
        return None
    return await _count_use(plane, tx, passkey, verified, origin, now=now)


async def take_challenge(
    tx: IdentityTx, challenge_id: str, purpose: Purpose, binding: str, *, user: UserId | None, now: datetime
) -> Challenge | None:
    """Use a challenge up; None if it was used, is too old, never was, or was given out for something or somebody else."""
    if not is_challenge_id(challenge_id):
        return None
    return await store.consume_challenge(tx, challenge_id, purpose, binding, user=user, now=now)


def are_possible(plane: IdentityPlane) -> bool:
    """Tell whether people can have passkeys here: browsers make them for domains, not for IP addresses."""
    return plane.settings.passkeys.are_possible


def require_possible(plane: IdentityPlane) -> None:
    """Refuse (`passkeys-unavailable`) where there is no domain."""
    if not are_possible(plane):
        raise passkeys_unavailable()


def passkeys_unavailable() -> DomainError:
    """Make the refusal of a server that has no domain."""
    return conflict(
        "passkeys-unavailable",
        "There are no passkeys here: the public address of this server is an IP address, and passkeys belong to a domain.",
    )


def methods_shown(passkey: Passkey, *, user_verified: bool) -> tuple[str, ...]:
    """Tell in the words of RFC 8176 what the use of a passkey shows.

    A device that verified nobody when it was enrolled may have got its PIN from a thief since: that it verifies somebody now counts
    for nothing (WebAuthn Level 3, section 7.2, step 24).
    """
    held = SOFTWARE_KEY_METHOD if passkey.backup_eligible else HARDWARE_KEY_METHOD
    verified = (USER_VERIFIED_METHOD,) if user_verified and passkey.uv_initialised else ()
    return joined((held,), verified)


def new_challenge(
    purpose: Purpose,
    user: UserId | None,
    binding: str,
    *,
    needs_uv: bool,
    user_handle: bytes | None,
    now: datetime,
) -> Challenge:
    """Draw a challenge of 256 bits."""
    return Challenge(
        id=str(uuid7()),
        secret=secrets.token_bytes(_CHALLENGE_BYTES),
        purpose=purpose,
        user_id=user,
        binding=binding,
        needs_uv=needs_uv,
        user_handle=user_handle,
        expires_at=now + CHALLENGE_FOR,
    )


def as_known(passkey: Passkey) -> KnownCredential:
    """Describe a passkey to a browser."""
    return KnownCredential(passkey.credential_id, passkey.transports)


async def forget_expired_challenges(plane: IdentityPlane) -> None:
    """Delete the challenges that nobody answered in time."""
    await plane.database.run_tx(lambda tx: store.forget_challenges(tx, now=plane.clock()))


def _is_asked_for(passkey: Passkey, assertion: Assertion, challenge: Challenge) -> bool:
    """Tell whether it is a passkey of the person who was asked, and one that can do what was asked (section 7.2, steps 5 and 6)."""
    if challenge.user_id is None:
        # Nobody was named: the device must say whose it is.
        is_theirs = assertion.user_handle == passkey.user_handle
    else:
        is_theirs = passkey.user_id == challenge.user_id and assertion.user_handle in {
            None,
            passkey.user_handle,
        }
    return is_theirs and (passkey.uv_initialised or not challenge.needs_uv)


async def _count_use(
    plane: IdentityPlane,
    tx: IdentityTx,
    passkey: Passkey,
    verified: VerifiedAssertion,
    origin: Origin,
    *,
    now: datetime,
) -> Shown | None:
    """Move the counter on; one that went back tells of a copy (section 6.1.1), and the passkey is refused from then on."""
    if await store.note_use(
        tx, passkey, sign_count=verified.sign_count, backed_up=verified.backed_up, now=now
    ):
        methods = methods_shown(passkey, user_verified=verified.user_verified)
        return Shown(passkey.user_id, passkey, methods)
    if await store.stop_passkey(tx, passkey.id, now=now):
        details = {"factorID": passkey.id, "kind": "passkey", "name": passkey.name, **whereabouts(origin)}
        event = security_event(
            passkey.user_id,
            SecurityEventType.PASSKEY_STOPPED,
            origin,
            now=now,
            outcome=Outcome.REFUSED,
            details=details,
        )
        await append_notice(plane, tx, event)
    return None
