"""An account's own roles on the wire, and the matrix of all its roles."""

from typing import ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.kernel.roles import BE_THERE, Catalogue
from domicile.region.role_management.domain import RoleWish
from domicile.region.roles.domain import ShownRole
from domicile.region.services.schemas import LevelBody
from domicile.web.bodies import Wire, given

_URNS = [
    "urn:domicile:identity:de-1:004217730956:role/read-only",
    "urn:domicile:audit:de-1:004217730956:role/full-access",
]


class NewRoleBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What a role is made from."""

    example: ClassVar[dict[str, object]] = {
        "id": "auditor",
        "name": "Auditor",
        "description": "Reads the audit log.",
        "serviceRoleURNs": _URNS,
    }

    id: str
    name: str
    service_role_urns: list[str] = field(name="serviceRoleURNs")
    description: str | UnsetType = UNSET


class RoleChangeBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What to change of a role; its id never changes."""

    example: ClassVar[dict[str, object]] = {"serviceRoleURNs": _URNS}

    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    service_role_urns: list[str] | UnsetType = field(default=UNSET, name="serviceRoleURNs")


class ServiceLevelsBody(Wire, frozen=True):
    """A service with its levels."""

    service: str
    title: str
    levels: list[LevelBody]


class MatrixRoleBody(Wire, frozen=True):
    """A role as a row of the matrix."""

    id: str
    name: str
    predefined: bool
    levels: dict[str, str]
    """Service → level."""
    withdrawn: list[str]
    """Service roles, as `service/level`, that no service registers any more: they grant nothing."""
    permissions: list[str]


class RoleMatrixBody(Wire, frozen=True):
    """Services with their levels, and roles with what they grant."""

    example: ClassVar[dict[str, object]] = {
        "services": [
            {
                "service": "audit",
                "title": "Audit",
                "levels": [{"level": "read-only", "permissions": ["audit:log:read"]}],
            }
        ],
        "roles": [
            {
                "id": "auditor",
                "name": "Auditor",
                "predefined": False,
                "levels": {"audit": "read-only"},
                "withdrawn": [],
                "permissions": ["audit:log:read"],
            }
        ],
    }

    services: list[ServiceLevelsBody]
    roles: list[MatrixRoleBody]


def read_role_wish(body: NewRoleBody | RoleChangeBody) -> RoleWish:
    """Take what a body says of a role; it is read where it is known in which account."""
    return RoleWish(
        name=given(body.name),
        description=given(body.description),
        service_role_urns=given(body.service_role_urns),
    )


def shape_matrix(catalogue: Catalogue, roles: tuple[ShownRole, ...]) -> RoleMatrixBody:
    """Write the matrix for the wire."""
    services = [
        ServiceLevelsBody(
            service=service.name,
            title=service.title,
            levels=[
                LevelBody(level=level, permissions=sorted(granted))
                for level, granted in service.levels.items()
            ],
        )
        for service in catalogue.services
    ]
    return RoleMatrixBody(services=services, roles=[_matrix_role(catalogue, shown) for shown in roles])


def _matrix_role(catalogue: Catalogue, shown: ShownRole) -> MatrixRoleBody:
    role = shown.role
    return MatrixRoleBody(
        id=role.id,
        name=role.name,
        predefined=shown.custom is None,
        levels=dict(role.service_roles),
        withdrawn=[
            f"{service}/{level}"
            for service, level in role.service_roles
            if catalogue.find_level(service, level) is None
        ],
        permissions=sorted(role.permissions - {BE_THERE}),
    )
