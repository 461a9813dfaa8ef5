"""Use cases about an account's own roles; nobody makes one that grants more than they hold, nor touches one that does."""

from dataclasses import replace

from domicile.infra.databases import RegionTx
from domicile.infra.idempotency import RequestKey
from domicile.kernel.callers import Caller
from domicile.kernel.errors import not_found
from domicile.kernel.ids import AccountId, RoleId
from domicile.kernel.permissions import check_not_above
from domicile.kernel.roles import rules_access
from domicile.kernel.versions import Precondition
from domicile.region.access_log.store import Changed, append_access_log
from domicile.region.api_keys.store import list_keys_with_role
from domicile.region.audit.domain import by_caller
from domicile.region.audit.store import append_audit
from domicile.region.history.domain import Facts, Remembered, role_facts
from domicile.region.history.store import append_history
from domicile.region.invitations.store import list_offers_of_role
from domicile.region.memberships.store import list_holders
from domicile.region.plane import RegionPlane
from domicile.region.role_management.domain import (
    MOST_NAMED,
    MOST_ROLES,
    NewRole,
    RoleChange,
    RoleWish,
    ServiceRoleReader,
    former_values,
    parse_new_role,
    parse_role_change,
    role_exists,
    role_in_use,
    role_predefined,
    too_many_roles,
)
from domicile.region.roles import store
from domicile.region.roles.domain import CustomRole, ShownRole, level_names
from domicile.region.roles.service import custom_role, find_role, list_all_roles


def _reader(plane: RegionPlane, caller: Caller) -> ServiceRoleReader:
    return ServiceRoleReader(plane.catalogue, plane.settings.namespace, plane.id, caller.account_id)


async def create_role(
    plane: RegionPlane, caller: Caller, role: str, wish: RoleWish, *, request: RequestKey | None
) -> ShownRole:
    """Make a role of the caller's account.

    `invalid-input` names every fault; `above-your-role` if it grants more than the caller holds; `role-exists`, also for the id of a predefined role; `too-many-roles`;
    `idempotency-key-reused` if the request's key came with another body.
    """
    caller.require("identity:role:create")
    new = parse_new_role(role, wish, _reader(plane, caller))
    account = caller.account_id
    check_not_above(plane.catalogue.bundle(new.id, new.name, "", new.service_roles), caller.role)

    async def work(tx: RegionTx) -> ShownRole:
        whose = {"owner_id": account, "principal_id": caller.principal.id}
        made = await plane.idempotency.recall(tx, request, CustomRole, **whose)
        if made is None:
            made = await _make(plane, tx, caller, new)
            await plane.idempotency.keep(tx, request, made, **whose)
        return custom_role(plane.catalogue, made)

    return await plane.database.run_tx(work)


async def _make(plane: RegionPlane, tx: RegionTx, caller: Caller, new: NewRole) -> CustomRole:
    if await find_role(tx, plane.catalogue, caller.account_id, new.id) is not None:
        raise role_exists()
    if await store.count_custom_roles(tx, caller.account_id) >= MOST_ROLES:
        raise too_many_roles()
    now = plane.clock()
    facts = role_facts(new.name, new.service_roles)
    version = await _log_role_change(plane, tx, caller.account_id, new.id, facts, revokes=False)
    made = CustomRole(new.id, new.name, new.description, new.service_roles, now, now, version)
    await store.insert_role(tx, caller.account_id, made)
    details = {"roleID": made.id, "name": made.name, "serviceRoles": level_names(made.service_roles)}
    await append_audit(tx, by_caller(caller, "audit.role_created.v1", details, now=now))
    return made


async def change_role(
    plane: RegionPlane, caller: Caller, role: RoleId, wish: RoleWish, expected: Precondition
) -> ShownRole:
    """Change what a role of the account's own is; holds for everybody who has it from the next request on, keys and tokens included.

    `invalid-input` names every fault; `above-your-role` if its present or its new bundle grants more than the caller holds; `role-predefined`; `stale-version`;
    `reauthentication-required` where that gives or takes power over the account.
    """
    caller.require("identity:role:update")
    change = parse_role_change(wish, _reader(plane, caller))

    async def work(tx: RegionTx) -> ShownRole:
        before = await _get_own(plane, tx, caller, role, expected)
        after = _changed(before, change)
        was, becomes = (custom_role(plane.catalogue, each).role for each in (before, after))
        check_not_above(becomes, caller.role)
        if rules_access(was) is not rules_access(becomes):
            caller.require_fresh()
        if not (changed := former_values(before, after)):
            return custom_role(plane.catalogue, before)
        now = plane.clock()
        facts = role_facts(after.name, after.service_roles)
        is_other = "serviceRoles" in changed
        version = await _log_role_change(plane, tx, caller.account_id, role, facts, revokes=is_other)
        after = replace(after, version=version, modified_at=now)
        await store.update_role(tx, caller.account_id, after)
        details = {"roleID": role, **_told(before, after, changed)}
        await append_audit(tx, by_caller(caller, "audit.role_updated.v1", details, now=now))
        return custom_role(plane.catalogue, after)

    return await plane.database.run_tx(work)


def _changed(before: CustomRole, change: RoleChange) -> CustomRole:
    return replace(
        before,
        name=before.name if change.name is None else change.name,
        description=before.description if change.description is None else change.description,
        service_roles=before.service_roles if change.service_roles is None else change.service_roles,
    )


def _told(
    before: CustomRole, after: CustomRole, changed: dict[str, tuple[object, object]]
) -> dict[str, object]:
    """Tell for audit what a role was and is, where it changed."""
    if "serviceRoles" in changed:
        changed |= {"serviceRoles": (level_names(before.service_roles), level_names(after.service_roles))}
    return {
        "former": {name: old for name, (old, _) in changed.items()},
        "changed": {name: new for name, (_, new) in changed.items()},
    }


async def delete_role(plane: RegionPlane, caller: Caller, role: RoleId, expected: Precondition) -> None:
    """Delete a role of the account's own; `role-in-use`, naming who, while anybody holds it or is offered it; `role-predefined`."""
    caller.require("identity:role:delete")

    async def work(tx: RegionTx) -> None:
        before = await _get_own(plane, tx, caller, role, expected)
        if used_by := await _users_of(plane, tx, caller.account_id, role):
            raise role_in_use(used_by)
        await _log_role_change(plane, tx, caller.account_id, role, None, revokes=False)
        await store.delete_role(tx, caller.account_id, role)
        details = {
            "roleID": role,
            "name": before.name,
            "serviceRoles": level_names(before.service_roles),
        }
        event = by_caller(caller, "audit.role_deleted.v1", details, now=plane.clock())
        await append_audit(tx, event)

    await plane.database.run_tx(work)


async def _get_own(
    plane: RegionPlane, tx: RegionTx, caller: Caller, role: RoleId, expected: Precondition
) -> CustomRole:
    found = await find_role(tx, plane.catalogue, caller.account_id, role)
    if found is None:
        raise not_found("role")
    if found.custom is None:
        raise role_predefined()
    expected(found.custom.version)
    check_not_above(found.role, caller.role)
    return found.custom


async def _users_of(plane: RegionPlane, tx: RegionTx, account: AccountId, role: RoleId) -> list[str]:
    urns = plane.urns(account)
    members = await list_holders(tx, account, role, at_most=MOST_NAMED)
    keys = await list_keys_with_role(tx, account, role, at_most=MOST_NAMED)
    offers = await list_offers_of_role(tx, account, role, at_most=MOST_NAMED)
    named = [
        *(urns.make("user", user) for user in members),
        *(urns.make("apikey", key) for key in keys),
        *(urns.make("invitation", offer) for offer in offers),
    ]
    return named[:MOST_NAMED]


async def list_matrix(plane: RegionPlane, caller: Caller) -> tuple[ShownRole, ...]:
    """List all roles of the caller's account with what each grants."""
    caller.require("identity:role:read")
    return await plane.database.read(lambda tx: list_all_roles(tx, plane.catalogue, caller.account_id))


async def _log_role_change(
    plane: RegionPlane, tx: RegionTx, account: AccountId, role: RoleId, became: Facts | None, *, revokes: bool
) -> int:
    now = plane.clock()
    seq = await append_access_log(
        tx, Changed.ROLE, account, role, now=now, bump=plane.bump_access_log, revokes=revokes
    )
    await append_history(tx, account, Remembered.ROLE, role, seq=seq, facts=became, now=now)
    return seq
