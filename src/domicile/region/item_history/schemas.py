"""Versions of items on the wire."""

from typing import Any, ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.kernel.clock import whole_seconds
from domicile.kernel.urn import UrnMaker
from domicile.region.item_history.domain import Difference
from domicile.region.item_log.domain import ItemVersion
from domicile.region.items.schemas import NewItemBody, TargetBody, shape_target
from domicile.web.bodies import Wire

_PATCH: list[dict[str, Any]] = [{"op": "replace", "path": "/spec/everySeconds", "value": 60}]


class VersionBody(Wire, frozen=True):
    """That an item changed: when, and by whom."""

    example: ClassVar[dict[str, object]] = {
        "version": 2,
        "action": "updated",
        "time": "2026-11-27T10:15:00Z",
        "principalURN": "urn:domicile:identity:de-1:004217730956:user/01890a5d-ac96-774b-bcce-b302099a8057",
    }

    version: int
    action: str
    """`created`, `updated` or `deleted`."""
    time: str
    principal_urn: str | UnsetType = field(default=UNSET, name="principalURN")
    """Absent where nobody knows any more."""


class VersionsBody(Wire, frozen=True):
    """A page of versions, the newest first; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"versions": [VersionBody.example]}

    versions: list[VersionBody]
    next: str | UnsetType = UNSET


class VersionDescriptionBody(VersionBody, frozen=True):
    """A version with what the item held; of a deletion that is absent."""

    example: ClassVar[dict[str, object]] = {
        **VersionBody.example,
        "labels": NewItemBody.example["labels"],
        "spec": NewItemBody.example["spec"],
    }

    labels: dict[str, str] | UnsetType = UNSET
    spec: dict[str, Any] | UnsetType = UNSET
    target: TargetBody | UnsetType = UNSET


class DifferenceBody(Wire, frozen=True):
    """How one version comes of another."""

    example: ClassVar[dict[str, object]] = {"before": 1, "after": 2, "patch": _PATCH}

    before: int
    """0: the item was not there yet."""
    after: int
    patch: list[dict[str, Any]]
    """JSON Patch (RFC 6902) on an object of `labels`, `spec` and `target`; an item that was deleted is an empty one."""


class RollBackBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The version to which an item goes back."""

    example: ClassVar[dict[str, object]] = {"version": 1}

    version: int


def shape_version(version: ItemVersion, urns: UrnMaker) -> VersionBody:
    """Show that an item changed."""
    return VersionBody(
        version=version.version,
        action=version.action,
        time=whole_seconds(version.at),
        principal_urn=_urn(version, urns),
    )


def shape_version_whole(version: ItemVersion, urns: UrnMaker) -> VersionDescriptionBody:
    """Show a version with what the item held."""
    contents = version.contents
    return VersionDescriptionBody(
        version=version.version,
        action=version.action,
        time=whole_seconds(version.at),
        principal_urn=_urn(version, urns),
        labels=dict(contents.labels) if contents else UNSET,
        spec=dict(contents.spec) if contents else UNSET,
        target=shape_target(contents) if contents else UNSET,
    )


def shape_difference(difference: Difference) -> DifferenceBody:
    """Show how one version comes of another."""
    return DifferenceBody(difference.before, difference.after, difference.patch)


def _urn(version: ItemVersion, urns: UrnMaker) -> str | UnsetType:
    kind, _, id_ = version.principal.partition("/")
    return urns.make(kind, id_) if id_ else UNSET
