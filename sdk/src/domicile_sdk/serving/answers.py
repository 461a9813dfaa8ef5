"""What Domicile tells a service, and is told by it, as values; members that this release of the SDK does not know are left out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domicile_sdk.client.answers import Item
from domicile_sdk.exchange import Fields


@dataclass(frozen=True, slots=True)
class KeptItem:
    """An item, of whichever account of the region."""

    account: str
    kind: str
    item: Item

    @classmethod
    def of(cls, body: Fields) -> "KeptItem":
        """Read an answer."""
        return cls(body.text("accountID"), body.text("kind"), Item.of(body))


@dataclass(frozen=True, slots=True)
class KeptPage:
    """A piece of the list of a service's items."""

    items: tuple[KeptItem, ...]
    head: int
    """The number of the latest change when it was read."""
    next: str
    """The cursor of the next piece; empty on the last one."""

    @classmethod
    def of(cls, body: Fields) -> "KeptPage":
        """Read an answer."""
        items = tuple(map(KeptItem.of, body.objects("items")))
        return cls(items, body.whole("head"), body.text_or_empty("next"))


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an item."""

    seq: int
    account: str
    kind: str
    name: str
    version: int
    action: str
    """`created`, `updated` or `deleted`."""
    at: str
    """RFC 3339."""
    labels: Mapping[str, str]
    spec: Mapping[str, object]
    """Both are empty of a deletion."""
    target: Mapping[str, str]
    """Of a deployment: its `provider` and `location`; else empty."""

    @property
    def is_deletion(self) -> bool:
        """Whether the item is gone."""
        return self.action == "deleted"

    @classmethod
    def of(cls, body: Fields) -> "Change":
        """Read an answer."""
        return cls(
            seq=body.whole("seq"),
            account=body.text("accountID"),
            kind=body.text("kind"),
            name=body.text("name"),
            version=body.whole("version"),
            action=body.text("action"),
            at=body.text("time"),
            labels=body.text_map("labels") if "labels" in body.members else {},
            spec=body.inner("spec").members if "spec" in body.members else {},
            target=body.text_map("target") if "target" in body.members else {},
        )


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A piece of the log of a service's items."""

    changes: tuple[Change, ...]
    following: int
    """What to give as `since` next time."""
    is_reset: bool
    """The log has not reached the number that was given: list everything again."""

    @classmethod
    def of(cls, body: Fields) -> "ChangePage":
        """Read an answer."""
        changes = tuple(map(Change.of, body.objects("changes")))
        return cls(changes, body.whole("next"), body.flag("reset"))


@dataclass(frozen=True, slots=True)
class Listing:
    """All items that there are: whatever else the service holds is gone. Comes at the beginning, and when Domicile begins anew."""

    items: tuple[KeptItem, ...]
    seq: int
    """Keep it once the items are taken in, and go on from it after a restart."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The next changes, in order; after a restart some may come again."""

    changes: tuple[Change, ...]
    seq: int
    """As of a listing."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a service says of an item, which people see as its status."""

    account: str
    kind: str
    name: str
    version: int
    """Of the item as the service saw it."""
    value: Mapping[str, object]

    def body(self) -> dict[str, object]:
        """Write it as it is sent."""
        where = {"accountID": self.account, "kind": self.kind, "name": self.name}
        return {**where, "version": self.version, "value": dict(self.value)}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a report."""

    account: str
    kind: str
    name: str
    version: int
    is_kept: bool
    """False: there is no such item, not of that version yet, or a later version was spoken of already."""

    @classmethod
    def of(cls, body: Fields) -> "Outcome":
        """Read an answer."""
        return cls(
            account=body.text("accountID"),
            kind=body.text("kind"),
            name=body.text("name"),
            version=body.whole("version"),
            is_kept=body.text("outcome") == "kept",
        )


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """So much of something was used by an account at a moment."""

    id: str
    """The service's own name of the record, the same however often it is reported."""
    account: str
    meter: str
    """Of the service's manifest."""
    quantity: int
    """Whole, in the unit of the meter."""
    at: str
    """RFC 3339."""

    def body(self) -> dict[str, object]:
        """Write it as it is sent."""
        said = {"id": self.id, "accountID": self.account, "meter": self.meter}
        return {**said, "quantity": self.quantity, "time": self.at}


@dataclass(frozen=True, slots=True)
class UsageOutcome:
    """What came of a record."""

    id: str
    outcome: str
    """`counted`, `repeated`, or `passed-over` for an account that the region does not have."""

    @classmethod
    def of(cls, body: Fields) -> "UsageOutcome":
        """Read an answer."""
        return cls(body.text("id"), body.text("outcome"))


@dataclass(frozen=True, slots=True)
class Purge:
    """That the service is to delete an account, and its receipt."""

    account: str
    receipt: str
    """The id of the account's deletion receipt, which the service's joins."""
    asked: str
    acknowledged: str
    """When the service gave its receipt; empty while it owes it."""
    signed: str
    """The service's receipt, signed by the region (a compact JWS)."""

    @classmethod
    def of(cls, body: Fields) -> "Purge":
        """Read an answer."""
        return cls(
            account=body.text("accountID"),
            receipt=body.text("receiptID"),
            asked=body.text("asked"),
            acknowledged=body.text_or_empty("acknowledged"),
            signed=body.text_or_empty("signed"),
        )


@dataclass(frozen=True, slots=True)
class Admitted:
    """A person who was let in from the console."""

    account: str
    region: str
    role: str
    base_url: str
    token: str = field(repr=False)
    """An account token of theirs."""
    expires: str
    """Of the token, RFC 3339."""
    handle: str = field(repr=False)
    """Good once, for the next token and the next handle."""
    handle_expires: str

    @property
    def authorization(self) -> str:
        """Write the header with which the person calls."""
        return f"Bearer {self.token}"

    @classmethod
    def of(cls, body: Fields) -> "Admitted":
        """Read an answer."""
        return cls(
            account=body.text("accountID"),
            region=body.text("region"),
            role=body.text("roleID"),
            base_url=body.text("baseURL"),
            token=body.text("token"),
            expires=body.text("expires"),
            handle=body.text("handle"),
            handle_expires=body.text("handleExpires"),
        )
