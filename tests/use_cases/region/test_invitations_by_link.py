"""Links that are handed over instead of mailed: shown once, kept by nobody, and good for the invited address alone."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from domicile.infra.idempotency import RequestKey
from domicile.kernel.roles import FULL_ACCESS, READ_ONLY
from domicile.region.invitations import service
from domicile.region.invitations.domain import Delivery, InvitationState, NewInvitation, parse_link
from domicile.region.invitations.store import invitations
from domicile.region.outbox.store import idempotency_keys
from domicile.region.receiving import service as receiving
from tests.support.joining import ANY_VERSION, GRACE, JoiningRegion, joining_region, user_id
from tests.support.refusals import refusal_of


@pytest.fixture
async def region(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[JoiningRegion]:
    async with joining_region(make_database("region"), tmp_path) as region:
        yield region


async def test_a_link_that_is_handed_over_lets_the_invited_address_in_and_no_mail_leaves(
    region: JoiningRegion,
):
    made, link = await region.hand(role=FULL_ACCESS)

    assert await region.due_mails() == []
    assert made.last_sent_at == region.clock()
    (created,) = await region.live.events()
    assert created.details["delivery"] == "link"
    joined = await receiving.accept_invitation(region.plane, region.person(), link)
    assert joined.role_id == FULL_ACCESS
    assert (await region.seen(made.id)).state is InvitationState.ACCEPTED


async def test_a_link_that_was_passed_to_somebody_else_lets_them_in_nowhere(region: JoiningRegion):
    made, link = await region.hand()
    stranger = region.person(3, "mallory@example.com")

    for answer in (receiving.accept_invitation, receiving.decline_invitation):
        refused = await refusal_of(answer(region.plane, stranger, link))
        assert refused.code == "invitation-for-another-address"
        assert GRACE not in refused.message
    assert (await region.seen(made.id)).state is InvitationState.INVITED


async def test_the_secret_of_a_link_that_was_handed_over_is_stored_nowhere(region: JoiningRegion):
    request = RequestKey(b"key", b"body")
    new = NewInvitation(GRACE, GRACE, READ_ONLY, delivery=Delivery.LINK)

    handed = await service.invite_member(region.plane, region.owner, new, request)

    assert handed.token
    secret = handed.token.rpartition(".")[2]
    stored = await region.plane.database.read(lambda tx: tx.all(select(invitations)))
    kept = await region.plane.database.read(lambda tx: tx.all(select(idempotency_keys)))
    opened = [
        region.plane.sealer.open(
            row.sealed_result, context=f"idempotency {row.account_id} {row.principal_id}"
        )
        for row in kept
    ]
    assert len(opened) == 1
    assert not any(secret.encode() in plain for plain in opened)
    assert secret not in repr(stored)
    assert secret not in repr(await region.live.events())
    assert secret not in repr(handed)


async def test_a_repeated_request_gives_the_invitation_without_its_link(region: JoiningRegion):
    request = RequestKey(b"key", b"body")
    new = NewInvitation(GRACE, GRACE, READ_ONLY, delivery=Delivery.LINK)

    first = await service.invite_member(region.plane, region.owner, new, request)
    again = await service.invite_member(region.plane, region.owner, new, request)

    assert first.token is not None
    assert (again.invitation, again.token) == (first.invitation, None)
    await receiving.preview_invitation(region.plane, parse_link(first.token))


async def test_a_fresh_link_ends_the_one_that_was_handed_over_and_the_one_that_was_mailed(
    region: JoiningRegion,
):
    mailed = await region.invited()
    (made,) = [row.id for row in await _all(region)]

    first = await service.resend_invitation(region.plane, region.owner, made, Delivery.LINK, ANY_VERSION)
    second = await service.resend_invitation(region.plane, region.owner, made, Delivery.LINK, ANY_VERSION)

    assert first.token and second.token
    for dead in (mailed, parse_link(first.token)):
        refused = await refusal_of(receiving.accept_invitation(region.plane, region.person(), dead))
        assert refused.code == "invitation-invalid"
    await receiving.accept_invitation(region.plane, region.person(), parse_link(second.token))
    assert user_id(2) in await region.members()


async def test_a_mail_that_waits_does_not_leave_once_the_link_was_handed_over(region: JoiningRegion):
    made = await region.invite()
    handed = await service.resend_invitation(region.plane, region.owner, made.id, Delivery.LINK, ANY_VERSION)

    await region.deliver()

    assert region.mails_to(GRACE) == []
    assert handed.token
    await receiving.preview_invitation(region.plane, parse_link(handed.token))


async def test_a_mail_ends_the_link_that_was_handed_over_before(region: JoiningRegion):
    made, handed = await region.hand()

    renewed = await region.resend(made.id)

    assert renewed.delivery is Delivery.MAIL
    refused = await refusal_of(receiving.preview_invitation(region.plane, handed))
    assert refused.code == "invitation-invalid"
    await region.deliver()
    await receiving.accept_invitation(region.plane, region.person(), region.link_to(GRACE))


async def test_an_expired_link_can_be_handed_over_anew_for_the_full_time(region: JoiningRegion):
    made, old = await region.hand()
    region.clock.advance(days=30)
    assert (await region.seen(made.id)).state is InvitationState.EXPIRED

    renewed = await service.resend_invitation(region.plane, region.owner, made.id, Delivery.LINK, ANY_VERSION)

    assert renewed.token
    assert (renewed.invitation.expires_at - region.clock()).days == 7
    assert (await refusal_of(receiving.preview_invitation(region.plane, old))).code == "invitation-invalid"
    await receiving.accept_invitation(region.plane, region.person(), parse_link(renewed.token))


async def test_an_expired_invitation_whose_place_was_taken_says_so(region: JoiningRegion):
    first = await region.invite()
    region.clock.advance(days=8)
    await region.invite()

    for delivery in Delivery:
        refused = await refusal_of(region.resend(first.id, delivery=delivery))
        assert refused.code == "invitation-closed"
        assert "another one took its place" in refused.message


async def test_nothing_is_sent_again_to_who_has_become_a_user_otherwise(region: JoiningRegion):
    made = await region.invite()
    await region.add_member(2, email=GRACE)

    assert (await refusal_of(region.resend(made.id))).code == "already-member"


async def test_links_that_are_handed_over_count_towards_how_often_one_can_be_asked_for(region: JoiningRegion):
    region.allow(sends_per_invitation=3)
    made, _ = await region.hand()
    for _ in range(2):
        await region.resend(made.id, delivery=Delivery.LINK)

    refused = await refusal_of(region.resend(made.id, delivery=Delivery.LINK))

    assert refused.code == "invitation-sent-too-often"
    assert "3 times" in refused.message


async def _all(region: JoiningRegion):
    return await region.plane.database.read(
        lambda tx: tx.all(select(invitations.c.invitation_id.label("id")))
    )
