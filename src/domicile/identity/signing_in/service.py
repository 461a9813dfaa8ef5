"""Use cases of signing in: at once, or step by step; who fails is told one thing, after the same work, whoever they are."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from uuid_utils import uuid7

from domicile.identity.events.domain import (
    NOBODY,
    Outcome,
    SecurityEvent,
    SecurityEventType,
    security_event,
)
from domicile.identity.events.store import append_event
from domicile.identity.known_devices.service import device_mark
from domicile.identity.passkeys.domain import Ceremony, Shown
from domicile.identity.passkeys.service import (
    are_possible,
    begin_assertion,
    passkeys_unavailable,
    use_assertion,
)
from domicile.identity.passwords.domain import NewHash, normalise_password
from domicile.identity.passwords.service import renewed_hash
from domicile.identity.passwords.store import renew_hash
from domicile.identity.plane import IdentityPlane
from domicile.identity.second_factors.service import list_ways, use_code, way_of_code
from domicile.identity.signing_in import store
from domicile.identity.signing_in.beginning import SignedIn, begin_session
from domicile.identity.signing_in.domain import (
    SignIn,
    after_password,
    first_ways,
    new_sign_in,
    steps_of,
)
from domicile.identity.signing_in.stages import Begun, Described
from domicile.identity.throttling.domain import Subject
from domicile.identity.throttling.service import (
    Attempt,
    Prospect,
    look_ahead,
    note_sign_in,
    remember_source,
    settle_success,
    trying,
    trying_nobodys,
)
from domicile.identity.users.domain import User, UserState
from domicile.identity.users.store import find_user
from domicile.infra.databases import IdentityTx
from domicile.infra.email_address import parse_email_address
from domicile.infra.secrets import SecretText, has_checksum, with_checksum
from domicile.kernel.callers import MFA, Origin, user_leaving
from domicile.kernel.clock import whole_seconds
from domicile.kernel.email_address import EmailAddress
from domicile.kernel.errors import DomainError, ErrorKind, unauthenticated
from domicile.kernel.faults import Faults
from domicile.kernel.ids import UserId, random_base62
from domicile.kernel.methods import Way, joined, methods_of

TOKEN_PREFIX = "dmi_"  # noqa: S105  # what tells the token of a sign-in under way from others
_TOKEN_LENGTH = len(TOKEN_PREFIX) + 43 + 6


@dataclass(frozen=True, slots=True)
class _Checked:
    """Whose password was right, and their hash made anew if the kept one is outdated."""

    candidate: store.Candidate
    renewed: NewHash | None

    @property
    def user(self) -> User:
        return self.candidate.user


async def begin_sign_in(plane: IdentityPlane, email: str | None) -> Begun:
    """Begin a sign-in, with an address or, for a passkey, without one.

    Nobody looks here whose the address is: the answer and the work are the same for every one. It is kept sealed, until the sign-in
    is over. `passkeys-unavailable` without an address, where there are none.
    """
    faults = Faults()
    address = faults.take("email", parse_email_address, email)
    faults.settle()
    has_passkeys = are_possible(plane)
    if address is None and not has_passkeys:
        raise passkeys_unavailable()
    now, sign_in_id, token = plane.clock(), str(uuid7()), _new_token()
    sealed = None
    if address is not None:
        sealed = plane.sealer.seal(address.shown.encode(), context=_context(sign_in_id))
    begun = new_sign_in(sign_in_id, sealed, now=now)

    async def work(tx: IdentityTx) -> Ceremony | None:
        asked = await _ask_for_passkey(plane, tx, begun, now) if has_passkeys else None
        await store.insert_sign_in(tx, _asking(begun, asked), _hash_of(plane, token))
        return asked

    asked = await plane.database.run_tx(work)
    ways = first_ways(has_address=address is not None, has_passkeys=has_passkeys)
    return Begun(token, begun.expires_at, ways, asked)


async def describe_sign_in(plane: IdentityPlane, token: SecretText) -> Described:
    """Tell what the page of the next step shows of a sign-in, with a passkey ceremony of its own; `sign-in-over`."""
    token_hash, now = _hash_of(plane, token), plane.clock()

    async def work(tx: IdentityTx) -> Described:
        begun = await store.find_sign_in(tx, token_hash, now=now)
        if begun is None:
            raise sign_in_over()
        address = _address_of(plane, begun).shown if begun.sealed_address is not None else ""
        if begun.user_id is not None:
            ways = await list_ways(plane, tx, begun.user_id)
        else:
            ways = first_ways(has_address=bool(address), has_passkeys=are_possible(plane))
        asked = await _ask_for_passkey(plane, tx, begun, now) if Way.PASSKEY in ways else None
        await store.put_challenge(tx, begun.id, asked.challenge_id if asked else "")
        return Described(begun.step, address, ways, asked)

    return await plane.database.run_tx(work)


async def sign_in(
    plane: IdentityPlane, email: str, password: SecretText, origin: Origin, *, code: SecretText | None = None
) -> SignedIn:
    """Begin a session at once, for who knows the password of an address and, if they have a second factor, a code of it.

    An unknown address, a wrong password, a wrong code and a person who may not sign in are one answer, `sign-in-failed`; the first
    two after the same work. `too-many-attempts` after too many of them, counted apart for passwords and each kind of code, alike for known
    and unknown addresses. `second-factor-required`, with a sign-in to go on with, for who
    knows the password and gave no code; `user-leaving` for who knows the password of a user that is being deleted.
    """
    faults = Faults()
    address = faults.take("email", parse_email_address, email)
    typed = faults.take("password", normalise_password, password.reveal())
    faults.settle()
    assert address is not None
    candidate, prospect = await plane.database.read(lambda tx: _look_up(plane, tx, address, origin))
    async with trying(plane, prospect, failing="sign-in-failed") as attempt:
        checked = await _check_password(plane, candidate, password, SecretText(typed or ""), origin)
        if not checked.user.mfa_enabled:
            return await _finish(plane, checked, origin, attempt)
        await settle_success(plane, attempt)
    if code is None:
        raise second_factor_required(await _begin_second_step(plane, checked))
    return await _finish_with_code(plane, checked, code, origin)


async def show_password(
    plane: IdentityPlane, token: SecretText, password: SecretText, origin: Origin
) -> SignedIn | Begun:
    """Take the step of the password: a session for who has no second factor, else a new token for the next step.

    `sign-in-failed` for a wrong one, as for an unknown address, after the same work; `sign-in-over` for a token that is late, was used,
    or belongs to another step.
    """
    faults = Faults()
    typed = faults.take("password", normalise_password, password.reveal())
    faults.settle()
    token_hash, now = _hash_of(plane, token), plane.clock()

    async def find(tx: IdentityTx) -> tuple[SignIn, store.Candidate | None, Prospect]:
        begun = await store.count_try(tx, token_hash, steps_of(Way.PASSWORD), now=now)
        if begun is None or begun.sealed_address is None:
            raise sign_in_over()
        return begun, *await _look_up(plane, tx, _address_of(plane, begun), origin)

    begun, candidate, prospect = await plane.database.run_tx(find)
    async with (
        _keeping_tries(plane, token_hash),
        trying(plane, prospect, failing="sign-in-failed") as attempt,
    ):
        checked = await _check_password(plane, candidate, password, SecretText(typed or ""), origin)
        if not checked.user.mfa_enabled:
            return await _finish(plane, checked, origin, attempt, under_way=(begun.id, token_hash))
        await settle_success(plane, attempt)
    return await _advance(plane, begun, token_hash, checked)


async def show_code(
    plane: IdentityPlane, token: SecretText, way: Way, code: SecretText, origin: Origin
) -> SignedIn:
    """Take the second step with a code of an app, or with a recovery code.

    `sign-in-failed` for one that is wrong, late, or was used; `sign-in-over` for a token that is late, was used, or belongs to another
    step, after too many codes, and for who has got another password meanwhile.
    """
    token_hash, now = _hash_of(plane, token), plane.clock()
    prospect = await plane.database.read(lambda tx: _look_ahead(plane, tx, token_hash, way, origin))

    async def work(tx: IdentityTx, attempt: Attempt) -> SignedIn | None:
        begun = await store.count_try(tx, token_hash, steps_of(way), now=now)
        user = await _current_user(tx, begun)
        methods = await use_code(plane, tx, user.id, way, code, origin=origin, now=now)
        if begun is None or methods is None:
            await append_event(tx, _refused(user.id, origin, now, way))
            return None
        if not await store.finish_sign_in(tx, begun.id, token_hash, now=now):
            raise sign_in_over()
        await note_sign_in(tx, attempt, user.id, now=now)
        return await _begin(plane, tx, user, joined(begun.methods, methods), origin, now=now)

    async with trying(plane, prospect, failing="sign-in-failed") as attempt:
        made = await plane.database.run_tx(lambda tx: work(tx, attempt))
        if made is None:
            raise _code_wrong()
        return made


async def show_passkey(
    plane: IdentityPlane, token: SecretText, credential: Mapping[str, Any], origin: Origin
) -> SignedIn:
    """Take a step with a passkey: the first one, which names its person and verified them, or the second, of the person of the password.

    `sign-in-failed` for an answer that is not good, whatever the reason; `sign-in-over`. A ceremony is answered once, right or wrong.
    `too-many-attempts` after too many that were wrong, of a person or, where none is named yet, of an address; the ceremony is good still.
    """
    token_hash, now = _hash_of(plane, token), plane.clock()

    async def work(tx: IdentityTx, attempt: Attempt | None) -> SignedIn | None:
        begun = await store.count_try(tx, token_hash, steps_of(Way.PASSKEY), now=now)
        if begun is None:
            raise sign_in_over()
        if begun.user_id is not None:
            await _current_user(tx, begun)
        shown = await use_assertion(
            plane,
            tx,
            challenge_id=begun.challenge_id,
            binding=_binding(begun),
            credential=credential,
            user=begun.user_id,
            origin=origin,
            now=now,
        )
        if shown is None:
            await append_event(tx, _refused(begun.user_id or NOBODY, origin, now, Way.PASSKEY))
            return None
        return await _finish_with_passkey(plane, tx, begun, token_hash, shown, attempt=attempt, origin=origin)

    async with _trying_passkey(plane, token_hash, origin) as attempt:
        made = await plane.database.run_tx(lambda tx: work(tx, attempt))
        if made is None:
            raise _passkey_wrong()
        return made


async def forget_old_sign_ins(plane: IdentityPlane, *, at_once: int = 1000) -> None:
    """Delete the sign-ins that are over, `at_once` in a transaction: anybody can begin one, and a flood of them holds nobody up here."""
    now, forgotten = plane.clock(), at_once
    while forgotten == at_once:
        forgotten = await plane.database.run_tx(
            lambda tx: store.forget_sign_ins(tx, at_most=at_once, now=now)
        )


def second_factor_required(begun: Begun) -> DomainError:
    """Make the refusal of who knows their password and has to show more; it holds what to go on with."""
    return DomainError(
        ErrorKind.UNAUTHENTICATED,
        "second-factor-required",
        "Show your second factor, too: send `code` with the password, or go on at POST /api/sign-in/code.",
        facts={
            "signIn": begun.token.reveal(),
            "expires": whole_seconds(begun.expires_at),
            "ways": [str(way) for way in begun.ways],
            **({"passkey": begun.passkey.options} if begun.passkey else {}),
        },
    )


def sign_in_over() -> DomainError:
    """Make the one refusal of a sign-in that is over: late, used, out of order, or never begun."""
    return unauthenticated("sign-in-over", "This sign-in is over: begin anew.")


async def _look_up(
    plane: IdentityPlane, tx: IdentityTx, address: EmailAddress, origin: Origin
) -> tuple[store.Candidate | None, Prospect]:
    """Find who may be signing in, and what was tried of them lately, or of the address if it is nobody's."""
    candidate = await store.find_candidate(tx, address.key, device_mark(plane, origin))
    subject = Subject.of_user(candidate.user.id) if candidate else Subject.of_address(address.key)
    return candidate, await look_ahead(plane, tx, subject, Way.PASSWORD, origin)


async def _look_ahead(
    plane: IdentityPlane, tx: IdentityTx, token_hash: bytes, way: Way, origin: Origin
) -> Prospect:
    """Find what was tried lately of the factor of whose sign-in it is; `sign-in-over` in another step."""
    begun = await store.find_sign_in(tx, token_hash, now=plane.clock())
    if begun is None or begun.user_id is None:
        raise sign_in_over()
    return await look_ahead(plane, tx, Subject.of_user(begun.user_id), way, origin)


@asynccontextmanager
async def _trying_passkey(
    plane: IdentityPlane, token_hash: bytes, origin: Origin
) -> AsyncGenerator[Attempt | None]:
    """Count against whom the password named, or against the range (None) while nobody is named; `sign-in-over`."""

    async def find(tx: IdentityTx) -> Prospect | None:
        begun = await store.find_sign_in(tx, token_hash, now=plane.clock())
        if begun is None:
            raise sign_in_over()
        if begun.user_id is None:
            return None
        return await look_ahead(plane, tx, Subject.of_user(begun.user_id), Way.PASSKEY, origin)

    if (prospect := await plane.database.read(find)) is None:
        async with trying_nobodys(plane, origin, failing="sign-in-failed"):
            yield None
    else:
        async with trying(plane, prospect, failing="sign-in-failed") as attempt:
            yield attempt


@asynccontextmanager
async def _keeping_tries(plane: IdentityPlane, token_hash: bytes) -> AsyncGenerator[None]:
    """Give a sign-in its try back where the one inside was refused before it was verified."""
    try:
        yield
    except DomainError as error:
        if error.kind is ErrorKind.OVERLOADED:
            await plane.database.run_tx(lambda tx: store.give_try_back(tx, token_hash))
        raise


async def _check_password(
    plane: IdentityPlane,
    candidate: store.Candidate | None,
    typed: SecretText,
    normalised: SecretText,
    origin: Origin,
) -> _Checked:
    kept = candidate.hash if candidate else None
    matches = await plane.passwords.verify(normalised, kept, as_typed=typed)
    if candidate is None or not matches:
        owner = candidate.user.id if candidate else NOBODY
        event = _refused(owner, origin, plane.clock())
        await plane.database.run_tx(lambda tx: append_event(tx, event))
        raise _sign_in_failed()
    if candidate.user.state is UserState.LEAVING:
        raise user_leaving()
    return _Checked(candidate, await renewed_hash(plane, normalised, candidate.hash, typed=typed))


async def _finish(
    plane: IdentityPlane,
    checked: _Checked,
    origin: Origin,
    attempt: Attempt,
    *,
    under_way: tuple[str, bytes] | None = None,
) -> SignedIn:
    """Sign in whose password is all that they have; `under_way` is the sign-in that this uses up."""
    now, user = plane.clock(), checked.user

    async def work(tx: IdentityTx) -> SignedIn | None:
        if under_way is not None and not await store.finish_sign_in(tx, *under_way, now=now):
            raise sign_in_over()
        methods, earlier = methods_of(Way.PASSWORD), checked.candidate.earlier
        made = await begin_session(plane, tx, user, methods, origin, earlier=earlier, now=now)
        if made is not None:
            await note_sign_in(tx, attempt, user.id, now=now)
            await _renew_hash(tx, checked)
        return made

    made = await plane.database.run_tx(work)
    if made is None:
        raise _sign_in_failed()
    return made


async def _finish_with_code(
    plane: IdentityPlane, checked: _Checked, code: SecretText, origin: Origin
) -> SignedIn:
    way, now, user = way_of_code(code) or Way.TOTP, plane.clock(), checked.user
    subject = Subject.of_user(user.id)
    prospect = await plane.database.read(lambda tx: look_ahead(plane, tx, subject, way, origin))

    async def work(tx: IdentityTx, attempt: Attempt) -> SignedIn | None:
        shown = await use_code(plane, tx, user.id, way, code, origin=origin, now=now)
        if shown is None:
            await append_event(tx, _refused(user.id, origin, now, way))
            return None
        made = await _begin(plane, tx, user, joined(methods_of(Way.PASSWORD), shown), origin, now=now)
        await note_sign_in(tx, attempt, user.id, now=now)
        await _renew_hash(tx, checked)
        return made

    async with trying(plane, prospect, failing="sign-in-failed") as attempt:
        made = await plane.database.run_tx(lambda tx: work(tx, attempt))
        if made is None:
            raise _sign_in_failed()
        return made


async def _finish_with_passkey(
    plane: IdentityPlane,
    tx: IdentityTx,
    begun: SignIn,
    token_hash: bytes,
    shown: Shown,
    *,
    attempt: Attempt | None,
    origin: Origin,
) -> SignedIn:
    now, user = plane.clock(), await find_user(tx, shown.user_id)
    if user is not None and user.state is UserState.LEAVING:
        raise user_leaving()
    methods = joined(begun.methods, shown.methods)
    if user is None or MFA not in methods:
        raise sign_in_over()
    if not await store.finish_sign_in(tx, begun.id, token_hash, now=now):
        raise sign_in_over()
    if attempt is None:
        await remember_source(plane, tx, user.id, origin, now=now)
    else:
        await note_sign_in(tx, attempt, user.id, now=now)
    return await _begin(plane, tx, user, methods, origin, now=now)


async def _begin_second_step(plane: IdentityPlane, checked: _Checked) -> Begun:
    """Begin a sign-in that is in its second step already."""
    now, token, user = plane.clock(), _new_token(), checked.user
    begun = new_sign_in(str(uuid7()), None, now=now)
    second = after_password(begun, user.id, user.epoch, methods_of(Way.PASSWORD))

    async def work(tx: IdentityTx) -> Begun:
        ways = await list_ways(plane, tx, user.id)
        asked = await _ask_for_passkey(plane, tx, second, now) if Way.PASSKEY in ways else None
        await store.insert_sign_in(tx, _asking(second, asked), _hash_of(plane, token))
        await _renew_hash(tx, checked)
        return Begun(token, second.expires_at, ways, asked)

    return await plane.database.run_tx(work)


async def _advance(plane: IdentityPlane, begun: SignIn, token_hash: bytes, checked: _Checked) -> Begun:
    now, token, user = plane.clock(), _new_token(), checked.user
    second = after_password(begun, user.id, user.epoch, methods_of(Way.PASSWORD))

    async def work(tx: IdentityTx) -> Begun:
        ways = await list_ways(plane, tx, user.id)
        asked = await _ask_for_passkey(plane, tx, second, now) if Way.PASSKEY in ways else None
        advanced, new_hash = _asking(second, asked), _hash_of(plane, token)
        if not await store.advance_sign_in(tx, token_hash, advanced, new_hash, now=now):
            raise sign_in_over()
        await _renew_hash(tx, checked)
        return Begun(token, second.expires_at, ways, asked)

    return await plane.database.run_tx(work)


async def _begin(
    plane: IdentityPlane,
    tx: IdentityTx,
    user: User,
    methods: tuple[str, ...],
    origin: Origin,
    *,
    now: datetime,
) -> SignedIn:
    """Begin the session; if that may not be, nothing that was shown counts as used."""
    made = await begin_session(plane, tx, user, methods, origin, now=now)
    if made is None:
        raise sign_in_over()
    return made


async def _current_user(tx: IdentityTx, begun: SignIn | None) -> User:
    """Give whose sign-in it is, as they are now; `sign-in-over` if their credentials are not those that were checked."""
    user = await find_user(tx, begun.user_id) if begun is not None and begun.user_id is not None else None
    if begun is None or user is None or user.epoch != begun.epoch or user.state is not UserState.ENABLED:
        raise sign_in_over()
    return user


async def _ask_for_passkey(plane: IdentityPlane, tx: IdentityTx, begun: SignIn, now: datetime) -> Ceremony:
    """Ask for any passkey that verifies its user or, once the password was right, for one of this person's."""
    needs_uv = begun.user_id is None
    return await begin_assertion(
        plane, tx, user=begun.user_id, binding=_binding(begun), needs_uv=needs_uv, now=now
    )


def _asking(begun: SignIn, asked: Ceremony | None) -> SignIn:
    return replace(begun, challenge_id=asked.challenge_id if asked else "")


def _binding(begun: SignIn) -> str:
    """Bind a ceremony to one step of one sign-in."""
    return f"sign-in {begun.id} {begun.step}"


async def _renew_hash(tx: IdentityTx, checked: _Checked) -> None:
    if checked.renewed is not None:
        await renew_hash(tx, checked.user.id, checked.candidate.hash, checked.renewed)


def _refused(user: UserId, origin: Origin, now: datetime, way: Way | None = None) -> SecurityEvent:
    """Describe a refused sign-in: of a known person, or of nobody, at the same cost."""
    details = {"way": str(way)} if way else None
    type_ = SecurityEventType.SIGNED_IN
    return security_event(user, type_, origin, now=now, outcome=Outcome.REFUSED, details=details)


def _address_of(plane: IdentityPlane, begun: SignIn) -> EmailAddress:
    assert begun.sealed_address is not None
    opened = plane.sealer.open(begun.sealed_address, context=_context(begun.id))
    return parse_email_address(opened.decode())


def _context(sign_in_id: str) -> str:
    return f"sign-in {sign_in_id}"


def _new_token() -> SecretText:
    return SecretText(with_checksum(TOKEN_PREFIX + random_base62(43)))


def _hash_of(plane: IdentityPlane, token: SecretText) -> bytes:
    """Hash a token; `sign-in-over`, without a question to the database, for what cannot be one."""
    text = token.reveal()
    if not (text.startswith(TOKEN_PREFIX) and len(text) == _TOKEN_LENGTH and has_checksum(text)):
        raise sign_in_over()
    return plane.code_hash.of(f"sign-in {text}")


def _sign_in_failed() -> DomainError:
    return unauthenticated("sign-in-failed", "That e-mail address and password do not belong together.")


def _passkey_wrong() -> DomainError:
    return unauthenticated(
        "sign-in-failed", "That passkey did not sign you in: begin anew, or use another way."
    )


def _code_wrong() -> DomainError:
    return unauthenticated("sign-in-failed", "That code is not right, or was used before.")
