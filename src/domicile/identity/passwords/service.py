"""Use cases about passwords: showing again that one knows it, rating one; and what setting one asks for, wherever that is done."""

from dataclasses import dataclass
from functools import partial

from domicile.identity.events.domain import Outcome, SecurityEventType, security_event
from domicile.identity.events.store import append_event
from domicile.identity.passwords.domain import (
    NewHash,
    Rating,
    context_words,
    count_characters,
    normalise_password,
    parse_password,
    rate,
    reason_of,
)
from domicile.identity.passwords.store import find_hash
from domicile.identity.plane import IdentityPlane
from domicile.identity.throttling.domain import Subject
from domicile.identity.throttling.service import Prospect, look_ahead, settle_success, trying
from domicile.infra.databases import IdentityTx
from domicile.infra.password_settings import PasswordSettings
from domicile.infra.secrets import SecretText
from domicile.infra.settings import Settings
from domicile.kernel.callers import Origin, Person
from domicile.kernel.errors import DomainError, conflict, forbidden, invalid
from domicile.kernel.faults import Faults
from domicile.kernel.ids import UserId
from domicile.kernel.methods import Way
from domicile.kernel.text import Refused

_LONGEST_HINT = 254
"""Of the address and the name beside a password that is rated; neither is longer where it counts."""
_PLATFORM = "domicile"


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """What a new password of one person must be."""

    min_length: int
    context: tuple[str, ...]


def rules_for(settings: Settings, email: str, name: str, *, mfa_enabled: bool) -> PasswordRules:
    """Give the rules for a person who has, or has not, a second factor at this moment (NIST SP 800-63B-4, section 3.1.1.2)."""
    wanted = settings.passwords
    least = wanted.min_length_with_factor if mfa_enabled else wanted.min_length
    services = (word for service in settings.catalogue().services for word in (service.name, service.title))
    return PasswordRules(least, context_words(email, name, (_PLATFORM, settings.namespace, *services)))


def take_new_password(faults: Faults, field: str, typed: SecretText, rules: PasswordRules) -> SecretText:
    """Read a new password by the rules that need no look at any list, remembering what is wrong; gives it normalised."""
    rule = partial(parse_password, min_length=rules.min_length, context=rules.context)
    return SecretText(faults.take(field, rule, typed.reveal()) or "")


async def screen_password(
    plane: IdentityPlane, password: SecretText, rules: PasswordRules, *, field: str
) -> None:
    """Refuse a new password that is on a list or too easy to guess; `invalid-input` says why.

    Takes a thread of the hashing pool for some milliseconds and, where the operator wants it, one question over the network of two seconds
    at most: neither inside a transaction.
    """
    if weakness := await plane.screen.find_weakness(password, rules.context):
        raise invalid({field: reason_of(weakness)})


async def screen_own_password(
    plane: IdentityPlane,
    user: UserId,
    password: SecretText,
    rules: PasswordRules,
    *,
    field: str,
    act: SecurityEventType,
    origin: Origin,
) -> None:
    """Do as `screen_password` does for somebody who is known, and write a refusal down among their security events."""
    try:
        await screen_password(plane, password, rules, field=field)
    except DomainError:
        event = security_event(user, act, origin, now=plane.clock(), outcome=Outcome.REFUSED)
        await plane.database.run_tx(lambda tx: append_event(tx, event))
        raise


async def hash_password(plane: IdentityPlane, password: SecretText, *, typed: SecretText) -> NewHash:
    """Hash a normalised password that may be set, noting whether it is too short to stand alone."""
    length = count_characters(typed.reveal())
    hashed = await plane.passwords.hash(password)
    return NewHash(hashed, is_short=length < plane.settings.passwords.min_length)


async def renewed_hash(
    plane: IdentityPlane, password: SecretText, kept: str, *, typed: SecretText
) -> NewHash | None:
    """Hash a password that was just verified once more, if its hash has older parameters or is another system's; None: it is good."""
    if not plane.passwords.is_outdated(kept):
        return None
    return await hash_password(plane, password, typed=typed)


async def rate_password(
    plane: IdentityPlane, typed: SecretText, *, email: str, name: str, mfa_enabled: bool = False
) -> Rating:
    """Tell how strong a password is that somebody is typing, and whether it would be accepted, alone or beside a second factor.

    Nothing is kept or logged. Passwords that became known are not looked up: what is typed so far is nobody's yet, and the question would
    leave this machine at every key. `invalid-input` for what is longer than any password.
    """
    faults = Faults()
    password = faults.take("password", normalise_password, typed.reveal())
    for field, hint in (("email", email), ("name", name)):
        if len(hint) > _LONGEST_HINT:
            faults.add(field, f"must be at most {_LONGEST_HINT} characters long")
    faults.settle()
    rules = rules_for(plane.settings, email, name, mfa_enabled=mfa_enabled)
    strength = await plane.screen.rate(SecretText(password or ""), rules.context)
    missing = max(0, rules.min_length - count_characters(typed.reveal()))
    return rate(strength, broken_rule=_broken_rule(typed, rules), missing=missing)


def _broken_rule(typed: SecretText, rules: PasswordRules) -> str | None:
    try:
        parse_password(typed.reveal(), min_length=rules.min_length, context=rules.context)
    except Refused as refused:
        return str(refused)
    return None


async def confirm_password(
    plane: IdentityPlane, person: Person, typed: SecretText, *, field: str, act: SecurityEventType
) -> str:
    """Check the caller's present password before an act of theirs; gives the hash that it was checked against.

    This is re-authentication (OWASP ASVS 5.0, 7.5.1).
    `password-wrong` if it is another, `too-many-attempts` after too many of those; the refused act is written down. What follows must see, in its own transaction, that the hash
    is still theirs. Whoever has a second factor must have shown it lately, too (`reauthentication-required`): a password alone lowers
    no bar.
    """
    require_fresh_factor(plane, person)
    faults = Faults()
    password = faults.take(field, normalise_password, typed.reveal())
    faults.settle()
    kept, prospect = await plane.database.read(lambda tx: _look_up(plane, tx, person))
    async with trying(plane, prospect, failing="password-wrong") as attempt:
        if not await plane.passwords.verify(SecretText(password or ""), kept, as_typed=typed) or kept is None:
            now = plane.clock()
            event = security_event(person.user_id, act, person.origin, now=now, outcome=Outcome.REFUSED)
            await plane.database.run_tx(lambda tx: append_event(tx, event))
            raise password_wrong()
        await settle_success(plane, attempt)
    return kept


def require_fresh_factor(plane: IdentityPlane, person: Person) -> None:
    """Refuse (`reauthentication-required`) who has a second factor and has not shown it lately; for others the password is all there is."""
    if person.mfa_enabled:
        person.require_fresh(plane.clock())


async def _look_up(plane: IdentityPlane, tx: IdentityTx, person: Person) -> tuple[str | None, Prospect]:
    kept, subject = await find_hash(tx, person.user_id), Subject.of_session(person.user_id)
    return kept, await look_ahead(plane, tx, subject, Way.PASSWORD, person.origin)


def password_wrong() -> DomainError:
    """Make the refusal of a password that is not, or no longer, the caller's."""
    return forbidden("password-wrong", "That is not your present password.")


def password_too_short_alone() -> DomainError:
    """Make the refusal to take the last second factor away from who has a password that is short, see `store.is_short`."""
    return conflict(
        "password-too-short-alone",
        "Your password is too short to be your only way in: set a longer one first, or keep a second factor.",
    )


def too_short_without_factor(wanted: PasswordSettings, *, field: str) -> DomainError:
    """Make the refusal of a short password whose second factor was taken away while it was being set."""
    least = wanted.min_length
    return invalid(
        {field: f"must be at least {least} characters long, for there is no second factor any more"}
    )
