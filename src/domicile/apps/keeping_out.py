"""What an operator does about people: look one up, keep one out everywhere, let one in again."""

from collections.abc import Sequence
from dataclasses import dataclass

from domicile.apps.node import Node
from domicile.apps.operate import opened_node
from domicile.identity.disabling.service import (
    FactorReset,
    PersonRecord,
    disable_person,
    enable_person,
    find_person,
    reset_factors,
)
from domicile.identity.users.domain import User, UserState
from domicile.infra.settings import Settings
from domicile.kernel.clock import whole_seconds
from domicile.kernel.ids import AccountId, RegionId, UserId
from domicile.region.memberships.store import list_solely_owned


@dataclass(frozen=True, slots=True)
class SoleOwner:
    """Accounts that would have no owner who may sign in, and regions that this machine cannot ask."""

    accounts: tuple[tuple[RegionId, AccountId], ...]
    unasked: tuple[RegionId, ...]


async def show_person(settings: Settings, email_or_id: str) -> dict[str, object]:
    """Describe a person, with the regions where they may have a place and how their departure stands."""
    async with opened_node(settings) as node:
        return _shown(await find_person(node.identity, email_or_id))


async def keep_out_unless_last(settings: Settings, email_or_id: str, reason: str) -> tuple[User, SoleOwner]:
    """Disable a person, but not while an account would have no owner who may sign in, or might have none."""
    async with opened_node(settings) as node:
        record = await find_person(node.identity, email_or_id)
        sole = await _sole_owner(node, record.user.id, record.regions)
        if sole.accounts or sole.unasked:
            return record.user, sole
        return await disable_person(node.identity, record.user.id, reason), sole


async def keep_out(settings: Settings, email_or_id: str, reason: str) -> tuple[User, SoleOwner]:
    """Disable a person, whatever that leaves without an owner; gives it.

    The regions of this configuration follow at once, and the servers of each within a second.
    """
    async with opened_node(settings) as node:
        record = await find_person(node.identity, email_or_id)
        sole = await _sole_owner(node, record.user.id, record.regions)
        return await disable_person(node.identity, record.user.id, reason), sole


async def take_factors_away(settings: Settings, email_or_id: str, reason: str) -> FactorReset:
    """Take a person's second factors away, once the operator has seen who they are; the regions of this configuration follow at once."""
    async with opened_node(settings) as node:
        record = await find_person(node.identity, email_or_id)
        return await reset_factors(node.identity, record.user.id, reason)


async def let_in(settings: Settings, email_or_id: str, reason: str) -> User:
    """Enable a disabled person, or keep one who is leaving."""
    async with opened_node(settings) as node:
        record = await find_person(node.identity, email_or_id)
        return await enable_person(node.identity, record.user.id, reason)


def is_disabled(user: User) -> bool:
    """Tell whether a person is kept out."""
    return user.state is UserState.DISABLED


async def _sole_owner(node: Node, user: UserId, regions: Sequence[RegionId]) -> SoleOwner:
    found: list[tuple[RegionId, AccountId]] = []
    for region in regions:
        if (door := node.doors.by_region.get(region)) is not None:
            owned = await door.plane.database.read(lambda tx: list_solely_owned(tx, user))
            found += [(region, account) for account in owned]
    unasked = tuple(region for region in regions if region not in node.doors.by_region)
    return SoleOwner(tuple(found), unasked)


def _shown(record: PersonRecord) -> dict[str, object]:
    user = record.user
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "state": user.state,
        "mfaEnabled": user.mfa_enabled,
        "created": whole_seconds(user.created_at),
        "lastModified": whole_seconds(user.modified_at),
        "regions": list(record.regions),
        "departure": [
            {"region": answer.region_id, "state": answer.state, "asked": whole_seconds(answer.at)}
            for answer in record.answers
        ],
    }
