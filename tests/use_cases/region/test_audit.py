"""What happened in an account, as its users read it."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import msgspec
import pytest

from domicile.kernel.paging import PageRequest
from domicile.kernel.roles import PREDEFINED_ROLES, READ_ONLY
from domicile.region.audit.domain import by_system
from domicile.region.audit.schemas import shape_event
from domicile.region.audit.service import list_events
from domicile.region.audit.store import append_audit
from tests.support.joining import JoiningRegion, joining_region, user_id
from tests.support.refusals import refusal_of
from tests.support.region import ACCOUNT, ADDRESS, OTHER_ACCOUNT, OWNER, role_with


@pytest.fixture
async def region(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[JoiningRegion]:
    async with joining_region(make_database("region"), tmp_path) as region:
        yield region


async def test_the_log_is_read_newest_first_and_page_by_page_without_loss(region: JoiningRegion):
    for number in range(10):
        await region.invite(f"guest{number}@example.com")
        region.clock.advance(seconds=number % 3)

    found: list[str] = []
    after: tuple[str, ...] | None = None
    while True:
        page = await list_events(region.plane, region.owner, PageRequest(3, after))
        found += [recorded.event.details["email"] for recorded in page.items]
        if (after := page.next_after) is None:
            break

    assert found == [f"guest{number}@example.com" for number in reversed(range(10))]


async def test_an_event_on_the_wire_says_who_did_what_and_from_where(region: JoiningRegion):
    made = await region.invite()
    (recorded,) = (await list_events(region.plane, region.owner, PageRequest(25, None))).items

    body = msgspec.to_builtins(shape_event(region.plane, recorded))

    assert body == {
        "eventID": recorded.event_id,
        "seq": 0,
        "time": "2026-11-23T14:00:00Z",
        "type": "audit.invitation_created.v1",
        "event": "invitation_created",
        "accountID": ACCOUNT,
        "principalURN": f"urn:domicile:identity:de-1:{ACCOUNT}:user/{OWNER}",
        "principalEmail": "ada@example.com",
        "outcome": "success",
        "requestID": "request-1",
        "sourceAddress": str(ADDRESS),
        "details": {"invitationID": made.id, "email": "grace@example.com", "roleID": "read-only"},
    }


async def test_what_nobody_asked_for_is_told_without_request_address_and_email(region: JoiningRegion):
    event = by_system(ACCOUNT, "audit.account_updated.v1", {}, now=region.clock())
    await region.plane.database.run_tx(lambda tx: append_audit(tx, event))
    (recorded,) = (await list_events(region.plane, region.owner, PageRequest(25, None))).items

    body = msgspec.to_builtins(shape_event(region.plane, recorded))

    assert body["principalURN"].endswith(":system/domicile")
    assert {"principalEmail", "requestID", "sourceAddress"}.isdisjoint(body)


async def test_another_accounts_events_are_not_there(region: JoiningRegion):
    await region.invite()
    stranger = region.live.person(account=OTHER_ACCOUNT, user=user_id(1))

    assert (await list_events(region.plane, stranger, PageRequest(25, None))).items == ()


async def test_who_may_only_read_reads_the_log_and_a_role_without_it_does_not(region: JoiningRegion):
    reader = region.live.person(PREDEFINED_ROLES[READ_ONLY])
    other = region.live.person(role_with("identity:self:read"))

    assert (await list_events(region.plane, reader, PageRequest(25, None))).items == ()
    refused = await refusal_of(list_events(region.plane, other, PageRequest(25, None)))
    assert refused.code == "not-permitted"
