"""Items on the wire."""

from typing import Any, ClassVar

from msgspec import UNSET, UnsetType

from domicile.kernel.clock import whole_seconds
from domicile.region.item_log.domain import Contents, Target
from domicile.region.items.domain import Change, Item, Status
from domicile.web.bodies import Wire, given

_SPEC: dict[str, object] = {"paths": ["/etc/passwd"], "everySeconds": 60}


class TargetBody(Wire, frozen=True, forbid_unknown_fields=True):
    """Where a deployment is put to work: anywhere in the world, whatever the region of the account."""

    example: ClassVar[dict[str, object]] = {"provider": "aws", "location": "ap-northeast-1"}

    provider: str
    location: str
    """In the provider's own words."""


class NewItemBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What to make."""

    example: ClassVar[dict[str, object]] = {"name": "etc", "labels": {"stage": "live"}, "spec": _SPEC}

    name: str
    """Stays for ever: small letters, digits, inner hyphens and dots."""
    spec: dict[str, Any]
    """As the schema of the kind has it."""
    labels: dict[str, str] | UnsetType = UNSET
    target: TargetBody | UnsetType = UNSET
    """Of deployments, which must have one, and of nothing else."""


class ItemChangeBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What to replace, each as a whole; what is absent stays."""

    example: ClassVar[dict[str, object]] = {"spec": _SPEC}

    spec: dict[str, Any] | UnsetType = UNSET
    labels: dict[str, str] | UnsetType = UNSET
    target: TargetBody | UnsetType = UNSET


class StatusBody(Wire, frozen=True):
    """What the service last said of an item; nobody else can."""

    example: ClassVar[dict[str, object]] = {
        "value": {"state": "watching"},
        "version": 1,
        "time": "2026-11-27T10:16:00Z",
    }

    value: dict[str, Any]
    version: int
    """Of the item as the service saw it: a lower one than the item's says nothing of its latest change."""
    time: str


class ItemBody(Wire, frozen=True):
    """Something that the account keeps in a service."""

    example: ClassVar[dict[str, object]] = {
        **NewItemBody.example,
        "version": 1,
        "created": "2026-11-27T10:15:00Z",
        "lastModified": "2026-11-27T10:15:00Z",
    }

    name: str
    labels: dict[str, str]
    spec: dict[str, Any]
    version: int
    created: str
    last_modified: str
    target: TargetBody | UnsetType = UNSET
    status: StatusBody | UnsetType = UNSET
    """Absent until the service has said something."""


class ItemsBody(Wire, frozen=True):
    """A page of items, in the order of their names; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"items": [ItemBody.example]}

    items: list[ItemBody]
    next: str | UnsetType = UNSET


def read_change(data: NewItemBody | ItemChangeBody) -> Change:
    """Read what a body says of an item."""
    return Change(labels=given(data.labels), spec=given(data.spec), target=read_target(data.target))


def read_target(data: TargetBody | UnsetType) -> Target | None:
    """Read where a deployment is put to work; None: nothing is said."""
    return None if isinstance(data, UnsetType) else Target(data.provider, data.location)


def shape_target(contents: Contents) -> TargetBody | UnsetType:
    """Show where a deployment is put to work."""
    target = contents.target
    return TargetBody(target.provider, target.location) if target else UNSET


def shape_status(status: Status | None) -> StatusBody | UnsetType:
    """Show what the service last said of an item."""
    return StatusBody(dict(status.value), status.version, whole_seconds(status.at)) if status else UNSET


def shape_item(item: Item) -> ItemBody:
    """Show an item."""
    return ItemBody(
        name=item.name,
        labels=dict(item.contents.labels),
        spec=dict(item.contents.spec),
        version=item.version,
        created=whole_seconds(item.created_at),
        last_modified=whole_seconds(item.modified_at),
        target=shape_target(item.contents),
        status=shape_status(item.status),
    )
