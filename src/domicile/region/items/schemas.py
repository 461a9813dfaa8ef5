"""Items on the wire."""

from typing import Any, ClassVar

from msgspec import UNSET, UnsetType

from domicile.kernel.clock import whole_seconds
from domicile.region.items.domain import Item
from domicile.web.bodies import Wire

_SPEC: dict[str, object] = {"paths": ["/etc/passwd"], "everySeconds": 60}


class NewItemBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What to make."""

    example: ClassVar[dict[str, object]] = {"name": "etc", "labels": {"stage": "live"}, "spec": _SPEC}

    name: str
    """Stays for ever: small letters, digits, inner hyphens and dots."""
    spec: dict[str, Any]
    """As the schema of the kind has it."""
    labels: dict[str, str] | UnsetType = UNSET


class ItemChangeBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What to replace, each as a whole; what is absent stays."""

    example: ClassVar[dict[str, object]] = {"spec": _SPEC}

    spec: dict[str, Any] | UnsetType = UNSET
    labels: dict[str, str] | UnsetType = UNSET


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


class ItemsBody(Wire, frozen=True):
    """A page of items, in the order of their names; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"items": [ItemBody.example]}

    items: list[ItemBody]
    next: str | UnsetType = UNSET


def shape_item(item: Item) -> ItemBody:
    """Show an item."""
    return ItemBody(
        name=item.name,
        labels=dict(item.labels),
        spec=dict(item.spec),
        version=item.version,
        created=whole_seconds(item.created_at),
        last_modified=whole_seconds(item.modified_at),
    )
