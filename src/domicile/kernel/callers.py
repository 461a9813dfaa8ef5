"""Who is calling: a person with a session, or a principal inside one account."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from domicile.kernel.errors import DomainError, ErrorKind, forbidden
from domicile.kernel.ids import AccountId, RegionId, RoleId, UserId
from domicile.kernel.permissions import (
    Absence,
    Address,
    Circumstances,
    Decision,
    MembershipStanding,
    Standing,
    decide,
    refusal,
    second_factor_required,
)
from domicile.kernel.roles import Role
from domicile.kernel.urn import Principal

MFA: Final = "mfa"
"""Way of authentication that says that a second factor was used (RFC 8176)."""
FRESH_FOR: Final = timedelta(minutes=10)
"""How long a person may do what is dangerous after they have shown who they are (OWASP ASVS 5.0, 7.5.3)."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, for audit."""

    request_id: str
    address: Address | None
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """A signed-in user, outside any account."""

    user_id: UserId
    email: str
    name: str
    locale: str
    time_zone: str
    epoch: int
    version: int
    """Of the profile: newer copies of it carry higher numbers."""
    session_id: str
    first_session_id: str
    """What the session's id was before every step-up: by this its coming and going are told."""
    authenticated_at: datetime
    """When they last showed who they are in this session."""
    methods: tuple[str, ...]
    """Ways of authentication used in the session (RFC 8176)."""
    mfa_enabled: bool
    """Whether the person has a second factor at all."""
    origin: Origin
    address_since: datetime | None = None
    """When somebody else gave the person's address up, before it became theirs: what was sent there earlier is not for them.

    None: it was nobody else's before.
    """
    is_leaving: bool = False
    """Whether the person has asked to be deleted, and may do nothing but wait or think better of it."""

    @property
    def mfa_used(self) -> bool:
        """Whether a second factor was used in the session."""
        return MFA in self.methods

    def require_fresh(self, now: datetime) -> None:
        """Refuse (`reauthentication-required`) what is dangerous to a session in which the person has not shown lately who they are."""
        require_fresh(self.authenticated_at, has_factor=self.mfa_enabled, used_factor=self.mfa_used, now=now)

    def card(self) -> "MemberCard":
        """Make the member card that the person's regions may hold."""
        return MemberCard(
            user_id=self.user_id,
            name=self.name,
            email=self.email,
            locale=self.locale,
            time_zone=self.time_zone,
            mfa_enabled=self.mfa_enabled,
            epoch=self.epoch,
            version=self.version,
        )


def require_fresh(authenticated_at: datetime, *, has_factor: bool, used_factor: bool, now: datetime) -> None:
    """Refuse (`reauthentication-required`) unless somebody showed within ten minutes who they are, by a second factor if they have one."""
    if now - authenticated_at > FRESH_FOR or (has_factor and not used_factor):
        raise reauthentication_required()


def reauthentication_required() -> DomainError:
    """Make the refusal of what is dangerous until the caller has shown again who they are (RFC 9470 gives the idea, not the form)."""
    return DomainError(
        ErrorKind.FORBIDDEN,
        "reauthentication-required",
        "Show again that it is you: POST /api/me/step-up, then go on with the token that it gives.",
        facts={"maxAge": int(FRESH_FOR.total_seconds())},
    )


def user_leaving() -> DomainError:
    """Make the refusal for whoever has asked to be deleted."""
    return forbidden(
        "user-leaving", "This user is being deleted: wait for the end, or cancel it at /api/me/deletion."
    )


@dataclass(frozen=True, slots=True)
class MemberCard:
    """What a region may know of a person who is a member there; a copy, with the version of its source."""

    user_id: UserId
    name: str
    email: str
    locale: str
    time_zone: str
    mfa_enabled: bool
    epoch: int
    """Of the person's credentials: sign-ins from before it no longer count."""
    version: int
    absence: Absence | None = None
    """Why the person's places count nowhere; None: they do."""


def _tell_nobody(_caller: "Caller", _action: str) -> None:
    """Stand where no record is kept of refusals."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated principal inside one account, with their standing as of this request."""

    standing: Standing
    circumstances: Circumstances
    role: Role
    name: str
    """Of the person, or the alias of the key."""
    email: str
    """Of the person; empty for a key."""
    method: str
    """`session`, `account-token` or `api-key`."""
    origin: Origin
    tell_refusal: Callable[["Caller", str], None] = field(default=_tell_nobody, repr=False, compare=False)
    """Told of every action that `require` refuses; quick, in memory, and never fails."""
    authenticated_at: datetime | None = None
    """When the person last showed who they are in the session behind this; None for a key, which has nothing to show."""

    @property
    def principal(self) -> Principal:
        """Name who acts."""
        return self.standing.principal

    @property
    def account_id(self) -> AccountId:
        """Name the account acted in."""
        return self.standing.account.id

    @property
    def region(self) -> RegionId:
        """Name the region of the account."""
        return self.standing.account.region

    @property
    def role_id(self) -> RoleId:
        """Name the role held."""
        return self.role.id

    def may(self, action: str) -> Decision:
        """Decide on an action of this caller."""
        return decide(self.standing, action, self.circumstances)

    def require(self, action: str) -> None:
        """Refuse the request unless its caller may do `action` (see `permissions.refusal` for the codes)."""
        decision = self.may(action)
        if not decision.allowed:
            self.tell_refusal(self, action)
            raise refusal(decision, self.role.id, self.standing)

    def require_fresh(self) -> None:
        """Refuse (`reauthentication-required`) what is dangerous to a person who has not shown lately who they are.

        Asked after `require`. A key cannot show anything again and passes: what it may do is bounded by its role.
        """
        place = self.standing.place
        if not isinstance(place, MembershipStanding):
            return
        if self.authenticated_at is None:
            raise reauthentication_required()
        require_fresh(
            self.authenticated_at,
            has_factor=place.mfa_enabled,
            used_factor=self.mfa_used,
            now=self.circumstances.now,
        )

    def require_person(self) -> None:
        """Refuse (`person-required`) what no program may do, whatever its role."""
        if not isinstance(self.standing.place, MembershipStanding):
            raise forbidden(
                "person-required", "Only a person may do this: enter the account with a session of your own."
            )

    def require_second_factor(self, asked: str) -> None:
        """Refuse (`mfa-required`) a person who has used no second factor in the session; `asked` says who asks for one."""
        place = self.standing.place
        if isinstance(place, MembershipStanding) and not self.mfa_used:
            raise second_factor_required(asked, is_enrolled=place.mfa_enabled)

    @property
    def mfa_used(self) -> bool:
        """Whether a second factor was used in the session behind this; never of a key."""
        return bool(self.circumstances.mfa_used)
