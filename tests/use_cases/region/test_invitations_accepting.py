"""Invitation links in the hands of the invited person, of strangers, and of many at once."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from domicile.kernel.errors import DomainError
from domicile.kernel.permissions import MemberState
from domicile.kernel.roles import FULL_ACCESS, READ_ONLY
from domicile.region.access_log.store import Changed, list_changes
from domicile.region.api_keys import service as api_keys
from domicile.region.api_keys.domain import NewApiKey
from domicile.region.invitations import service
from domicile.region.invitations.domain import (
    InvitationLink,
    InvitationState,
    make_token,
    parse_link,
)
from domicile.region.memberships import service as memberships
from domicile.region.memberships.domain import MemberChange
from domicile.region.receiving import service as receiving
from domicile.region.receiving.domain import Joined
from tests.support.joining import ANY_VERSION, GRACE, JoiningRegion, joining_region, user_id
from tests.support.refusals import refusal_of
from tests.support.region import ACCOUNT, OTHER_ACCOUNT


@pytest.fixture
async def region(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[JoiningRegion]:
    async with joining_region(make_database("region"), tmp_path) as region:
        yield region


async def test_the_invited_person_becomes_a_user_with_the_offered_role(region: JoiningRegion):
    link = await region.invited()
    region.clock.advance(hours=1)

    joined = await receiving.accept_invitation(region.plane, region.person(), link)

    member = (await region.members())[user_id(2)]
    assert joined == Joined(ACCOUNT, "Example Labs", READ_ONLY)
    assert (member.email, member.role_id, member.state) == (GRACE, READ_ONLY, MemberState.ENABLED)
    assert member.created_at == region.clock()


async def test_joining_is_announced_to_the_copies_here_and_to_the_directory(region: JoiningRegion):
    link = await region.invited()

    await receiving.accept_invitation(region.plane, region.person(), link)

    member = (await region.members())[user_id(2)]
    news = await region.plane.database.read(lambda tx: list_changes(tx, after=0, at_most=100))
    rows = await region.plane.database.read(lambda tx: region.plane.outbox.list_due(tx, at_most=100))
    assert (news[-1].kind, news[-1].subject_id, news[-1].seq) == (
        Changed.MEMBERSHIP,
        user_id(2),
        member.version,
    )
    assert [(row.kind, row.subject_id, row.version) for row in rows] == [
        ("membership-index", user_id(2), member.version)
    ]


async def test_joining_is_in_the_accounts_log_by_the_person_who_joined(region: JoiningRegion):
    link = await region.invited()

    await receiving.accept_invitation(region.plane, region.person(), link)

    *_, accepted, joined = await region.live.events()
    invitation = joined.details["invitationID"]
    assert (accepted.type, accepted.details) == (
        "audit.invitation_updated.v1",
        {"invitationID": invitation, "email": GRACE, "state": "accepted"},
    )
    assert (joined.type, joined.details) == (
        "audit.user_joined.v1",
        {"userID": user_id(2), "roleID": "read-only", "invitationID": invitation},
    )
    assert {joined.principal.id, accepted.principal.id} == {user_id(2)}


async def test_an_address_is_the_same_in_any_spelling(region: JoiningRegion):
    link = await region.invited()

    await receiving.accept_invitation(region.plane, region.person(email="Grace@EXAMPLE.com"), link)

    assert user_id(2) in await region.members()


async def test_fifty_acceptances_at_once_make_one_membership(region: JoiningRegion):
    link = await region.invited()

    outcomes = await asyncio.gather(
        *(receiving.accept_invitation(region.plane, region.person(), link) for _ in range(50)),
        return_exceptions=True,
    )

    joined = [outcome for outcome in outcomes if isinstance(outcome, Joined)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, DomainError)]
    types = [event.type for event in await region.live.events()]
    assert len(joined) == 1
    assert [error.code for error in refused] == ["invitation-used"] * 49
    assert types.count("audit.user_joined.v1") == 1
    assert set(await region.members()) == {user_id(1), user_id(2)}


async def test_a_link_and_its_revocation_at_once_leave_one_winner(region: JoiningRegion):
    for number in range(2, 8):
        email = f"guest{number}@example.com"
        link = await region.invited(email)
        made = (await receiving.preview_invitation(region.plane, link)).invitation

        accepted, revoked = await asyncio.gather(
            receiving.accept_invitation(region.plane, region.person(number, email), link),
            service.revoke_invitation(region.plane, region.owner, made.id, ANY_VERSION),
            return_exceptions=True,
        )

        is_in = user_id(number) in await region.members()
        state = (await region.seen(made.id)).state
        assert isinstance(accepted, Joined) is is_in
        assert isinstance(revoked, DomainError) is is_in
        assert state is (InvitationState.ACCEPTED if is_in else InvitationState.REVOKED)


async def test_a_link_works_until_the_last_moment(region: JoiningRegion):
    link = await region.invited()
    region.clock.advance(days=7, microseconds=-1)

    await receiving.accept_invitation(region.plane, region.person(), link)

    assert user_id(2) in await region.members()


async def test_an_expired_link_is_not_valid_and_its_holder_learns_whom_to_ask(region: JoiningRegion):
    link = await region.invited()
    region.clock.advance(days=7)

    refused = await refusal_of(receiving.accept_invitation(region.plane, region.person(), link))

    assert refused.code == "invitation-invalid"
    assert "ask Ada Owner for a new one" in refused.message
    assert user_id(2) not in await region.members()


async def test_a_revoked_link_is_not_valid(region: JoiningRegion):
    link = await region.invited()
    made = (await receiving.preview_invitation(region.plane, link)).invitation
    await service.revoke_invitation(region.plane, region.owner, made.id, ANY_VERSION)

    for attempt in (
        receiving.accept_invitation(region.plane, region.person(), link),
        receiving.preview_invitation(region.plane, link),
    ):
        assert (await refusal_of(attempt)).code == "invitation-invalid"


async def test_a_used_link_stays_used(region: JoiningRegion):
    link = await region.invited()
    await receiving.accept_invitation(region.plane, region.person(), link)

    for attempt in (
        receiving.accept_invitation(region.plane, region.person(), link),
        receiving.accept_invitation(region.plane, region.person(3, "mallory@example.com"), link),
        receiving.preview_invitation(region.plane, link),
    ):
        assert (await refusal_of(attempt)).code == "invitation-used"


async def test_whoever_was_removed_does_not_come_back_by_the_old_link(region: JoiningRegion):
    link = await region.invited()
    await receiving.accept_invitation(region.plane, region.person(), link)
    await memberships.remove_member(region.plane, region.owner, user_id(2), ANY_VERSION)

    refused = await refusal_of(receiving.accept_invitation(region.plane, region.person(), link))

    assert refused.code == "invitation-used"
    assert user_id(2) not in await region.members()


async def test_a_link_is_for_the_address_that_it_was_sent_to(region: JoiningRegion):
    link = await region.invited()
    stranger = region.person(3, "mallory@example.com")

    refused = await refusal_of(receiving.accept_invitation(region.plane, stranger, link))

    assert refused.code == "invitation-for-another-address"
    assert GRACE not in refused.message
    await receiving.accept_invitation(region.plane, region.person(), link)
    assert set(await region.members()) == {user_id(1), user_id(2)}


async def test_who_is_a_user_already_leaves_the_invitation_as_it_is(region: JoiningRegion):
    link = await region.invited()
    await region.add_member(2, READ_ONLY, email=GRACE)
    events = await region.live.events()

    refused = await refusal_of(receiving.accept_invitation(region.plane, region.person(), link))

    assert refused.code == "already-member"
    assert (
        await receiving.preview_invitation(region.plane, link)
    ).invitation.state is InvitationState.INVITED
    assert await region.live.events() == events


@pytest.mark.parametrize(
    "change", [None, MemberChange(READ_ONLY, None), MemberChange(None, MemberState.DISABLED)]
)
async def test_an_offer_does_not_outlive_its_makers_right_to_make_it(
    region: JoiningRegion, change: MemberChange | None
):
    other = await region.add_member(5)
    made = await region.invite(caller=region.live.person(user=other))
    await region.deliver()
    link = region.link_to(GRACE)
    if change is None:
        await memberships.remove_member(region.plane, region.owner, other, ANY_VERSION)
    else:
        await memberships.change_member(region.plane, region.owner, other, change, ANY_VERSION)

    refused = [
        await refusal_of(receiving.preview_invitation(region.plane, link)),
        await refusal_of(receiving.accept_invitation(region.plane, region.person(), link)),
        await refusal_of(region.resend(made.id)),
    ]

    assert [error.code for error in refused] == [
        "invitation-invalid",
        "invitation-invalid",
        "invitation-closed",
    ]
    assert user_id(2) not in await region.members()


async def test_an_offer_made_by_a_key_is_the_accounts_and_ends_with_the_key(region: JoiningRegion):
    plane, owner = region.plane, region.owner
    made = await api_keys.create_api_key(plane, owner, NewApiKey(alias="robot", role_id=FULL_ACCESS), None)
    await region.invite(caller=await region.live.key_caller(made.key.id, made.secret))
    await region.deliver()
    link = region.link_to(GRACE)

    offer = await receiving.preview_invitation(plane, link)
    await api_keys.delete_api_key(plane, owner, made.key.id, ANY_VERSION)

    assert offer.inviter == "Example Labs"
    assert (await refusal_of(receiving.preview_invitation(plane, link))).code == "invitation-invalid"


async def test_a_suspended_account_takes_nobody_in(region: JoiningRegion):
    link = await region.invited()
    await region.suspend()

    refused = await refusal_of(receiving.accept_invitation(region.plane, region.person(), link))

    assert refused.code == "invitation-invalid"
    assert user_id(2) not in await region.members()


async def test_looking_at_an_offer_uses_nothing_up(region: JoiningRegion):
    link = await region.invited(role=FULL_ACCESS)

    offers = [await receiving.preview_invitation(region.plane, link) for _ in range(3)]

    assert {(offer.alias, offer.inviter, offer.invitation.role_id) for offer in offers} == {
        ("Example Labs", "Ada Owner", FULL_ACCESS)
    }
    await receiving.accept_invitation(region.plane, region.person(), link)


async def test_a_secret_is_good_in_its_own_account_only(region: JoiningRegion):
    link = await region.invited()
    secret = link.token.rpartition(".")[2]
    elsewhere = parse_link(make_token(region.plane.id, OTHER_ACCOUNT, secret))

    refused = await refusal_of(receiving.accept_invitation(region.plane, region.person(), elsewhere))

    assert refused.code == "invitation-invalid"


async def test_every_link_that_leads_nowhere_gets_one_answer(region: JoiningRegion):
    secret = "A" * 43
    nowhere = [
        parse_link(make_token(region.plane.id, ACCOUNT, secret)),
        parse_link(f"de-1.999999999999.{secret}"),
        InvitationLink(region.plane.id, ACCOUNT, "' OR 1=1 --"),
    ]

    answers = [
        await refusal_of(receiving.accept_invitation(region.plane, region.person(), link)) for link in nowhere
    ]

    assert {(answer.kind, answer.code, answer.message) for answer in answers} == {
        (answers[0].kind, "invitation-invalid", answers[0].message)
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "de-1",
        f"de-1.{ACCOUNT}",
        f"de-1.{ACCOUNT}.",
        f"de-1.{ACCOUNT}.{'A' * 42}",
        f"de-1.{ACCOUNT}.{'A' * 44}",
        f"de-1.{ACCOUNT}.{'A' * 43}\n",
        f"de-1.{ACCOUNT}.{'A' * 42}\0",
        f"de-1.12345.{'A' * 43}",
        f"DE-1.{ACCOUNT}.{'A' * 43}",
        f"de-1.{ACCOUNT}.{'A' * 43}.x",
        f"de-1.٠٠٤٢١٧٧٣٠٩٥٦.{'A' * 43}",
        "A" * 100_000,
    ],
)
def test_a_text_that_cannot_be_a_link_is_not_valid(text: str):
    with pytest.raises(DomainError) as refused:
        parse_link(text)

    assert refused.value.code == "invitation-invalid"


async def test_a_link_does_not_print_its_secret(region: JoiningRegion):
    link = await region.invited()

    assert link.token.rpartition(".")[2] not in f"{link!r} {link}"
