"""May they? The one pure function that every door, check and explanation asks, and the words it speaks in (RBAC, INCITS 359)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from domicile.kernel.clock import whole_seconds
from domicile.kernel.errors import DomainError, ErrorKind, conflict, forbidden, unauthenticated
from domicile.kernel.ids import AccountId, RegionId, RoleId
from domicile.kernel.roles import BE_THERE, Role
from domicile.kernel.urn import Principal

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

RESTORE: Final = "identity:account:restore"
"""The one thing that a suspended account is open to."""
STEP_UP: Final = "/api/me/step-up"
"""Where people show again who they are."""
ENROL: Final = "/api/me/factors"
"""Where people add a second factor."""


class AccountState(StrEnum):
    """Whether an account may be entered."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    """Nobody enters; everything is kept until the purge, and can be restored."""
    PURGING = "purging"
    """Being deleted row by row: to everybody it is not there."""


class MemberState(StrEnum):
    """Whether a membership is in force; a removed one is kept as a tombstone for its version."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    REMOVED = "removed"


class Absence(StrEnum):
    """Why a person's places count nowhere, whatever each account says of its own."""

    DISABLED = "disabled"
    """The operator of the platform has disabled the person."""
    LEAVING = "leaving"
    """The person has asked to be deleted."""


@dataclass(frozen=True, slots=True)
class AccountStanding:
    """What a decision needs to know of an account."""

    id: AccountId
    region: RegionId
    state: AccountState
    mfa_required: bool = False
    """Whether people may act here only in sessions in which they used a second factor."""
    purge_after: datetime | None = None
    """Of a suspended one: from this moment on it is purged and can no longer be restored."""


@dataclass(frozen=True, slots=True)
class MembershipStanding:
    """What a decision needs to know of a user's place in the account."""

    state: MemberState
    role: Role
    epoch: int
    """Sign-ins from before this number of the person's credentials no longer count."""
    mfa_enabled: bool = False
    """Whether the person has a second factor."""
    absence: Absence | None = None
    """None: the person is there."""


@dataclass(frozen=True, slots=True)
class ApiKeyStanding:
    """What a decision needs to know of an API key."""

    is_enabled: bool
    expiry: datetime | None
    networks: tuple[Network, ...]
    """Where it may be used from; empty: from anywhere."""
    role: Role


@dataclass(frozen=True, slots=True)
class Standing:
    """A principal's place in one account, as it is now."""

    principal: Principal
    account: AccountStanding
    place: MembershipStanding | ApiKeyStanding | None
    """None: they have none."""


class Unasked(Enum):
    """Stands for a circumstance that a question leaves open."""

    UNASKED = "unasked"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a decision needs to know of the moment."""

    now: datetime
    address: Address | Unasked | None = Unasked.UNASKED
    """Where the call comes from; None: that cannot be told, which is nowhere on a list."""
    epoch: int | None = None
    """The epoch that the presented token carries; None: not asked about."""
    mfa_used: bool | None = None
    """Whether a second factor was used in the session; None: not asked about, then it counts whether the person has one."""


class Rule(StrEnum):
    """The links of the chain, in the order in which they are tried."""

    ACCOUNT_ACTIVE = "account-active"
    PLACE_EXISTS = "place-exists"
    PLACE_ENABLED = "place-enabled"
    CREDENTIAL_CURRENT = "credential-current"
    KEY_UNEXPIRED = "key-unexpired"
    ADDRESS_ALLOWED = "address-allowed"
    MFA_USED = "mfa-used"
    ROLE_PERMITS = "role-permits"
    ACCOUNT_RESTORABLE = "account-restorable"
    """Asked of restoring alone: whether there is anything to restore, and still time."""


@dataclass(frozen=True, slots=True)
class Step:
    """One link of the derivation: a rule, whether it held, and the fact that settled it."""

    rule: Rule
    held: bool
    fact: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Allowed or not, and why: the steps up to the first that did not hold."""

    action: str
    allowed: bool
    steps: tuple[Step, ...]


def decide(standing: Standing, action: str, circumstances: Circumstances) -> Decision:
    """Decide whether a principal may do `action` (`service:object:verb`) in the account.

    Denies by default: an unknown action is in no role. The chain ends at the first link that does not hold, so that the last
    step of a refusal is its reason.
    """
    steps: list[Step] = []
    for step in _chain(standing, action, circumstances):
        steps.append(step)
        if not step.held:
            return Decision(action, allowed=False, steps=tuple(steps))
    return Decision(action, allowed=True, steps=tuple(steps))


def _chain(standing: Standing, action: str, circumstances: Circumstances) -> Iterator[Step]:
    account = standing.account
    yield Step(Rule.ACCOUNT_ACTIVE, _is_open_to(standing, action), f"the account is {account.state}")
    match standing.place:
        case None:
            yield Step(Rule.PLACE_EXISTS, held=False, fact="no membership and no key here")
            return
        case MembershipStanding() as place:
            yield from _membership_chain(place, circumstances)
            if account.mfa_required:
                yield _mfa_step(place, circumstances)
        case ApiKeyStanding() as place:
            yield from _api_key_chain(place, circumstances)
    yield _role_step(place.role, action)
    if action == RESTORE:
        yield _restorable_step(account, circumstances.now)


def _is_open_to(standing: Standing, action: str) -> bool:
    match standing.account.state:
        case AccountState.ACTIVE:
            return True
        case AccountState.SUSPENDED:
            # People restore; a program that a suspension has stopped does not undo it.
            return action == RESTORE and isinstance(standing.place, MembershipStanding)
        case AccountState.PURGING:
            return False


def _restorable_step(account: AccountStanding, now: datetime) -> Step:
    is_suspended = account.state is AccountState.SUSPENDED
    if not is_suspended or account.purge_after is None:
        return Step(Rule.ACCOUNT_RESTORABLE, is_suspended, f"the account is {account.state}")
    until = f"the account can be restored before {whole_seconds(account.purge_after)}"
    return Step(Rule.ACCOUNT_RESTORABLE, now < account.purge_after, until)


def _membership_chain(place: MembershipStanding, circumstances: Circumstances) -> Iterator[Step]:
    yield Step(
        Rule.PLACE_EXISTS, place.state is not MemberState.REMOVED, f"membership with role {place.role.id}"
    )
    yield _place_step(place)
    if circumstances.epoch is not None:
        yield Step(
            Rule.CREDENTIAL_CURRENT, circumstances.epoch >= place.epoch, "the sign-in behind the token"
        )


def _mfa_step(place: MembershipStanding, circumstances: Circumstances) -> Step:
    if circumstances.mfa_used is None:
        fact = "the user has a second factor" if place.mfa_enabled else "the user has no second factor"
        return Step(Rule.MFA_USED, place.mfa_enabled, f"the account asks for one; {fact}")
    fact = "one was used" if circumstances.mfa_used else "none was used in this session"
    return Step(Rule.MFA_USED, circumstances.mfa_used, f"the account asks for a second factor; {fact}")


def _place_step(place: MembershipStanding) -> Step:
    match place.absence:
        case Absence.DISABLED:
            return Step(Rule.PLACE_ENABLED, held=False, fact="the person is disabled by the platform")
        case Absence.LEAVING:
            return Step(Rule.PLACE_ENABLED, held=False, fact="the person is leaving the platform")
        case None:
            is_enabled = place.state is MemberState.ENABLED
            return Step(Rule.PLACE_ENABLED, is_enabled, f"the membership is {place.state}")


def _api_key_chain(place: ApiKeyStanding, circumstances: Circumstances) -> Iterator[Step]:
    yield Step(Rule.PLACE_EXISTS, held=True, fact=f"API key with role {place.role.id}")
    yield Step(
        Rule.PLACE_ENABLED, place.is_enabled, f"the key is {'enabled' if place.is_enabled else 'locked'}"
    )
    if place.expiry is not None:
        yield Step(
            Rule.KEY_UNEXPIRED, circumstances.now < place.expiry, f"the key expires {place.expiry:%Y-%m-%d}"
        )
    address = circumstances.address
    if place.networks and not isinstance(address, Unasked):
        inside = address is not None and any(address in network for network in place.networks)
        yield Step(Rule.ADDRESS_ALLOWED, inside, "the address of the call against the key's list")


def _role_step(role: Role, action: str) -> Step:
    if action == BE_THERE:
        return Step(Rule.ROLE_PERMITS, held=True, fact="every principal may ask about itself")
    service = action.partition(":")[0]
    level = dict(role.service_roles).get(service)
    through = f"{service}/{level}" if level else f"nothing for {service}"
    return Step(Rule.ROLE_PERMITS, action in role.permissions, f"role {role.id} grants {through}")


def refusal(decision: Decision, role: RoleId | None, standing: Standing) -> DomainError:
    """Turn a refusal into the error that its principal may see; the decision and the standing are theirs.

    A credential that no longer counts is 401 (`credential-refused`) without saying why; a suspended account, a foreign address,
    a second factor that was not used and a missing permission are 403, each with its code and with what helps to go on.
    """
    account = standing.account
    match decision.steps[-1].rule:
        case Rule.ACCOUNT_ACTIVE:
            return suspended(account.purge_after)
        case Rule.ACCOUNT_RESTORABLE:
            return restore_too_late() if account.state is AccountState.SUSPENDED else not_suspended()
        case Rule.ADDRESS_ALLOWED:
            return forbidden("address-not-allowed", "This API key may not be used from your address.")
        case Rule.MFA_USED:
            place = standing.place
            is_enrolled = isinstance(place, MembershipStanding) and place.mfa_enabled
            return second_factor_required("This account asks for a second factor", is_enrolled=is_enrolled)
        case Rule.ROLE_PERMITS:
            return forbidden("not-permitted", f"Your role {role} does not allow {decision.action}.")
        case Rule.PLACE_EXISTS | Rule.PLACE_ENABLED | Rule.CREDENTIAL_CURRENT | Rule.KEY_UNEXPIRED:
            return unauthenticated("credential-refused", "This credential is not, or no longer, valid here.")


def suspended(purge_after: datetime | None) -> DomainError:
    """Make the refusal of everything but restoring; it says until when that is possible."""
    return DomainError(
        ErrorKind.FORBIDDEN,
        "account-suspended",
        "The account is suspended: nobody can enter it until it is restored.",
        facts={"purgeAfter": whole_seconds(purge_after)} if purge_after else None,
    )


def second_factor_required(asked: str, *, is_enrolled: bool) -> DomainError:
    """Make the refusal of a session in which no second factor was used: it tells its own person what to do, and nobody else.

    `asked` says, as the beginning of a sentence, who asks for one.
    """
    have = f"show yours at {STEP_UP}" if is_enrolled else f"you have none yet, add one at {ENROL}"
    return DomainError(
        ErrorKind.FORBIDDEN,
        "mfa-required",
        f"{asked}: {have}, then go on with the session that has used it.",
        facts={"enrolled": is_enrolled, "stepUp": STEP_UP, "enrol": ENROL},
    )


def not_suspended() -> DomainError:
    """Make the refusal to restore what is not suspended."""
    return conflict("account-not-suspended", "The account is not suspended: there is nothing to restore.")


def restore_too_late() -> DomainError:
    """Make the refusal to restore what is due to be purged."""
    return conflict(
        "restore-too-late", "The time to restore this account is over: its data is being deleted."
    )


def check_not_above(role: Role, giver: Role) -> None:
    """Refuse a role with permissions that the giver lacks (`above-your-role`): nobody gives what they do not hold."""
    if not role.permissions <= giver.permissions:
        raise DomainError(
            ErrorKind.FORBIDDEN, "above-your-role", f"The role {role.id} grants more than you hold yourself."
        )
