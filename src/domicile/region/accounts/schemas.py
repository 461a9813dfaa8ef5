"""Accounts on the wire."""

from datetime import datetime
from typing import ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.directory.memberships.store import IndexedMembership
from domicile.kernel.clock import days_until, whole_seconds
from domicile.kernel.urn import UrnMaker
from domicile.region.accounts.domain import Account
from domicile.region.plane import RegionPlane
from domicile.web.bodies import Wire

_URN = "urn:domicile:identity:de-1:004217730956:account/004217730956"


class LinkBody(Wire, frozen=True):
    """Where to go on."""

    rel: str
    href: str
    method: str


class AccountBody(Wire, frozen=True):
    """An account."""

    example: ClassVar[dict[str, object]] = {
        "id": "004217730956",
        "alias": "Example Labs",
        "locale": "en",
        "timezone": "Europe/Paris",
        "region": "de-1",
        "state": "active",
        "created": "2026-03-02T10:15:00Z",
        "lastEntitlement": "2026-03-02T10:15:00Z",
        "lastModified": "2026-05-01T08:00:00Z",
        "urn": _URN,
        "mfaRequired": False,
        "links": [
            {
                "rel": "token",
                "href": "http://localhost:8800/api/accounts/004217730956/token",
                "method": "post",
            }
        ],
    }

    id: str
    alias: str
    locale: str
    timezone: str
    region: str
    state: str
    created: str
    last_entitlement: str
    last_modified: str
    urn: str
    mfa_required: bool
    links: list[LinkBody]
    suspended: str | UnsetType = UNSET
    """Since when; absent while it is active."""
    purge_after: str | UnsetType = UNSET
    """Until when it can be restored; then its data is deleted. Absent while it is active."""
    receipt_id: str | UnsetType = field(default=UNSET, name="receiptID")
    """Under which the deletion receipt can be read once the data is deleted. Absent while it is active."""


class MyAccountBody(Wire, frozen=True):
    """One of a person's accounts, as much of it as is needed to recognise it before its region is entered."""

    example: ClassVar[dict[str, object]] = {
        "id": "004217730956",
        "alias": "Example Labs",
        "region": "de-1",
        "state": "active",
        "roleID": "full-access",
        "created": "2026-03-02T10:15:00Z",
        "urn": _URN,
        "links": [
            {
                "rel": "token",
                "href": "http://localhost:8800/api/accounts/004217730956/token",
                "method": "post",
            }
        ],
    }

    id: str
    region: str
    state: str
    created: str
    urn: str
    links: list[LinkBody]
    alias: str | UnsetType = UNSET
    """Absent where the region keeps it to itself."""
    role_id: str | UnsetType = field(default=UNSET, name="roleID")
    """Absent where the region keeps it to itself."""
    purge_after: str | UnsetType = UNSET
    """Of a suspended account: until when it can be restored."""
    days_left: int | UnsetType = UNSET
    """Of a suspended account: the days until then, rounded up."""


class AccountsBody(Wire, frozen=True):
    """A page of accounts; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"accounts": [MyAccountBody.example]}

    accounts: list[MyAccountBody]
    next: str | UnsetType = UNSET


class NewAccountBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What an account is created from; its region can never change."""

    example: ClassVar[dict[str, object]] = {
        "alias": "Example Labs",
        "region": "de-1",
        "locale": "en",
        "timezone": "Europe/Paris",
    }

    alias: str
    region: str
    locale: str | UnsetType = UNSET
    timezone: str | UnsetType = UNSET


class AccountChangeBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What to change of an account."""

    example: ClassVar[dict[str, object]] = {"alias": "Example Research"}

    alias: str | UnsetType = UNSET
    locale: str | UnsetType = UNSET
    timezone: str | UnsetType = UNSET
    mfa_required: bool | UnsetType = UNSET
    """Whether people enter only in sessions in which they used a second factor; API keys go on."""


def shape_account(plane: RegionPlane, account: Account) -> AccountBody:
    """Write an account for the wire."""
    return AccountBody(
        id=account.id,
        alias=account.alias,
        locale=account.locale,
        timezone=account.time_zone,
        region=plane.id,
        state=account.state,
        created=whole_seconds(account.created_at),
        last_entitlement=whole_seconds(account.entitled_at),
        last_modified=whole_seconds(account.modified_at),
        urn=plane.urns(account.id).make("account", account.id),
        mfa_required=account.mfa_required,
        links=[_token_link(plane.region.base_url, account.id)],
        suspended=whole_seconds(account.suspension.since) if account.suspension else UNSET,
        purge_after=whole_seconds(account.suspension.purge_after) if account.suspension else UNSET,
        receipt_id=account.suspension.receipt_id if account.suspension else UNSET,
    )


def shape_my_account(
    entry: IndexedMembership, *, namespace: str, base_url: str, now: datetime
) -> MyAccountBody:
    """Write one of a person's accounts for the wire."""
    urns = UrnMaker(namespace, entry.region_id, entry.account_id)
    return MyAccountBody(
        id=entry.account_id,
        alias=UNSET if entry.alias is None else entry.alias,
        region=entry.region_id,
        state=entry.state,
        role_id=UNSET if entry.role_id is None else entry.role_id,
        created=whole_seconds(entry.created_at),
        urn=urns.make("account", entry.account_id),
        links=[_token_link(base_url, entry.account_id)],
        purge_after=whole_seconds(entry.purge_after) if entry.purge_after else UNSET,
        days_left=days_until(entry.purge_after, now) if entry.purge_after else UNSET,
    )


def _token_link(base_url: str, account_id: str) -> LinkBody:
    return LinkBody(rel="token", href=f"{base_url}/api/accounts/{account_id}/token", method="post")
