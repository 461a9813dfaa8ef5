"""Invitations on the wire, as those who invite see them; a link is in one answer, to who asked for it, and in no other."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.infra.email_address import parse_email_address
from domicile.kernel.clock import whole_seconds
from domicile.kernel.errors import DomainError
from domicile.kernel.faults import Faults
from domicile.kernel.ids import AccountId, RoleId
from domicile.kernel.text import check_locale
from domicile.region.invitations.domain import (
    MOST_AT_ONCE,
    Delivery,
    Invitation,
    NewInvitation,
    Outcome,
    Wanted,
    check_delivery,
)
from domicile.region.invitations.offering import address_of_link
from domicile.region.plane import RegionPlane
from domicile.region.roles.domain import check_role_id
from domicile.web.bodies import Wire, given, or_unset
from domicile.web.problems import CODES


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
    """`invited`, `accepted`, `declined`, `revoked` or `expired`."""
    created: str
    last_modified: str
    expiry: str
    last_sent: str
    """When the mail left, or the link was handed over; the time of creation while a mail is still on its way."""
    urn: str
    delivery: str | UnsetType = UNSET
    """`link` where whoever invites passes the link on; absent: it is mailed."""
    locale: str | UnsetType = UNSET
    """The language of the mail; absent: the account's."""
    link: str | UnsetType = UNSET
    """In the answer to who asked for it with `delivery` `link`, this once; in no other."""


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
    locale: str | UnsetType = UNSET
    """The language of the mail, `en`, `ja` or `de`; absent: the account's."""
    delivery: str | UnsetType = UNSET
    """`mail`; or `link`: no mail is sent, and the answer holds the link."""


class SendBody(Wire, frozen=True, forbid_unknown_fields=True):
    """How a fresh link is to reach the invited person."""

    example: ClassVar[dict[str, object]] = {"delivery": "mail"}

    delivery: str | UnsetType = UNSET
    """`mail`; or `link`: no mail is sent, and the answer holds the link."""


class InvitationChangeBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What to change of an open invitation."""

    example: ClassVar[dict[str, object]] = {"roleID": "full-access"}

    role_id: str | UnsetType = field(default=UNSET, name="roleID")


class BulkEntryBody(Wire, frozen=True, forbid_unknown_fields=True):
    """One of the addresses to invite."""

    email: str
    role_id: str = field(name="roleID")
    locale: str | UnsetType = UNSET


class BulkBody(Wire, frozen=True, forbid_unknown_fields=True):
    """Many addresses to invite, at most 1000."""

    example: ClassVar[dict[str, object]] = {
        "invitations": [
            {"email": "grace@example.com", "roleID": "read-only", "locale": "en"},
            {"email": "no address", "roleID": "read-only"},
        ]
    }

    invitations: list[BulkEntryBody]
    delivery: str | UnsetType = UNSET


class BulkProblemBody(Wire, frozen=True):
    """Why one of the addresses was not invited, as the problem that it would have been alone."""

    code: str
    type: str
    status: int
    message: str
    fields: dict[str, str]
    retry_after: int | UnsetType = UNSET
    """Seconds after which the same may succeed."""


class BulkResultBody(Wire, frozen=True):
    """What came of one of the addresses: it has `invitation` or `problem`."""

    invitation: InvitationBody | UnsetType = UNSET
    problem: BulkProblemBody | UnsetType = UNSET


class BulkResultsBody(Wire, frozen=True):
    """What came of each, in the order of the request."""

    example: ClassVar[dict[str, object]] = {
        "results": [
            {"invitation": InvitationBody.example},
            {
                "problem": {
                    "code": "invalid-input",
                    "type": "http://localhost:8800/problems/invalid-input",
                    "status": 400,
                    "message": "These fields need mending: email.",
                    "fields": {"email": "must be an e-mail address such as ann@example.com"},
                }
            },
        ],
        "created": 1,
        "refused": 1,
    }

    results: list[BulkResultBody]
    created: int
    refused: int


def read_new_invitation(body: NewInvitationBody) -> NewInvitation:
    """Read who is invited as what; `invalid-input` names every fault."""
    return _read_new(body.email, body.role_id, body.locale, given(body.delivery))


def read_bulk(body: BulkBody) -> Iterator[Wanted]:
    """Read who is invited as what, each by itself and when its turn comes: what is wrong with one is its own result."""
    faults = Faults()
    if not 1 <= len(body.invitations) <= MOST_AT_ONCE:
        faults.add("invitations", f"must have 1 to {MOST_AT_ONCE:,} entries")
    faults.take("delivery", check_delivery, given(body.delivery))
    faults.settle()
    return (_read_entry(entry, given(body.delivery)) for entry in body.invitations)


def _read_entry(entry: BulkEntryBody, delivery: str | None) -> Wanted:
    try:
        return _read_new(entry.email, entry.role_id, entry.locale, delivery)
    except DomainError as error:
        return error


def _read_new(email: str, role: str, locale: str | UnsetType, delivery: str | None) -> NewInvitation:
    faults = Faults()
    address = faults.take("email", parse_email_address, email)
    role_id = faults.take("roleID", check_role_id, role)
    language = faults.take("locale", check_locale, given(locale))
    way = faults.take("delivery", check_delivery, delivery)
    faults.settle()
    assert address is not None
    assert role_id is not None
    return NewInvitation(address.shown, address.key, role_id, language, way or Delivery.MAIL)


def read_delivery(body: SendBody) -> Delivery:
    """Read how a fresh link is to reach the invited person."""
    faults = Faults()
    way = faults.take("delivery", check_delivery, given(body.delivery))
    faults.settle()
    return way or Delivery.MAIL


def read_offered_role(body: InvitationChangeBody) -> RoleId | None:
    """Read which role is to be offered instead; None: the same."""
    faults = Faults()
    role = faults.take("roleID", check_role_id, given(body.role_id))
    faults.settle()
    return role


def shape_invitation(
    plane: RegionPlane, account: AccountId, invitation: Invitation, token: str | None = None
) -> InvitationBody:
    """Write an invitation for the wire; with its link only where that is handed over."""
    return InvitationBody(
        id=invitation.id,
        email=invitation.email,
        role_id=invitation.role_id,
        state=invitation.state,
        created=whole_seconds(invitation.created_at),
        last_modified=whole_seconds(invitation.modified_at),
        expiry=whole_seconds(invitation.expires_at),
        last_sent=whole_seconds(invitation.last_sent_at or invitation.created_at),
        delivery=invitation.delivery if invitation.delivery is Delivery.LINK else UNSET,
        locale=or_unset(invitation.locale),
        link=address_of_link(plane, token) if token is not None else UNSET,
        urn=plane.urns(account).make("invitation", invitation.id),
    )


def shape_results(plane: RegionPlane, account: AccountId, outcomes: Sequence[Outcome]) -> BulkResultsBody:
    """Write for the wire what came of each of many."""
    created = sum(outcome.invitation is not None for outcome in outcomes)
    return BulkResultsBody(
        results=[_shape_result(plane, account, outcome) for outcome in outcomes],
        created=created,
        refused=len(outcomes) - created,
    )


def _shape_result(plane: RegionPlane, account: AccountId, outcome: Outcome) -> BulkResultBody:
    if outcome.invitation is not None:
        return BulkResultBody(invitation=shape_invitation(plane, account, outcome.invitation, outcome.token))
    refused = outcome.refusal
    assert refused is not None
    return BulkResultBody(
        problem=BulkProblemBody(
            code=refused.code,
            type=f"{plane.settings.public_url}/problems/{refused.code}",
            status=CODES[refused.code],
            message=refused.message,
            fields=refused.fields,
            retry_after=or_unset(refused.retry_after),
        )
    )
