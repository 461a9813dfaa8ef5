"""Services as they register: levels of permissions, kinds of items, meters, guards, and the regions where they run."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from domicile.kernel.guards import Guard, guard_faults
from domicile.kernel.ids import RegionId

FULL_ACCESS_LEVEL: Final = "full-access"
"""The level that has every permission of its service."""
READ_ONLY_LEVEL: Final = "read-only"
"""The level that sees everything and changes nothing."""
MOST_KINDS: Final = 50
MOST_LEVELS: Final = 20
MOST_PERMISSIONS: Final = 500
MOST_REFERENCES: Final = 10
"""Places in one kind at which its items name others."""

TAKEN_PLURALS: Final = frozenset({"sessions", "open"})
"""Addresses below a service that are not those of a kind."""

_NAME = re.compile(r"[a-z0-9-]{1,40}")
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])+){1,10}")
_PERMISSION = re.compile(r"([a-z0-9-]{1,40}):[a-z0-9-]{1,40}:[a-z0-9-]{1,40}")


class Category(StrEnum):
    """What an item is to the account that keeps it."""

    RESOURCE = "resource"
    """Something that the service looks after, such as a computer."""
    DEPLOYMENT = "deployment"
    """Something that is put to work at a target, anywhere in the world."""
    CONFIGURATION = "configuration"
    """How the service is to behave in this account."""
    SECURITY_POLICY = "security-policy"
    """What the service enforces."""


class Verb(StrEnum):
    """What can be done to an item; the last part of its permission."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of items that a service keeps in accounts."""

    name: str
    """In the singular, as its permissions have it: `policy` of `workload:policy:read`."""
    plural: str
    """As addresses have it: `policies`."""
    title: str
    category: Category
    schema: str
    """Of what an item holds: JSON Schema 2020-12, as JSON."""
    most: int
    """How many of them an account may have."""
    references: tuple["Reference", ...] = ()
    """Where its items name others, which have to be there and stay."""
    further_faults: "FurtherFaults | None" = None
    """Of Domicile's own kinds: what else is wrong with what the schema lets in."""


FurtherFaults = Callable[[str, Mapping[str, Any]], Mapping[str, str]]
"""Says of an item's name and what it holds what no schema can, by JSON pointer into the latter (RFC 6901)."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in what items of a kind hold, at which the name of another item of the account stands."""

    pointer: str
    """JSON pointer (RFC 6901), in which `*` stands for every member of an array or object."""
    kind: str
    """Of the item that is named there, in the same service."""


@dataclass(frozen=True, slots=True)
class Meter:
    """Something that a service counts or measures for an account."""

    name: str
    title: str
    unit: str


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the platform: the levels from which roles are made, and what accounts can keep in it."""

    name: str
    title: str
    levels: Mapping[str, frozenset[str]]
    """Level → permissions (`service:object:verb`); holds at least `full-access`, with every permission of the others, and `read-only`."""
    version: int = 1
    """Of its manifest; every change of that raises it."""
    regions: frozenset[RegionId] = frozenset()
    """Where it runs; empty: in every region."""
    kinds: tuple[Kind, ...] = ()
    meters: tuple[Meter, ...] = ()
    lifecycle_url: str = ""
    """Where it hears of what happens to accounts; empty: it does not ask."""
    console_url: str = ""
    """Where people are led who open it from the console; empty: they are not."""
    guards: tuple[Guard, ...] = ()
    """What requests to it ask for, where a proxy lets Domicile decide; the first that fits counts."""

    def runs_in(self, region: RegionId) -> bool:
        """Tell whether accounts of a region have it."""
        return not self.regions or region in self.regions

    def permission(self, kind: Kind, verb: Verb) -> str:
        """Name the permission to do something to the items of a kind."""
        return f"{self.name}:{kind.name}:{verb}"


def registration_faults(
    registered: Sequence[Service], *, built_in: Iterable[str], regions: frozenset[RegionId]
) -> list[str]:
    """Say what is wrong with the services that a platform registers beside the built-in ones, a sentence each."""
    names = [*built_in, *(service.name for service in registered)]
    twice = sorted({name for name in names if names.count(name) > 1})
    faults = [f"services: {name!r} is registered twice, or is one of Domicile's own" for name in twice]
    for service in registered:
        unknown = sorted(service.regions - regions)
        faults += [f"services {service.name!r}: the platform has no region {region!r}" for region in unknown]
    return faults


def service_faults(service: Service) -> Iterator[str]:
    """Say what is wrong with one service by itself, a sentence each."""
    if not _NAME.fullmatch(service.name):
        yield "name: must have 1 to 40 small letters, digits and hyphens"
    if not service.title.strip():
        yield "title: is empty"
    yield from _level_faults(service)
    yield from _kind_faults(service)
    yield from _repeated("meters", (meter.name for meter in service.meters))
    yield from guard_faults(service.guards, service.levels.get(FULL_ACCESS_LEVEL, frozenset()))


def _level_faults(service: Service) -> Iterator[str]:
    for needed in (FULL_ACCESS_LEVEL, READ_ONLY_LEVEL):
        if needed not in service.levels:
            yield f"levels: {needed} is missing"
    if len(service.levels) > MOST_LEVELS:
        yield f"levels: there are more than {MOST_LEVELS}"
    everything = service.levels.get(FULL_ACCESS_LEVEL, frozenset[str]())
    if len(everything) > MOST_PERMISSIONS:
        yield f"levels.{FULL_ACCESS_LEVEL}: there are more than {MOST_PERMISSIONS} permissions"
    for level, granted in service.levels.items():
        if not _NAME.fullmatch(level):
            yield f"levels: {level!r} is no name of a level"
        for permission in sorted(granted):
            found = _PERMISSION.fullmatch(permission)
            if found is None or found[1] != service.name:
                yield f"levels.{level}: {permission!r} is no permission of it, such as {service.name}:policy:read"
            elif permission not in everything:
                yield f"levels.{level}: {permission} is not in full-access, which holds everything"


def _kind_faults(service: Service) -> Iterator[str]:
    if len(service.kinds) > MOST_KINDS:
        yield f"kinds: there are more than {MOST_KINDS}"
    yield from _repeated("kinds", (kind.name for kind in service.kinds))
    yield from _repeated("kinds: the plural", (kind.plural for kind in service.kinds))
    everything = service.levels.get(FULL_ACCESS_LEVEL, frozenset[str]())
    seen = service.levels.get(READ_ONLY_LEVEL, frozenset[str]())
    for kind in service.kinds:
        for name in (kind.name, kind.plural):
            if not _NAME.fullmatch(name):
                yield f"kinds.{kind.name}: {name!r} must have 1 to 40 small letters, digits and hyphens"
        if kind.plural in TAKEN_PLURALS:
            yield f"kinds.{kind.name}: the plural {kind.plural!r} is taken by another address; say plural = ..."
        for verb in Verb:
            permission = service.permission(kind, verb)
            if permission not in everything:
                yield f"kinds.{kind.name}: full-access lacks {permission}, so that nobody could"
            if verb is not Verb.READ and permission in seen:
                yield f"kinds.{kind.name}: read-only holds {permission}, which changes something"
        if service.permission(kind, Verb.READ) not in seen:
            yield f"kinds.{kind.name}: read-only lacks {service.permission(kind, Verb.READ)}"
        yield from _reference_faults(kind, {known.name for known in service.kinds})


def _reference_faults(kind: Kind, known: set[str]) -> Iterator[str]:
    if len(kind.references) > MOST_REFERENCES:
        yield f"kinds.{kind.name}: there are more than {MOST_REFERENCES} references"
    for reference in kind.references:
        if not _POINTER.fullmatch(reference.pointer):
            yield f"kinds.{kind.name}: {reference.pointer!r} is no JSON pointer, such as /policy or /policies/*"
        if reference.kind not in known:
            yield f"kinds.{kind.name}: {reference.pointer} refers to {reference.kind!r}, which is no kind of the service"


def _repeated(what: str, names: Iterable[str]) -> Iterator[str]:
    listed = list(names)
    for name in sorted({name for name in listed if listed.count(name) > 1}):
        yield f"{what}: {name!r} is there twice"


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a new manifest takes away that the one before it had."""

    levels: tuple[str, ...]
    permissions: tuple[tuple[str, str], ...]
    """(level, permission) of the levels that stay."""
    kinds: tuple[str, ...]
    regions: tuple[RegionId, ...]
    meters: tuple[str, ...]

    @property
    def is_nothing(self) -> bool:
        """Tell whether everything stays."""
        return not (self.levels or self.permissions or self.kinds or self.regions or self.meters)


def compare(before: Service, after: Service, *, regions: Sequence[RegionId]) -> Withdrawal:
    """Find what is withdrawn between two manifests of one service, on a platform of these regions."""
    kept_levels = [level for level in before.levels if level in after.levels]
    kinds, meters = {kind.name for kind in after.kinds}, {meter.name for meter in after.meters}
    return Withdrawal(
        levels=tuple(level for level in before.levels if level not in after.levels),
        permissions=tuple(
            (level, permission)
            for level in kept_levels
            for permission in sorted(before.levels[level] - after.levels[level])
        ),
        kinds=tuple(kind.name for kind in before.kinds if kind.name not in kinds),
        regions=tuple(region for region in regions if before.runs_in(region) and not after.runs_in(region)),
        meters=tuple(meter.name for meter in before.meters if meter.name not in meters),
    )
