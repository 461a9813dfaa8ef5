"""Looking roles up: those that every account has, and those of its own."""

from domicile.infra.databases import RegionTx
from domicile.kernel.callers import Caller
from domicile.kernel.errors import invalid, not_found
from domicile.kernel.ids import AccountId, RoleId, find_role_id
from domicile.kernel.paging import Page, PageRequest
from domicile.kernel.roles import Catalogue, Role
from domicile.region.plane import RegionPlane
from domicile.region.roles.domain import NO_SUCH_ROLE, CustomRole, ShownRole
from domicile.region.roles.store import find_custom_role, list_custom_roles


async def get_role(
    tx: RegionTx, catalogue: Catalogue, account: AccountId, role: RoleId, *, field: str | None = None
) -> Role:
    """Find a role of an account as it is now; `not-found`, or `invalid-input` on the body's `field` that named it."""
    found = await find_role(tx, catalogue, account, role)
    if found is not None:
        return found.role
    raise invalid({field: NO_SUCH_ROLE}) if field else not_found("role")


async def find_role(tx: RegionTx, catalogue: Catalogue, account: AccountId, role: RoleId) -> ShownRole | None:
    """Find a role of an account; only for one of its own is the database asked."""
    predefined = catalogue.predefined.get(role)
    if predefined is not None:
        return ShownRole(predefined, None)
    custom = await find_custom_role(tx, account, role)
    return custom_role(catalogue, custom) if custom else None


def custom_role(catalogue: Catalogue, custom: CustomRole) -> ShownRole:
    """Give a role of an account's own the permissions that its service roles have now."""
    role = catalogue.bundle(custom.id, custom.name, custom.description, custom.service_roles)
    return ShownRole(role, custom)


def no_role(catalogue: Catalogue, role: RoleId) -> Role:
    """Make what somebody holds whose role is not there (any more): nothing."""
    return catalogue.bundle(role, role, "", ())


async def list_all_roles(tx: RegionTx, catalogue: Catalogue, account: AccountId) -> tuple[ShownRole, ...]:
    """List every role of an account, in the order of their ids; their number is bounded."""
    own = [custom_role(catalogue, custom) for custom in await list_custom_roles(tx, account)]
    every = [ShownRole(role, None) for role in catalogue.predefined.values()]
    return tuple(sorted(every + own, key=lambda shown: shown.role.id))


async def list_roles(plane: RegionPlane, caller: Caller, page: PageRequest) -> Page[ShownRole]:
    """List the roles of the caller's account, in the order of their ids."""
    caller.require("identity:role:read")
    found = await plane.database.read(lambda tx: list_all_roles(tx, plane.catalogue, caller.account_id))
    beyond = [shown for shown in found if page.after is None or shown.role.id > page.after[0]]
    shown = tuple(beyond[: page.limit])
    return Page(shown, (shown[-1].role.id,) if len(beyond) > page.limit else None)


async def describe_role(plane: RegionPlane, caller: Caller, role_id: str) -> ShownRole:
    """Describe a role of the caller's account; `not-found` for any that it does not have."""
    caller.require("identity:role:read")
    if (role := find_role_id(role_id)) is None:
        raise not_found("role")
    found = await plane.database.read(lambda tx: find_role(tx, plane.catalogue, caller.account_id, role))
    if found is None:
        raise not_found("role")
    return found
