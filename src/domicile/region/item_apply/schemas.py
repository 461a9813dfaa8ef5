"""Many items at once on the wire."""

from typing import Any, ClassVar

from msgspec import UNSET, UnsetType

from domicile.region.item_apply.domain import Applied, Wish
from domicile.region.items.domain import Change
from domicile.region.items.schemas import NewItemBody, TargetBody, read_target
from domicile.web.bodies import Wire, given

_WHERE: dict[str, object] = {"service": "workload", "kind": "policy", "name": "etc"}


class WishBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What one item is to hold; labels or a target that are not said are taken away."""

    example: ClassVar[dict[str, object]] = {**_WHERE, "spec": NewItemBody.example["spec"], "version": 0}

    service: str
    kind: str
    """In the singular, as permissions have it."""
    name: str
    spec: dict[str, Any]
    labels: dict[str, str] | UnsetType = UNSET
    target: TargetBody | UnsetType = UNSET
    version: int | UnsetType = UNSET
    """Of the item that the wish is meant for, 0 where there must be none; another one answers 412."""


class ApplyBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What many items are to hold."""

    example: ClassVar[dict[str, object]] = {"items": [WishBody.example]}

    items: list[WishBody]


class AppliedBody(Wire, frozen=True):
    """What came of one wish."""

    example: ClassVar[dict[str, object]] = {
        **_WHERE,
        "outcome": "update",
        "version": 2,
        "patch": [{"op": "replace", "path": "/spec/everySeconds", "value": 60}],
    }

    service: str
    kind: str
    name: str
    outcome: str
    """`create`, `update` or `unchanged`."""
    version: int
    """That the item has afterwards."""
    patch: list[dict[str, Any]]
    """JSON Patch (RFC 6902) on an object of `labels`, `spec` and `target` as they were; empty if nothing changes."""


class AppliedItemsBody(Wire, frozen=True):
    """What came of all wishes, in their order."""

    example: ClassVar[dict[str, object]] = {"results": [AppliedBody.example]}

    results: list[AppliedBody]


def read_wish(data: WishBody) -> Wish:
    """Read what one item is to hold."""
    change = Change(labels=given(data.labels) or {}, spec=data.spec, target=read_target(data.target))
    return Wish(data.service, data.kind, data.name, change, given(data.version))


def shape_applied(applied: Applied) -> AppliedBody:
    """Show what came of a wish."""
    return AppliedBody(
        service=applied.place.service.name,
        kind=applied.place.kind.name,
        name=applied.item.name,
        outcome=applied.outcome,
        version=applied.item.version,
        patch=applied.patch,
    )
