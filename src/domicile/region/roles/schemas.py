"""Roles on the wire."""

from typing import ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.kernel.clock import whole_seconds
from domicile.kernel.ids import AccountId
from domicile.region.plane import RegionPlane
from domicile.region.roles.domain import ShownRole
from domicile.web.bodies import Wire


class RoleBody(Wire, frozen=True):
    """A named bundle of service roles."""

    example: ClassVar[dict[str, object]] = {
        "id": "read-only",
        "name": "Read only",
        "description": "Sees everything in the account and changes nothing.",
        "serviceRoleURNs": [
            "urn:domicile:identity:de-1:004217730956:role/read-only",
            "urn:domicile:audit:de-1:004217730956:role/read-only",
            "urn:domicile:billing:de-1:004217730956:role/read-only",
            "urn:domicile:cloudaccounts:de-1:004217730956:role/read-only",
        ],
        "predefined": True,
        "urn": "urn:domicile:identity:de-1:004217730956:role/read-only",
    }

    id: str
    name: str
    description: str
    service_role_urns: list[str] = field(name="serviceRoleURNs")
    predefined: bool
    """Whether every account has it, and nobody can change or delete it."""
    urn: str
    created: str | UnsetType = UNSET
    """Absent for a predefined role, as is `lastModified`."""
    last_modified: str | UnsetType = UNSET


class RolesBody(Wire, frozen=True):
    """A page of roles; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"roles": [RoleBody.example]}

    roles: list[RoleBody]
    next: str | UnsetType = UNSET


def shape_role(plane: RegionPlane, account: AccountId, shown: ShownRole) -> RoleBody:
    """Write a role for the wire."""
    urns, role, custom = plane.urns(account), shown.role, shown.custom
    return RoleBody(
        id=role.id,
        name=role.name,
        description=role.description,
        service_role_urns=[
            urns.make("role", level, service=service) for service, level in role.service_roles
        ],
        predefined=custom is None,
        urn=urns.make("role", role.id),
        created=UNSET if custom is None else whole_seconds(custom.created_at),
        last_modified=UNSET if custom is None else whole_seconds(custom.modified_at),
    )
