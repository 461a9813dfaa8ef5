"""Inviting many at once: each has its own result, and none undoes another."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from domicile.infra.idempotency import RequestKey
from domicile.kernel.errors import DomainError, invalid
from domicile.kernel.paging import PageRequest
from domicile.kernel.roles import FULL_ACCESS, PREDEFINED_ROLES, READ_ONLY
from domicile.region.invitations import bulk, service
from domicile.region.invitations.bulk import invite_members
from domicile.region.invitations.domain import Delivery, NewInvitation, Outcome, Wanted, parse_link
from domicile.region.receiving import service as receiving
from tests.support.joining import GRACE, JoiningRegion, joining_region
from tests.support.refusals import refusal_of
from tests.support.region import role_with


@pytest.fixture
async def region(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[JoiningRegion]:
    async with joining_region(make_database("region"), tmp_path) as region:
        yield region


def guest(number: int, role: str = READ_ONLY, *, delivery: Delivery = Delivery.MAIL) -> NewInvitation:
    email = f"guest{number}@example.com"
    return NewInvitation(email, email, role, delivery=delivery)  # pyright: ignore[reportArgumentType]  # a role of a test


def codes(outcomes: tuple[Outcome, ...]) -> list[str]:
    return [each.refusal.code if each.refusal else "created" for each in outcomes]


async def count(region: JoiningRegion) -> int:
    page = await service.list_invitations(region.plane, region.owner, PageRequest(250, None), state=None)
    return len(page.items)


async def test_the_good_ones_are_made_and_the_others_told_in_their_order(region: JoiningRegion):
    await region.invite()
    host = region.live.person(role_with("identity:invitation:create", "identity:self:read"))
    await region.add_member(9, READ_ONLY, email="guest9@example.com")
    wanted: list[Wanted] = [
        guest(1),
        invalid({"email": "must be an e-mail address such as ann@example.com"}),
        NewInvitation(GRACE, GRACE, READ_ONLY),
        guest(1),
        guest(9),
        guest(2),
    ]

    outcomes = await invite_members(region.plane, region.owner, wanted, None)
    above = await invite_members(region.plane, host, [guest(3, FULL_ACCESS)], None)

    assert codes(outcomes) == [
        "created",
        "invalid-input",
        "invitation-open",
        "invitation-repeated",
        "already-member",
        "created",
    ]
    assert codes(above) == ["above-your-role"]
    refused = outcomes[1].refusal
    assert refused is not None
    assert refused.fields.keys() == {"email"}
    assert await region.deliver() == 3
    for number in (1, 2):
        assert len(region.mails_to(f"guest{number}@example.com")) == 1


async def test_an_entry_that_was_no_invitation_is_in_no_ones_way(region: JoiningRegion):
    wanted: list[Wanted] = [invalid({"roleID": "there is no such role in this account"}), guest(1)]

    assert codes(await invite_members(region.plane, region.owner, wanted, None)) == [
        "invalid-input",
        "created",
    ]


async def test_what_is_over_the_daily_cap_is_told_with_when_it_may_go_on_and_the_rest_is_done(
    region: JoiningRegion,
):
    region.allow(per_account_per_day=70)

    outcomes = await invite_members(region.plane, region.owner, [guest(n) for n in range(80)], None)

    assert codes(outcomes) == ["created"] * 70 + ["too-many-invitations"] * 10
    refused = outcomes[-1].refusal
    assert refused is not None
    assert refused.retry_after == 24 * 3600 + 1
    again = await invite_members(region.plane, region.owner, [guest(n) for n in range(80)], None)
    assert codes(again) == ["invitation-open"] * 70 + ["too-many-invitations"] * 10
    region.clock.advance(seconds=refused.retry_after)
    later = await invite_members(region.plane, region.owner, [guest(n) for n in range(70, 80)], None)
    assert codes(later) == ["created"] * 10


async def test_two_lists_at_once_stay_under_the_cap_together(region: JoiningRegion):
    region.allow(per_account_per_day=60)

    both = await asyncio.gather(
        *(
            invite_members(region.plane, region.owner, [guest(start + n) for n in range(50)], None)
            for start in (0, 100)
        )
    )

    made = [code for outcomes in both for code in codes(outcomes)]
    assert made.count("created") == 60
    assert made.count("too-many-invitations") == 40
    assert await count(region) == 60


async def test_two_lists_of_the_same_addresses_at_once_make_each_invitation_once(region: JoiningRegion):
    wanted = [guest(number) for number in range(30)]

    both = await asyncio.gather(*(invite_members(region.plane, region.owner, wanted, None) for _ in range(2)))

    by_entry = zip(*(codes(outcomes) for outcomes in both), strict=True)
    assert all(sorted(pair) == ["created", "invitation-open"] for pair in by_entry)
    assert await region.deliver() == 30


async def test_links_of_a_list_are_each_good_for_their_own_address(region: JoiningRegion):
    wanted = [guest(number, delivery=Delivery.LINK) for number in range(3)]

    outcomes = await invite_members(region.plane, region.owner, wanted, None)

    assert await region.due_mails() == []
    tokens = [outcome.token for outcome in outcomes]
    assert len(set(tokens)) == 3
    for number, token in enumerate(tokens):
        assert token is not None
        person = region.person(10 + number, f"guest{number}@example.com")
        await receiving.accept_invitation(region.plane, person, parse_link(token))
    assert len(await region.members()) == 4


async def test_a_list_that_is_repeated_under_its_key_doubles_nothing_and_shows_no_link_again(
    region: JoiningRegion,
):
    request = RequestKey(b"key", b"body")
    wanted = [guest(number, delivery=Delivery.LINK) for number in range(60)]

    first = await invite_members(region.plane, region.owner, wanted, request)
    again = await invite_members(region.plane, region.owner, wanted, request)

    assert [outcome.invitation for outcome in again] == [outcome.invitation for outcome in first]
    assert {outcome.token for outcome in again} == {None}
    assert await count(region) == 60


async def test_a_list_that_broke_off_goes_on_where_it_ended(
    region: JoiningRegion, monkeypatch: pytest.MonkeyPatch
):
    request = RequestKey(b"key", b"body")
    wanted = [guest(number) for number in range(120)]
    with monkeypatch.context() as patched:
        patched.setattr(bulk, "make_invitation", _losing_the_database_at("guest75@example.com"))
        broken = await refusal_of(invite_members(region.plane, region.owner, wanted, request))
    assert broken.code == "database-unavailable"
    assert await count(region) == 50

    outcomes = await invite_members(region.plane, region.owner, wanted, request)

    assert codes(outcomes) == ["created"] * 120
    assert await count(region) == 120


def _losing_the_database_at(email: str):
    async def broken(plane, tx, caller, new, room):
        if new.email == email:
            raise ConnectionError
        return await service.make_invitation(plane, tx, caller, new, room)

    return broken


async def test_the_same_key_with_another_list_is_refused(region: JoiningRegion):
    await invite_members(region.plane, region.owner, [guest(1)], RequestKey(b"key", b"body"))

    refused = await refusal_of(
        invite_members(region.plane, region.owner, [guest(2)], RequestKey(b"key", b"other"))
    )

    assert refused.code == "idempotency-key-reused"
    assert await count(region) == 1


async def test_who_may_not_invite_is_refused_as_a_whole(region: JoiningRegion):
    reader = region.live.person(PREDEFINED_ROLES[READ_ONLY])

    refused = await refusal_of(invite_members(region.plane, reader, [guest(1)], None))

    assert isinstance(refused, DomainError)
    assert refused.code == "not-permitted"


async def test_every_invitation_of_a_list_is_in_the_accounts_log(region: JoiningRegion):
    await invite_members(region.plane, region.owner, [guest(n) for n in range(3)], None)

    told = [(event.type, event.details["email"]) for event in await region.live.events()]

    assert told == [("audit.invitation_created.v1", f"guest{n}@example.com") for n in range(3)]
