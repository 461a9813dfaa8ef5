"""A proposed change as a function from the standings that are to those that would be, and what differs between them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, assert_never

from domicile.kernel.ids import ApiKeyId, RoleId, UserId
from domicile.kernel.permissions import (
    AccountStanding,
    AccountState,
    Address,
    ApiKeyStanding,
    Circumstances,
    Decision,
    MembershipStanding,
    MemberState,
    Network,
    Rule,
    Standing,
    decide,
)
from domicile.kernel.roles import BE_THERE, FULL_ACCESS, Role
from domicile.kernel.urn import Principal
from domicile.region.invitations.domain import could_offer
from domicile.region.roster.domain import Entry

MOST_AFFECTED: Final = 1_000
"""Principals that an answer names; more are counted."""
MOST_PROBES: Final = 100
AMONG_EVENTS: Final = 500
"""The latest audited acts of a key in which it is looked from where the key was used."""

Place = MembershipStanding | ApiKeyStanding | None


@dataclass(frozen=True, slots=True)
class RoleBundled:
    """A role of the account's own would be another bundle."""

    role: Role


@dataclass(frozen=True, slots=True)
class MfaRequired:
    """The account would ask for a second factor, or no longer."""

    is_required: bool


@dataclass(frozen=True, slots=True)
class NetworksSet:
    """A key could be used from other networks."""

    key: ApiKeyId
    networks: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class UserRemoved:
    """A user would be removed from the account."""

    user: UserId


@dataclass(frozen=True, slots=True)
class UserGivenRole:
    """A user would have another role."""

    user: UserId
    role: Role


@dataclass(frozen=True, slots=True)
class UserInState:
    """A user would be disabled or enabled."""

    user: UserId
    state: MemberState


@dataclass(frozen=True, slots=True)
class KeyLocked:
    """A key would be locked."""

    key: ApiKeyId


@dataclass(frozen=True, slots=True)
class KeyGivenRole:
    """A key would have another role."""

    key: ApiKeyId
    role: Role


@dataclass(frozen=True, slots=True)
class AccountDeleted:
    """The account would be suspended, on the way to its deletion."""


Change = (
    RoleBundled
    | MfaRequired
    | NetworksSet
    | UserRemoved
    | UserGivenRole
    | UserInState
    | KeyLocked
    | KeyGivenRole
    | AccountDeleted
)


class ChangeKind(StrEnum):
    """The kinds of changes that can be asked about, as they are named on the wire."""

    ROLE = "role"
    MFA_REQUIRED = "mfaRequired"
    APIKEY_NETWORKS = "apikeyNetworks"
    REMOVE_USER = "removeUser"
    USER_ROLE = "userRole"
    USER_STATE = "userState"
    APIKEY_LOCKED = "apikeyLocked"
    APIKEY_ROLE = "apikeyRole"
    DELETE_ACCOUNT = "deleteAccount"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeWish:
    """What a body says of a proposed change, not yet read; None: not said, or not of this kind."""

    kind: ChangeKind
    item: str = ""
    """The user, the key or the role that it is about."""
    role: str = ""
    state: str = ""
    is_required: bool = False
    service_role_urns: Sequence[str] = ()
    allowed_ips: Sequence[str] | None = None
    allowed_cidrs: Sequence[str] | None = None
    probes: Sequence[str] = ()


def after(change: Change, standing: Standing) -> Standing:
    """Give the standing that a principal would have; the one that it has if the change does not touch it."""
    match change:
        case MfaRequired(is_required):
            return replace(standing, account=replace(standing.account, mfa_required=is_required))
        case AccountDeleted():
            return replace(standing, account=replace(standing.account, state=AccountState.SUSPENDED))
        case _:
            return replace(standing, place=_place_after(change, standing.principal, standing.place))


def _place_after(
    change: RoleBundled | NetworksSet | UserRemoved | UserGivenRole | UserInState | KeyLocked | KeyGivenRole,
    principal: Principal,
    place: Place,
) -> Place:
    match change, place:
        case RoleBundled(role), MembershipStanding() | ApiKeyStanding() if place.role.id == role.id:
            return replace(place, role=role)
        case UserRemoved(user), _ if principal == Principal.user(user):
            return None
        case UserGivenRole(user, role), MembershipStanding() if principal == Principal.user(user):
            return replace(place, role=role)
        case UserInState(user, state), MembershipStanding() if principal == Principal.user(user):
            return replace(place, state=state)
        case _, ApiKeyStanding():
            return _key_after(change, principal, place)
        case _:
            return place


def _key_after(change: Change, principal: Principal, place: ApiKeyStanding) -> ApiKeyStanding:
    match change:
        case NetworksSet(key, networks) if principal == Principal.api_key(key):
            return replace(place, networks=networks)
        case KeyLocked(key) if principal == Principal.api_key(key):
            return replace(place, is_enabled=False)
        case KeyGivenRole(key, role) if principal == Principal.api_key(key):
            return replace(place, role=role)
        case _:
            return place


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change would do to one principal."""

    entry: Entry
    entering_before: Decision
    entering_after: Decision
    lost: tuple[str, ...]
    """Sorted, as is what is gained."""
    gained: tuple[str, ...]
    role_after: RoleId

    @property
    def is_locked_out(self) -> bool:
        """Whether the account could be entered, and then no longer."""
        return self.entering_before.allowed and not self.entering_after.allowed

    @property
    def rule(self) -> Rule:
        """The rule by which entering would be settled."""
        return self.entering_after.steps[-1].rule


@dataclass(frozen=True, slots=True)
class AddressEffect:
    """What another list of networks would do to calls from one address."""

    address: Address
    was_seen: bool
    """Whether the key did something from there lately; otherwise it was asked about."""
    allowed_before: bool
    allowed_after: bool


@dataclass(slots=True)
class Decider:
    """Asks the function that enforces, and remembers its answer for everybody in the same place: who they are decides nothing."""

    permissions: tuple[str, ...]
    now: datetime
    _known: dict[tuple[AccountStanding, Place], tuple[Decision, frozenset[str]]] = field(default_factory=dict)

    def ask(self, standing: Standing) -> tuple[Decision, frozenset[str]]:
        """Give the decision on entering, and everything that is allowed."""
        place = standing.account, standing.place
        if (known := self._known.get(place)) is None:
            circumstances = Circumstances(self.now)
            allowed = (
                action for action in self.permissions if decide(standing, action, circumstances).allowed
            )
            known = decide(standing, BE_THERE, circumstances), frozenset(allowed)
            self._known[place] = known
        return known

    def effect(self, change: Change, entry: Entry) -> Effect | None:
        """Tell what a change would do to one principal; None: nothing."""
        then = after(change, entry.standing)
        if then == entry.standing:
            return None
        (entering, allowed), (entering_then, allowed_then) = self.ask(entry.standing), self.ask(then)
        if entering.allowed == entering_then.allowed and allowed == allowed_then:
            return None
        return Effect(
            entry,
            entering,
            entering_then,
            lost=tuple(sorted(allowed - allowed_then)),
            gained=tuple(sorted(allowed_then - allowed)),
            role_after=then.place.role.id if then.place else entry.role.id,
        )

    def keeps_owned(self, standing: Standing) -> bool:
        """Tell whether a principal is a user with full access who can enter the account while it is active."""
        place = standing.place
        if not isinstance(place, MembershipStanding) or place.role.id != FULL_ACCESS:
            return False
        active = replace(standing, account=replace(standing.account, state=AccountState.ACTIVE))
        return self.ask(active)[0].allowed


@dataclass(slots=True)
class Outcome:
    """What a change would do to an account, gathered entry by entry."""

    change: Change
    affected: list[Effect] = field(default_factory=list[Effect])
    """At most `MOST_AFFECTED`, in the order of the roster."""
    fallen: list[Entry] = field(default_factory=list[Entry])
    """Invitations that stand now and would no longer; at most as many."""
    addresses: tuple[AddressEffect, ...] = ()
    is_ownerless: bool = True
    principals: int = 0
    """Users and keys looked at."""
    affected_count: int = 0
    locked_out: int = 0
    losing: int = 0
    gaining: int = 0
    fallen_count: int = 0

    @property
    def is_truncated(self) -> bool:
        """Whether more is counted than named."""
        return self.affected_count > len(self.affected) or self.fallen_count > len(self.fallen)

    def look_at(self, entry: Entry, decider: Decider) -> None:
        """Count what the change would do to a user or a key."""
        self.principals += 1
        if self.is_ownerless and decider.keeps_owned(after(self.change, entry.standing)):
            self.is_ownerless = False
        if (effect := decider.effect(self.change, entry)) is None:
            return
        self.affected_count += 1
        self.locked_out += effect.is_locked_out
        self.losing += bool(effect.lost)
        self.gaining += bool(effect.gained)
        if len(self.affected) < MOST_AFFECTED:
            self.affected.append(effect)

    def drop(self, offer: Entry) -> None:
        """Count an invitation that would no longer stand."""
        self.fallen_count += 1
        if len(self.fallen) < MOST_AFFECTED:
            self.fallen.append(offer)


def would_stand(
    change: Change, offer: Entry, maker: Standing | None, roles: Callable[[RoleId], Role]
) -> bool:
    """Tell whether an invitation could still be accepted after a change, as accepting decides it."""
    if isinstance(change, AccountDeleted) or maker is None:
        return False
    place = after(change, maker).place
    match place:
        case None:
            return False
        case MembershipStanding(state=state):
            can_give = state is MemberState.ENABLED
        case ApiKeyStanding(is_enabled=is_enabled):
            can_give = is_enabled
        case _:
            assert_never(place)
    offered = change.role if isinstance(change, RoleBundled) and change.role.id == offer.role.id else None
    return can_give and could_offer(place.role, offered or roles(offer.role.id))


def look_at_addresses(
    change: NetworksSet, key: Standing, addresses: Mapping[Address, bool], now: datetime
) -> Iterator[AddressEffect]:
    """Decide for each address (value: whether it was seen) whether the key is let in from there, before and after."""
    then = after(change, key)
    for address, was_seen in addresses.items():
        circumstances = Circumstances(now, address)
        yield AddressEffect(
            address,
            was_seen,
            decide(key, BE_THERE, circumstances).allowed,
            decide(then, BE_THERE, circumstances).allowed,
        )
