"""Use cases by which a user comes to another address, and by which the holder of the former one takes that back."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from uuid_utils import uuid7

from domicile.identity.addresses import store
from domicile.identity.addresses.domain import EmailChange
from domicile.identity.departure.service import stay
from domicile.identity.events.domain import SecurityEventType, security_event
from domicile.identity.events.store import append_event
from domicile.identity.links import HOUR, MAILS_PER_HOUR, link_invalid
from domicile.identity.outbox import (
    EMAIL_CHANGED_MAIL,
    EMAIL_PROOF_MAIL,
    EMAIL_WARNING_MAIL,
    PASSWORD_RESET_MAIL,
)
from domicile.identity.passwords.service import confirm_password, password_wrong
from domicile.identity.passwords.store import delete_hash, find_hash
from domicile.identity.plane import IdentityPlane
from domicile.identity.recovery.domain import new_reset
from domicile.identity.recovery.store import close_resets, insert_reset
from domicile.identity.sessions.store import delete_sessions
from domicile.identity.throttling.service import trying_nobodys
from domicile.identity.users.domain import User, UserState
from domicile.identity.users.store import change_address, find_user, find_user_by_email
from domicile.infra.databases import IdentityTx, StatementRefused
from domicile.infra.email_address import parse_email_address
from domicile.infra.secrets import SecretText, new_link_token
from domicile.kernel.callers import Origin, Person
from domicile.kernel.email_address import EmailAddress
from domicile.kernel.errors import DomainError, ErrorKind, conflict, not_found
from domicile.kernel.faults import Faults


@dataclass(frozen=True, slots=True)
class ProofMail:
    """What to tell a wanted address, and the secret of the link; without one the address is a user's already."""

    change: EmailChange
    user: User
    """Whose the address is to be, or is already."""
    token: SecretText | None


@dataclass(frozen=True, slots=True)
class FormerAddressMail:
    """What to tell the address that a user has, or had."""

    change: EmailChange
    user: User
    token: SecretText


async def ask_for_email(plane: IdentityPlane, person: Person, email: str, password: SecretText) -> None:
    """Take down that the caller wants another address, in place of what they asked for before; both addresses are written to.

    Nothing here looks whether the address is somebody's: that comes out in its mailbox alone. `password-wrong`,
    `too-many-email-changes` after five in an hour; an address that five were asked to in an hour is written to no more, without a word.
    """
    wanted = _parse(person, email)
    act = SecurityEventType.EMAIL_REQUESTED
    kept = await confirm_password(plane, person, password, field="password", act=act)
    now = plane.clock()

    async def work(tx: IdentityTx) -> None:
        user = await find_user(tx, person.user_id)
        if user is None or await find_hash(tx, user.id) != kept:
            raise password_wrong()
        if await store.count_changes_by(tx, user.id, since=now - HOUR) >= MAILS_PER_HOUR:
            raise _too_many()
        is_flooded = await store.count_changes_to(tx, wanted.key, since=now - HOUR) >= MAILS_PER_HOUR
        change = _new_change(plane, person, user, wanted, now)
        await store.close_pending(tx, user.id, now=now)
        await store.insert_change(tx, change)
        await append_event(tx, security_event(user.id, act, person.origin, now=now))
        for kind in (EMAIL_WARNING_MAIL,) if is_flooded else (EMAIL_PROOF_MAIL, EMAIL_WARNING_MAIL):
            await plane.outbox.append(tx, kind, owner_id=user.id, subject_id=change.id)

    await plane.database.run_tx(work)


async def cancel_email(plane: IdentityPlane, person: Person) -> None:
    """Take back what the caller asked for and has not proved; `not-found` if there is nothing."""
    now = plane.clock()
    event = security_event(person.user_id, SecurityEventType.EMAIL_CANCELLED, person.origin, now=now)

    async def work(tx: IdentityTx) -> None:
        if not await store.close_pending(tx, person.user_id, now=now):
            raise not_found("change of address")
        await append_event(tx, event)

    await plane.database.run_tx(work)


async def prove_email(plane: IdentityPlane, token: str, origin: Origin) -> User:
    """Put the address of a link in the place of the former one; other sessions than the one that asked, and all account tokens, end.

    `link-invalid` for a link that was used or taken back, has expired, was never given out, or whose address has become somebody
    else's meanwhile; `too-many-attempts`. The former address is free from then on, and can be put back for some days by the link that
    it is sent.
    """
    async with trying_nobodys(plane, origin, failing="link-invalid"):
        changed = await _prove(plane, token, origin)
    await plane.tell_regions()
    return changed


async def _prove(plane: IdentityPlane, token: str, origin: Origin) -> User:
    token_hash, now = plane.token_hash.of(token), plane.clock()

    async def work(tx: IdentityTx) -> User:
        change = await store.consume_change(tx, token_hash, now=now)
        user = await find_user(tx, change.user_id) if change else None
        if change is None or user is None or user.state is not UserState.ENABLED:
            raise link_invalid()
        if await _is_anothers(tx, change.wanted, user):
            raise link_invalid()
        return await _replace(plane, tx, change, origin, now)

    try:
        return await plane.database.run_tx(work)
    except StatementRefused as refused:
        # Somebody else proved the same address at the same moment, and the engine let one of the two.
        raise (link_invalid() if refused.is_about_a_constraint else refused) from None


async def _replace(
    plane: IdentityPlane, tx: IdentityTx, change: EmailChange, origin: Origin, now: datetime
) -> User:
    since = await store.find_release(tx, plane.token_hash, change.wanted.key)
    user = await change_address(tx, change.user_id, change.wanted, since=since, now=now)
    await store.release_address(tx, plane.token_hash, change.former.key, now=now)
    await store.prolong_undo(tx, change.id, until=now + timedelta(days=plane.settings.links.undo_days))
    await delete_sessions(tx, user.id, but=change.session_id)
    await close_resets(tx, user.id, now=now)
    await append_event(tx, security_event(user.id, SecurityEventType.EMAIL_CHANGED, origin, now=now))
    await plane.outbox.append(tx, EMAIL_CHANGED_MAIL, owner_id=user.id, subject_id=change.id)
    return user


async def undo_email(plane: IdentityPlane, token: str, origin: Origin) -> None:
    """Put the address back to which the link was sent, or take back that another is wanted; then only a new password lets anybody in.

    Every session, account token and password of the user ends, and with them whatever was changed since: a thief who moves on to a
    third address does not outrun the link. `link-invalid`, `too-many-attempts`; `address-in-use` where the address has become another user's: the link
    stays good.
    """
    async with trying_nobodys(plane, origin, failing="link-invalid"):
        await _undo(plane, token, origin)
    await plane.tell_regions()


async def _undo(plane: IdentityPlane, token: str, origin: Origin) -> None:
    token_hash, now = plane.token_hash.of(token), plane.clock()

    async def work(tx: IdentityTx) -> None:
        change = await store.consume_undo(tx, token_hash, now=now)
        user = await find_user(tx, change.user_id) if change else None
        if change is None or user is None:
            raise link_invalid()
        if change.completed_at is None and user.email_key != change.former.key:
            raise link_invalid()
        if await _is_anothers(tx, change.former, user):
            raise _address_in_use()
        # Whoever changed the address may have gone on to delete the user.
        await stay(plane, tx, user.id, origin, keeping=())
        await _put_back(plane, tx, change, user, now)
        await _lock_until_reset(plane, tx, change, origin, now)

    try:
        await plane.database.run_tx(work)
    except StatementRefused as refused:
        raise (_address_in_use() if refused.is_about_a_constraint else refused) from None


async def _put_back(
    plane: IdentityPlane, tx: IdentityTx, change: EmailChange, user: User, now: datetime
) -> None:
    since = change.former_since
    if user.email_key != change.former.key:
        await store.release_address(tx, plane.token_hash, user.email_key, now=now)
        released = await store.find_release(tx, plane.token_hash, change.former.key)
        if released is not None and change.completed_at is not None and released > change.completed_at:
            since = released
    await change_address(tx, user.id, change.former, since=since, now=now)
    await store.void_later_changes(tx, change, now=now)


async def _lock_until_reset(
    plane: IdentityPlane, tx: IdentityTx, change: EmailChange, origin: Origin, now: datetime
) -> None:
    user = change.user_id
    await delete_sessions(tx, user, but=None)
    await close_resets(tx, user, now=now)
    await delete_hash(tx, user)
    expires = now + timedelta(minutes=plane.settings.links.reset_minutes)
    reset = new_reset(str(uuid7()), change.former.key, origin, now=now, expires_at=expires)
    await insert_reset(tx, reset)
    await plane.outbox.append(tx, PASSWORD_RESET_MAIL, owner_id=reset.id, subject_id=reset.id)
    await append_event(tx, security_event(user, SecurityEventType.EMAIL_UNDONE, origin, now=now))


async def _is_anothers(tx: IdentityTx, email: EmailAddress, user: User) -> bool:
    owner = await find_user_by_email(tx, email.key)
    return owner is not None and owner.id != user.id


async def prepare_proof_mail(plane: IdentityPlane, change_id: str) -> ProofMail | None:
    """Mint the secret of the link to a new address, keeping its hash only; None if there is nothing left to be said."""
    now, token = plane.clock(), SecretText(new_link_token())
    token_hash = plane.token_hash.of(token.reveal())

    async def work(tx: IdentityTx) -> ProofMail | None:
        change = await store.find_open_change(tx, change_id, now=now)
        user = await find_user(tx, change.user_id) if change else None
        if change is None or user is None:
            return None
        if (owner := await find_user_by_email(tx, change.wanted.key)) is not None:
            return ProofMail(change, owner, None)
        await store.put_token_hash(tx, change_id, token_hash)
        return ProofMail(change, user, token)

    return await plane.database.run_tx(work)


async def prepare_former_address_mail(plane: IdentityPlane, change_id: str) -> FormerAddressMail | None:
    """Mint the secret of one more link that takes a change back, keeping its hash only; None if there is nothing left to be said."""
    token = SecretText(new_link_token())
    token_hash = plane.token_hash.of(token.reveal())

    async def work(tx: IdentityTx) -> FormerAddressMail | None:
        change = await store.find_change(tx, change_id)
        user = await find_user(tx, change.user_id) if change else None
        if change is None or user is None:
            return None
        await store.put_undo_link(tx, change_id, token_hash)
        return FormerAddressMail(change, user, token)

    return await plane.database.run_tx(work)


async def forget_old_changes(plane: IdentityPlane) -> None:
    """Delete changes that cannot be undone any more."""
    before = plane.clock() - HOUR
    await plane.database.run_tx(lambda tx: store.forget_changes(tx, before=before))


def _new_change(
    plane: IdentityPlane, person: Person, user: User, wanted: EmailAddress, now: datetime
) -> EmailChange:
    return EmailChange(
        id=str(uuid7()),
        user_id=user.id,
        session_id=person.session_id,
        former=EmailAddress(user.email, user.email_key),
        former_since=user.address_since,
        wanted=wanted,
        created_at=now,
        expires_at=now + timedelta(hours=plane.settings.links.verify_hours),
        undo_until=now + timedelta(days=plane.settings.links.undo_days),
    )


def _parse(person: Person, email: str) -> EmailAddress:
    faults = Faults()
    wanted = faults.take("email", parse_email_address, email)
    if wanted is not None and wanted.key == parse_email_address(person.email).key:
        faults.add("email", "is your address already")
    faults.settle()
    assert wanted is not None
    return wanted


def _too_many() -> DomainError:
    return DomainError(
        ErrorKind.OVERLOADED,
        "too-many-email-changes",
        "You have asked for another address five times within an hour: wait a while.",
        facts={"retryAfter": int(HOUR.total_seconds())},
    )


def _address_in_use() -> DomainError:
    return conflict(
        "address-in-use",
        "This address belongs to another user by now: sign in as that user and change or delete it, then use the link again.",
    )
