"""Use cases by which a person becomes a user: asking, being written to, and proving the address."""

from dataclasses import dataclass
from datetime import timedelta

from uuid_utils import uuid7

from domicile.identity.addresses.store import find_release
from domicile.identity.events.domain import SecurityEventType, security_event
from domicile.identity.events.store import append_event
from domicile.identity.links import HOUR, MAILS_PER_HOUR, link_invalid
from domicile.identity.outbox import SIGN_UP_MAIL
from domicile.identity.passwords.domain import NewHash
from domicile.identity.passwords.service import PasswordRules, rules_for, screen_password, take_new_password
from domicile.identity.passwords.store import put_hash
from domicile.identity.plane import IdentityPlane
from domicile.identity.registration import store
from domicile.identity.registration.domain import SignUp, user_from
from domicile.identity.throttling.service import remember_source, trying_nobodys
from domicile.identity.users.domain import Profile, User, take_profile
from domicile.identity.users.store import find_user_by_email, insert_user
from domicile.infra.databases import IdentityTx
from domicile.infra.email_address import parse_email_address
from domicile.infra.secrets import SecretText, new_link_token
from domicile.kernel.callers import Origin
from domicile.kernel.email_address import EmailAddress
from domicile.kernel.faults import Faults
from domicile.kernel.ids import UserId


@dataclass(frozen=True, slots=True)
class WantedSignUp:
    """What a sign-up asks for, as it was typed; None: the default."""

    email: str
    name: str
    password: SecretText
    locale: str | None
    time_zone: str | None


@dataclass(frozen=True, slots=True)
class SignUpMail:
    """What to tell an address of its sign-up, and the secret of the link; without one the address is a user's already."""

    sign_up: SignUp
    user: User | None
    token: SecretText | None


async def sign_up(plane: IdentityPlane, wanted: WantedSignUp) -> None:
    """Take a sign-up down; all else, also whether the address is known, comes out in the mail.

    This use case never looks whether the address is a user's, so that neither its answer nor its work can tell. Each
    sign-up has its own link and password: a stranger's, for my address, changes nothing of mine. After five in an
    hour an address is written to no more, without a word.
    """
    rules = rules_for(plane.settings, wanted.email, wanted.name, mfa_enabled=False)
    email, profile, password = _parse(wanted, rules)
    await screen_password(plane, password, rules, field="password")
    password_hash = await plane.passwords.hash(password)
    now = plane.clock()
    expires = now + timedelta(hours=plane.settings.links.verify_hours)
    new = SignUp(str(uuid7()), email, profile, password_hash, now, expires)

    async def work(tx: IdentityTx) -> None:
        if await store.count_sign_ups(tx, email.key, since=now - HOUR) >= MAILS_PER_HOUR:
            return
        await store.insert_sign_up(tx, new)
        await plane.outbox.append(tx, SIGN_UP_MAIL, owner_id=new.id, subject_id=new.id)

    await plane.database.run_tx(work)


async def verify_sign_up(plane: IdentityPlane, token: str, origin: Origin) -> User:
    """Make a user of a sign-up whose link was followed; every other sign-up for the address ends with it.

    `link-invalid` for a link that was used, has expired, or was never given out; `too-many-attempts` after too many of those.
    """
    async with trying_nobodys(plane, origin, failing="link-invalid"):
        return await _make_user(plane, token, origin)


async def _make_user(plane: IdentityPlane, token: str, origin: Origin) -> User:
    now, user_id, token_hash = plane.clock(), UserId(str(uuid7())), plane.token_hash.of(token)

    async def work(tx: IdentityTx) -> User:
        proved = await store.consume_sign_up(tx, token_hash, now=now)
        if proved is None:
            raise link_invalid()
        since = await find_release(tx, plane.token_hash, proved.email.key)
        user = user_from(proved, user_id, address_since=since, now=now)
        if not await insert_user(tx, user):
            raise link_invalid()
        await put_hash(tx, user_id, NewHash(proved.password_hash, is_short=False), now=now)
        await store.close_sign_ups(tx, proved.email.key, now=now)
        await remember_source(plane, tx, user_id, origin, now=now)
        await append_event(tx, security_event(user_id, SecurityEventType.USER_CREATED, origin, now=now))
        return user

    return await plane.database.run_tx(work)


async def prepare_sign_up_mail(plane: IdentityPlane, sign_up_id: str) -> SignUpMail | None:
    """Mint the secret of a sign-up's link, keeping its hash only; None if there is nothing left to be said.

    Where the address is a user's there is no link.
    """
    now, token = plane.clock(), SecretText(new_link_token())
    token_hash = plane.token_hash.of(token.reveal())

    async def work(tx: IdentityTx) -> SignUpMail | None:
        if (waiting := await store.find_open_sign_up(tx, sign_up_id, now=now)) is None:
            return None
        if user := await find_user_by_email(tx, waiting.email.key):
            return SignUpMail(waiting, user, None)
        await store.put_token_hash(tx, sign_up_id, token_hash)
        return SignUpMail(waiting, None, token)

    return await plane.database.run_tx(work)


async def close_known_sign_ups(plane: IdentityPlane, email: EmailAddress) -> None:
    """Close the sign-ups for an address whose user has been told of them."""
    await plane.database.run_tx(lambda tx: store.close_sign_ups(tx, email.key, now=plane.clock()))


async def forget_expired_sign_ups(plane: IdentityPlane) -> None:
    """Delete sign-ups that nobody verified in time."""
    before = plane.clock() - HOUR
    await plane.database.run_tx(lambda tx: store.forget_sign_ups(tx, before=before))


def _parse(wanted: WantedSignUp, rules: PasswordRules) -> tuple[EmailAddress, Profile, SecretText]:
    faults = Faults()
    email = faults.take("email", parse_email_address, wanted.email)
    profile = take_profile(faults, wanted.name, wanted.locale, wanted.time_zone)
    password = take_new_password(faults, "password", wanted.password, rules)
    faults.settle()
    assert email is not None
    return email, profile, password
