"""What may be said and changed of an account's own roles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from domicile.kernel.errors import DomainError, conflict
from domicile.kernel.faults import Faults
from domicile.kernel.ids import AccountId, RegionId, RoleId, find_role_id
from domicile.kernel.roles import Catalogue
from domicile.kernel.text import Refused, check_line, check_optional_line
from domicile.region.roles.domain import CustomRole

LONGEST_NAME: Final = 100
LONGEST_DESCRIPTION: Final = 500
MOST_ROLES: Final = 100
"""Roles of its own that one account may have."""
MOST_SERVICE_ROLES: Final = 100
MOST_NAMED: Final = 25
"""Holders that a refusal to delete names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleWish:
    """What a body says of a role, not yet read; None: left out."""

    name: str | None = None
    description: str | None = None
    service_role_urns: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class NewRole:
    """What is wanted of a role to be made."""

    id: RoleId
    name: str
    description: str
    service_roles: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RoleChange:
    """What is to change; None: stays."""

    name: str | None
    description: str | None
    service_roles: tuple[tuple[str, str], ...] | None


@dataclass(frozen=True, slots=True)
class ServiceRoleReader:
    """Reads the URNs of service roles as they are named in one account."""

    catalogue: Catalogue
    namespace: str
    region: RegionId
    account: AccountId

    def read(self, urns: Sequence[str], faults: Faults) -> tuple[tuple[str, str], ...]:
        """Read a list of URNs, remembering every fault by its place; at most one level of each service."""
        if not 0 < len(urns) <= MOST_SERVICE_ROLES:
            faults.add("serviceRoleURNs", f"must hold 1 to {MOST_SERVICE_ROLES} service roles")
            return ()
        return tuple(self._read_each(urns, faults))

    def _read_each(self, urns: Sequence[str], faults: Faults) -> Iterator[tuple[str, str]]:
        seen: set[str] = set()
        for index, urn in enumerate(urns):
            pair = faults.take(f"serviceRoleURNs[{index}]", self._read_one, urn)
            if pair is None:
                continue
            if pair[0] in seen:
                faults.add(f"serviceRoleURNs[{index}]", f"{pair[0]} is there twice")
            seen.add(pair[0])
            yield pair

    def _read_one(self, urn: str) -> tuple[str, str]:
        parts = urn.split(":")
        here = ["urn", self.namespace, "", self.region, self.account]
        if len(parts) != 6 or [*parts[:2], "", *parts[3:5]] != here or not parts[5].startswith("role/"):
            example = f"urn:{self.namespace}:identity:{self.region}:{self.account}:role/read-only"
            raise Refused(f"must be a service role of this account, such as {example}")
        service, level = parts[2], parts[5].removeprefix("role/")
        if self.catalogue.find_level(service, level) is None:
            raise Refused("no service registers this level")
        return service, level


def parse_new_role(role: str, wish: RoleWish, reader: ServiceRoleReader) -> NewRole:
    """Read what a creation asks for; `invalid-input` names every fault."""
    faults = Faults()
    role_id = faults.take("id", check_new_id, role)
    change = _take(wish, reader, faults)
    faults.settle()
    assert role_id is not None
    return NewRole(role_id, change.name or "", change.description or "", change.service_roles or ())


def parse_role_change(wish: RoleWish, reader: ServiceRoleReader) -> RoleChange:
    """Read what a modification asks for; `invalid-input` names every fault."""
    faults = Faults()
    change = _take(wish, reader, faults)
    faults.settle()
    return change


def _take(wish: RoleWish, reader: ServiceRoleReader, faults: Faults) -> RoleChange:
    urns = wish.service_role_urns
    return RoleChange(
        faults.take("name", partial(check_line, longest=LONGEST_NAME), wish.name),
        faults.take("description", _check_description, wish.description),
        None if urns is None else reader.read(urns, faults),
    )


def check_new_id(text: str) -> RoleId:
    """Accept a chosen id: 1 to 64 small letters, digits and hyphens."""
    if (role := find_role_id(text)) is None:
        raise Refused("must be 1 to 64 small letters, digits and hyphens")
    return role


def _check_description(text: str) -> str:
    return check_optional_line(text, longest=LONGEST_DESCRIPTION)


def former_values(before: CustomRole, after: CustomRole) -> dict[str, tuple[object, object]]:
    """Tell what a change made of what: field → before, after."""
    pairs: dict[str, tuple[object, object]] = {
        "name": (before.name, after.name),
        "description": (before.description, after.description),
        "serviceRoles": (before.service_roles, after.service_roles),
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def role_exists() -> DomainError:
    """Make the refusal of a second role with one id."""
    return conflict("role-exists", "This account has a role with this id already: choose another id.")


def role_predefined() -> DomainError:
    """Make the refusal to touch a role that every account has."""
    return conflict("role-predefined", "Every account has this role as it is: make a role of your own.")


def too_many_roles() -> DomainError:
    """Make the refusal of one role too many."""
    return conflict(
        "too-many-roles", f"An account may have at most {MOST_ROLES} roles of its own: delete one first."
    )


def role_in_use(used_by: list[str]) -> DomainError:
    """Make the refusal to delete a role that somebody holds, or is offered; names at most `MOST_NAMED` of them."""
    return conflict(
        "role-in-use",
        "This role is in use: give its users and API keys another one and revoke its invitations first.",
        facts={"usedBy": used_by},
    )
