"""Proposed changes and what they would do, on the wire."""

from typing import ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.kernel.errors import invalid
from domicile.kernel.ids import AccountId
from domicile.region.plane import RegionPlane
from domicile.region.preflight.domain import ChangeKind, ChangeWish, Effect, Outcome
from domicile.region.roster.domain import Entry
from domicile.web.bodies import Wire, given, or_unset

_USER = "01890a5d-ac96-774b-bcce-b302099a8057"
_ACCOUNT = "urn:domicile:identity:de-1:004217730956"


class ProposedBundleBody(Wire, frozen=True, forbid_unknown_fields=True):
    """A role of the account's own, and the service roles of which it would consist."""

    role_id: str = field(name="roleID")
    service_role_urns: list[str] = field(name="serviceRoleURNs")


class ProposedNetworksBody(Wire, frozen=True, forbid_unknown_fields=True):
    """An API key, and from where it could be used; a list that is left out stays as it is."""

    id: str
    allowed_ips: list[str] | UnsetType = field(default=UNSET, name="allowedIPs")
    allowed_cidrs: list[str] | UnsetType = field(default=UNSET, name="allowedCIDRs")
    probe_addresses: list[str] | UnsetType = UNSET
    """Addresses to try, at most 100, beside those from which the key was used lately."""


class ProposedRemovalBody(Wire, frozen=True, forbid_unknown_fields=True):
    """A user who would be removed."""

    user_id: str = field(name="userID")


class ProposedUserRoleBody(Wire, frozen=True, forbid_unknown_fields=True):
    """A user, and the role that they would have."""

    user_id: str = field(name="userID")
    role_id: str = field(name="roleID")


class ProposedUserStateBody(Wire, frozen=True, forbid_unknown_fields=True):
    """A user, and the state that they would be in."""

    user_id: str = field(name="userID")
    state: str


class ProposedLockBody(Wire, frozen=True, forbid_unknown_fields=True):
    """An API key that would be locked."""

    id: str


class ProposedKeyRoleBody(Wire, frozen=True, forbid_unknown_fields=True):
    """An API key, and the role that it would have."""

    id: str
    role_id: str = field(name="roleID")


class ProposedChangeBody(Wire, frozen=True, forbid_unknown_fields=True):
    """One proposed change: exactly one member."""

    role: ProposedBundleBody | UnsetType = UNSET
    mfa_required: bool | UnsetType = UNSET
    apikey_networks: ProposedNetworksBody | UnsetType = UNSET
    remove_user: ProposedRemovalBody | UnsetType = UNSET
    user_role: ProposedUserRoleBody | UnsetType = UNSET
    user_state: ProposedUserStateBody | UnsetType = UNSET
    apikey_locked: ProposedLockBody | UnsetType = UNSET
    apikey_role: ProposedKeyRoleBody | UnsetType = UNSET
    delete_account: bool | UnsetType = UNSET
    """Always true."""


class PreflightBody(Wire, frozen=True, forbid_unknown_fields=True):
    """A question what a change would do."""

    example: ClassVar[dict[str, object]] = {"change": {"mfaRequired": True}}

    change: ProposedChangeBody


class EffectBody(Wire, frozen=True):
    """What the change would do to one user or API key."""

    principal_urn: str = field(name="principalURN")
    kind: str
    name: str
    role_id: str = field(name="roleID")
    role_id_after: str = field(name="roleIDAfter")
    could_enter: bool
    can_enter: bool
    """After the change."""
    rule: str
    """The rule by which entering would be settled."""
    lost: list[str]
    """Permissions, sorted, as in `gained`."""
    gained: list[str]
    email: str | UnsetType = UNSET


class FallenInvitationBody(Wire, frozen=True):
    """An invitation that could no longer be accepted."""

    id: str
    email: str
    role_id: str = field(name="roleID")
    urn: str


class TriedAddressBody(Wire, frozen=True):
    """Whether the key would be let in from an address."""

    address: str
    source: str
    """`recent`: the key did something from there lately; `asked`: one of the probe addresses."""
    allowed_before: bool
    allowed_after: bool


class PreflightSummaryBody(Wire, frozen=True):
    """How many it would touch; these counts are whole where lists are cut."""

    principals: int
    """Users and API keys of the account."""
    affected: int
    locked_out: int
    losing: int
    gaining: int
    invitations: int


class ForetoldBody(Wire, frozen=True):
    """What the change would do; nothing was changed."""

    example: ClassVar[dict[str, object]] = {
        "change": "mfaRequired",
        "ownerless": False,
        "summary": {
            "principals": 3,
            "affected": 1,
            "lockedOut": 1,
            "losing": 1,
            "gaining": 0,
            "invitations": 0,
        },
        "affected": [
            {
                "principalURN": f"{_ACCOUNT}:user/{_USER}",
                "kind": "user",
                "name": "Ada Example",
                "email": "ada@example.com",
                "roleID": "auditor",
                "roleIDAfter": "auditor",
                "couldEnter": True,
                "canEnter": False,
                "rule": "mfa-used",
                "lost": ["audit:log:read"],
                "gained": [],
            }
        ],
        "invitations": [],
        "truncated": False,
    }

    change: str
    """The kind of change."""
    ownerless: bool
    """Whether nobody with full access could enter the account any more, were it active; such a change is refused where it can be."""
    summary: PreflightSummaryBody
    affected: list[EffectBody]
    invitations: list[FallenInvitationBody]
    """Those that would no longer stand."""
    truncated: bool
    """Whether `summary` counts more than the lists name."""
    addresses: list[TriedAddressBody] | UnsetType = UNSET
    """For `apikeyNetworks`."""


def read_proposal(body: PreflightBody) -> ChangeWish:
    """Read which change is asked about; `invalid-input` unless it is exactly one."""
    change = body.change
    found = [wish for wish in _wishes(change) if wish is not None]
    if len(found) != 1:
        raise invalid({"change": f"must have exactly one of {', '.join(ChangeKind)}"})
    if given(change.delete_account) is False:
        raise invalid({"change.deleteAccount": "must be true"})
    return found[0]


def _wishes(change: ProposedChangeBody) -> tuple[ChangeWish | None, ...]:
    role, networks, mfa = given(change.role), given(change.apikey_networks), given(change.mfa_required)
    removal, user_role, user_state = (
        given(change.remove_user),
        given(change.user_role),
        given(change.user_state),
    )
    lock, key_role = given(change.apikey_locked), given(change.apikey_role)
    kinds = ChangeKind
    return (
        role and ChangeWish(kind=kinds.ROLE, item=role.role_id, service_role_urns=role.service_role_urns),
        None if mfa is None else ChangeWish(kind=kinds.MFA_REQUIRED, is_required=mfa),
        networks and _networks_wish(networks),
        removal and ChangeWish(kind=kinds.REMOVE_USER, item=removal.user_id),
        user_role and ChangeWish(kind=kinds.USER_ROLE, item=user_role.user_id, role=user_role.role_id),
        user_state and ChangeWish(kind=kinds.USER_STATE, item=user_state.user_id, state=user_state.state),
        lock and ChangeWish(kind=kinds.APIKEY_LOCKED, item=lock.id),
        key_role and ChangeWish(kind=kinds.APIKEY_ROLE, item=key_role.id, role=key_role.role_id),
        None if given(change.delete_account) is None else ChangeWish(kind=kinds.DELETE_ACCOUNT),
    )


def _networks_wish(body: ProposedNetworksBody) -> ChangeWish:
    return ChangeWish(
        kind=ChangeKind.APIKEY_NETWORKS,
        item=body.id,
        allowed_ips=given(body.allowed_ips),
        allowed_cidrs=given(body.allowed_cidrs),
        probes=given(body.probe_addresses) or (),
    )


def shape_foretold(
    plane: RegionPlane, account: AccountId, kind: ChangeKind, outcome: Outcome
) -> ForetoldBody:
    """Write what a change would do."""
    addresses = [
        TriedAddressBody(
            address=str(tried.address),
            source="recent" if tried.was_seen else "asked",
            allowed_before=tried.allowed_before,
            allowed_after=tried.allowed_after,
        )
        for tried in outcome.addresses
    ]
    return ForetoldBody(
        change=kind,
        ownerless=outcome.is_ownerless,
        summary=PreflightSummaryBody(
            principals=outcome.principals,
            affected=outcome.affected_count,
            locked_out=outcome.locked_out,
            losing=outcome.losing,
            gaining=outcome.gaining,
            invitations=outcome.fallen_count,
        ),
        affected=[_shape_effect(plane, account, effect) for effect in outcome.affected],
        invitations=[_shape_fallen(plane, account, offer) for offer in outcome.fallen],
        truncated=outcome.is_truncated,
        addresses=addresses if kind is ChangeKind.APIKEY_NETWORKS else UNSET,
    )


def _shape_effect(plane: RegionPlane, account: AccountId, effect: Effect) -> EffectBody:
    entry = effect.entry
    return EffectBody(
        principal_urn=plane.urns(account).make(entry.kind, entry.id),
        kind=entry.kind,
        name=entry.name,
        email=or_unset(entry.email or None),
        role_id=entry.role.id,
        role_id_after=effect.role_after,
        could_enter=effect.entering_before.allowed,
        can_enter=effect.entering_after.allowed,
        rule=effect.rule,
        lost=list(effect.lost),
        gained=list(effect.gained),
    )


def _shape_fallen(plane: RegionPlane, account: AccountId, offer: Entry) -> FallenInvitationBody:
    urn = plane.urns(account).make(offer.kind, offer.id)
    return FallenInvitationBody(id=offer.id, email=offer.email, role_id=offer.role.id, urn=urn)
