"""Offers on the wire, as the invited person sees them; no address is in what a link alone opens."""

from typing import ClassVar

from msgspec import field

from domicile.kernel.clock import whole_seconds
from domicile.kernel.regions import Region
from domicile.region.invitations.domain import Offer, Reference
from domicile.region.plane import RegionPlane
from domicile.region.receiving.domain import Joined
from domicile.web.bodies import Wire

_TOKEN = "de-1.004217730956.Qm9uam91ciBsZSBtb25kZSwgY2VjaSBuJ2VzdCByaWU"  # noqa: S105  # an example


class TokenBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The last part of the link in the mail."""

    example: ClassVar[dict[str, object]] = {"token": _TOKEN}

    token: str


class OfferBody(Wire, frozen=True):
    """What a link offers; the address that it is for is not told to who merely holds the link."""

    example: ClassVar[dict[str, object]] = {
        "alias": "Example Labs",
        "region": "de-1",
        "regionName": "Germany",
        "roleID": "read-only",
        "roleName": "Read only",
        "inviter": "Ada Example",
        "expiry": "2026-05-08T08:00:00Z",
    }

    alias: str
    region: str
    region_name: str
    role_id: str = field(name="roleID")
    role_name: str
    inviter: str
    expiry: str


class JoinedBody(Wire, frozen=True):
    """The account that the caller has become a user of."""

    example: ClassVar[dict[str, object]] = {
        "accountID": "004217730956",
        "alias": "Example Labs",
        "region": "de-1",
        "roleID": "read-only",
        "baseURL": "http://localhost:8800",
        "urn": "urn:domicile:identity:de-1:004217730956:account/004217730956",
    }

    account_id: str = field(name="accountID")
    alias: str
    region: str
    role_id: str = field(name="roleID")
    base_url: str = field(name="baseURL")
    urn: str


class MyInvitationBody(Wire, frozen=True):
    """An open invitation to the caller's address."""

    example: ClassVar[dict[str, object]] = {
        "ref": "de-1.004217730956.7E1B3C5D9F0A42688B1C2D3E4F506172",
        "accountID": "004217730956",
        "alias": "Example Labs",
        "region": "de-1",
        "regionName": "Germany",
        "roleID": "read-only",
        "roleName": "Read only",
        "inviter": "Ada Example",
        "created": "2026-05-01T08:00:00Z",
        "expiry": "2026-05-08T08:00:00Z",
    }

    ref: str
    """By which it is accepted or declined; to anybody else it leads nowhere."""
    account_id: str = field(name="accountID")
    alias: str
    region: str
    region_name: str
    role_id: str = field(name="roleID")
    role_name: str
    inviter: str
    created: str
    expiry: str


class ElsewhereBody(Wire, frozen=True):
    """A region that could not be asked here, and where it can be."""

    region: str
    base_url: str = field(name="baseURL")


class MyInvitationsBody(Wire, frozen=True):
    """The caller's open invitations in the regions that answered, newest first in each."""

    example: ClassVar[dict[str, object]] = {
        "invitations": [MyInvitationBody.example],
        "elsewhere": [{"region": "jp-1", "baseURL": "https://jp.example.com"}],
    }

    invitations: list[MyInvitationBody]
    elsewhere: list[ElsewhereBody]
    """Regions that this node does not serve, or cannot reach at present: ask there."""


def shape_offer(plane: RegionPlane, offer: Offer) -> OfferBody:
    """Write for the wire what a link offers."""
    return OfferBody(
        alias=offer.alias,
        region=plane.id,
        region_name=plane.region.name,
        role_id=offer.role.id,
        role_name=offer.role.name,
        inviter=offer.inviter,
        expiry=whole_seconds(offer.invitation.expires_at),
    )


def shape_my_invitation(region: Region, offer: Offer) -> MyInvitationBody:
    """Write for the wire what a person is offered."""
    return MyInvitationBody(
        ref=str(Reference(region.id, offer.account_id, offer.invitation.id)),
        account_id=offer.account_id,
        alias=offer.alias,
        region=region.id,
        region_name=region.name,
        role_id=offer.role.id,
        role_name=offer.role.name,
        inviter=offer.inviter,
        created=whole_seconds(offer.invitation.created_at),
        expiry=whole_seconds(offer.invitation.expires_at),
    )


def shape_joined(plane: RegionPlane, joined: Joined) -> JoinedBody:
    """Write for the wire what a person has joined."""
    return JoinedBody(
        account_id=joined.account_id,
        alias=joined.alias,
        region=plane.id,
        role_id=joined.role_id,
        base_url=plane.region.base_url,
        urn=plane.urns(joined.account_id).make("account", joined.account_id),
    )
