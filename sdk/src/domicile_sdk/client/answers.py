"""What Domicile's API answers, as values; members that this release of the SDK does not know are left out."""

from collections.abc import Mapping
from dataclasses import dataclass

from domicile_sdk.exchange import Fields


@dataclass(frozen=True, slots=True)
class Whoami:
    """Who is calling; account, region and role are empty for a person who has not entered an account."""

    urn: str
    kind: str
    """`user` or `apikey`."""
    id: str
    name: str
    method: str
    """`api-key`, `account-token` or `session`."""
    account: str
    region: str
    role: str
    levels: Mapping[str, str]
    """Service → the level that the role gives there."""

    @classmethod
    def of(cls, body: Fields) -> "Whoami":
        """Read an answer."""
        return cls(
            urn=body.text("principalURN"),
            kind=body.text("kind"),
            id=body.text("id"),
            name=body.text("name"),
            method=body.text("method"),
            account=body.text_or_empty("accountID"),
            region=body.text_or_empty("region"),
            role=body.text_or_empty("roleID"),
            levels=body.text_map("levels") if "levels" in body.members else {},
        )


@dataclass(frozen=True, slots=True)
class Account:
    """An account."""

    id: str
    alias: str
    region: str
    state: str
    """`active` or `suspended`."""
    urn: str
    locale: str
    timezone: str
    mfa_required: bool
    created: str
    """RFC 3339, as all times here."""

    @classmethod
    def of(cls, body: Fields) -> "Account":
        """Read an answer."""
        return cls(
            id=body.text("id"),
            alias=body.text("alias"),
            region=body.text("region"),
            state=body.text("state"),
            urn=body.text("urn"),
            locale=body.text("locale"),
            timezone=body.text("timezone"),
            mfa_required=body.flag("mfaRequired"),
            created=body.text("created"),
        )


@dataclass(frozen=True, slots=True)
class User:
    """A user of an account."""

    id: str
    name: str
    email: str
    role: str
    state: str
    """`enabled` or `disabled`."""
    mfa_enabled: bool
    urn: str

    @classmethod
    def of(cls, body: Fields) -> "User":
        """Read an answer."""
        return cls(
            id=body.text("id"),
            name=body.text("name"),
            email=body.text("email"),
            role=body.text("roleID"),
            state=body.text("state"),
            mfa_enabled=body.flag("mfaEnabled"),
            urn=body.text("urn"),
        )


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """A service that runs in the account's region."""

    name: str
    title: str
    version: int

    @classmethod
    def of(cls, body: Fields) -> "ServiceEntry":
        """Read an answer."""
        return cls(body.text("name"), body.text("title"), body.whole("version"))


@dataclass(frozen=True, slots=True)
class Item:
    """Something that an account keeps in a service."""

    name: str
    labels: Mapping[str, str]
    spec: Mapping[str, object]
    version: int
    """What `if_match` of a change names."""
    created: str
    last_modified: str
    target: Mapping[str, str]
    """Of a deployment: its `provider` and `location`; else empty."""

    @classmethod
    def of(cls, body: Fields) -> "Item":
        """Read an answer."""
        return cls(
            name=body.text("name"),
            labels=body.text_map("labels"),
            spec=body.inner("spec").members,
            version=body.whole("version"),
            created=body.text("created"),
            last_modified=body.text("lastModified"),
            target=body.text_map("target") if "target" in body.members else {},
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether an action is allowed, and the rule that settled it."""

    action: str
    is_allowed: bool
    principal_urn: str
    rule: str

    @classmethod
    def of(cls, body: Fields) -> "Decision":
        """Read an answer."""
        return cls(body.text("action"), body.flag("allowed"), body.text("principalURN"), body.text("rule"))


@dataclass(frozen=True, slots=True)
class Revocation:
    """One row of the revocation feed, for looking at; a guard reads the feed by rules of its own."""

    number: int
    kind: str
    account: str
    subject: str
    at: str

    @classmethod
    def of(cls, row: object) -> "Revocation":
        """Read a row; `ValueError` if it is none."""
        match row:
            case [int(number), str(kind), str(account), str(subject), str(at)]:
                return cls(number, kind, account, subject, at)
            case _:
                raise ValueError("a row of the feed is not as it should be")


@dataclass(frozen=True, slots=True)
class Revocations:
    """A piece of the revocation feed."""

    rows: tuple[Revocation, ...]
    head: int
    following: int
    """What to give as `since` next time; more can be read at once while it is below `head`."""
    floor: int | None
    """Where the feed begins anew; None: it goes on."""

    @classmethod
    def of(cls, body: Fields) -> "Revocations":
        """Read an answer."""
        floor = body.whole("floor") if body.flag("reset") else None
        rows = tuple(map(Revocation.of, body.values("rows")))
        return cls(rows, body.whole("head"), body.whole("next"), floor)
