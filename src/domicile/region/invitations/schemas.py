"""Invitations on the wire; the token of the link is in no answer."""

from typing import ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.infra.email_address import parse_email_address
from domicile.kernel.clock import whole_seconds
from domicile.kernel.faults import Faults
from domicile.kernel.ids import AccountId, RoleId
from domicile.region.invitations.domain import Invitation, Joined, NewInvitation, Offer
from domicile.region.plane import RegionPlane
from domicile.region.roles.domain import check_role_id
from domicile.web.bodies import Wire, given

_TOKEN = "de-1.004217730956.Qm9uam91ciBsZSBtb25kZSwgY2VjaSBuJ2VzdCByaWU"  # noqa: S105  # an example


class InvitationBody(Wire, frozen=True):
    """An offer of membership to an address."""

    example: ClassVar[dict[str, object]] = {
        "id": "7E1B3C5D9F0A42688B1C2D3E4F506172",
        "email": "grace@example.com",
        "roleID": "read-only",
        "state": "invited",
        "created": "2026-05-01T08:00:00Z",
        "lastModified": "2026-05-01T08:00:00Z",
        "expiry": "2026-05-08T08:00:00Z",
        "lastSent": "2026-05-01T08:00:00Z",
        "urn": "urn:domicile:identity:de-1:004217730956:invitation/7E1B3C5D9F0A42688B1C2D3E4F506172",
    }

    id: str
    email: str
    role_id: str = field(name="roleID")
    state: str
    """`invited`, `accepted`, `revoked` or `expired`."""
    created: str
    last_modified: str
    expiry: str
    last_sent: str
    """When the mail left; the time of creation while it is still on its way."""
    urn: str


class InvitationsBody(Wire, frozen=True):
    """A page of invitations; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"invitations": [InvitationBody.example]}

    invitations: list[InvitationBody]
    next: str | UnsetType = UNSET


class NewInvitationBody(Wire, frozen=True, forbid_unknown_fields=True):
    """Who is invited, and as what."""

    example: ClassVar[dict[str, object]] = {"email": "grace@example.com", "roleID": "read-only"}

    email: str
    role_id: str = field(name="roleID")


class InvitationChangeBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What to change of an open invitation."""

    example: ClassVar[dict[str, object]] = {"roleID": "full-access"}

    role_id: str | UnsetType = field(default=UNSET, name="roleID")


class TokenBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The last part of the link in the mail."""

    example: ClassVar[dict[str, object]] = {"token": _TOKEN}

    token: str


class OfferBody(Wire, frozen=True):
    """What a link offers."""

    example: ClassVar[dict[str, object]] = {
        "alias": "Example Labs",
        "region": "de-1",
        "regionName": "Germany",
        "roleID": "read-only",
        "inviter": "Ada Example",
        "email": "grace@example.com",
        "expiry": "2026-05-08T08:00:00Z",
    }

    alias: str
    region: str
    region_name: str
    role_id: str = field(name="roleID")
    inviter: str
    email: str
    """The address that must be signed in with."""
    expiry: str


class JoinedBody(Wire, frozen=True):
    """The account that the caller has become a user of."""

    example: ClassVar[dict[str, object]] = {
        "accountID": "004217730956",
        "alias": "Example Labs",
        "region": "de-1",
        "roleID": "read-only",
        "baseURL": "http://127.0.0.1:8800",
        "urn": "urn:domicile:identity:de-1:004217730956:account/004217730956",
    }

    account_id: str = field(name="accountID")
    alias: str
    region: str
    role_id: str = field(name="roleID")
    base_url: str = field(name="baseURL")
    urn: str


def read_new_invitation(body: NewInvitationBody) -> NewInvitation:
    """Read who is invited as what; `invalid-input` names every fault."""
    faults = Faults()
    email = faults.take("email", parse_email_address, body.email)
    role = faults.take("roleID", check_role_id, body.role_id)
    faults.settle()
    assert email is not None
    assert role is not None
    return NewInvitation(email.shown, email.key, role)


def read_offered_role(body: InvitationChangeBody) -> RoleId | None:
    """Read which role is to be offered instead; None: the same."""
    faults = Faults()
    role = faults.take("roleID", check_role_id, given(body.role_id))
    faults.settle()
    return role


def shape_invitation(plane: RegionPlane, account: AccountId, invitation: Invitation) -> InvitationBody:
    """Write an invitation for the wire."""
    return InvitationBody(
        id=invitation.id,
        email=invitation.email,
        role_id=invitation.role_id,
        state=invitation.state,
        created=whole_seconds(invitation.created_at),
        last_modified=whole_seconds(invitation.modified_at),
        expiry=whole_seconds(invitation.expires_at),
        last_sent=whole_seconds(invitation.last_sent_at or invitation.created_at),
        urn=plane.urns(account).make("invitation", invitation.id),
    )


def shape_offer(plane: RegionPlane, offer: Offer) -> OfferBody:
    """Write for the wire what a link offers."""
    return OfferBody(
        alias=offer.alias,
        region=plane.id,
        region_name=plane.region.name,
        role_id=offer.invitation.role_id,
        inviter=offer.inviter,
        email=offer.invitation.email,
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
