"""What an item is now, what may be said of it, and why a change of it is refused."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, cast

from domicile.kernel.errors import DomainError, ErrorKind, conflict, not_found
from domicile.kernel.labels import label_faults
from domicile.kernel.services import Category, Kind
from domicile.kernel.text import Refused, check_kept_line
from domicile.kernel.urn import UrnMaker
from domicile.region.item_log.domain import Contents, Place, Target

LONGEST_NAME: Final = 100
LONGEST_LOCATION: Final = 100
LARGEST_SPEC_BYTES: Final = 64 * 1024
MOST_REFERENCES: Final = 200
"""Items that one item may name."""
DEEPEST: Final = 100
"""How deep lists and objects may lie in each other."""
LARGEST_STATUS_BYTES: Final = 16 * 1024
MOST_NAMED: Final = 25
"""Users of an item that a refusal to delete it names."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,98}[a-z0-9])?")
_PROVIDER = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A kind of items as an address names it, whether it is there or not."""

    service: str
    plural: str


@dataclass(frozen=True, slots=True)
class Status:
    """What the service last said of an item."""

    value: Mapping[str, Any]
    version: int
    """Of the item as the service saw it."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that an account keeps in a service."""

    name: str
    contents: Contents
    version: int
    created_at: datetime
    modified_at: datetime
    status: Status | None = None
    """None: the service has said nothing yet."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be replaced of an item, each as a whole; None: stays."""

    labels: Mapping[str, str] | None = None
    spec: Mapping[str, Any] | None = None
    target: Target | None = None

    def apply_to(self, before: Contents) -> Contents:
        """Make the contents that come of it."""
        return replace(
            before,
            labels=before.labels if self.labels is None else self.labels,
            spec=before.spec if self.spec is None else self.spec,
            target=before.target if self.target is None else self.target,
        )


@dataclass(frozen=True, slots=True)
class Named:
    """An item that another one names, or that names another one."""

    kind: str
    name: str


def is_item_name(text: str) -> bool:
    """Tell whether an item may be called so: small letters, digits, inner hyphens and dots."""
    return _NAME.fullmatch(text) is not None


def name_faults(name: str) -> dict[str, str]:
    """Say what is wrong with a name, by JSON pointer (RFC 6901)."""
    if is_item_name(name):
        return {}
    return {"/name": f"must have 1 to {LONGEST_NAME} small letters, digits, inner hyphens and dots"}


def change_faults(place: Place, change: Change) -> dict[str, str]:
    """Say what is wrong with labels and target of a change, by JSON pointer (RFC 6901)."""
    faults = label_faults(change.labels or {})
    if change.target is None:
        return faults
    if place.kind.category is not Category.DEPLOYMENT:
        return faults | {"/target": f"only deployments have one, and {place.kind.plural} are none"}
    if not _PROVIDER.fullmatch(change.target.provider):
        faults["/target/provider"] = "must have 1 to 40 small letters, digits and inner hyphens"
    try:
        check_kept_line(change.target.location, longest=LONGEST_LOCATION)
    except Refused as refused:
        faults["/target/location"] = str(refused)
    return faults


def is_too_deep(value: object) -> bool:
    """Tell whether lists and objects lie in each other deeper than is kept."""
    level: list[object] = [value]
    for _ in range(DEEPEST + 1):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return False
    return True


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()


def lacks_target(place: Place, contents: Contents) -> bool:
    """Tell whether a deployment says nothing of where it is put to work."""
    return place.kind.category is Category.DEPLOYMENT and contents.target is None


def find_named(kind: Kind, spec: Mapping[str, Any]) -> dict[str, Named | None]:
    """Find the items that an item names, by JSON pointer into what it holds; None: what stands there is no name."""
    found: dict[str, Named | None] = {}
    for reference in kind.references:
        parts = [part.replace("~1", "/").replace("~0", "~") for part in reference.pointer.split("/")[1:]]
        for pointer, value in _walk(spec, parts, ""):
            is_name = isinstance(value, str) and is_item_name(value)
            found[pointer] = Named(reference.kind, cast("str", value)) if is_name else None
    return found


def _walk(value: object, parts: Sequence[str], pointer: str) -> Iterator[tuple[str, object]]:
    if not parts:
        yield pointer, value
        return
    for key, member in _members(value, parts[0]):
        yield from _walk(member, parts[1:], f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")


def _members(value: object, part: str) -> Iterable[tuple[str, object]]:
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return members.items() if part == "*" else [(part, members[part])] if part in members else []
    if isinstance(value, list) and part == "*":
        return [(str(index), member) for index, member in enumerate(cast("list[object]", value))]
    return []


def no_item() -> DomainError:
    """Make the one answer for an item that is not there."""
    return not_found("item")


def item_exists() -> DomainError:
    """Refuse to make an item whose name is taken."""
    return conflict("item-exists", "There is an item of this kind and name already.")


def item_in_use(place: Place, used_by: Sequence[Named], urns: UrnMaker) -> DomainError:
    """Refuse to delete an item that others name; `usedBy` says which, at most so many as one can read."""
    users = [urns.make(user.kind, user.name, service=place.service.name) for user in used_by[:MOST_NAMED]]
    return conflict(
        "item-in-use",
        f"This {place.kind.name} is named by other items: let go of it there first.",
        facts={"usedBy": users},
    )


def too_many_items(place: Place) -> DomainError:
    """Refuse to make more items than an account may have of a kind."""
    return DomainError(
        ErrorKind.CONFLICT,
        "too-many-items",
        f"The account has {place.kind.most} {place.kind.plural} already, which is the most.",
    )
