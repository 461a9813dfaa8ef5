"""Which roles an account has: at present the two that every account has."""

import hashlib

from domicile.kernel.errors import invalid, not_found
from domicile.kernel.ids import RoleId, find_role_id
from domicile.kernel.permissions import PREDEFINED_ROLES, Role
from domicile.kernel.text import Refused


def get_role(role: RoleId, *, field: str | None = None) -> Role:
    """Find a role of an account; `not-found`, or `invalid-input` on the body's `field` that named it."""
    if (found := PREDEFINED_ROLES.get(role)) is not None:
        return found
    raise invalid({field: "there is no such role in this account"}) if field else not_found("role")


def check_role_id(text: str) -> RoleId:
    """Accept the id of a role that the account has."""
    if (role := find_role_id(text)) is None or role not in PREDEFINED_ROLES:
        raise Refused("there is no such role in this account")
    return role


def role_tag(role: Role) -> str:
    """Name this version of a role; one of a predefined role changes with a release that changes its permissions."""
    told = "\n".join((role.name, role.description, repr(role.service_roles), *sorted(role.permissions)))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def parse_role_id(text: str) -> RoleId:
    """Read the id of a role out of a body (`roleID`)."""
    return get_role(RoleId(text), field="roleID").id
