"""Use cases by which a user comes to another password: knowing the old one, or a link to their address."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from uuid_utils import uuid7

from domicile.identity.events.domain import Outcome, SecurityEvent, SecurityEventType, security_event
from domicile.identity.events.store import append_event
from domicile.identity.links import HOUR, MAILS_PER_HOUR, link_invalid
from domicile.identity.outbox import PASSWORD_CHANGED_MAIL, PASSWORD_RESET_MAIL
from domicile.identity.passwords.domain import NewHash, normalise_password
from domicile.identity.passwords.service import (
    PasswordRules,
    confirm_password,
    hash_password,
    password_wrong,
    rules_for,
    screen_own_password,
    take_new_password,
    too_short_without_factor,
)
from domicile.identity.passwords.store import PasswordChange, find_password_change, put_hash, replace_hash
from domicile.identity.plane import IdentityPlane
from domicile.identity.recovery import store
from domicile.identity.recovery.domain import PasswordReset, new_reset
from domicile.identity.sessions.store import delete_sessions
from domicile.identity.throttling.service import note_rebinding, remember_source, trying_nobodys
from domicile.identity.users.domain import User
from domicile.identity.users.store import find_user, find_user_by_email, raise_epoch
from domicile.infra.databases import IdentityTx
from domicile.infra.email_address import parse_email_address
from domicile.infra.secrets import SecretText, new_link_token
from domicile.kernel.callers import Origin, Person
from domicile.kernel.faults import Faults
from domicile.kernel.ids import UserId
from domicile.kernel.methods import Way


@dataclass(frozen=True, slots=True)
class ResetMail:
    """Whom to send the link to a new password, and its secret."""

    user: User
    token: SecretText


async def change_password(plane: IdentityPlane, person: Person, current: SecretText, new: SecretText) -> None:
    """Set the caller's password, for who knows the present one; the caller's other sessions and all account tokens end.

    `password-wrong` if the present one is another, also if it was changed at the same moment.
    """
    rules = rules_for(plane.settings, person.email, person.name, mfa_enabled=person.mfa_enabled)
    wanted = _parse_change(current, new, rules)
    act, origin = SecurityEventType.PASSWORD_CHANGED, person.origin
    kept = await confirm_password(plane, person, current, field="currentPassword", act=act)
    await screen_own_password(
        plane, person.user_id, wanted, rules, field="newPassword", act=act, origin=origin
    )
    hashed, now = await hash_password(plane, wanted, typed=new), plane.clock()
    event = security_event(person.user_id, act, origin, now=now)

    async def work(tx: IdentityTx) -> bool:
        if not await replace_hash(tx, person.user_id, kept, hashed, now=now):
            return False
        await _settle(plane, tx, event, hashed, field="newPassword", surviving=person.session_id)
        return True

    if not await plane.database.run_tx(work):
        raise password_wrong()
    await plane.tell_regions()


async def forgot_password(plane: IdentityPlane, email: str, origin: Origin) -> None:
    """Take down that somebody asks for a new password; whether the address is known shows only in its mailbox.

    This use case never looks whether the address is a user's, so that neither its answer nor its work can tell.
    After five in an hour an address is written to no more, without a word.
    """
    faults = Faults()
    address = faults.take("email", parse_email_address, email)
    faults.settle()
    assert address is not None
    now = plane.clock()
    expires = now + timedelta(minutes=plane.settings.links.reset_minutes)
    new = new_reset(str(uuid7()), address.key, origin, now=now, expires_at=expires)

    async def work(tx: IdentityTx) -> None:
        if await store.count_resets(tx, new.email_key, since=now - HOUR) >= MAILS_PER_HOUR:
            return
        await store.insert_reset(tx, new)
        await plane.outbox.append(tx, PASSWORD_RESET_MAIL, owner_id=new.id, subject_id=new.id)

    await plane.database.run_tx(work)


async def reset_password(plane: IdentityPlane, token: str, new: SecretText, origin: Origin) -> None:
    """Set the password of the user whose link it is; all their sessions and account tokens end, and guesses at the former one.

    `link-invalid` for a link that was used, has expired, or was never given out; `too-many-attempts` after too many of those from one
    range. A password that is refused leaves the link good.
    """
    async with trying_nobodys(plane, origin, failing="link-invalid"):
        await _set_by_link(plane, plane.token_hash.of(token), new, origin)
    await plane.tell_regions()


async def find_user_of_link(plane: IdentityPlane, token: str) -> User | None:
    """Find whose password a link would set, for a page that tells beforehand what `reset_password` will ask; uses nothing up.

    None for a link that is worth nothing. Not counted as a try: the secret has 256 bits, and mail scanners look at links again and again.
    """
    token_hash, now = plane.token_hash.of(token), plane.clock()
    return await plane.database.read(lambda tx: _find_user_of_link(tx, token_hash, now))


async def _set_by_link(plane: IdentityPlane, token_hash: bytes, new: SecretText, origin: Origin) -> None:
    user = await plane.database.read(lambda tx: _user_of_link(tx, token_hash, plane.clock()))
    act = SecurityEventType.PASSWORD_RESET
    rules = rules_for(plane.settings, user.email, user.name, mfa_enabled=user.mfa_enabled)
    faults = Faults()
    wanted = take_new_password(faults, "password", new, rules)
    faults.settle()
    await screen_own_password(plane, user.id, wanted, rules, field="password", act=act, origin=origin)
    hashed, now = await hash_password(plane, wanted, typed=new), plane.clock()
    event = security_event(user.id, act, origin, now=now)

    async def work(tx: IdentityTx) -> None:
        if await store.consume_reset(tx, token_hash, now=now) != user.id:
            raise link_invalid()
        await put_hash(tx, user.id, hashed, now=now)
        await remember_source(plane, tx, user.id, origin, now=now)
        await _settle(plane, tx, event, hashed, field="password", surviving=None)

    await plane.database.run_tx(work)


async def prepare_reset_mail(plane: IdentityPlane, reset_id: str) -> ResetMail | None:
    """Mint the secret of a link to a new password, keeping its hash only; None if there is nobody to send it to.

    A request for an address that is no user's stays as long as any other: it counts towards the limit that `forgot_password`
    sets, and a limit for users only would tell who is one.
    """
    now, token = plane.clock(), SecretText(new_link_token())
    token_hash = plane.token_hash.of(token.reveal())

    async def work(tx: IdentityTx) -> ResetMail | None:
        if (asked := await store.find_open_reset(tx, reset_id, now=now)) is None:
            return None
        if (user := await find_user_by_email(tx, asked.email_key)) is None:
            return None
        if await store.put_token_hash(tx, reset_id, user.id, token_hash):
            await append_event(tx, _requested(user.id, asked))
        return ResetMail(user, token)

    return await plane.database.run_tx(work)


async def find_change_to_tell(plane: IdentityPlane, user: UserId) -> PasswordChange | None:
    """Find who is to be told that their password was changed, and when; None for a user who is gone."""
    return await plane.database.read(lambda tx: find_password_change(tx, user))


async def forget_expired_resets(plane: IdentityPlane) -> None:
    """Delete requests for new passwords that nobody followed in time."""
    before = plane.clock() - HOUR
    await plane.database.run_tx(lambda tx: store.forget_resets(tx, before=before))


async def _settle(
    plane: IdentityPlane,
    tx: IdentityTx,
    event: SecurityEvent,
    new: NewHash,
    *,
    field: str,
    surviving: str | None,
) -> None:
    """Do what follows from a new password: end sessions, tokens and links, write it down, tell the user.

    A short one whose second factor was taken away meanwhile is refused, here where both are seen in one transaction.
    """
    user = await raise_epoch(tx, event.user_id, now=event.at)
    if new.is_short and not user.mfa_enabled:
        raise too_short_without_factor(plane.settings.passwords, field=field)
    await delete_sessions(tx, user.id, but=surviving)
    await note_rebinding(tx, user.id, Way.PASSWORD)
    await store.close_resets(tx, user.id, now=event.at)
    await append_event(tx, event)
    await plane.outbox.append(
        tx, PASSWORD_CHANGED_MAIL, owner_id=user.id, subject_id=user.id, version=user.epoch
    )


async def _user_of_link(tx: IdentityTx, token_hash: bytes, now: datetime) -> User:
    if (user := await _find_user_of_link(tx, token_hash, now)) is None:
        raise link_invalid()
    return user


async def _find_user_of_link(tx: IdentityTx, token_hash: bytes, now: datetime) -> User | None:
    owner = await store.find_user_of_link(tx, token_hash, now=now)
    return await find_user(tx, owner) if owner else None


def _requested(user: UserId, asked: PasswordReset) -> SecurityEvent:
    return SecurityEvent(
        user_id=user,
        type=SecurityEventType.RESET_REQUESTED,
        outcome=Outcome.SUCCESS,
        at=asked.created_at,
        request_id=asked.request_id,
        source_address=asked.source_address,
        details={},
    )


def _parse_change(current: SecretText, new: SecretText, rules: PasswordRules) -> SecretText:
    """Read what was typed, so that neither costs a hash if it can be no password."""
    faults = Faults()
    faults.take("currentPassword", normalise_password, current.reveal())
    wanted = take_new_password(faults, "newPassword", new, rules)
    faults.settle()
    return wanted
