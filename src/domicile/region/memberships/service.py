"""Use cases about the users of an account."""

from domicile.infra.databases import RegionTx
from domicile.kernel.callers import Caller
from domicile.kernel.errors import not_found
from domicile.kernel.ids import AccountId, RoleId, UserId
from domicile.kernel.paging import Page, PageRequest
from domicile.kernel.permissions import check_not_above
from domicile.kernel.versions import Precondition
from domicile.region.access_log.store import Changed, append_access_log
from domicile.region.audit.domain import by_caller
from domicile.region.audit.store import append_audit
from domicile.region.memberships import store
from domicile.region.memberships.domain import Member, MemberChange, last_owner
from domicile.region.outbox.store import MEMBERSHIP_INDEX
from domicile.region.plane import RegionPlane
from domicile.region.roles.domain import get_role


async def list_members(
    plane: RegionPlane, caller: Caller, page: PageRequest, *, role: RoleId | None
) -> Page[Member]:
    """List the users of the caller's account, in the order in which they joined."""
    caller.require("identity:user:read")
    return await plane.database.read(lambda tx: store.list_members(tx, caller.account_id, page, role=role))


async def get_member(plane: RegionPlane, caller: Caller, user: UserId) -> Member:
    """Describe one user of the caller's account; `not-found` for anybody who is not one."""
    caller.require("identity:user:read")
    return await plane.database.read(lambda tx: _get(tx, caller.account_id, user))


async def change_member(
    plane: RegionPlane, caller: Caller, user: UserId, change: MemberChange, expected: Precondition
) -> Member:
    """Give a user another role, or disable or enable them in this account only.

    Takes effect at the next request, on every credential. `last-full-access-user` if the account would be left without an enabled
    owner; `above-your-role` if the role grants more than the caller holds.
    """
    caller.require("identity:user:update")
    if change.role_id is not None:
        check_not_above(get_role(change.role_id, field="roleID"), caller.role)

    async def work(tx: RegionTx) -> Member:
        now = plane.clock()
        before = await _get(tx, caller.account_id, user)
        expected(before.tag)
        role, state = change.role_id or before.role_id, change.state or before.state
        if (role, state) == (before.role_id, before.state):
            return before
        version = await log_membership_change(plane, tx, caller.account_id, user)
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
    """End a membership, never the person; `last-full-access-user` if the account would be left without an enabled owner."""
    caller.require("identity:user:delete")

    async def work(tx: RegionTx) -> None:
        now = plane.clock()
        before = await _get(tx, caller.account_id, user)
        expected(before.tag)
        version = await log_membership_change(plane, tx, caller.account_id, user)
        if not await store.end_membership(tx, caller.account_id, user, version=version, now=now):
            raise last_owner()
        details = {"userID": user, "formerRoleID": before.role_id}
        await append_audit(tx, by_caller(caller, "audit.user_deleted.v1", details, now=now))

    await plane.database.run_tx(work)
    await plane.index_now(caller.account_id)


async def log_membership_change(plane: RegionPlane, tx: RegionTx, account: AccountId, user: UserId) -> int:
    """Announce a change of a membership to all copies, here and in the directory; gives the membership's new version."""
    version = await append_access_log(
        tx, Changed.MEMBERSHIP, account, user, now=plane.clock(), bump=plane.bump_access_log
    )
    await plane.outbox.append(tx, MEMBERSHIP_INDEX, owner_id=account, subject_id=user, version=version)
    return version


async def _get(tx: RegionTx, account: AccountId, user: UserId) -> Member:
    if (member := await store.find_member(tx, account, user)) is None:
        raise not_found("user")
    return member
