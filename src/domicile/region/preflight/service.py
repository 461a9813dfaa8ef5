"""The use case of the preflight: nothing is changed, and everybody's access is decided twice."""

from ipaddress import ip_address

from domicile.infra.databases import RegionTx
from domicile.kernel.callers import Caller
from domicile.kernel.errors import not_found
from domicile.kernel.faults import Faults
from domicile.kernel.ids import ApiKeyId, UserId, find_api_key_id, find_role_id, find_user_id
from domicile.kernel.paging import PageRequest
from domicile.kernel.permissions import Address, Standing
from domicile.kernel.roles import Role
from domicile.kernel.urn import Principal
from domicile.region.access.service import note_question
from domicile.region.access_review.domain import REVIEW
from domicile.region.api_keys.domain import ApiKey, check_address, networks_of, parse_networks
from domicile.region.api_keys.store import find_key
from domicile.region.audit.domain import Filters
from domicile.region.audit.store import list_events
from domicile.region.memberships.domain import check_member_state
from domicile.region.memberships.store import find_member
from domicile.region.plane import RegionPlane
from domicile.region.preflight.domain import (
    AMONG_EVENTS,
    MOST_PROBES,
    AccountDeleted,
    Change,
    ChangeKind,
    ChangeWish,
    Decider,
    KeyGivenRole,
    KeyLocked,
    MfaRequired,
    NetworksSet,
    Outcome,
    RoleBundled,
    UserGivenRole,
    UserInState,
    UserRemoved,
    look_at_addresses,
    would_stand,
)
from domicile.region.role_management.domain import ServiceRoleReader, role_predefined
from domicile.region.roles.domain import check_role_id
from domicile.region.roles.service import find_role, get_role
from domicile.region.roster.domain import EntryKind
from domicile.region.roster.service import PRINCIPALS, Roster, open_roster


async def foretell(plane: RegionPlane, caller: Caller, wish: ChangeWish) -> Outcome:
    """Tell what a change would do to everybody's access; nothing is changed, and whether the caller could make it is not asked.

    `not-found` for a user, key or role that is not of the account; `role-predefined`; `invalid-input` names every other fault.
    """
    caller.require(REVIEW)
    await note_question(plane, caller, "preflight", {"change": wish.kind})

    async def read(tx: RegionTx) -> Outcome:
        roster = await open_roster(tx, plane.catalogue, caller.account_id, plane.clock())
        if roster is None:
            raise not_found("account")
        return await _Foreteller(plane, tx, caller, roster).foretell(wish)

    return await plane.database.read(read)


class _Foreteller:
    def __init__(self, plane: RegionPlane, tx: RegionTx, caller: Caller, roster: Roster) -> None:
        self._plane, self._tx, self._caller, self._roster = plane, tx, caller, roster
        self._account = caller.account_id

    async def foretell(self, wish: ChangeWish) -> Outcome:
        change = await self._read(wish)
        outcome = Outcome(change)
        decider = Decider(self._plane.catalogue.permissions, self._roster.now)
        makers: dict[Principal, Standing] = {}
        async for entry in self._roster.every_entry(kinds=PRINCIPALS):
            makers[entry.standing.principal] = entry.standing
            outcome.look_at(entry, decider)
        async for offer in self._roster.every_entry(kinds=(EntryKind.INVITATION,)):
            maker = makers.get(offer.given_by.principal) if offer.given_by else None
            if offer.stands and not would_stand(change, offer, maker, self._roster.book.get):
                outcome.drop(offer)
        if isinstance(change, NetworksSet):
            key = makers[Principal.api_key(change.key)]
            addresses = await self._addresses(change.key, wish)
            outcome.addresses = tuple(look_at_addresses(change, key, addresses, self._roster.now))
        return outcome

    async def _read(self, wish: ChangeWish) -> Change:
        match wish.kind:
            case ChangeKind.ROLE:
                return await self._read_bundle(wish)
            case ChangeKind.MFA_REQUIRED:
                return MfaRequired(wish.is_required)
            case ChangeKind.APIKEY_NETWORKS:
                return await self._read_networks(wish)
            case ChangeKind.REMOVE_USER:
                return UserRemoved(await self._user(wish.item))
            case ChangeKind.USER_ROLE | ChangeKind.USER_STATE:
                return await self._read_user_change(wish)
            case ChangeKind.APIKEY_LOCKED:
                return KeyLocked((await self._key(wish.item)).id)
            case ChangeKind.APIKEY_ROLE:
                key = await self._key(wish.item)
                return KeyGivenRole(key.id, await self._role(wish))
            case ChangeKind.DELETE_ACCOUNT:
                return AccountDeleted()

    async def _read_bundle(self, wish: ChangeWish) -> RoleBundled:
        role = find_role_id(wish.item)
        found = await find_role(self._tx, self._plane.catalogue, self._account, role) if role else None
        if found is None:
            raise not_found("role")
        if found.custom is None:
            raise role_predefined()
        plane, faults = self._plane, Faults()
        reader = ServiceRoleReader(plane.catalogue, plane.settings.namespace, plane.id, self._account)
        bundle = reader.read(wish.service_role_urns, faults)
        faults.settle()
        was = found.role
        return RoleBundled(plane.catalogue.bundle(was.id, was.name, was.description, bundle))

    async def _read_user_change(self, wish: ChangeWish) -> UserGivenRole | UserInState:
        user = await self._user(wish.item)
        if wish.kind is ChangeKind.USER_ROLE:
            return UserGivenRole(user, await self._role(wish))
        faults = Faults()
        state = faults.take("state", check_member_state, wish.state)
        faults.settle()
        assert state is not None
        return UserInState(user, state)

    async def _read_networks(self, wish: ChangeWish) -> NetworksSet:
        key = await self._key(wish.item)
        ips, cidrs = parse_networks(wish.allowed_ips, wish.allowed_cidrs)
        ips, cidrs = key.allowed_ips if ips is None else ips, key.allowed_cidrs if cidrs is None else cidrs
        return NetworksSet(key.id, networks_of(list(ips), list(cidrs)))

    async def _role(self, wish: ChangeWish) -> Role:
        faults = Faults()
        role = faults.take("roleID", check_role_id, wish.role)
        faults.settle()
        assert role is not None
        return await get_role(self._tx, self._plane.catalogue, self._account, role, field="roleID")

    async def _user(self, text: str) -> UserId:
        user = find_user_id(text)
        if user is None or await find_member(self._tx, self._account, user) is None:
            raise not_found("user")
        return user

    async def _key(self, text: str) -> ApiKey:
        key = find_api_key_id(text)
        found = await find_key(self._tx, self._account, key) if key else None
        if found is None:
            raise not_found("API key")
        return found

    async def _addresses(self, key: ApiKeyId, wish: ChangeWish) -> dict[Address, bool]:
        """Collect the addresses to try: where the key did something lately, and what is asked about."""
        faults = Faults()
        if len(wish.probes) > MOST_PROBES:
            faults.add("probeAddresses", f"must have at most {MOST_PROBES} entries")
        probes = [
            faults.take(f"probeAddresses[{n}]", check_address, text) for n, text in enumerate(wish.probes)
        ]
        faults.settle()
        lately = await list_events(
            self._tx,
            self._account,
            PageRequest(AMONG_EVENTS, None),
            Filters(principal=Principal.api_key(key)),
        )
        seen = sorted({found.event.source_address for found in lately.items} - {""})
        asked = {ip_address(text): False for text in probes if text is not None}
        return asked | {ip_address(text): True for text in seen}
