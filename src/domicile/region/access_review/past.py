"""The roster as it was: made from what was remembered of each thing at its last change before a moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domicile.infra.databases import RegionTx
from domicile.kernel.ids import AccountId, ApiKeyId, RegionId, RoleId, UserId
from domicile.kernel.permissions import AccountStanding, AccountState, MemberState
from domicile.kernel.roles import Catalogue
from domicile.region.api_keys.domain import networks_of
from domicile.region.history.domain import Became, Remembered
from domicile.region.history.store import list_history_at
from domicile.region.roster.domain import Entry, EntryKind, RoleBook, key_state
from domicile.region.roster.store import Card, list_cards
from domicile.region.standing.domain import key_standing, member_standing


@dataclass(frozen=True, slots=True)
class _Moment:
    account: AccountStanding
    book: RoleBook
    at: datetime
    cards: Mapping[str, Card]

    def of_member(self, became: Became) -> Entry:
        facts = _facts(became)
        role, state = self.book.get(RoleId(facts["roleID"])), MemberState(facts["state"])
        card = self.cards.get(became.subject_id)
        return Entry(
            kind=EntryKind.USER,
            id=became.subject_id,
            standing=member_standing(
                self.account, UserId(became.subject_id), state, role, epoch=0, mfa_enabled=False
            ),
            role=role,
            name=card.name if card else "",
            email=card.email if card else "",
            state=state,
            given_by=None,
            given_at=None,
            last_activity_at=None,
            expires_at=None,
        )

    def of_key(self, became: Became) -> Entry:
        facts = _facts(became)
        role = self.book.get(RoleId(facts["roleID"]))
        expires_at = datetime.fromisoformat(facts["expiry"]) if facts["expiry"] else None
        is_enabled, networks = bool(facts["enabled"]), [str(text) for text in facts["networks"]]
        return Entry(
            kind=EntryKind.API_KEY,
            id=became.subject_id,
            standing=key_standing(
                self.account,
                ApiKeyId(became.subject_id),
                role,
                is_enabled=is_enabled,
                expires_at=expires_at,
                networks=networks_of([], networks),
            ),
            role=role,
            name=str(facts["alias"]),
            email="",
            state=key_state(is_enabled=is_enabled, expires_at=expires_at, now=self.at),
            given_by=None,
            given_at=None,
            last_activity_at=None,
            expires_at=expires_at,
            networks=tuple(networks),
        )


async def list_past_entries(
    tx: RegionTx, catalogue: Catalogue, region: RegionId, account: AccountId, at: datetime
) -> tuple[Entry, ...]:
    """List who and what was in an account at a moment, users before keys, each in the order of their ids.

    Empty before the account was made. Roles are what they were then, out of service roles as they are registered now. Names and
    addresses are those of today, of who is still a user; invitations are not remembered.
    """
    remembered = await list_history_at(tx, account, at)
    by_kind = {kind: [each for each in remembered if each.kind is kind] for kind in Remembered}
    if not (accounts := by_kind[Remembered.ACCOUNT]):
        return ()
    facts = _facts(accounts[-1])
    standing = AccountStanding(
        account, region, AccountState(facts["state"]), mfa_required=bool(facts["mfaRequired"])
    )
    cards = await list_cards(tx, account)
    moment = _Moment(standing, _book(catalogue, by_kind[Remembered.ROLE]), at, cards)
    members = [moment.of_member(each) for each in by_kind[Remembered.MEMBERSHIP]]
    return (*members, *(moment.of_key(each) for each in by_kind[Remembered.API_KEY]))


def _book(catalogue: Catalogue, own: Sequence[Became]) -> RoleBook:
    roles = dict(catalogue.predefined)
    for became in own:
        facts = _facts(became)
        bundle = [(str(service), str(level)) for service, level in facts["serviceRoles"]]
        role = RoleId(became.subject_id)
        roles[role] = catalogue.bundle(role, str(facts["name"]), "", bundle)
    return RoleBook(catalogue, roles)


def _facts(became: Became) -> Mapping[str, Any]:
    return became.facts or {}
