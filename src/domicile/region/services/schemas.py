"""Services on the wire."""

import json
from typing import Any, ClassVar

from domicile.kernel.services import Kind, Service
from domicile.web.bodies import Wire

_POLICY: dict[str, object] = {
    "name": "policy",
    "plural": "policies",
    "title": "Policies",
    "category": "security-policy",
    "most": 1000,
}


class ServiceBody(Wire, frozen=True):
    """A service that the account has; `expires` and `expired` are absent, because it is simply valid."""

    example: ClassVar[dict[str, object]] = {"name": "workload", "title": "Workload security", "version": 3}

    name: str
    """First part of its permissions, and its place in addresses."""
    title: str
    version: int
    """Of its manifest: a higher one has other kinds, levels or meters."""


class ServicesBody(Wire, frozen=True):
    """All services of the account, in the order in which the platform registers them."""

    example: ClassVar[dict[str, object]] = {"services": [ServiceBody.example]}

    services: list[ServiceBody]


class KindBody(Wire, frozen=True):
    """A kind of items."""

    example: ClassVar[dict[str, object]] = {**_POLICY, "schema": {"type": "object"}, "references": {}}

    name: str
    """In the singular, as permissions have it."""
    plural: str
    title: str
    category: str
    """`resource`, `deployment`, `configuration` or `security-policy`."""
    most: int
    """How many of them an account may have."""
    schema: dict[str, Any]
    """Of what an item holds (JSON Schema 2020-12)."""
    references: dict[str, str]
    """JSON pointer into what an item holds, with `*` for every member → the kind of the item that is named there."""


class MeterBody(Wire, frozen=True):
    """Something that the service counts or measures."""

    example: ClassVar[dict[str, object]] = {
        "name": "computer-hours",
        "title": "Computers looked after",
        "unit": "hour",
    }

    name: str
    title: str
    unit: str


class LevelBody(Wire, frozen=True):
    """A level that a service registered, and that a role can give."""

    example: ClassVar[dict[str, object]] = {"level": "read-only", "permissions": ["workload:policy:read"]}

    level: str
    permissions: list[str]


class ServiceDescriptionBody(Wire, frozen=True):
    """A service with everything that it registered."""

    example: ClassVar[dict[str, object]] = {
        **ServiceBody.example,
        "levels": [LevelBody.example],
        "kinds": [KindBody.example],
        "meters": [MeterBody.example],
    }

    name: str
    title: str
    version: int
    levels: list[LevelBody]
    kinds: list[KindBody]
    meters: list[MeterBody]


def shape_service(service: Service) -> ServiceBody:
    """Name a service."""
    return ServiceBody(name=service.name, title=service.title, version=service.version)


def shape_description(service: Service) -> ServiceDescriptionBody:
    """Show everything that a service registered."""
    return ServiceDescriptionBody(
        name=service.name,
        title=service.title,
        version=service.version,
        levels=[
            LevelBody(level=level, permissions=sorted(granted)) for level, granted in service.levels.items()
        ],
        kinds=[_shape_kind(kind) for kind in service.kinds],
        meters=[MeterBody(name=meter.name, title=meter.title, unit=meter.unit) for meter in service.meters],
    )


def _shape_kind(kind: Kind) -> KindBody:
    return KindBody(
        name=kind.name,
        plural=kind.plural,
        title=kind.title,
        category=kind.category,
        most=kind.most,
        schema=json.loads(kind.schema),
        references={each.pointer: each.kind for each in kind.references},
    )
