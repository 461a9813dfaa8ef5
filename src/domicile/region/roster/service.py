"""Reading the roster of an account, a page at a time, in a transaction of whoever asks."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from domicile.infra.databases import RegionTx
from domicile.kernel.ids import AccountId
from domicile.kernel.paging import LARGEST_LIMIT, Page, PageRequest
from domicile.kernel.permissions import AccountStanding, Standing
from domicile.kernel.roles import Catalogue
from domicile.kernel.urn import Principal
from domicile.region.api_keys.domain import ApiKey, networks_of
from domicile.region.api_keys.store import list_keys
from domicile.region.invitations.domain import Invitation, InvitationState, could_offer
from domicile.region.invitations.store import list_invitations
from domicile.region.memberships.domain import Member
from domicile.region.memberships.store import list_members
from domicile.region.roles.service import list_all_roles
from domicile.region.roster.domain import Entry, EntryKind, Giver, RoleBook, key_state
from domicile.region.roster.store import Known, find_creator, list_inviters, list_known
from domicile.region.standing.domain import key_standing, member_standing
from domicile.region.standing.store import find_account_standing

PRINCIPALS = (EntryKind.USER, EntryKind.API_KEY)
"""The kinds of entries that can act; an invitation cannot."""


@dataclass(frozen=True, slots=True)
class Roster:
    """One account as a transaction sees it: its standing and its roles, from which every entry's standing is made."""

    tx: RegionTx
    account: AccountStanding
    book: RoleBook
    now: datetime

    async def list_entries(
        self, page: PageRequest, *, kinds: Sequence[EntryKind] = tuple(EntryKind)
    ) -> Page[Entry]:
        """List entries kind by kind, in each in the order in which they came."""
        begun = kinds.index(EntryKind(page.after[0])) if page.after else 0
        after = page.after[1:] if page.after else None
        entries: list[Entry] = []
        for kind in kinds[begun:]:
            wanted = page.limit + 1 - len(entries)
            entries += await self._list_kind(kind, PageRequest(wanted, after))
            after = None
            if len(entries) > page.limit:
                shown = tuple(entries[: page.limit])
                return Page(shown, shown[-1].place)
        return Page(tuple(entries), None)

    async def every_entry(
        self, *, kinds: Sequence[EntryKind] = tuple(EntryKind), after: tuple[str, ...] | None = None
    ) -> AsyncIterator[Entry]:
        """Give every entry beyond `after`, a page at a time behind the scenes."""
        while True:
            page = await self.list_entries(PageRequest(LARGEST_LIMIT, after), kinds=kinds)
            for entry in page.items:
                yield entry
            if (after := page.next_after) is None:
                return

    async def _list_kind(self, kind: EntryKind, page: PageRequest) -> list[Entry]:
        account = self.account.id
        match kind:
            case EntryKind.USER:
                members = (await list_members(self.tx, account, page, role=None)).items
                return await self._with_inviters(members)
            case EntryKind.API_KEY:
                keys = (await list_keys(self.tx, account, page, role=None)).items
                known = await list_known(self.tx, account, {key.created_by for key in keys})
                return [self.of_key(key, known) for key in keys]
            case EntryKind.INVITATION:
                offers = (
                    await list_invitations(
                        self.tx, account, page, state=InvitationState.INVITED, now=self.now
                    )
                ).items
                known = await list_known(self.tx, account, {offer.created_by.id for offer in offers})
                return [self._of_offer(offer, known) for offer in offers]

    async def _with_inviters(self, members: Sequence[Member]) -> list[Entry]:
        account = self.account.id
        givers = await list_inviters(self.tx, account, [member.user_id for member in members])
        if (creator := await find_creator(self.tx, account)) is not None:
            givers.setdefault(creator, Principal.user(creator))
        known = await list_known(self.tx, account, {giver.id for giver in givers.values()})
        return [self.of_member(member, givers.get(member.user_id), known) for member in members]

    def of_member(self, member: Member, giver: Principal | None, known: dict[str, Known]) -> Entry:
        """Make the entry of a user."""
        role = self.book.get(member.role_id)
        standing = member_standing(
            self.account,
            member.user_id,
            member.state,
            role,
            epoch=member.epoch,
            mfa_enabled=member.mfa_enabled,
            absence=member.absence,
        )
        return Entry(
            kind=EntryKind.USER,
            id=member.user_id,
            standing=standing,
            role=role,
            name=member.name,
            email=member.email,
            state=member.state,
            given_by=_giver(giver, known),
            given_at=member.created_at,
            last_activity_at=member.last_activity_at,
            expires_at=None,
            mfa_enabled=member.mfa_enabled,
        )

    def of_key(self, key: ApiKey, known: dict[str, Known]) -> Entry:
        """Make the entry of an API key."""
        role = self.book.get(key.role_id)
        standing = key_standing(
            self.account,
            key.id,
            role,
            is_enabled=key.is_enabled,
            expires_at=key.expires_at,
            networks=networks_of(list(key.allowed_ips), list(key.allowed_cidrs)),
        )
        return Entry(
            kind=EntryKind.API_KEY,
            id=key.id,
            standing=standing,
            role=role,
            name=key.alias,
            email="",
            state=key_state(is_enabled=key.is_enabled, expires_at=key.expires_at, now=self.now),
            given_by=_giver(principal_of(key.created_by), known),
            given_at=key.created_at,
            last_activity_at=key.last_activity_at,
            expires_at=key.expires_at,
            networks=(*key.allowed_ips, *key.allowed_cidrs),
        )

    def _of_offer(self, offer: Invitation, known: dict[str, Known]) -> Entry:
        role = self.book.get(offer.role_id)
        maker = known.get(offer.created_by.id)
        held = maker.role_id if maker else None
        return Entry(
            kind=EntryKind.INVITATION,
            id=offer.id,
            standing=Standing(Principal(EntryKind.INVITATION, offer.id), self.account, None),
            role=role,
            name="",
            email=offer.email,
            state=offer.state,
            given_by=_giver(offer.created_by, known),
            given_at=offer.created_at,
            last_activity_at=None,
            expires_at=offer.expires_at,
            stands=held is not None and could_offer(self.book.get(held), role),
        )


async def open_roster(tx: RegionTx, catalogue: Catalogue, account: AccountId, now: datetime) -> Roster | None:
    """Begin to read the roster of an account; None where there is no such account."""
    if (standing := await find_account_standing(tx, account)) is None:
        return None
    shown = await list_all_roles(tx, catalogue, account)
    book = RoleBook(catalogue, {each.role.id: each.role for each in shown})
    return Roster(tx, standing, book, now)


def principal_of(creator: str) -> Principal:
    """Tell whether a user or a key made something, by the form of the id."""
    return Principal("apikey" if creator.startswith("dom_") else "user", creator)


def _giver(principal: Principal | None, known: dict[str, Known]) -> Giver | None:
    if principal is None:
        return None
    found = known.get(principal.id)
    return Giver(principal, found.name if found else "")
