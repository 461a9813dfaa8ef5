"""What an invitation is, in which states it can be, and what its link says."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from domicile.kernel.errors import DomainError, ErrorKind, conflict, forbidden, invalid
from domicile.kernel.ids import REGION_PATTERN, AccountId, InvitationId, RegionId, RoleId
from domicile.kernel.roles import Role
from domicile.kernel.urn import Principal

MOST_PER_DAY = 100
"""Invitations that one account may make within any 24 hours, so that it cannot be used to flood strangers with mail."""
MOST_SENDS = 10
"""Times that the mail of one invitation may be asked for, the first included."""

INVITE: Final = "identity:invitation:create"

_LINK = re.compile(rf"({REGION_PATTERN.pattern})\.([0-9]{{12}})\.[A-Za-z0-9_-]{{43}}")


class InvitationState(StrEnum):
    """Where an invitation stands; only `invited` can be accepted."""

    INVITED = "invited"
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """Who is to be invited, and as what."""

    email: str
    email_key: str
    role_id: RoleId


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
    """When the mail last left; None: it has not yet."""
    sends: int
    """Times that the mail was asked for; only the mail asked for last is ever sent."""
    version: int

    def as_of(self, now: datetime) -> "Invitation":
        """Give the invitation as it is seen at a moment: expiry is told by the clock, no job writes it down."""
        has_run_out = self.state is InvitationState.INVITED and self.expires_at <= now
        return replace(self, state=InvitationState.EXPIRED) if has_run_out else self


@dataclass(frozen=True, slots=True)
class InvitationLink:
    """What the token of a link says openly: where its invitation lies. Only its last part is secret."""

    region: RegionId
    account_id: AccountId
    token: str

    def __repr__(self) -> str:
        return f"InvitationLink({self.region}.{self.account_id}.…)"


@dataclass(frozen=True, slots=True)
class Offer:
    """An invitation together with what an invited person must see to recognise it."""

    invitation: Invitation
    alias: str
    locale: str
    """Of the account; the language of the mail."""
    inviter: str
    """Name of the user who made it; the account's alias where that was a key, or somebody who is no user any more."""
    role: Role
    """What is offered, as it is now."""
    stands: bool
    """Whether whoever made it could make it still: what was offered does not outlive the right to offer it."""


@dataclass(frozen=True, slots=True)
class Joined:
    """An account that a person has just become a user of."""

    account_id: AccountId
    alias: str
    role_id: RoleId


def make_token(region: RegionId, account: AccountId, secret: str) -> str:
    """Write the token of a link; region and account are in it so that any node finds the one database to ask."""
    return f"{region}.{account}.{secret}"


def parse_link(token: str) -> InvitationLink:
    """Read the token of a link; `invitation-invalid` for any text that cannot be one."""
    if (found := _LINK.fullmatch(token)) is None:
        raise link_invalid()
    return InvitationLink(RegionId(found[1]), AccountId(found[2]), token)


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
        case InvitationState.REVOKED | InvitationState.EXPIRED:
            raise link_ended(offer.inviter)


def check_addressee(offer: Offer, email_key: str) -> None:
    """Refuse whoever holds the link but not the address it was sent to (`invitation-for-another-address`)."""
    if offer.invitation.email_key != email_key:
        raise forbidden(
            "invitation-for-another-address",
            "This invitation is for another e-mail address than the one you are signed in with.",
        )


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


def too_many(retry_after_seconds: int) -> DomainError:
    """Make the refusal of one invitation too many on one day."""
    return DomainError(
        ErrorKind.OVERLOADED,
        "too-many-invitations",
        f"An account may invite at most {MOST_PER_DAY} addresses within 24 hours.",
        facts={"retryAfter": retry_after_seconds},
    )


def sent_too_often() -> DomainError:
    """Make the refusal of one mail too many about one invitation."""
    return conflict(
        "invitation-sent-too-often",
        f"This invitation was sent {MOST_SENDS} times: check the address, then revoke it and invite again.",
    )
