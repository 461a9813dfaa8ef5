"""The invited person's own list: what is in it, what leads out of it, and that it is nobody else's."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from domicile.infra.databases import region_database
from domicile.kernel.errors import DomainError
from domicile.kernel.ids import RegionId, RoleId
from domicile.kernel.permissions import MemberState
from domicile.kernel.roles import FULL_ACCESS, READ_ONLY
from domicile.region.invitations import service as inviting
from domicile.region.invitations.domain import (
    Invitation,
    InvitationState,
    Reference,
    parse_reference,
)
from domicile.region.mail_pace.service import forget_mails
from domicile.region.mail_pace.store import invitation_mails
from domicile.region.memberships import service as memberships
from domicile.region.memberships.domain import MemberChange
from domicile.region.receiving import service
from domicile.region.receiving.domain import Joined
from domicile.region.receiving.gathering import gather_my_invitations
from domicile.region.regions import Regions
from domicile.region.role_management.domain import RoleWish
from domicile.region.role_management.service import change_role, create_role
from domicile.web.cursors import Cursors
from tests.support.joining import ANY_VERSION, GRACE, JoiningRegion, joining_region, user_id
from tests.support.refusals import refusal_of
from tests.support.region import ACCOUNT, OTHER_ACCOUNT


@pytest.fixture
async def region(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[JoiningRegion]:
    async with joining_region(make_database("region"), tmp_path) as region:
        yield region


def reference(region: JoiningRegion, made: Invitation, account: str = ACCOUNT) -> Reference:
    return parse_reference(f"{region.plane.id}.{account}.{made.id}")


def _level(pair: tuple[str, str]) -> str:
    service_name, level = pair
    return f"urn:domicile:{service_name}:de-1:{ACCOUNT}:role/{level}"


async def _make_role(region: JoiningRegion, role: str, *pairs: tuple[str, str]) -> None:
    wish = RoleWish(name=f"Role {role}", service_role_urns=[_level(pair) for pair in pairs])
    await create_role(region.plane, region.owner, role, wish, request=None)


async def listed(region: JoiningRegion, **person: object) -> list[str]:
    offers = await service.list_my_invitations(region.plane, region.person(**person))  # pyright: ignore[reportArgumentType]  # what `person` takes
    return [offer.invitation.id for offer in offers]


async def test_a_person_sees_what_is_offered_by_whom_and_as_what(region: JoiningRegion):
    made = await region.invite(role=FULL_ACCESS)

    (offer,) = await service.list_my_invitations(region.plane, region.person(email="GRACE@Example.com"))

    assert (offer.account_id, offer.alias, offer.inviter, offer.role.id, offer.invitation.id) == (
        ACCOUNT,
        "Example Labs",
        "Ada Owner",
        FULL_ACCESS,
        made.id,
    )


async def test_the_newest_is_first_and_a_long_list_is_one_query(region: JoiningRegion):
    first = await region.invite()
    region.clock.advance(hours=1)
    second = await region.invite(caller=region.live.person(account=OTHER_ACCOUNT))

    async with region.live.counting_queries() as queries:
        assert await listed(region) == [second.id, first.id]

    assert len(queries) == 1


async def test_nobody_sees_what_is_offered_to_somebody_else(region: JoiningRegion):
    await region.invite()

    for other in ("mallory@example.com", "grace@example.org", "grace%@example.com", "g@example.com"):
        assert await listed(region, number=3, email=other) == []


@pytest.mark.parametrize("ending", ["revoked", "declined", "expired", "accepted", "suspended", "member"])
async def test_what_cannot_be_accepted_is_not_in_the_list(region: JoiningRegion, ending: str):
    made = await region.invite()
    assert await listed(region) == [made.id]
    match ending:
        case "revoked":
            await inviting.revoke_invitation(region.plane, region.owner, made.id, ANY_VERSION)
        case "declined":
            await service.decline_invitation(region.plane, region.person(), reference(region, made))
        case "expired":
            region.clock.advance(days=7)
        case "accepted":
            await service.accept_invitation(region.plane, region.person(), reference(region, made))
        case "suspended":
            await region.suspend()
        case _:
            await region.add_member(2, email="other@example.com")

    assert await listed(region) == []


@pytest.mark.parametrize(
    "change", [None, MemberChange(READ_ONLY, None), MemberChange(None, MemberState.DISABLED)]
)
async def test_an_offer_of_who_may_no_longer_make_it_is_neither_shown_nor_good(
    region: JoiningRegion, change: MemberChange | None
):
    other = await region.add_member(5)
    made = await region.invite(caller=region.live.person(user=other))
    if change is None:
        await memberships.remove_member(region.plane, region.owner, other, ANY_VERSION)
    else:
        await memberships.change_member(region.plane, region.owner, other, change, ANY_VERSION)

    assert await listed(region) == []
    refused = await refusal_of(
        service.accept_invitation(region.plane, region.person(), reference(region, made))
    )
    assert refused.code == "invitation-invalid"


async def test_a_role_of_the_accounts_own_is_offered_by_its_name_and_counts_as_it_is_now(
    region: JoiningRegion,
):
    await _make_role(region, "auditor", ("audit", "read-only"))
    made = await region.invite(role=RoleId("auditor"))

    (offer,) = await service.list_my_invitations(region.plane, region.person())
    assert (offer.role.id, offer.role.name, offer.stands) == ("auditor", "Role auditor", True)
    await service.accept_invitation(region.plane, region.person(), reference(region, made))
    assert (await region.members())[user_id(2)].role_id == "auditor"


async def test_an_offer_falls_with_the_role_of_who_made_it(region: JoiningRegion):
    inviting_role = ("identity", "full-access")
    await _make_role(region, "host", inviting_role, ("audit", "read-only"))
    await _make_role(region, "auditor", ("audit", "read-only"))
    host = await region.add_member(5, RoleId("host"))
    made = await region.invite(role=RoleId("auditor"), caller=region.live.person(user=host))
    assert await listed(region) == [made.id]

    narrower = RoleWish(service_role_urns=[_level(inviting_role)])
    await change_role(region.plane, region.owner, RoleId("host"), narrower, ANY_VERSION)

    assert await listed(region) == []
    refused = await refusal_of(
        service.accept_invitation(region.plane, region.person(), reference(region, made))
    )
    assert refused.code == "invitation-invalid"


async def test_a_person_accepts_out_of_the_list_without_any_link(region: JoiningRegion):
    made = await region.invite()

    joined = await service.accept_invitation(region.plane, region.person(), reference(region, made))

    assert joined == Joined(ACCOUNT, "Example Labs", READ_ONLY)
    assert (await region.members())[user_id(2)].role_id == READ_ONLY
    assert (await region.seen(made.id)).state is InvitationState.ACCEPTED
    again = await refusal_of(
        service.accept_invitation(region.plane, region.person(), reference(region, made))
    )
    assert again.code == "invitation-used"


async def test_accepting_out_of_the_list_kills_the_link_in_the_mail(region: JoiningRegion):
    link = await region.invited()
    (offer,) = await service.list_my_invitations(region.plane, region.person())

    await service.accept_invitation(region.plane, region.person(), reference(region, offer.invitation))

    refused = await refusal_of(service.accept_invitation(region.plane, region.person(), link))
    assert refused.code == "invitation-used"


async def test_a_reference_to_somebody_elses_invitation_is_answered_as_one_to_nothing(region: JoiningRegion):
    made = await region.invite()
    stranger = region.person(3, "mallory@example.com")
    nothing = parse_reference(f"{region.plane.id}.{ACCOUNT}.{'0' * 32}")
    nowhere = parse_reference(f"{region.plane.id}.999999999999.{made.id}")
    elsewhere = reference(region, made, OTHER_ACCOUNT)

    answers = [
        await refusal_of(act(region.plane, stranger, to))
        for act in (service.accept_invitation, service.decline_invitation)
        for to in (reference(region, made), nothing, nowhere, elsewhere)
    ]

    assert {(answer.kind, answer.code, answer.message, str(answer.facts)) for answer in answers} == {
        (answers[0].kind, "not-found", answers[0].message, "{}")
    }
    assert (await region.seen(made.id)).state is InvitationState.INVITED


@pytest.mark.parametrize(
    "text",
    ["", "de-1", f"de-1.{ACCOUNT}", f"de-1.{ACCOUNT}.{'a' * 32}", f"de-1.{ACCOUNT}.{'A' * 33}", "A" * 99_999],
)
def test_a_text_that_cannot_be_a_reference_leads_nowhere(text: str):
    with pytest.raises(DomainError) as refused:
        parse_reference(text)

    assert refused.value.code == "not-found"


async def test_a_link_is_declined_once_and_whoever_invited_sees_it(region: JoiningRegion):
    link = await region.invited()
    (offer,) = await service.list_my_invitations(region.plane, region.person())

    await service.decline_invitation(region.plane, region.person(), link)

    made = await region.seen(offer.invitation.id)
    *_, event = await region.live.events()
    assert made.state is InvitationState.DECLINED
    assert (event.type, event.principal.id, event.details) == (
        "audit.invitation_updated.v1",
        user_id(2),
        {"invitationID": made.id, "email": GRACE, "state": "declined"},
    )
    for attempt in (
        service.decline_invitation(region.plane, region.person(), link),
        service.accept_invitation(region.plane, region.person(), link),
        service.preview_invitation(region.plane, link),
    ):
        assert (await refusal_of(attempt)).code == "invitation-invalid"
    assert user_id(2) not in await region.members()


async def test_a_declined_invitation_is_closed_and_the_address_can_be_invited_anew(region: JoiningRegion):
    made = await region.invite()
    await service.decline_invitation(region.plane, region.person(), reference(region, made))

    for attempt in (
        region.resend(made.id),
        inviting.change_offered_role(region.plane, region.owner, made.id, FULL_ACCESS, ANY_VERSION),
    ):
        refused = await refusal_of(attempt)
        assert refused.code == "invitation-closed"
        assert "was declined" in refused.message
    await inviting.revoke_invitation(region.plane, region.owner, made.id, ANY_VERSION)
    assert (await region.seen(made.id)).state is InvitationState.DECLINED
    anew = await region.invite()
    assert await listed(region) == [anew.id]


async def test_what_was_offered_to_the_former_owner_of_an_address_is_not_for_the_present_one(
    region: JoiningRegion,
):
    link = await region.invited()
    (old,) = await listed(region)
    region.clock.advance(hours=1)
    newcomer = region.person(4, address_since=region.clock())
    to_old = parse_reference(f"{region.plane.id}.{ACCOUNT}.{old}")

    assert await service.list_my_invitations(region.plane, newcomer) == ()
    for act in (service.accept_invitation, service.decline_invitation):
        assert (await refusal_of(act(region.plane, newcomer, link))).code == "invitation-invalid"
        assert (await refusal_of(act(region.plane, newcomer, to_old))).code == "not-found"
    assert user_id(4) not in await region.members()

    await inviting.revoke_invitation(region.plane, region.owner, to_old.invitation_id, ANY_VERSION)
    region.clock.advance(seconds=1)
    anew = await region.invite()
    assert [o.invitation.id for o in await service.list_my_invitations(region.plane, newcomer)] == [anew.id]
    await service.accept_invitation(region.plane, newcomer, reference(region, anew))
    assert user_id(4) in await region.members()


async def test_fifty_answers_at_once_by_link_and_by_list_leave_one_of_them(region: JoiningRegion):
    link = await region.invited()
    (made,) = await listed(region)
    to = parse_reference(f"{region.plane.id}.{ACCOUNT}.{made}")
    ways = [link, to] * 25

    outcomes = await asyncio.gather(
        *(service.accept_invitation(region.plane, region.person(), way) for way in ways),
        return_exceptions=True,
    )

    refused = [outcome for outcome in outcomes if isinstance(outcome, DomainError)]
    assert sum(isinstance(outcome, Joined) for outcome in outcomes) == 1
    assert {error.code for error in refused} == {"invitation-used"}
    types = [event.type for event in await region.live.events()]
    assert types.count("audit.user_joined.v1") == 1


async def test_accepting_and_declining_at_once_leave_one_of_the_two(region: JoiningRegion):
    for number in range(2, 8):
        email = f"guest{number}@example.com"
        link = await region.invited(email)
        person = region.person(number, email)

        accepted, declined = await asyncio.gather(
            service.accept_invitation(region.plane, person, link),
            service.decline_invitation(region.plane, person, link),
            return_exceptions=True,
        )

        is_in = user_id(number) in await region.members()
        assert isinstance(accepted, Joined) is is_in
        assert isinstance(declined, DomainError) is is_in


async def test_accepting_while_the_role_changes_gives_the_role_of_whichever_came_first(region: JoiningRegion):
    for number in range(2, 8):
        email = f"guest{number}@example.com"
        link = await region.invited(email)
        made = (await service.preview_invitation(region.plane, link)).invitation

        joined, changed = await asyncio.gather(
            service.accept_invitation(region.plane, region.person(number, email), link),
            inviting.change_offered_role(region.plane, region.owner, made.id, FULL_ACCESS, ANY_VERSION),
            return_exceptions=True,
        )

        assert isinstance(joined, Joined)
        role = (await region.members())[user_id(number)].role_id
        assert role == joined.role_id == (READ_ONLY if isinstance(changed, DomainError) else FULL_ACCESS)
        assert (await region.seen(made.id)).role_id == role


async def test_accepting_while_the_account_is_suspended_lets_in_only_who_was_first(region: JoiningRegion):
    link = await region.invited()

    joined, _ = await asyncio.gather(
        service.accept_invitation(region.plane, region.person(), link),
        region.suspend(),
        return_exceptions=True,
    )

    assert isinstance(joined, Joined) == (user_id(2) in await region.members())
    if isinstance(joined, DomainError):
        assert joined.code in {"invitation-invalid", "invitation-used"}


async def test_accepting_while_the_invitation_is_sent_again_leaves_one_state(region: JoiningRegion):
    for number in range(2, 8):
        email = f"guest{number}@example.com"
        link = await region.invited(email)
        made = (await service.preview_invitation(region.plane, link)).invitation

        joined, sent = await asyncio.gather(
            service.accept_invitation(region.plane, region.person(number, email), link),
            region.resend(made.id),
            return_exceptions=True,
        )

        state = (await region.seen(made.id)).state
        assert isinstance(joined, Joined) is (state is InvitationState.ACCEPTED)
        assert isinstance(sent, DomainError) is isinstance(joined, Joined)


async def test_one_address_is_mailed_so_often_an_hour_whoever_invites_and_the_rest_waits(
    region: JoiningRegion,
):
    first = await region.invite()
    await region.work_off()
    for _ in range(2):
        await region.resend(first.id)
        await region.work_off()
    other = region.live.person(account=OTHER_ACCOUNT)
    second = await region.invite(caller=other)
    await region.work_off()
    await region.resend(second.id, caller=other)
    await region.work_off()
    assert len(region.mails_to(GRACE)) == 5

    region.clock.advance(minutes=10)
    await region.resend(second.id, caller=other)
    await region.resend(first.id)
    somebody_else = await region.invite("heidi@example.com")
    await region.work_off()

    assert len(region.mails_to(GRACE)) == 5
    assert len(region.mails_to("heidi@example.com")) == 1
    assert (await region.seen(somebody_else.id)).last_sent_at == region.clock()
    waiting = await region.plane.database.read(lambda tx: region.plane.outbox.list_waiting(tx, at_most=9))
    assert [(row.last_error, row.attempts) for row in waiting] == [("address-mailed-too-often", 0)] * 2

    region.clock.advance(minutes=50)
    await region.work_off()
    assert len(region.mails_to(GRACE)) == 7
    await service.accept_invitation(region.plane, region.person(), region.link_to(GRACE))


async def test_a_mail_that_is_tried_again_counts_once(region: JoiningRegion):
    await region.invite()
    (row,) = await region.due_mails()

    for _ in range(8):
        await region.send(row)

    assert len(region.mails_to(GRACE)) == 8


async def test_what_was_mailed_is_forgotten_when_it_no_longer_counts_and_holds_no_address(
    region: JoiningRegion,
):
    await region.invite()
    await region.work_off()
    rows = await region.plane.database.read(lambda tx: tx.all(select(invitation_mails)))
    assert len(rows) == 1
    assert "grace" not in repr(rows)

    assert await forget_mails(region.plane) == 0
    region.clock.advance(hours=1)
    assert await forget_mails(region.plane) == 1


async def test_a_region_that_cannot_be_reached_is_named_and_hides_nothing_of_the_others(
    region: JoiningRegion,
):
    made = await region.invite()
    unreachable = region_database("postgresql+asyncpg://nobody@127.0.0.1:1/none", RegionId("us-1"))
    regions = Regions(
        all=region.plane.settings.region_list(),
        served={
            region.plane.id: region.plane,
            RegionId("us-1"): replace(region.plane, database=unreachable),
        },
        directory=region.plane.directory,
        cursors=Cursors(region.plane.key_hash),
        namespace="domicile",
        identity_url="http://localhost:8800",
    )

    gathered = await gather_my_invitations(regions, region.person())

    await unreachable.close()
    assert [offer.invitation.id for _, offer in gathered.offers] == [made.id]
    assert [each.id for each in gathered.elsewhere] == ["us-1", "jp-1"]
