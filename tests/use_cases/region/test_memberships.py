"""The users of an account: seen, changed and removed, with an owner left whatever happens."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from domicile.kernel.errors import DomainError
from domicile.kernel.ids import UserId
from domicile.kernel.paging import PageRequest
from domicile.kernel.permissions import MemberState
from domicile.kernel.roles import FULL_ACCESS, PREDEFINED_ROLES, READ_ONLY
from domicile.kernel.versions import expecting
from domicile.region.access_log.store import read_head
from domicile.region.memberships import service
from domicile.region.memberships.domain import Member, MemberChange
from domicile.region.memberships.schemas import UserChangeBody, read_member_change, shape_member
from domicile.region.memberships.store import member_cards, memberships
from tests.support.joining import ANY_VERSION, JoiningRegion, joining_region, user_id
from tests.support.refusals import refusal_of
from tests.support.region import ACCOUNT, OTHER_ACCOUNT, OWNER, role_with

DEMOTE = MemberChange(READ_ONLY, None)
DISABLE = MemberChange(None, MemberState.DISABLED)


@pytest.fixture
async def region(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[JoiningRegion]:
    async with joining_region(make_database("region"), tmp_path) as region:
        yield region


async def test_users_are_listed_in_the_order_in_which_they_joined_page_by_page(region: JoiningRegion):
    for number in range(2, 8):
        await region.add_member(number)
        region.clock.advance(seconds=number % 2)

    found: list[UserId] = []
    after: tuple[str, ...] | None = None
    while True:
        page = await service.list_members(region.plane, region.owner, PageRequest(2, after), role=None)
        found += [member.user_id for member in page.items]
        if (after := page.next_after) is None:
            break

    assert found == [user_id(number) for number in range(1, 8)]


async def test_users_can_be_listed_by_role(region: JoiningRegion):
    await region.add_member(2, READ_ONLY)

    page = await service.list_members(region.plane, region.owner, PageRequest(25, None), role=READ_ONLY)

    assert [member.user_id for member in page.items] == [user_id(2)]


async def test_a_list_of_users_costs_one_query(region: JoiningRegion):
    for number in range(2, 8):
        await region.add_member(number)

    async with region.live.counting_queries() as queries:
        await service.list_members(region.plane, region.owner, PageRequest(25, None), role=None)

    assert len(queries) == 1


async def test_a_user_on_the_wire_has_no_last_activity_until_there_was_one(region: JoiningRegion):
    body = shape_member(region.plane, ACCOUNT, (await region.members())[OWNER])

    assert body.urn == f"urn:domicile:identity:de-1:{ACCOUNT}:user/{OWNER}"
    assert not body.last_activity
    assert body.created == "2026-11-23T14:00:00Z"


async def test_a_change_of_role_is_stored_announced_and_logged_together(region: JoiningRegion):
    await region.add_member(2)
    head = await region.plane.database.read(read_head)

    changed = await service.change_member(region.plane, region.owner, user_id(2), DEMOTE, ANY_VERSION)

    rows = await region.plane.database.read(lambda tx: region.plane.outbox.list_due(tx, at_most=100))
    event = (await region.live.events())[-1]
    assert changed == (await region.members())[user_id(2)]
    assert (changed.role_id, changed.version) == (READ_ONLY, head + 1)
    assert (rows[-1].kind, rows[-1].subject_id, rows[-1].version) == (
        "membership-index",
        user_id(2),
        head + 1,
    )
    assert (event.type, event.principal.id) == ("audit.user_updated.v1", OWNER)
    assert event.details == {
        "userID": user_id(2),
        "roleID": "read-only",
        "state": "enabled",
        "formerRoleID": "full-access",
        "formerState": "enabled",
    }


async def test_a_change_that_changes_nothing_leaves_no_trace(region: JoiningRegion):
    before = (await region.members())[OWNER]
    head = await region.plane.database.read(read_head)

    same = await service.change_member(
        region.plane, region.owner, OWNER, MemberChange(FULL_ACCESS, MemberState.ENABLED), ANY_VERSION
    )

    assert same == before
    assert await region.plane.database.read(read_head) == head
    assert await region.live.events() == []


@pytest.mark.parametrize("change", [DEMOTE, DISABLE])
async def test_the_last_owner_can_be_neither_demoted_nor_disabled(
    region: JoiningRegion, change: MemberChange
):
    await region.add_member(2, READ_ONLY)
    head = await region.plane.database.read(read_head)

    refused = await refusal_of(service.change_member(region.plane, region.owner, OWNER, change, ANY_VERSION))

    assert refused.code == "last-full-access-user"
    assert (await region.members())[OWNER].role_id == FULL_ACCESS
    assert await region.plane.database.read(read_head) == head
    assert await region.live.events() == []


async def test_the_last_owner_cannot_be_removed(region: JoiningRegion):
    await region.add_member(2)
    await service.change_member(region.plane, region.owner, user_id(2), DISABLE, ANY_VERSION)

    refused = await refusal_of(service.remove_member(region.plane, region.owner, OWNER, ANY_VERSION))

    assert refused.code == "last-full-access-user"
    assert set(await region.members()) == {OWNER, user_id(2)}


@pytest.mark.parametrize("change", [DEMOTE, DISABLE, None])
async def test_of_two_owners_who_act_on_each_other_at_once_one_succeeds(
    region: JoiningRegion, change: MemberChange | None
):
    other = await region.add_member(2)

    outcomes = await asyncio.gather(
        _act(region, OWNER, on=other, change=change),
        _act(region, other, on=OWNER, change=change),
        return_exceptions=True,
    )

    refused = [outcome for outcome in outcomes if isinstance(outcome, DomainError)]
    assert [error.code for error in refused] == ["last-full-access-user"]
    assert len(_owners(await region.members())) == 1


async def test_of_many_owners_who_leave_at_once_one_stays(region: JoiningRegion):
    for number in range(2, 12):
        await region.add_member(number)

    await asyncio.gather(
        *(_act(region, user_id(number), on=user_id(number), change=None) for number in range(1, 12)),
        return_exceptions=True,
    )

    assert len(await region.members()) == 1


async def test_removal_forgets_the_person_and_keeps_the_id(region: JoiningRegion):
    await region.add_member(2)

    await service.remove_member(region.plane, region.owner, user_id(2), ANY_VERSION)

    cards = await region.plane.database.read(lambda tx: tx.all(select(member_cards.c.user_id)))
    kept = await region.plane.database.read(
        lambda tx: tx.first(select(memberships).where(memberships.c.user_id == user_id(2)))
    )
    assert user_id(2) not in {row.user_id for row in cards}
    assert kept is not None
    assert kept.state == "removed"
    event = (await region.live.events())[-1]
    assert (event.type, event.details["userID"]) == ("audit.user_deleted.v1", user_id(2))


async def test_a_removed_user_is_not_there_for_any_use_case(region: JoiningRegion):
    await region.add_member(2)
    await service.remove_member(region.plane, region.owner, user_id(2), ANY_VERSION)
    attempts = [
        service.get_member(region.plane, region.owner, user_id(2)),
        service.change_member(region.plane, region.owner, user_id(2), DISABLE, ANY_VERSION),
        service.remove_member(region.plane, region.owner, user_id(2), ANY_VERSION),
    ]

    assert [(await refusal_of(attempt)).code for attempt in attempts] == ["not-found"] * 3


async def test_a_former_user_who_joins_again_starts_afresh(region: JoiningRegion):
    await region.add_member(2)
    former = (await region.members())[user_id(2)]
    await service.remove_member(region.plane, region.owner, user_id(2), ANY_VERSION)
    region.clock.advance(days=1)

    await region.add_member(2, READ_ONLY)

    again = (await region.members())[user_id(2)]
    assert again.role_id == READ_ONLY
    assert again.created_at == region.clock()
    assert again.version > former.version


async def test_a_user_of_another_account_is_not_there(region: JoiningRegion):
    await region.add_member(2, account=OTHER_ACCOUNT)
    attempts = [
        service.get_member(region.plane, region.owner, user_id(2)),
        service.change_member(region.plane, region.owner, user_id(2), DISABLE, ANY_VERSION),
        service.remove_member(region.plane, region.owner, user_id(2), ANY_VERSION),
    ]

    assert [(await refusal_of(attempt)).code for attempt in attempts] == ["not-found"] * 3
    assert (await region.members(OTHER_ACCOUNT))[user_id(2)].state is MemberState.ENABLED


async def test_removal_from_one_account_leaves_the_others_alone(region: JoiningRegion):
    await region.add_member(2)
    await region.add_member(2, account=OTHER_ACCOUNT)

    await service.remove_member(region.plane, region.owner, user_id(2), ANY_VERSION)

    assert user_id(2) in await region.members(OTHER_ACCOUNT)


async def test_who_may_only_read_changes_nobody(region: JoiningRegion):
    reader = region.live.person(PREDEFINED_ROLES[READ_ONLY])
    attempts = [
        service.change_member(region.plane, reader, OWNER, DISABLE, ANY_VERSION),
        service.remove_member(region.plane, reader, OWNER, ANY_VERSION),
    ]

    assert [(await refusal_of(attempt)).code for attempt in attempts] == ["not-permitted"] * 2


async def test_nobody_gives_a_role_above_their_own(region: JoiningRegion):
    await region.add_member(2, READ_ONLY)
    keeper = region.live.person(role_with("identity:user:update", "identity:self:read"))

    refused = await refusal_of(
        service.change_member(region.plane, keeper, user_id(2), MemberChange(FULL_ACCESS, None), ANY_VERSION)
    )

    assert refused.code == "above-your-role"


async def test_a_change_meant_for_an_older_version_of_a_user_is_refused(region: JoiningRegion):
    await region.add_member(2)
    seen = (await region.members())[user_id(2)]
    await service.change_member(region.plane, region.owner, user_id(2), DEMOTE, ANY_VERSION)

    refused = await refusal_of(
        service.remove_member(region.plane, region.owner, user_id(2), expecting((seen.tag,)))
    )

    assert refused.code == "stale-version"


def test_every_fault_of_a_change_is_named_at_once():
    with pytest.raises(DomainError) as refused:
        read_member_change(UserChangeBody(role_id="no role", state="removed"))

    assert set(refused.value.fields) == {"roleID", "state"}


async def _act(region: JoiningRegion, actor: UserId, *, on: UserId, change: MemberChange | None) -> None:
    caller = region.live.person(user=actor)
    if change is None:
        await service.remove_member(region.plane, caller, on, ANY_VERSION)
    else:
        await service.change_member(region.plane, caller, on, change, ANY_VERSION)


def _owners(members: dict[UserId, Member]) -> set[UserId]:
    return {
        user
        for user, member in members.items()
        if member.role_id == FULL_ACCESS and member.state is MemberState.ENABLED
    }
