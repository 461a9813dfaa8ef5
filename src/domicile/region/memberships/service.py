"""Use cases about the users of an account."""

from collections.abc import Collection, Mapping

from domicile.infra.databases import RegionTx
from domicile.kernel.callers import Caller
from domicile.kernel.errors import not_found
from domicile.kernel.ids import AccountId, RoleId, UserId
from domicile.kernel.paging import Page, PageRequest
from domicile.kernel.permissions import check_not_above
from domicile.kernel.roles import Role, rules_access
from domicile.kernel.versions import Precondition
from domicile.region.access_log.store import Changed, append_access_log
from domicile.region.audit.domain import by_caller
from domicile.region.audit.store import append_audit
from domicile.region.history.domain import Facts, Remembered, member_facts
from domicile.region.history.store import append_history
from domicile.region.memberships import store
from domicile.region.memberships.domain import Member, MemberChange, last_owner
from domicile.region.outbox.store import MEMBERSHIP_INDEX
from domicile.region.plane import RegionPlane
from domicile.region.roles.service import get_role
from domicile.region.service_events.domain import Happening
from domicile.region.service_events.store import append_service_event


async def list_members(
    plane: RegionPlane, caller: Caller, page: PageRequest, *, role: RoleId | None
) -> Page[Member]:
    """List the users of the caller's account, in the order in which they joined."""
    caller.require("identity:user:read")

    async def read(tx: RegionTx) -> Page[Member]:
        if role is not None:
            await get_role(tx, plane.catalogue, caller.account_id, role, field="roleID")
        return await store.list_members(tx, caller.account_id, page, role=role)

    return await plane.database.read(read)


async def get_member(plane: RegionPlane, caller: Caller, user: UserId) -> Member:
    """Describe one user of the caller's account; `not-found` for anybody who is not one."""
    caller.require("identity:user:read")
    return await plane.database.read(lambda tx: _get(tx, caller.account_id, user))


async def name_members(plane: RegionPlane, caller: Caller, users: Collection[UserId]) -> Mapping[UserId, str]:
    """Give the names of those of some people who are users of the caller's account."""
    caller.require("identity:user:read")
    return await plane.database.read(lambda tx: store.name_members(tx, caller.account_id, users))


async def change_member(
    plane: RegionPlane, caller: Caller, user: UserId, change: MemberChange, expected: Precondition
) -> Member:
    """Give a user another role, or disable or enable them in this account only.

    Takes effect at the next request, on every credential. `last-full-access-user` if the account would be left without an enabled
    owner; `above-your-role` if the present or the new role grants more than the caller holds; `reauthentication-required` where
    power over the account is given or taken.
    """
    caller.require("identity:user:update")

    async def work(tx: RegionTx) -> Member:
        now = plane.clock()
        offered = await _check_offered(plane, tx, caller, change.role_id)
        before = await _get(tx, caller.account_id, user)
        expected(before.tag)
        held = await _check_not_above(plane, tx, caller, before)
        role, state = change.role_id or before.role_id, change.state or before.state
        if (role, state) == (before.role_id, before.state):
            return before
        _check_power(caller, held, offered or held)
        became = member_facts(role, state)
        version = await log_membership_change(plane, tx, caller.account_id, user, became)
        if not await store.update_member(
            tx, caller.account_id, user, role=role, state=state, version=version, now=now
        ):
            raise last_owner()
        former = {"formerRoleID": before.role_id, "formerState": before.state}
        details = {"userID": user, "roleID": role, "state": state} | former
        await append_audit(tx, by_caller(caller, "audit.user_updated.v1", details, now=now))
        return await _get(tx, caller.account_id, user)

    member = await plane.database.run_tx(work)
    await plane.index_now(caller.account_id)
    return member


async def remove_member(plane: RegionPlane, caller: Caller, user: UserId, expected: Precondition) -> None:
    """End a membership, never the person.

    `last-full-access-user` if the account would be left without an enabled owner; `above-your-role` for a user who holds more than
    the caller; `reauthentication-required` where that takes power over the account. Everybody who may remove users may remove
    themselves.
    """
    caller.require("identity:user:delete")

    async def work(tx: RegionTx) -> None:
        now = plane.clock()
        before = await _get(tx, caller.account_id, user)
        expected(before.tag)
        _check_power(caller, await _check_not_above(plane, tx, caller, before))
        version = await log_membership_change(plane, tx, caller.account_id, user, None)
        if not await store.end_membership(tx, caller.account_id, user, version=version, now=now):
            raise last_owner()
        details = {"userID": user, "formerRoleID": before.role_id}
        await append_audit(tx, by_caller(caller, "audit.user_deleted.v1", details, now=now))

    await plane.database.run_tx(work)
    await plane.index_now(caller.account_id)


async def log_membership_change(
    plane: RegionPlane, tx: RegionTx, account: AccountId, user: UserId, became: Facts | None
) -> int:
    """Announce what a membership becomes (None: it ends) to all copies, here and in the directory; gives its new version."""
    now = plane.clock()
    version = await append_access_log(
        tx, Changed.MEMBERSHIP, account, user, now=now, bump=plane.bump_access_log, revokes=True
    )
    await append_history(tx, account, Remembered.MEMBERSHIP, user, seq=version, facts=became, now=now)
    await plane.outbox.append(tx, MEMBERSHIP_INDEX, owner_id=account, subject_id=user, version=version)
    if became is None:
        await append_service_event(plane, tx, Happening.MEMBER_REMOVED, account, user, seq=version)
    return version


async def _check_offered(
    plane: RegionPlane, tx: RegionTx, caller: Caller, role: RoleId | None
) -> Role | None:
    if role is None:
        return None
    offered = await get_role(tx, plane.catalogue, caller.account_id, role, field="roleID")
    check_not_above(offered, caller.role)
    return offered


async def _check_not_above(plane: RegionPlane, tx: RegionTx, caller: Caller, target: Member) -> Role:
    """Refuse to change who holds more than the caller: the place of a superior is not theirs to narrow. Gives the role held."""
    if target.role_id == caller.role_id:
        return caller.role
    held = await get_role(tx, plane.catalogue, caller.account_id, target.role_id)
    if target.user_id != caller.principal.id:
        check_not_above(held, caller.role)
    return held


def _check_power(caller: Caller, *roles: Role) -> None:
    """Ask who gives or takes power over the account to have shown lately who they are."""
    if any(map(rules_access, roles)):
        caller.require_fresh()


async def _get(tx: RegionTx, account: AccountId, user: UserId) -> Member:
    if (member := await store.find_member(tx, account, user)) is None:
        raise not_found("user")
    return member
