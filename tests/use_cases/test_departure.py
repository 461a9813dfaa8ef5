"""Deleting a user across the planes: refused for a last owner, done in two steps otherwise, and never half."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from domicile.directory.departures.store import departures, leavers
from domicile.directory.memberships.store import memberships as index
from domicile.identity.departure.domain import DepartureState
from domicile.identity.departure.service import (
    cancel_departure,
    delete_myself,
    find_departure,
    settle_departure,
)
from domicile.identity.disabling.service import disable_person, enable_person
from domicile.identity.events.domain import NOBODY
from domicile.identity.sessions.service import authenticate_session
from domicile.identity.users.domain import UserState
from domicile.identity.users.store import find_user
from domicile.infra.idempotency import RequestKey
from domicile.infra.planes import IDENTITY
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Caller, Person
from domicile.kernel.errors import DomainError
from domicile.kernel.ids import AccountId, RoleId, UserId
from domicile.kernel.permissions import MemberState
from domicile.kernel.roles import FULL_ACCESS, READ_ONLY
from domicile.kernel.versions import expecting
from domicile.region.accounts.domain import NewAccount
from domicile.region.accounts.service import create_account
from domicile.region.accounts.store import accounts
from domicile.region.audit.store import audit_events
from domicile.region.courier.store import feed_cursor
from domicile.region.history.domain import Remembered
from domicile.region.history.store import list_history_at
from domicile.region.invitations.domain import InvitationState, NewInvitation, make_token, parse_link
from domicile.region.invitations.sending import give_link
from domicile.region.invitations.service import invite_member
from domicile.region.invitations.store import invitations
from domicile.region.leavers.store import leavers as leavers_here
from domicile.region.memberships.domain import MemberChange
from domicile.region.memberships.service import change_member, remove_member
from domicile.region.memberships.store import member_cards
from domicile.region.receiving.service import accept_invitation
from tests.support.crossing import DISCREET, NOBODYS_ORIGIN, OPEN, Fate, Killed, LiveRegion, platform
from tests.support.leaving import Leaving, leaving
from tests.support.people import PASSWORD

ANY_VERSION = expecting(None)


@pytest.fixture
async def all_of_it(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[Leaving]:
    urls = {name: make_database(name) for name in ("identity", OPEN, DISCREET)}
    async with (
        platform(urls["identity"], {name: urls[name] for name in (OPEN, DISCREET)}, tmp_path) as opened,
        leaving(opened, tmp_path) as everything,
    ):
        yield everything


@pytest.fixture
def region(all_of_it: Leaving) -> LiveRegion:
    return all_of_it.platform.regions[OPEN]


@pytest.fixture
def discreet(all_of_it: Leaving) -> LiveRegion:
    return all_of_it.platform.regions[DISCREET]


async def state_of(all_of_it: Leaving, user: UserId) -> UserState | None:
    found = await all_of_it.plane.database.read(lambda tx: find_user(tx, user))
    return found.state if found else None


async def rows_about(all_of_it: Leaving, user: UserId) -> dict[str, int]:
    """How many rows of identity name a user, by table."""
    counts: dict[str, int] = {}
    for name, table in IDENTITY.tables.items():
        rows = await all_of_it.plane.database.read(lambda tx, table=table: tx.all(select(table)))
        if count := sum(user in {str(value) for value in row} for row in rows):
            counts[name] = count
    return counts


async def owner_of(all_of_it: Leaving, region: LiveRegion, account: AccountId, user: UserId) -> Caller:
    return all_of_it.platform.owner(region, account, user)


async def told_at(region: LiveRegion, account: AccountId, moment: datetime) -> set[tuple[str, str]]:
    """Who was in an account at a moment, and in which state, by its history."""
    found = await region.plane.database.read(lambda tx: list_history_at(tx, account, moment))
    return {
        (became.subject_id, became.facts["state"])
        for became in found
        if became.kind is Remembered.MEMBERSHIP and became.facts
    }


async def test_somebody_without_an_account_is_gone_at_once(all_of_it: Leaving):
    ann = await all_of_it.add_person()
    person, token = await all_of_it.session(ann)

    status = await all_of_it.ask(person)

    assert status.state is DepartureState.DELETED
    assert await rows_about(all_of_it, ann) == {"security_events": 3}
    with pytest.raises(DomainError, match="session-ended"):
        await authenticate_session(all_of_it.plane, token, NOBODYS_ORIGIN)
    (tombstone,) = await all_of_it.plane.database.read(lambda tx: tx.all(select(leavers)))
    assert (tombstone.user_id, tombstone.state) == (ann, "gone")


async def test_a_wrong_password_deletes_nobody_and_leaves_a_trace(all_of_it: Leaving):
    ann = await all_of_it.add_person()
    person = await all_of_it.sign_in(ann)

    with pytest.raises(DomainError, match="password-wrong"):
        await delete_myself(all_of_it.plane, person, SecretText("another horse altogether"))

    assert await state_of(all_of_it, ann) is UserState.ENABLED
    assert (await rows_about(all_of_it, ann))["security_events"] == 2


async def test_the_last_owner_is_refused_with_every_account_and_nothing_changes(
    all_of_it: Leaving, region: LiveRegion, discreet: LiveRegion
):
    ann = await all_of_it.add_person()
    here, there = await all_of_it.account(region, ann), await all_of_it.account(discreet, ann)
    person, token = await all_of_it.session(ann)

    assert (await all_of_it.ask(person)).state is DepartureState.LEAVING
    await all_of_it.carry()

    status = await find_departure(all_of_it.plane, await all_of_it.sign_in(ann))
    assert status.state is DepartureState.REFUSED
    assert {(one.id, one.region_id, one.alias) for one in status.blocked} == {
        (here, OPEN, "Example Labs"),
        (there, DISCREET, None),
    }
    assert await state_of(all_of_it, ann) is UserState.ENABLED
    assert (await authenticate_session(all_of_it.plane, token, NOBODYS_ORIGIN)).user_id == ann
    for place, account in ((region, here), (discreet, there)):
        assert await all_of_it.owners(place, account) == {ann}
    assert await all_of_it.platform.differences() == []


async def test_one_blocked_region_takes_the_other_back(
    all_of_it: Leaving, region: LiveRegion, discreet: LiveRegion
):
    ann, bob = await all_of_it.add_person(), await all_of_it.add_person()
    shared, own = await all_of_it.account(region, ann), await all_of_it.account(discreet, ann)
    await all_of_it.join(region, shared, bob)
    await all_of_it.ask(await all_of_it.sign_in(ann))
    await region.carry()
    assert await all_of_it.owners(region, shared) == {bob}

    await all_of_it.carry()

    assert await state_of(all_of_it, ann) is UserState.ENABLED
    assert await all_of_it.owners(region, shared) == {ann, bob}
    assert await all_of_it.owners(discreet, own) == {ann}


async def test_a_suspended_account_counts_because_only_an_owner_can_restore_it(
    all_of_it: Leaving, region: LiveRegion
):
    ann = await all_of_it.add_person()
    account = await all_of_it.account(region, ann)
    await region.plane.database.run_tx(
        lambda tx: tx.execute(
            update(accounts).where(accounts.c.account_id == account).values(state="suspended")
        )
    )

    await all_of_it.ask(await all_of_it.sign_in(ann))
    await all_of_it.carry()

    assert await state_of(all_of_it, ann) is UserState.ENABLED


async def test_with_other_owners_every_place_in_every_region_ends(
    all_of_it: Leaving, region: LiveRegion, discreet: LiveRegion
):
    ann, bob = await all_of_it.add_person(), await all_of_it.add_person()
    here, there = await all_of_it.account(region, ann), await all_of_it.account(discreet, bob)
    await all_of_it.join(region, here, bob)
    await all_of_it.join(discreet, there, ann, READ_ONLY)

    await all_of_it.ask(await all_of_it.sign_in(ann))
    await all_of_it.carry()

    assert await state_of(all_of_it, ann) is None
    assert await all_of_it.members(region, here) == {bob}
    assert await all_of_it.members(discreet, there) == {bob}
    assert await all_of_it.platform.differences() == []
    assert not [
        row for place in (region, discreet) for row in await place.all(member_cards) if row.user_id == ann
    ]
    told = await all_of_it.plane.database.read(
        lambda tx: tx.all(select(index.c.state).where(index.c.user_id == ann))
    )
    assert {row.state for row in told} == {MemberState.REMOVED}
    assert await all_of_it.plane.database.read(lambda tx: tx.all(select(departures))) == []
    (creator,) = [row.created_by for row in await region.all(accounts)]
    assert creator == ann


async def test_of_what_they_did_the_id_stays_and_who_they_were_does_not(
    all_of_it: Leaving, region: LiveRegion
):
    ann, bob = await all_of_it.add_person(), await all_of_it.add_person()
    account = await all_of_it.account(region, ann)
    await all_of_it.join(region, account, bob)
    caller = await owner_of(all_of_it, region, account, ann)
    offered = NewInvitation("guest@example.com", "guest@example.com", RoleId(READ_ONLY))
    await invite_member(region.plane, caller, offered, None)
    # user1@example.com is Ann's own address.
    to_ann = NewInvitation("user1@example.com", "user1@example.com", RoleId(READ_ONLY))
    elsewhere = await all_of_it.account(region, bob)
    await invite_member(region.plane, await owner_of(all_of_it, region, elsewhere, bob), to_ann, None)
    await all_of_it.join(region, elsewhere, ann, READ_ONLY)

    await all_of_it.ask(await all_of_it.sign_in(ann))
    await all_of_it.carry()

    offers = await region.all(invitations)
    assert {row.state for row in offers} == {InvitationState.REVOKED}
    events = await region.all(audit_events)
    mine = [row for row in events if row.principal_id == ann]
    assert mine
    assert {row.personal for row in mine} == {None}
    assert "user1@example.com" not in str([*events, *await region.all(member_cards)])


async def test_of_two_owners_who_leave_at_the_same_instant_one_stays(all_of_it: Leaving, region: LiveRegion):
    ann, bob = await all_of_it.add_person(), await all_of_it.add_person()
    account = await all_of_it.account(region, ann)
    await all_of_it.join(region, account, bob)
    people = [await all_of_it.sign_in(user) for user in (ann, bob)]

    await asyncio.gather(*(all_of_it.ask(person) for person in people))
    await asyncio.gather(*(region.carry() for _ in range(3)), all_of_it.settle(ann), all_of_it.settle(bob))
    await all_of_it.carry()

    states = [await state_of(all_of_it, user) for user in (ann, bob)]
    assert sorted(states, key=str) == [None, UserState.ENABLED]
    assert await all_of_it.owners(region, account) == {ann if states[0] else bob}
    assert await all_of_it.platform.differences() == []


async def test_whoever_remains_cannot_leave_the_account_while_the_other_is_leaving(
    all_of_it: Leaving, region: LiveRegion
):
    ann, bob = await all_of_it.add_person(), await all_of_it.add_person()
    account = await all_of_it.account(region, ann)
    await all_of_it.join(region, account, bob)
    await all_of_it.ask(await all_of_it.sign_in(ann))
    await region.carry()
    caller = await owner_of(all_of_it, region, account, bob)

    with pytest.raises(DomainError, match="last-full-access-user"):
        await remove_member(region.plane, caller, bob, ANY_VERSION)
    with pytest.raises(DomainError, match="last-full-access-user"):
        await change_member(region.plane, caller, bob, MemberChange(RoleId(READ_ONLY), None), ANY_VERSION)


async def test_a_demotion_that_meets_a_departure_leaves_an_owner(all_of_it: Leaving, region: LiveRegion):
    ann, bob = await all_of_it.add_person(), await all_of_it.add_person()
    account = await all_of_it.account(region, ann)
    await all_of_it.join(region, account, bob)
    caller = await owner_of(all_of_it, region, account, bob)
    await all_of_it.ask(await all_of_it.sign_in(ann))

    await asyncio.gather(
        region.carry(),
        change_member(region.plane, caller, bob, MemberChange(RoleId(READ_ONLY), None), ANY_VERSION),
        return_exceptions=True,
    )
    await all_of_it.carry()

    assert len(await all_of_it.owners(region, account)) == 1


async def test_while_leaving_one_does_nothing_but_wait_or_think_better_of_it(
    all_of_it: Leaving, region: LiveRegion
):
    ann, bob = await all_of_it.add_person(), await all_of_it.add_person()
    await all_of_it.account(region, bob)
    account = await all_of_it.account(region, ann)
    await all_of_it.join(region, account, bob)
    stale = await all_of_it.sign_in(ann)
    await all_of_it.ask(stale)
    new = NewAccount("Another", region.id, "en", "UTC")

    with pytest.raises(DomainError, match="user-leaving"):
        await all_of_it.sign_in(ann)
    with pytest.raises(DomainError, match="user-leaving"):
        await create_account(region.plane, stale, new, None)

    await cancel_departure(all_of_it.plane, stale)
    await all_of_it.carry()
    assert await state_of(all_of_it, ann) is UserState.ENABLED
    assert await all_of_it.owners(region, account) == {ann, bob}
    assert (await create_account(region.plane, stale, new, None)).alias == "Another"
    with pytest.raises(DomainError, match="not-found"):
        await cancel_departure(all_of_it.plane, stale)


async def test_a_cancelled_departure_gives_back_what_the_regions_had_set_aside(
    all_of_it: Leaving, region: LiveRegion, discreet: LiveRegion
):
    ann, bob = await all_of_it.add_person(), await all_of_it.add_person()
    here, there = await all_of_it.account(region, ann), await all_of_it.account(discreet, bob)
    await all_of_it.join(region, here, bob)
    await all_of_it.join(discreet, there, ann)
    person = await all_of_it.sign_in(ann)
    await all_of_it.ask(person)
    await region.carry()

    status = await find_departure(all_of_it.plane, await leaver(all_of_it, ann))
    assert (status.state, status.awaited) == (DepartureState.LEAVING, (DISCREET,))
    await cancel_departure(all_of_it.plane, person)
    await all_of_it.carry()

    assert await all_of_it.owners(region, here) == {ann, bob}
    assert await all_of_it.owners(discreet, there) == {ann, bob}
    assert await all_of_it.platform.differences() == []


async def leaver(all_of_it: Leaving, user: UserId) -> Person:
    """Somebody who is leaving, as their session tells of them."""
    return replace(await all_of_it.platform.person(user), is_leaving=True)


async def test_a_dark_region_is_waited_for_however_long_and_named(
    all_of_it: Leaving, region: LiveRegion, discreet: LiveRegion
):
    ann, bob = await all_of_it.add_person(), await all_of_it.add_person()
    here, there = await all_of_it.account(region, bob), await all_of_it.account(discreet, bob)
    await all_of_it.join(region, here, ann)
    await all_of_it.join(discreet, there, ann)
    await all_of_it.ask(await all_of_it.sign_in(ann))
    await region.carry()
    all_of_it.platform.clock.advance(days=2)

    status = await all_of_it.settle(ann)
    assert (status.state, status.awaited) == (DepartureState.LEAVING, (DISCREET,))

    await all_of_it.carry()
    assert await state_of(all_of_it, ann) is None
    assert await all_of_it.members(discreet, there) == {bob}


async def test_an_account_that_is_being_created_meanwhile_is_never_made_for_a_leaver(
    all_of_it: Leaving, region: LiveRegion
):
    ann = await all_of_it.add_person()
    stale, new = await all_of_it.sign_in(ann), NewAccount("Late", region.id, "en", "UTC")
    request = RequestKey(b"key", b"digest")
    with pytest.raises(Killed):
        await create_account(region.plane_of(Fate(call=2)), stale, new, request)

    assert (await all_of_it.ask(stale)).awaited == (OPEN,)
    await region.carry()
    with pytest.raises(DomainError, match="user-leaving"):
        await create_account(region.plane, stale, new, request)
    await all_of_it.carry()

    assert await state_of(all_of_it, ann) is None
    assert await region.all(accounts) == []


async def test_an_account_that_the_directory_does_not_know_yet_keeps_its_owner(
    all_of_it: Leaving, region: LiveRegion
):
    ann = await all_of_it.add_person()
    stale = await all_of_it.sign_in(ann)
    made = await create_account(region.plane, stale, NewAccount("New", region.id, "en", "UTC"), None)

    await all_of_it.ask(stale)
    await all_of_it.carry()

    assert await state_of(all_of_it, ann) is UserState.ENABLED
    assert await all_of_it.owners(region, made.id) == {ann}


async def invited(all_of_it: Leaving, region: LiveRegion, account: AccountId, by: UserId, to: UserId):
    """Offer somebody full access, and give the link."""
    email = (await all_of_it.platform.person(to)).email
    caller = await owner_of(all_of_it, region, account, by)
    wanted = NewInvitation(email, email, RoleId(FULL_ACCESS))
    offer = (await invite_member(region.plane, caller, wanted, None)).invitation
    token = make_token(region.id, account, "t" * 43)
    await give_link(region.plane, account, offer.id, sends=1, token=token)
    return parse_link(token)


async def test_a_region_in_which_somebody_is_about_to_join_is_asked_too(
    all_of_it: Leaving, region: LiveRegion
):
    ann, bob = await all_of_it.add_person(), await all_of_it.add_person()
    account = await all_of_it.account(region, bob)
    link = await invited(all_of_it, region, account, bob, ann)
    stale = await all_of_it.sign_in(ann)
    # The process dies after the directory knows, before the region does.
    with pytest.raises(Killed):
        await accept_invitation(region.plane_of(Fate(call=3)), stale, link)

    assert (await all_of_it.ask(stale)).awaited == (OPEN,)
    await region.carry()
    with pytest.raises(DomainError, match="user-leaving"):
        await accept_invitation(region.plane, stale, link)
    await all_of_it.carry()
    with pytest.raises(DomainError, match="user-leaving"):
        await accept_invitation(region.plane, stale, link)

    assert await state_of(all_of_it, ann) is None
    assert await all_of_it.members(region, account) == {bob}


async def test_joining_that_meets_leaving_ends_in_one_of_both_and_an_owner(
    all_of_it: Leaving, region: LiveRegion
):
    ann, bob = await all_of_it.add_person(), await all_of_it.add_person()
    account = await all_of_it.account(region, bob)
    link = await invited(all_of_it, region, account, bob, ann)
    stale = await all_of_it.sign_in(ann)

    await asyncio.gather(
        accept_invitation(region.plane, stale, link),
        all_of_it.ask(stale),
        region.carry(),
        all_of_it.settle(ann),
        return_exceptions=True,
    )
    await all_of_it.carry()

    assert await state_of(all_of_it, ann) is None
    assert await all_of_it.owners(region, account) == {bob}
    assert await all_of_it.members(region, account) == {bob}
    # No mail leaves these couriers.
    differing = await all_of_it.platform.differences()
    assert [line for line in differing if not line.endswith("invitation-mail")] == []


@pytest.mark.once("sqlite")
@pytest.mark.parametrize("moment", ["before", "inside", "after"])
async def test_a_courier_that_is_killed_at_any_call_leaves_nothing_half(
    all_of_it: Leaving, region: LiveRegion, moment: str
):
    bob = await all_of_it.add_person()
    account = await all_of_it.account(region, bob)
    for call in range(1, 20):
        ann = await all_of_it.add_person()
        await all_of_it.join(region, account, ann)
        await all_of_it.ask(await all_of_it.sign_in(ann))
        fate = Fate(call=call, moment=moment)
        for _ in range(3):
            try:
                await region.carry(fate)
            except Killed:
                assert bob in await all_of_it.owners(region, account)
            await all_of_it.settle(ann)
        await all_of_it.carry()

        assert await state_of(all_of_it, ann) is None, call
        assert await all_of_it.members(region, account) == {bob}, call
        await all_of_it.platform.settle()
        assert await all_of_it.platform.differences() == [], call


async def test_a_feed_that_is_read_once_more_from_the_start_changes_nothing(
    all_of_it: Leaving, region: LiveRegion
):
    ann, bob = await all_of_it.add_person(), await all_of_it.add_person()
    account = await all_of_it.account(region, bob)
    await all_of_it.join(region, account, ann)
    person = await all_of_it.sign_in(ann)
    await all_of_it.ask(person)
    await region.carry()
    await cancel_departure(all_of_it.plane, person)
    await all_of_it.carry()
    before = [await region.all(table) for table in (member_cards, leavers_here)]

    await region.plane.database.run_tx(lambda tx: tx.execute(update(feed_cursor).values(seq=0)))
    await region.carry()

    assert [await region.all(table) for table in (member_cards, leavers_here)] == before
    assert await all_of_it.owners(region, account) == {ann, bob}


async def test_whoever_leaves_and_stays_and_leaves_again_is_gone(all_of_it: Leaving, region: LiveRegion):
    ann = await all_of_it.add_person()
    account = await all_of_it.account(region, ann)
    person = await all_of_it.sign_in(ann)
    await all_of_it.ask(person)
    await all_of_it.carry()
    bob = await all_of_it.add_person()
    await all_of_it.join(region, account, bob)

    await all_of_it.ask(person)
    await all_of_it.carry()

    assert await state_of(all_of_it, ann) is None
    assert await all_of_it.owners(region, account) == {bob}


async def test_asking_twice_at_once_is_asking_once(all_of_it: Leaving, region: LiveRegion):
    ann, bob = await all_of_it.add_person(), await all_of_it.add_person()
    account = await all_of_it.account(region, bob)
    await all_of_it.join(region, account, ann)
    person = await all_of_it.sign_in(ann)

    await asyncio.gather(all_of_it.ask(person), all_of_it.ask(person))
    await all_of_it.carry()

    assert await state_of(all_of_it, ann) is None
    assert (await settle_departure(all_of_it.plane, NOBODY)).state is DepartureState.NONE


async def test_a_disabled_person_counts_nowhere_until_enabled_and_keeps_their_places(
    all_of_it: Leaving, region: LiveRegion
):
    ann, bob = await all_of_it.add_person(), await all_of_it.add_person()
    account = await all_of_it.account(region, bob)
    await all_of_it.join(region, account, ann)
    _, token = await all_of_it.session(ann)

    await disable_person(all_of_it.plane, ann, "lost laptop")
    await disable_person(all_of_it.plane, ann, "lost laptop")
    await all_of_it.carry()

    with pytest.raises(DomainError, match="session-ended"):
        await authenticate_session(all_of_it.plane, token, NOBODYS_ORIGIN)
    with pytest.raises(DomainError, match="sign-in-failed"):
        await all_of_it.sign_in(ann)
    assert await all_of_it.owners(region, account) == {bob}
    caller = await owner_of(all_of_it, region, account, bob)
    with pytest.raises(DomainError, match="last-full-access-user"):
        await remove_member(region.plane, caller, bob, ANY_VERSION)

    moment = all_of_it.platform.clock()
    assert (ann, "disabled") in await told_at(region, account, moment)
    all_of_it.platform.clock.advance(minutes=1)
    await enable_person(all_of_it.plane, ann, "found again")
    await all_of_it.carry()
    assert await all_of_it.owners(region, account) == {ann, bob}
    assert (ann, "disabled") in await told_at(region, account, moment)
    assert (ann, "enabled") in await told_at(region, account, all_of_it.platform.clock())
    assert (await all_of_it.sign_in(ann)).user_id == ann
    assert await all_of_it.platform.differences() == []


async def test_an_operator_can_keep_somebody_who_is_leaving(all_of_it: Leaving, region: LiveRegion):
    ann, bob = await all_of_it.add_person(), await all_of_it.add_person()
    account = await all_of_it.account(region, bob)
    await all_of_it.join(region, account, ann)
    await all_of_it.ask(await all_of_it.sign_in(ann))

    await enable_person(all_of_it.plane, ann, "asked by telephone")
    await all_of_it.carry()

    assert await state_of(all_of_it, ann) is UserState.ENABLED
    assert await all_of_it.owners(region, account) == {ann, bob}


async def test_the_password_is_the_signature_and_is_asked_for_in_its_field(all_of_it: Leaving):
    person = await all_of_it.sign_in(await all_of_it.add_person())

    with pytest.raises(DomainError) as refused:
        await delete_myself(all_of_it.plane, person, SecretText("x" * 300))

    assert list(refused.value.fields) == ["password"]
    assert PASSWORD not in repr(refused.value)
