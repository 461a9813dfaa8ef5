"""What was refused is recorded, once a minute of each kind, and recording it can neither delay nor break an answer."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from domicile.kernel.errors import DomainError
from domicile.kernel.ids import ApiKeyId
from domicile.kernel.paging import PageRequest
from domicile.kernel.roles import READ_ONLY
from domicile.kernel.versions import expecting
from domicile.region.api_keys.domain import ApiKeyChange, CreatedApiKey, NewApiKey
from domicile.region.api_keys.service import change_api_key, create_api_key, delete_api_key, list_api_keys
from domicile.region.audit.domain import AuditEvent, by_system
from domicile.region.audit.refusals import Refusals
from domicile.region.audit.store import append_audit, audit_events
from domicile.region.audit_tree.store import audit_trees
from domicile.region.entering.door import Door
from domicile.region.memberships.domain import MemberChange
from domicile.region.memberships.service import change_member
from tests.support.joining import GRACE, JoiningRegion, joining_region, user_id
from tests.support.refusals import refusal_of
from tests.support.region import ACCOUNT, OTHER_ACCOUNT, role_with

ANY_VERSION = expecting(None)
EVERY_PAGE = PageRequest(250, None)


@pytest.fixture
async def region(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[JoiningRegion]:
    async with joining_region(make_database("region"), tmp_path) as region:
        # What every account begins with; nothing is recorded late of one that has nothing.
        begun = by_system(ACCOUNT, "audit.account_created.v1", {}, now=region.clock())
        await region.plane.database.run_tx(lambda tx: append_audit(tx, begun))
        yield region


async def make_key(region: JoiningRegion, **asked: Any) -> CreatedApiKey:
    new = NewApiKey(alias="ci", role_id=READ_ONLY, **asked)
    return await create_api_key(region.plane, region.owner, new, None)


async def refused_events(region: JoiningRegion) -> list[AuditEvent]:
    """What was refused, as it is in the log once the worker has been round."""
    await region.live.door.refusals.write_down(region.plane)
    return [event for event in await region.live.events() if event.outcome == "refused"]


async def use(region: JoiningRegion, key: ApiKeyId, secret: str, **more: Any) -> DomainError:
    return await refusal_of(region.live.key_caller(key, secret, **more))


async def test_every_way_in_which_a_key_is_refused_is_recorded_with_its_reason(region: JoiningRegion):
    made = await make_key(region, expires_at=region.clock() + timedelta(hours=1), allowed_ips=("192.0.2.17",))
    key = made.key.id

    assert (await use(region, key, "wrong")).code == "credential-refused"
    assert (await use(region, key, made.secret, address="198.51.100.9")).code == "address-not-allowed"
    lock = ApiKeyChange(is_enabled=False)
    await change_api_key(region.plane, region.owner, key, lock, ANY_VERSION)
    assert (await use(region, key, made.secret)).code == "credential-refused"
    await change_api_key(region.plane, region.owner, key, ApiKeyChange(is_enabled=True), ANY_VERSION)
    region.clock.advance(hours=2)
    assert (await use(region, key, made.secret)).code == "credential-refused"

    events = await refused_events(region)
    assert {event.type for event in events} == {"audit.apiKey_refused.v1"}
    assert [
        (event.details["reason"], event.source_address) for event in sorted(events, key=lambda e: e.at)
    ] == [
        ("wrong-secret", "192.0.2.17"),
        ("address-allowed", "198.51.100.9"),
        ("place-enabled", "192.0.2.17"),
        ("key-unexpired", "192.0.2.17"),
    ]
    assert {(event.principal.kind, event.principal.id) for event in events} == {("apikey", key)}
    assert made.secret not in str(events)


async def test_a_flood_of_attempts_is_one_event_a_minute(region: JoiningRegion):
    made = await make_key(region)
    for _ in range(3):
        for _ in range(50):
            await use(region, made.key.id, "wrong")
            region.clock.advance(seconds=1)
            await region.live.door.refusals.write_down(region.plane)
        region.clock.advance(seconds=10)

    assert len(await refused_events(region)) == 3


async def test_processes_that_refuse_at_once_record_it_once(region: JoiningRegion):
    made = await make_key(region)
    door = region.live.door
    others = [Door(door.plane, door.standings, door.keys, Refusals()) for _ in range(5)]
    for other in (door, *others):
        await refusal_of(other.from_api_key(made.key.id, "wrong", region.person().origin))

    await asyncio.gather(*(other.refusals.write_down(region.plane) for other in others))

    assert len(await refused_events(region)) == 1


async def test_a_refusal_touches_no_database_until_it_is_written_down(region: JoiningRegion):
    made = await make_key(region)
    await use(region, made.key.id, "wrong")
    region.clock.advance(minutes=2)

    async with region.live.counting_queries() as seen:
        await use(region, made.key.id, "wrong")

    assert seen == []
    assert len(await refused_events(region)) == 1


async def test_an_unknown_key_is_recorded_nowhere(region: JoiningRegion):
    await use(region, ApiKeyId("dom_de-1_0000000000000000000000"), "wrong")

    assert await refused_events(region) == []


async def test_what_cannot_be_written_down_is_written_with_the_next(
    region: JoiningRegion, monkeypatch: pytest.MonkeyPatch
):
    made = await make_key(region)
    await use(region, made.key.id, "wrong")
    with monkeypatch.context() as patched:
        patched.setattr(region.plane.database, "run_tx", _fail)
        with pytest.raises(OSError, match="full"):
            await region.live.door.refusals.write_down(region.plane)
        assert (await use(region, made.key.id, "wrong")).code == "credential-refused"

    assert len(await refused_events(region)) == 1


async def _fail(_work: object) -> None:
    raise OSError("the disk is full")


async def test_a_change_that_is_refused_is_recorded_and_a_reading_is_not(region: JoiningRegion):
    await region.add_member(2, READ_ONLY, email=GRACE)
    reader = await region.live.door.from_person(region.person(2), ACCOUNT)

    for _ in range(3):
        refused = await refusal_of(
            change_member(region.plane, reader, user_id(1), MemberChange(READ_ONLY, None), ANY_VERSION)
        )
        assert refused.code == "not-permitted"
    await refusal_of(create_api_key(region.plane, reader, NewApiKey(alias="x", role_id=READ_ONLY), None))
    await refusal_of(delete_api_key(region.plane, reader, ApiKeyId("x"), ANY_VERSION))

    events = await refused_events(region)
    assert [(event.type, event.details) for event in events] == [
        ("audit.access_refused.v1", {"action": action, "roleID": "read-only"})
        for action in ("identity:user:update", "identity:apikey:create", "identity:apikey:delete")
    ]
    assert {event.principal_email for event in events} == {"grace@example.com"}


async def test_a_reading_that_is_refused_is_not_recorded(region: JoiningRegion):
    refusals = region.live.door.refusals
    caller = replace(region.live.person(role_with("audit:log:read")), tell_refusal=refusals.note_action)

    assert (
        await refusal_of(list_api_keys(region.plane, caller, EVERY_PAGE, role=None))
    ).code == "not-permitted"
    for reading in ("identity:user:read", "identity:access:review", "identity:access:explain"):
        with pytest.raises(DomainError):
            caller.require(reading)

    assert await refused_events(region) == []


async def test_who_is_refused_in_a_suspended_account_is_recorded(region: JoiningRegion):
    await region.add_member(2, READ_ONLY, email=GRACE)
    await region.suspend()

    refused = await refusal_of(region.live.door.enter(region.person(2), ACCOUNT))

    assert refused.code == "account-suspended"
    (event,) = await refused_events(region)
    assert (event.type, event.principal.id) == ("audit.entry_refused.v1", user_id(2))
    assert event.details == {"userID": user_id(2), "reason": "account-active", "method": "session"}


async def test_a_stranger_who_tries_an_account_is_recorded_nowhere(region: JoiningRegion):
    assert (await refusal_of(region.live.door.enter(region.person(7), ACCOUNT))).code == "not-found"

    assert await refused_events(region) == []


async def test_an_account_that_is_gone_gets_no_late_event(region: JoiningRegion):
    made = await make_key(region)
    await use(region, made.key.id, "wrong")
    for table in (audit_events, audit_trees):
        gone = delete(table).where(table.c.account_id == ACCOUNT)
        await region.plane.database.run_tx(lambda tx, gone=gone: tx.execute(gone))

    assert await refused_events(region) == []
    assert await region.live.events() == []


async def test_more_kinds_of_refusals_than_are_remembered_do_no_harm(
    region: JoiningRegion, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("domicile.region.audit.refusals._MOST_KNOWN", 10)
    for number in range(40):
        region.live.door.refusals.note_action(region.owner, f"identity:thing{number}:update")

    assert len(await refused_events(region)) == 10


# ---------------------------------------------------------------- signing in


async def test_the_first_entering_of_a_session_is_a_sign_in_and_the_later_ones_are_not(region: JoiningRegion):
    person = region.person(1)
    for _ in range(3):
        await region.live.door.enter(person, ACCOUNT)
        region.clock.advance(minutes=10)

    _, *events = await region.live.events()
    types = [event.type for event in events]
    assert types == ["audit.user-signed-in.v1"] + ["audit.account_entered.v1"] * 3
    signed_in = events[0]
    assert signed_in.details["userID"] == person.user_id
    assert signed_in.details["methods"] == list(person.methods)
    assert person.session_id not in str(signed_in)


async def test_a_session_signs_in_once_in_each_account_even_when_it_enters_twice_at_once(
    region: JoiningRegion,
):
    person = region.person(1)
    await asyncio.gather(*(region.live.door.enter(person, ACCOUNT) for _ in range(4)))
    await region.live.door.enter(person, OTHER_ACCOUNT)

    for account in (ACCOUNT, OTHER_ACCOUNT):
        types = [event.type for event in await region.live.events(account)]
        assert types.count("audit.user-signed-in.v1") == 1
