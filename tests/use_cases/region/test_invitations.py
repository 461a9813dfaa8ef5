"""Invitations made, sent, changed and looked at by the members of an account."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from domicile.infra.idempotency import RequestKey
from domicile.infra.mail.errors import MailDeferred
from domicile.infra.mail.settings import MailSettings
from domicile.infra.mail.smtp import SmtpMailer
from domicile.kernel.errors import DomainError, ErrorKind
from domicile.kernel.ids import InvitationId
from domicile.kernel.paging import PageRequest
from domicile.kernel.roles import FULL_ACCESS, PREDEFINED_ROLES, READ_ONLY
from domicile.kernel.versions import expecting
from domicile.region.invitations import service
from domicile.region.invitations.domain import InvitationState, NewInvitation
from domicile.region.invitations.handlers import invitation_mail_handler
from domicile.region.invitations.schemas import shape_invitation
from domicile.region.invitations.store import invitations
from domicile.region.receiving import service as receiving
from tests.support.joining import ANY_VERSION, GRACE, JoiningRegion, joining_region
from tests.support.refusals import refusal_of
from tests.support.region import ACCOUNT, OTHER_ACCOUNT, role_with

WEEK = timedelta(days=7)


@pytest.fixture
async def region(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[JoiningRegion]:
    async with joining_region(make_database("region"), tmp_path) as region:
        yield region


async def test_an_invited_address_gets_a_mail_that_says_what_is_offered_and_by_whom(region: JoiningRegion):
    made = await region.invite()

    await region.deliver()

    (mail,) = region.mails_to(GRACE)
    for said in ('"Example Labs"', "Germany", "Read only", '"Ada Owner"', "2026-11-30 14:00 UTC"):
        assert said in (mail.text or "")
    assert region.link_to(GRACE).token.startswith(f"de-1.{ACCOUNT}.")
    assert (made.state, made.expires_at) == (InvitationState.INVITED, region.clock() + WEEK)


async def test_the_database_never_holds_what_is_in_the_link(region: JoiningRegion):
    token = (await region.invited()).token

    rows = await region.plane.database.read(lambda tx: tx.all(select(invitations)))

    assert token.rpartition(".")[2] not in repr(rows)
    assert rows[0].token_hash == region.plane.link_hash.of(token)


async def test_an_invitation_is_last_sent_when_it_was_made_until_its_mail_leaves(region: JoiningRegion):
    made = await region.invite()
    waiting = shape_invitation(region.plane, ACCOUNT, made)
    region.clock.advance(seconds=90)

    await region.deliver()

    sent = shape_invitation(region.plane, ACCOUNT, await region.seen(made.id))
    assert (waiting.created, waiting.last_sent) == ("2026-11-23T14:00:00Z", "2026-11-23T14:00:00Z")
    assert (sent.last_sent, sent.last_modified) == ("2026-11-23T14:01:30Z", "2026-11-23T14:00:00Z")
    assert sent.urn == f"urn:domicile:identity:de-1:{ACCOUNT}:invitation/{made.id}"


async def test_an_invitation_expires_at_its_moment_and_not_before(region: JoiningRegion):
    made = await region.invite()

    region.clock.advance(days=7, microseconds=-1)
    before = await region.seen(made.id)
    region.clock.advance(microseconds=1)
    after = await region.seen(made.id)

    assert (before.state, after.state) == (InvitationState.INVITED, InvitationState.EXPIRED)


async def test_a_list_is_narrowed_by_the_state_as_of_now(region: JoiningRegion):
    old = await region.invite("old@example.com")
    region.clock.advance(days=7)
    revoked = await region.invite("revoked@example.com")
    await service.revoke_invitation(region.plane, region.owner, revoked.id, ANY_VERSION)
    used = await region.invited()
    await receiving.accept_invitation(region.plane, region.person(), used)
    await region.invite("new@example.com")

    async def emails(state: InvitationState | None) -> list[str]:
        page = await service.list_invitations(region.plane, region.owner, PageRequest(25, None), state=state)
        return [invitation.email for invitation in page.items]

    assert await emails(InvitationState.EXPIRED) == [old.email]
    assert await emails(InvitationState.REVOKED) == [revoked.email]
    assert await emails(InvitationState.ACCEPTED) == [GRACE]
    assert await emails(InvitationState.INVITED) == ["new@example.com"]
    assert len(await emails(None)) == 4


async def test_a_list_goes_on_where_its_page_ended_even_within_one_moment(region: JoiningRegion):
    made = {(await region.invite(f"guest{number}@example.com")).id for number in range(7)}

    found: list[InvitationId] = []
    after: tuple[str, ...] | None = None
    while True:
        page = await service.list_invitations(region.plane, region.owner, PageRequest(3, after), state=None)
        found += [invitation.id for invitation in page.items]
        if (after := page.next_after) is None:
            break

    assert len(found) == 7
    assert set(found) == made


async def test_a_list_costs_one_query(region: JoiningRegion):
    for number in range(5):
        await region.invite(f"guest{number}@example.com")

    async with region.live.counting_queries() as queries:
        await service.list_invitations(region.plane, region.owner, PageRequest(25, None), state=None)

    assert len(queries) == 1


async def test_an_address_with_an_open_invitation_cannot_be_invited_again(region: JoiningRegion):
    await region.invite()
    events = await region.live.events()

    refused = await refusal_of(region.invite("Grace@Example.com"))

    assert refused.code == "invitation-open"
    assert await region.live.events() == events
    assert len(await region.due_mails()) == 1


async def test_an_expired_invitation_gives_its_place_to_a_new_one(region: JoiningRegion):
    first = await region.invite()
    region.clock.advance(days=7)

    second = await region.invite()

    assert (await region.seen(first.id)).state is InvitationState.EXPIRED
    assert (await region.seen(second.id)).state is InvitationState.INVITED
    resent = await refusal_of(region.resend(first.id))
    assert resent.code == "invitation-closed"


async def test_of_many_invitations_to_one_address_at_once_one_is_made(region: JoiningRegion):
    outcomes = await asyncio.gather(*(region.invite() for _ in range(10)), return_exceptions=True)

    refused = [outcome for outcome in outcomes if isinstance(outcome, DomainError)]
    assert [error.code for error in refused] == ["invitation-open"] * 9
    assert len(await region.due_mails()) == 1


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@example.com"])
async def test_a_user_of_the_account_cannot_be_invited(region: JoiningRegion, email: str):
    assert (await refusal_of(region.invite(email))).code == "already-member"


async def test_a_user_is_known_by_either_spelling_of_the_domain(region: JoiningRegion):
    await region.add_member(2, email="ann@bücher.example")
    new = NewInvitation("Ann@bücher.example", "ann@xn--bcher-kva.example", READ_ONLY)

    refused = await refusal_of(service.invite_member(region.plane, region.owner, new, None))

    assert refused.code == "already-member"


async def test_an_account_invites_so_many_a_day_and_is_told_when_it_may_go_on(region: JoiningRegion):
    region.allow(per_account_per_day=12)
    for number in range(12):
        await region.invite(f"guest{number}@example.com")
    region.clock.advance(hours=23)

    refused = await refusal_of(region.invite())

    assert (refused.kind, refused.code) == (ErrorKind.OVERLOADED, "too-many-invitations")
    assert refused.facts == {"retryAfter": 3601}
    region.clock.advance(seconds=3601)
    assert (await region.invite()).state is InvitationState.INVITED


async def test_a_repeated_request_makes_one_invitation_and_one_mail(region: JoiningRegion):
    request = RequestKey(b"key", b"body")
    new = NewInvitation(GRACE, GRACE, READ_ONLY)

    first = await service.invite_member(region.plane, region.owner, new, request)
    again = await service.invite_member(region.plane, region.owner, new, request)
    other = await refusal_of(
        service.invite_member(region.plane, region.owner, new, RequestKey(b"key", b"other"))
    )

    assert again == first
    assert other.code == "idempotency-key-reused"
    assert len(await region.due_mails()) == 1


async def test_a_request_that_is_repeated_while_it_runs_makes_one_invitation(region: JoiningRegion):
    request, new = RequestKey(b"key", b"body"), NewInvitation(GRACE, GRACE, READ_ONLY)

    made = await asyncio.gather(
        *(service.invite_member(region.plane, region.owner, new, request) for _ in range(8))
    )

    assert len({handed.invitation.id for handed in made}) == 1
    assert len(await region.due_mails()) == 1


async def test_who_may_only_read_sees_invitations_and_changes_none(region: JoiningRegion):
    made = await region.invite()
    reader = region.live.person(PREDEFINED_ROLES[READ_ONLY])
    attempts = [
        region.invite("other@example.com", caller=reader),
        service.change_offered_role(region.plane, reader, made.id, READ_ONLY, ANY_VERSION),
        region.resend(made.id, caller=reader),
        service.revoke_invitation(region.plane, reader, made.id, ANY_VERSION),
    ]

    assert [(await refusal_of(attempt)).code for attempt in attempts] == ["not-permitted"] * 4
    assert await service.get_invitation(region.plane, reader, made.id) == made


async def test_nobody_offers_more_than_they_hold(region: JoiningRegion):
    host = region.live.person(role_with("identity:invitation:create", "identity:self:read"))
    offered = await region.invite(role=FULL_ACCESS)
    attempts = [
        region.invite("other@example.com", FULL_ACCESS, host),
        service.change_offered_role(region.plane, host, offered.id, FULL_ACCESS, ANY_VERSION),
        region.resend(offered.id, caller=host),
    ]

    assert [(await refusal_of(attempt)).code for attempt in attempts] == ["above-your-role"] * 3


async def test_sending_again_ends_the_old_link_at_once_and_gives_the_full_time(region: JoiningRegion):
    old = await region.invited()
    (made,) = (await _all(region)).values()
    region.clock.advance(days=3)

    renewed = await region.resend(made.id)

    assert (await refusal_of(receiving.preview_invitation(region.plane, old))).code == "invitation-invalid"
    await region.deliver()
    fresh = region.link_to(GRACE)
    assert fresh != old
    assert (await receiving.preview_invitation(region.plane, fresh)).invitation.expires_at == (
        region.clock() + WEEK
    )
    assert renewed.expires_at == region.clock() + WEEK


async def test_an_expired_invitation_lives_again_when_it_is_sent_again(region: JoiningRegion):
    made = await region.invite()
    region.clock.advance(days=30)

    renewed = await region.resend(made.id)

    assert renewed.state is InvitationState.INVITED
    await region.deliver()
    await receiving.accept_invitation(region.plane, region.person(), region.link_to(GRACE))
    assert (await region.seen(made.id)).state is InvitationState.ACCEPTED


async def test_a_mail_that_was_asked_for_twice_leaves_once(region: JoiningRegion):
    made = await region.invite()
    await region.resend(made.id)

    assert await region.deliver() == 2

    assert len(region.mails_to(GRACE)) == 1


async def test_one_invitation_can_be_sent_only_so_often(region: JoiningRegion):
    made = await region.invite()
    for _ in range(region.plane.settings.invitations.sends_per_invitation - 1):
        await region.resend(made.id)

    refused = await refusal_of(region.resend(made.id))

    assert refused.code == "invitation-sent-too-often"


async def test_a_mail_that_is_sent_once_more_after_a_crash_brings_a_link_that_works(region: JoiningRegion):
    await region.invite()
    (row,) = await region.due_mails()

    await region.send(row)
    first = region.link_to(GRACE)
    region.clock.advance(seconds=1)
    await region.send(row)
    second = region.link_to(GRACE)

    ids = {mail.header("Message-ID") for mail in region.mails_to(GRACE)}
    assert len(ids) == 2
    assert (await refusal_of(receiving.preview_invitation(region.plane, first))).code == "invitation-invalid"
    assert (await receiving.preview_invitation(region.plane, second)).invitation.email == GRACE


async def test_a_mail_server_that_is_away_leaves_the_mail_to_be_sent_later(region: JoiningRegion):
    await region.invite()
    (row,) = await region.due_mails()
    nowhere = SmtpMailer(MailSettings(host="127.0.0.1", port=1, tls="none"), region.clock)

    with pytest.raises(MailDeferred):
        await invitation_mail_handler(region.plane, nowhere)(row)

    await region.deliver()
    assert (await receiving.preview_invitation(region.plane, region.link_to(GRACE))).alias == "Example Labs"


@pytest.mark.parametrize("ending", ["revoked", "expired", "suspended"])
async def test_no_mail_leaves_once_there_is_nothing_to_accept(region: JoiningRegion, ending: str):
    made = await region.invite()
    if ending == "revoked":
        await service.revoke_invitation(region.plane, region.owner, made.id, ANY_VERSION)
    elif ending == "expired":
        region.clock.advance(days=7)
    else:
        await region.suspend()

    await region.deliver()

    assert region.mails_to(GRACE) == []


async def test_another_role_can_be_offered_until_it_is_accepted(region: JoiningRegion):
    link = await region.invited()
    (made,) = (await _all(region)).values()

    await service.change_offered_role(region.plane, region.owner, made.id, FULL_ACCESS, ANY_VERSION)
    joined = await receiving.accept_invitation(region.plane, region.person(), link)
    too_late = await refusal_of(
        service.change_offered_role(region.plane, region.owner, made.id, READ_ONLY, ANY_VERSION)
    )

    assert joined.role_id == FULL_ACCESS
    assert too_late.code == "invitation-closed"


async def test_offering_the_same_role_changes_nothing(region: JoiningRegion):
    made = await region.invite()
    events = await region.live.events()

    assert (
        await service.change_offered_role(region.plane, region.owner, made.id, READ_ONLY, ANY_VERSION) == made
    )
    assert await region.live.events() == events


async def test_a_change_meant_for_an_older_version_is_refused(region: JoiningRegion):
    made = await region.invite()
    await service.change_offered_role(region.plane, region.owner, made.id, FULL_ACCESS, ANY_VERSION)
    meant_for = expecting((str(made.version),))
    attempts = [
        service.change_offered_role(region.plane, region.owner, made.id, READ_ONLY, meant_for),
        region.resend(made.id, expected=meant_for),
        service.revoke_invitation(region.plane, region.owner, made.id, meant_for),
    ]

    assert [(await refusal_of(attempt)).code for attempt in attempts] == ["stale-version"] * 3


async def test_a_mail_that_leaves_makes_no_new_version(region: JoiningRegion):
    made = await region.invite()

    await region.deliver()

    assert (await region.seen(made.id)).version == made.version


async def test_revoking_twice_is_as_good_as_once(region: JoiningRegion):
    made = await region.invite()
    await service.revoke_invitation(region.plane, region.owner, made.id, ANY_VERSION)
    events = await region.live.events()

    await service.revoke_invitation(region.plane, region.owner, made.id, ANY_VERSION)

    assert await region.live.events() == events
    assert (await region.seen(made.id)).state is InvitationState.REVOKED


async def test_an_accepted_invitation_cannot_be_revoked(region: JoiningRegion):
    link = await region.invited()
    await receiving.accept_invitation(region.plane, region.person(), link)
    (made,) = (await _all(region)).values()

    refused = await refusal_of(service.revoke_invitation(region.plane, region.owner, made.id, ANY_VERSION))

    assert refused.code == "invitation-closed"


async def test_another_accounts_invitation_is_not_there(region: JoiningRegion):
    made = await region.invite()
    stranger = region.live.person(account=OTHER_ACCOUNT)
    attempts = [
        service.get_invitation(region.plane, stranger, made.id),
        service.change_offered_role(region.plane, stranger, made.id, FULL_ACCESS, ANY_VERSION),
        region.resend(made.id, caller=stranger),
        service.revoke_invitation(region.plane, stranger, made.id, ANY_VERSION),
    ]

    assert [(await refusal_of(attempt)).code for attempt in attempts] == ["not-found"] * 4
    assert await region.seen(made.id) == made


async def test_every_change_of_an_invitation_is_in_the_accounts_log(region: JoiningRegion):
    made = await region.invite()
    await service.change_offered_role(region.plane, region.owner, made.id, FULL_ACCESS, ANY_VERSION)
    await region.resend(made.id)
    await service.revoke_invitation(region.plane, region.owner, made.id, ANY_VERSION)

    told = [(event.type, event.details) for event in await region.live.events()]

    named = {"invitationID": made.id, "email": GRACE}
    assert told == [
        ("audit.invitation_created.v1", named | {"roleID": "read-only"}),
        ("audit.invitation_updated.v1", named | {"roleID": "full-access", "formerRoleID": "read-only"}),
        ("audit.invitation_updated.v1", named | {"sent": True}),
        ("audit.invitation_updated.v1", named | {"state": "revoked"}),
    ]


async def _all(region: JoiningRegion):
    page = await service.list_invitations(region.plane, region.owner, PageRequest(250, None), state=None)
    return {invitation.id: invitation for invitation in page.items}
