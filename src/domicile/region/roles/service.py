"""Use cases about the roles of an account; at present every account has the same two."""

from domicile.kernel.callers import Caller
from domicile.kernel.ids import RoleId
from domicile.kernel.paging import Page, PageRequest
from domicile.kernel.permissions import PREDEFINED_ROLES, Role
from domicile.region.roles.domain import get_role


def list_roles(caller: Caller, page: PageRequest) -> Page[Role]:
    """List the roles of the caller's account, in the order of their ids."""
    caller.require("identity:role:read")
    found = [PREDEFINED_ROLES[role] for role in sorted(PREDEFINED_ROLES)]
    if page.after is not None:
        found = [role for role in found if role.id > page.after[0]]
    shown = tuple(found[: page.limit])
    return Page(shown, (shown[-1].id,) if len(found) > page.limit else None)


def describe_role(caller: Caller, role: RoleId) -> Role:
    """Describe a role of the caller's account."""
    caller.require("identity:role:read")
    return get_role(role)
