"""Use cases about a person's second factors of every kind, and the one rule of what follows when they change."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from domicile.identity.events.domain import security_event
from domicile.identity.events.store import append_event
from domicile.identity.factors.domain import (
    Factor,
    FactorAct,
    FactorChange,
    FactorKind,
    OwnFactors,
    Removal,
    check_factor_name,
)
from domicile.identity.notices.service import append_notice, whereabouts
from domicile.identity.passkeys import store as passkeys
from domicile.identity.passwords.service import password_too_short_alone
from domicile.identity.passwords.store import is_short
from domicile.identity.plane import IdentityPlane
from domicile.identity.recovery_codes.store import delete_codes, find_code_set
from domicile.identity.sessions.service import count_other_sessions
from domicile.identity.totp import store as totp
from domicile.identity.users.domain import User
from domicile.identity.users.store import find_user, set_mfa_enabled
from domicile.infra.databases import IdentityTx
from domicile.kernel.callers import Person
from domicile.kernel.errors import not_found
from domicile.kernel.faults import Faults
from domicile.kernel.ids import UserId


@dataclass(frozen=True, slots=True)
class _Keeping:
    """How the factors of one kind are kept: of a person, those that count."""

    list_of: Callable[[IdentityTx, UserId], Awaitable[tuple[Factor, ...]]]
    rename: Callable[[IdentityTx, UserId, str, str], Awaitable[bool]]
    """False if the person has none of that id."""
    remove: Callable[[IdentityTx, UserId, str], Awaitable[str | None]]
    """Gives the name that it had, in one statement; None if the person has none of that id."""
    forget: Callable[[IdentityTx, UserId], Awaitable[None]]
    """Deletes all of them, those too that do not count yet."""


async def list_own_factors(plane: IdentityPlane, person: Person) -> OwnFactors:
    """List the caller's second factors and what is left of their recovery codes."""
    return await plane.database.read(lambda tx: read_factors(tx, person.user_id))


async def read_factors(tx: IdentityTx, user: UserId) -> OwnFactors:
    """Read all that a person has beside their password."""
    return OwnFactors(await _list_factors(tx, user), await find_code_set(tx, user))


async def rename_factor(plane: IdentityPlane, person: Person, factor_id: str, name: str) -> Factor:
    """Call one of the caller's factors something else; `not-found` for one that is gone, or somebody else's.

    What it proves stays the same: it needs no freshness and is no reason for a mail, but an event.
    """
    called = parse_factor_name(name)

    async def work(tx: IdentityTx) -> Factor:
        factor = await _find_factor(tx, person.user_id, factor_id)
        if factor is None or not await _KEPT[factor.kind].rename(tx, person.user_id, factor_id, called):
            raise not_found("factor")
        if called != factor.name:
            await settle_factors(plane, tx, _change_of(FactorAct.RENAMED, person, factor, called, plane))
        return replace(factor, name=called)

    return await plane.database.run_tx(work)


async def remove_factor(plane: IdentityPlane, person: Person, factor_id: str) -> Removal:
    """Remove one of the caller's factors, for who has used one lately (`reauthentication-required`); the person is told by mail.

    `not-found` for one that is gone, or somebody else's. The caller's other sessions go on: how many there are is told, so that
    they can be ended (OWASP ASVS 5.0, 7.4.3).
    """
    now = plane.clock()
    person.require_fresh(now)

    async def work(tx: IdentityTx) -> Removal:
        factor = await _find_factor(tx, person.user_id, factor_id)
        if factor is None or await _KEPT[factor.kind].remove(tx, person.user_id, factor_id) is None:
            raise not_found("factor")
        user = await settle_factors(
            plane, tx, _change_of(FactorAct.REMOVED, person, factor, factor.name, plane)
        )
        others = await count_other_sessions(plane, tx, user.id, but=person.session_id, now=now)
        return Removal(user, others)

    removal = await plane.database.run_tx(work)
    await plane.tell_regions()
    return removal


async def settle_factors(plane: IdentityPlane, tx: IdentityTx, change: FactorChange) -> User:
    """Do what follows from a change of a person's factors, in its transaction; whoever calls it lets the regions know after the commit.

    It writes the event and, but for a new name, the notice; notes whether the person has a second factor at all; and takes the
    recovery codes away with the last one, because they stand in for a factor and are none. Sessions and tokens go on: what was
    shown in them was shown.
    """
    await _write_down(plane, tx, change)
    user = await find_user(tx, change.user_id)
    if user is None:
        raise not_found("user")
    has_factor = bool(await _list_factors(tx, user.id))
    if not has_factor:
        await _check_password_alone(tx, user.id)
        await delete_codes(tx, user.id)
    if user.mfa_enabled == has_factor:
        return user
    return await set_mfa_enabled(tx, user.id, has_factor=has_factor, now=change.at)


async def forget_factors(tx: IdentityTx, user: UserId) -> tuple[Factor, ...]:
    """Delete every second factor and recovery code of a person, without a word; gives what counted of them."""
    had = await _list_factors(tx, user)
    for keeping in _KEPT.values():
        await keeping.forget(tx, user)
    await delete_codes(tx, user)
    return had


async def _check_password_alone(tx: IdentityTx, user: UserId) -> None:
    """Refuse (`password-too-short-alone`) to leave a password alone that was accepted because there was a second factor."""
    if await is_short(tx, user):
        raise password_too_short_alone()


def parse_factor_name(name: str) -> str:
    """Read what a person calls a factor; `invalid-input` says what is wrong with it."""
    faults = Faults()
    called = faults.take("name", check_factor_name, name)
    faults.settle()
    return called or ""


async def _write_down(plane: IdentityPlane, tx: IdentityTx, change: FactorChange) -> None:
    details = {"factorID": change.factor_id, "kind": change.kind.value, "name": change.name}
    details |= {"replacedID": change.replaced_id} if change.replaced_id else {}
    details |= whereabouts(change.origin)
    event = security_event(change.user_id, change.act.event, change.origin, now=change.at, details=details)
    if change.act is FactorAct.RENAMED:
        await append_event(tx, event)
    else:
        await append_notice(plane, tx, event)


async def _list_factors(tx: IdentityTx, user: UserId) -> tuple[Factor, ...]:
    found = [factor for keeping in _KEPT.values() for factor in await keeping.list_of(tx, user)]
    return tuple(sorted(found, key=lambda factor: factor.id))


async def _find_factor(tx: IdentityTx, user: UserId, factor_id: str) -> Factor | None:
    return next((each for each in await _list_factors(tx, user) if each.id == factor_id), None)


def _change_of(
    act: FactorAct, person: Person, factor: Factor, name: str, plane: IdentityPlane
) -> FactorChange:
    return FactorChange(act, person.user_id, factor.kind, factor.id, name, person.origin, plane.clock())


async def _list_apps(tx: IdentityTx, user: UserId) -> tuple[Factor, ...]:
    return tuple(
        Factor(each.id, FactorKind.TOTP, each.name, each.created_at, each.last_used_at)
        for each in await totp.list_confirmed(tx, user)
    )


async def _list_passkeys(tx: IdentityTx, user: UserId) -> tuple[Factor, ...]:
    return tuple(
        Factor(each.id, FactorKind.PASSKEY, each.name, each.created_at, each.last_used_at, each.cloned_at)
        for each in await passkeys.list_passkeys(tx, user)
    )


_KEPT: Final[Mapping[FactorKind, _Keeping]] = {
    FactorKind.TOTP: _Keeping(_list_apps, totp.rename_confirmed, totp.delete_confirmed, totp.delete_factors),
    FactorKind.PASSKEY: _Keeping(
        _list_passkeys, passkeys.rename_passkey, passkeys.delete_passkey, passkeys.delete_passkeys
    ),
}
"""Every kind of second factor. A kind's own feature is below this one; what enrols a factor of it, and settles it here, is above."""
