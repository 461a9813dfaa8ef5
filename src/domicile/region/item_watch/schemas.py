"""What services hear of items, and say of them, on the wire."""

from typing import Any, ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.kernel.clock import whole_seconds
from domicile.region.item_log.domain import ItemChange
from domicile.region.item_watch.domain import Changes, KeptItem, Outcome, Report
from domicile.region.items.domain import Named
from domicile.region.items.schemas import (
    ItemBody,
    StatusBody,
    TargetBody,
    shape_status,
    shape_target,
)
from domicile.web.bodies import Wire

_WHERE: dict[str, object] = {"accountID": "004217730956", "kind": "policy", "name": "etc"}


class KeptItemBody(Wire, frozen=True):
    """An item of an account of the region."""

    example: ClassVar[dict[str, object]] = {**_WHERE, **ItemBody.example}

    account_id: str = field(name="accountID")
    kind: str
    name: str
    labels: dict[str, str]
    spec: dict[str, Any]
    version: int
    created: str
    last_modified: str
    target: TargetBody | UnsetType = UNSET
    status: StatusBody | UnsetType = UNSET


class KeptItemsBody(Wire, frozen=True):
    """A page of items, in the order of accounts, kinds and names; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"items": [KeptItemBody.example], "head": 4711}

    items: list[KeptItemBody]
    head: int
    """Follow the changes from the head of the first page, once you have the last one: you miss nothing."""
    next: str | UnsetType = UNSET


class ChangeBody(Wire, frozen=True):
    """A change of an item; of a deletion it holds no contents."""

    example: ClassVar[dict[str, object]] = {
        "seq": 4711,
        **_WHERE,
        "version": 2,
        "action": "updated",
        "time": "2026-11-27T10:15:00Z",
        "labels": {},
        "spec": {"paths": ["/etc/passwd"]},
    }

    seq: int
    account_id: str = field(name="accountID")
    kind: str
    name: str
    version: int
    action: str
    """`created`, `updated` or `deleted`."""
    time: str
    labels: dict[str, str] | UnsetType = UNSET
    spec: dict[str, Any] | UnsetType = UNSET
    target: TargetBody | UnsetType = UNSET


class ChangesBody(Wire, frozen=True):
    """The next changes of the service's items in the region."""

    example: ClassVar[dict[str, object]] = {
        "changes": [ChangeBody.example],
        "head": 4711,
        "next": 4711,
        "reset": False,
    }

    changes: list[ChangeBody]
    """In the order of their numbers."""
    head: int
    """The number of the latest change; with `next` below it more can be read at once."""
    following: int = field(name="next")
    """What to give as `since` next time."""
    reset: bool
    """Whether to list all items again, and then go on from there: `since` was not given, or is not a number of this log."""


class ReportBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What the service says of an item."""

    example: ClassVar[dict[str, object]] = {**_WHERE, "version": 2, "value": {"state": "watching"}}

    account_id: str = field(name="accountID")
    kind: str
    name: str
    version: int
    """Of the item as the service saw it."""
    value: dict[str, Any]


class ReportsBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What the service says of items."""

    example: ClassVar[dict[str, object]] = {"statuses": [ReportBody.example]}

    statuses: list[ReportBody]


class OutcomeBody(Wire, frozen=True):
    """What came of one of them."""

    example: ClassVar[dict[str, object]] = {**_WHERE, "version": 2, "outcome": "kept"}

    account_id: str = field(name="accountID")
    kind: str
    name: str
    version: int
    outcome: str
    """`kept`, or `passed-over`: there is no such item, not of that version yet, or a later version was spoken of already."""


class OutcomesBody(Wire, frozen=True):
    """What came of all of them, in their order."""

    example: ClassVar[dict[str, object]] = {"results": [OutcomeBody.example]}

    results: list[OutcomeBody]


def shape_kept(kept: KeptItem) -> KeptItemBody:
    """Show an item to its service."""
    item = kept.item
    return KeptItemBody(
        account_id=kept.account_id,
        kind=kept.kind,
        name=item.name,
        labels=dict(item.contents.labels),
        spec=dict(item.contents.spec),
        version=item.version,
        created=whole_seconds(item.created_at),
        last_modified=whole_seconds(item.modified_at),
        target=shape_target(item.contents),
        status=shape_status(item.status),
    )


def shape_changes(found: Changes) -> ChangesBody:
    """Show a piece of the log."""
    shown = [_shape_change(each) for each in found.changes]
    return ChangesBody(shown, found.head, found.following, found.is_reset)


def read_report(body: ReportBody) -> Report:
    """Read what a service says of an item."""
    return Report(body.account_id, Named(body.kind, body.name), body.version, body.value)


def shape_outcome(report: Report, outcome: Outcome) -> OutcomeBody:
    """Show what came of it."""
    return OutcomeBody(report.account_id, report.named.kind, report.named.name, report.version, outcome)


def _shape_change(change: ItemChange) -> ChangeBody:
    version = change.version
    contents = version.contents
    return ChangeBody(
        seq=change.seq,
        account_id=change.account_id,
        kind=version.kind,
        name=version.name,
        version=version.version,
        action=version.action,
        time=whole_seconds(version.at),
        labels=dict(contents.labels) if contents else UNSET,
        spec=dict(contents.spec) if contents else UNSET,
        target=shape_target(contents) if contents else UNSET,
    )
