"""What a role of an account is, beyond the two that every account has, and what may be said of one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domicile.kernel.errors import invalid
from domicile.kernel.ids import RoleId, find_role_id
from domicile.kernel.roles import Role
from domicile.kernel.text import Refused


@dataclass(frozen=True, slots=True)
class CustomRole:
    """A role that an account made for itself."""

    id: RoleId
    name: str
    description: str
    """Empty: none."""
    service_roles: tuple[tuple[str, str], ...]
    """(service, level), in the order in which they were given."""
    created_at: datetime
    modified_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class ShownRole:
    """A role with what tells its versions apart; `custom` is None for one that every account has."""

    role: Role
    custom: CustomRole | None

    @property
    def tag(self) -> str:
        """Name this version of the role; one of a predefined role changes with a release that changes its permissions."""
        return role_tag(self.role) if self.custom is None else str(self.custom.version)


NO_SUCH_ROLE: Final = "there is no such role in this account"


def check_role_id(text: str) -> RoleId:
    """Accept what can be the id of a role; whether the account has it is seen when it is used."""
    if (role := find_role_id(text)) is None:
        raise Refused(NO_SUCH_ROLE)
    return role


def role_tag(role: Role) -> str:
    """Fingerprint what a role is."""
    told = "\n".join((role.name, role.description, repr(role.service_roles), *sorted(role.permissions)))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def level_names(service_roles: Sequence[tuple[str, str]]) -> list[str]:
    """Write service roles for audit: `service/level`."""
    return [f"{service}/{level}" for service, level in service_roles]


def parse_role_id(text: str) -> RoleId:
    """Read the id of a role by which a list is narrowed (`roleID`)."""
    if (role := find_role_id(text)) is None:
        raise invalid({"roleID": NO_SUCH_ROLE})
    return role
