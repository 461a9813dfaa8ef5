"""What an invitation is, in which states it can be, and what its link says."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domicile.kernel.errors import DomainError, ErrorKind, conflict, forbidden, invalid, not_found
from domicile.kernel.ids import REGION_PATTERN, AccountId, InvitationId, RegionId, RoleId
from domicile.kernel.roles import Role
from domicile.kernel.text import Refused
from domicile.kernel.urn import Principal

MOST_AT_ONCE: Final = 1000
"""Invitations that one request may ask for."""
DAY: Final = timedelta(hours=24)
INVITE: Final = "identity:invitation:create"

_LINK = re.compile(rf"({REGION_PATTERN.pattern})\.([0-9]{{12}})\.[A-Za-z0-9_-]{{43}}")
_REFERENCE = re.compile(rf"({REGION_PATTERN.pattern})\.([0-9]{{12}})\.([0-9A-F]{{32}})")


class InvitationState(StrEnum):
    """Where an invitation stands; only `invited` can be accepted."""

    INVITED = "invited"
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    DECLINED = "declined"
    EXPIRED = "expired"


class Delivery(StrEnum):
    """How the link of an invitation reaches the invited person."""

    MAIL = "mail"
    LINK = "link"
    """Whoever invites is shown it once, and passes it on."""


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """Who is to be invited, and as what."""

    email: str
    email_key: str
    role_id: RoleId
    locale: str | None = None
    """The language of the mail; None: the account's."""
    delivery: Delivery = Delivery.MAIL


Wanted = NewInvitation | DomainError
"""One entry of a list as it was read: who is to be invited, or what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """An offer of membership to an address."""

    id: InvitationId
    email: str
    email_key: str
    """Tells addresses from each other, whatever their spelling; mail is sent to it."""
    role_id: RoleId
    state: InvitationState
    created_at: datetime
    created_by: Principal
    modified_at: datetime
    expires_at: datetime
    """From this moment on it can no longer be accepted."""
    last_sent_at: datetime | None
    """When the mail last left, or the link was last handed over; None: it has not yet."""
    sends: int
    """Times that a link was asked for, the first included; only what was asked for last is ever sent."""
    version: int
    locale: str | None = None
    """The language of the mail; None: the account's."""
    delivery: Delivery = Delivery.MAIL
    """How the link was asked for last."""

    def as_of(self, now: datetime) -> "Invitation":
        """Give the invitation as it is seen at a moment: expiry is told by the clock, no job writes it down."""
        has_run_out = self.state is InvitationState.INVITED and self.expires_at <= now
        return replace(self, state=InvitationState.EXPIRED) if has_run_out else self


@dataclass(frozen=True, slots=True)
class Handed:
    """An invitation, and the token of its link where it is handed to whoever invites: this once, kept by nobody."""

    invitation: Invitation
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Room:
    """How many invitations an account may make within any 24 hours, and has made."""

    most: int
    made: int
    oldest: datetime | None
    """When the first of those that count was made."""

    @property
    def is_full(self) -> bool:
        """Tell whether there is none left."""
        return self.made >= self.most

    def after_one(self, now: datetime) -> "Room":
        """Give the room that is left after one more."""
        return Room(self.most, self.made + 1, self.oldest or now)

    def check(self, now: datetime) -> None:
        """Refuse one too many (`too-many-invitations`), with when there is room again."""
        if self.is_full and self.oldest is not None:
            raise too_many(self.most, int((self.oldest + DAY - now).total_seconds()) + 1)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one invitation of many was not made, in the words of the problem that it would have been alone."""

    code: str
    message: str
    fields: dict[str, str]
    retry_after: int | None = None
    """Seconds; None: trying again will not help by itself."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one invitation of many: it was made, or it was refused."""

    invitation: Invitation | None
    refusal: Refusal | None = None
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class InvitationLink:
    """What the token of a link says openly: where its invitation lies. Only its last part is secret."""

    region: RegionId
    account_id: AccountId
    token: str

    def __repr__(self) -> str:
        return f"InvitationLink({self.region}.{self.account_id}.…)"


@dataclass(frozen=True, slots=True)
class Reference:
    """Where an invitation lies, for the person whose address it names; it holds no secret, and gives nobody anything."""

    region: RegionId
    account_id: AccountId
    invitation_id: InvitationId

    def __str__(self) -> str:
        return f"{self.region}.{self.account_id}.{self.invitation_id}"


@dataclass(frozen=True, slots=True)
class Offered:
    """What is stored of an invitation, of its account, and of whoever made it."""

    account_id: AccountId
    invitation: Invitation
    alias: str
    locale: str
    """Of the account."""
    inviter: str | None
    """Name of the user who made it, while they are one."""
    held: RoleId | None
    """The role of whoever made it, as long as it is in force."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An invitation together with what an invited person must see to recognise it."""

    account_id: AccountId
    invitation: Invitation
    alias: str
    locale: str
    """The language of the mail: the invitation's, or else the account's."""
    inviter: str
    """Name of the user who made it; the account's alias where that was a key, or somebody who is no user any more."""
    role: Role
    """What is offered, as it is now."""
    stands: bool
    """Whether whoever made it could make it still: what was offered does not outlive the right to offer it."""


def make_token(region: RegionId, account: AccountId, secret: str) -> str:
    """Write the token of a link; region and account are in it so that any node finds the one database to ask."""
    return f"{region}.{account}.{secret}"


def parse_link(token: str) -> InvitationLink:
    """Read the token of a link; `invitation-invalid` for any text that cannot be one."""
    if (found := _LINK.fullmatch(token)) is None:
        raise link_invalid()
    return InvitationLink(RegionId(found[1]), AccountId(found[2]), token)


def parse_reference(text: str) -> Reference:
    """Read a reference; `not-found` for any text that cannot be one."""
    if (found := _REFERENCE.fullmatch(text)) is None:
        raise not_found("invitation")
    return Reference(RegionId(found[1]), AccountId(found[2]), InvitationId(found[3]))


def check_delivery(text: str) -> Delivery:
    """Accept a way in which a link can reach the invited person."""
    try:
        return Delivery(text)
    except ValueError:
        raise Refused(f"must be one of {', '.join(Delivery)}") from None


def parse_state(text: str) -> InvitationState:
    """Read the state by which a list is narrowed."""
    try:
        return InvitationState(text)
    except ValueError:
        raise invalid({"state": f"must be one of {', '.join(InvitationState)}"}) from None


def check_acceptable(offer: Offer) -> None:
    """Refuse a link whose invitation was used (`invitation-used`), or ended otherwise (`invitation-invalid`)."""
    match offer.invitation.state:
        case InvitationState.INVITED:
            if not offer.stands:
                raise link_ended(offer.alias)
        case InvitationState.ACCEPTED:
            raise link_used()
        case InvitationState.REVOKED | InvitationState.DECLINED | InvitationState.EXPIRED:
            raise link_ended(offer.inviter)


def check_addressee(offer: Offer, email_key: str, address_since: datetime | None) -> None:
    """Refuse whoever holds the link but not the address it is for (`invitation-for-another-address`).

    What was offered to a former owner of the address is `invitation-invalid`: the address moved on, the offer does not.
    """
    if offer.invitation.email_key != email_key:
        raise forbidden(
            "invitation-for-another-address",
            "This invitation is for another e-mail address than the one you are signed in with.",
        )
    if address_since is not None and offer.invitation.created_at <= address_since:
        raise link_ended(offer.inviter)


def check_stands(offer: Offer) -> None:
    """Refuse to renew an offer of somebody who could not make it any more (`invitation-closed`)."""
    if not offer.stands:
        raise conflict(
            "invitation-closed",
            "Whoever made this invitation may no longer offer this role: revoke it and invite the address again.",
        )


def could_offer(holder: Role, offered: Role) -> bool:
    """Tell whether who holds one role may offer another."""
    return INVITE in holder.permissions and offered.permissions <= holder.permissions


def check_open(invitation: Invitation) -> None:
    """Refuse a change of an invitation that was accepted, revoked, or replaced by a newer one (`invitation-closed`)."""
    match invitation.state:
        case InvitationState.INVITED:
            return
        case InvitationState.ACCEPTED:
            reason = "The invitation was accepted: change the user instead."
        case InvitationState.REVOKED:
            reason = "The invitation was revoked: invite the address again."
        case InvitationState.DECLINED:
            reason = "The invitation was declined by whom it was for: invite the address again if need be."
        case InvitationState.EXPIRED:
            reason = (
                "The invitation expired and another one took its place: invite the address again if need be."
            )
    raise conflict("invitation-closed", reason)


def link_invalid() -> DomainError:
    """Make the one answer for every link that leads nowhere, whatever is wrong with it."""
    return DomainError(
        ErrorKind.NOT_FOUND,
        "invitation-invalid",
        "This invitation link is not valid: ask whoever invited you for a new one.",
    )


def link_ended(inviter: str) -> DomainError:
    """Make the answer for who holds a true link whose time is over."""
    message = f"This invitation is no longer valid: ask {inviter} for a new one."
    return DomainError(ErrorKind.NOT_FOUND, "invitation-invalid", message)


def link_used() -> DomainError:
    """Make the answer for a link that has done its work."""
    return conflict(
        "invitation-used", "This invitation was accepted already: sign in to find the account in your list."
    )


def already_member() -> DomainError:
    """Make the refusal to invite, or to let join, who is a user of the account already."""
    return conflict("already-member", "This person is a user of the account already.")


def already_open() -> DomainError:
    """Make the refusal of a second open invitation to one address."""
    return conflict(
        "invitation-open",
        "There is an open invitation to this address: change it, send it again, or revoke it first.",
    )


def repeated(email: str) -> DomainError:
    """Make the refusal of an address that stands in one list twice."""
    return conflict("invitation-repeated", f"{email} stands further up in the same list.")


def too_many(most: int, retry_after_seconds: int) -> DomainError:
    """Make the refusal of one invitation too many on one day."""
    return DomainError(
        ErrorKind.OVERLOADED,
        "too-many-invitations",
        f"An account may invite at most {most} addresses within 24 hours.",
        facts={"retryAfter": retry_after_seconds},
    )


def sent_too_often(most: int) -> DomainError:
    """Make the refusal of one link too many for one invitation."""
    return conflict(
        "invitation-sent-too-often",
        f"This invitation was sent {most} times: check the address, then revoke it and invite again.",
    )


def refusal_of(error: DomainError) -> Refusal:
    """Tell of one refusal among many results; `retryAfter` comes along."""
    wait = error.facts.get("retryAfter")
    return Refusal(error.code, error.message, error.fields, wait if isinstance(wait, int) else None)
