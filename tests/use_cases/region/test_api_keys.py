"""API keys through their use cases and the region's door, on both engines."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from domicile.infra.idempotency import RequestKey
from domicile.infra.secrets import has_checksum
from domicile.kernel.callers import Caller
from domicile.kernel.errors import DomainError, ErrorKind
from domicile.kernel.ids import ApiKeyId, RoleId, find_api_key_id, region_of_api_key
from domicile.kernel.paging import PageRequest
from domicile.kernel.permissions import ApiKeyStanding
from domicile.kernel.roles import FULL_ACCESS, PREDEFINED_ROLES, READ_ONLY
from domicile.kernel.versions import expecting
from domicile.region.access_log.store import list_changes, read_head
from domicile.region.api_keys.domain import (
    DEFAULT_OVERLAP,
    NEVER,
    ApiKey,
    ApiKeyChange,
    CreatedApiKey,
    NewApiKey,
    RotatedApiKey,
)
from domicile.region.api_keys.service import (
    change_api_key,
    create_api_key,
    delete_api_key,
    get_api_key,
    get_current_api_key,
    list_api_keys,
    rotate_api_key,
)
from domicile.region.api_keys.store import api_keys, find_key_standing
from tests.support.region import ACCOUNT, OTHER_ACCOUNT, OWNER, LiveRegion, live_region, role_with

ANY_VERSION = expecting(None)
STRANGER = ApiKeyId("dom_de-1_0000000000000000000000")
SECOND = timedelta(seconds=1)


@pytest.fixture
async def region(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[LiveRegion]:
    async with live_region(make_database("region"), tmp_path) as live:
        yield live


async def make_key(
    region: LiveRegion, maker: Caller | None = None, *, role: RoleId = FULL_ACCESS, **asked: Any
) -> CreatedApiKey:
    new = NewApiKey(alias="Deployment", role_id=role, **asked)
    return await create_api_key(region.plane, maker or region.person(), new, None)


async def change(region: LiveRegion, key: ApiKeyId, caller: Caller | None = None, **wanted: Any) -> ApiKey:
    who = caller or region.person()
    return await change_api_key(region.plane, who, key, ApiKeyChange(**wanted), ANY_VERSION)


async def rotate(
    region: LiveRegion,
    key: ApiKeyId,
    *,
    caller: Caller | None = None,
    overlap: timedelta = DEFAULT_OVERLAP,
    request: RequestKey | None = None,
) -> RotatedApiKey:
    who = caller or region.person()
    return await rotate_api_key(region.plane, who, key, overlap, ANY_VERSION, request=request)


async def all_rows(region: LiveRegion) -> list[Any]:
    return list(await region.plane.database.read(lambda tx: tx.all(select(api_keys))))


async def refusal_of(region: LiveRegion, key: ApiKeyId, secret: str, **circumstances: str) -> str | None:
    """The code with which the door refuses the key; None if it lets it in."""
    try:
        await region.key_caller(key, secret, **circumstances)
    except DomainError as error:
        return error.code
    return None


# ------------------------------------------------------------------ creating


async def test_a_new_key_opens_its_account_with_its_role(region: LiveRegion):
    made = await make_key(region, role=READ_ONLY)

    caller = await region.key_caller(made.key.id, made.secret)

    assert (caller.account_id, caller.role_id, caller.name) == (ACCOUNT, READ_ONLY, "Deployment")


async def test_id_and_secret_have_the_shape_that_scanners_and_routers_read(region: LiveRegion):
    made = await make_key(region)

    assert find_api_key_id(made.key.id) == made.key.id
    assert region_of_api_key(made.key.id) == "de-1"
    assert len(made.secret) == 49
    assert has_checksum(made.secret)


async def test_neither_the_database_nor_a_printed_key_holds_the_secret(region: LiveRegion):
    made = await make_key(region)
    rotated = await rotate(region, made.key.id)

    rows = await all_rows(region)
    events = await region.events()

    for secret in (made.secret, rotated.secret):
        for place in (repr(rows), repr(events), repr(made), repr(rotated)):
            assert secret not in place
    record = await region.plane.database.read(lambda tx: find_key_standing(tx, made.key.id))
    assert record is not None
    assert repr(record.secret_hash) not in repr(record)


async def test_a_maker_who_may_only_read_is_refused(region: LiveRegion):
    with pytest.raises(DomainError) as refused:
        await make_key(region, region.person(PREDEFINED_ROLES[READ_ONLY]), role=READ_ONLY)

    assert (refused.value.kind, refused.value.code) == (ErrorKind.FORBIDDEN, "not-permitted")
    assert await region.events() == []


async def test_a_key_above_its_maker_is_refused(region: LiveRegion):
    keeper = region.person(role_with("identity:apikey:create"))

    with pytest.raises(DomainError) as refused:
        await make_key(region, keeper, role=FULL_ACCESS)

    assert refused.value.code == "above-your-role"
    assert await region.events() == []


async def test_a_role_that_the_account_does_not_have_is_refused_by_name(region: LiveRegion):
    with pytest.raises(DomainError) as refused:
        await make_key(region, role=RoleId("no-such-role"))

    assert (refused.value.kind, set(refused.value.fields)) == (ErrorKind.INVALID, {"roleID"})


async def test_a_key_can_make_keys_and_is_named_as_their_maker(region: LiveRegion):
    first = await make_key(region)
    caller = await region.key_caller(first.key.id, first.secret)

    second = await make_key(region, caller, role=READ_ONLY)

    assert second.key.created_by == first.key.id
    assert (await make_key(region)).key.created_by == OWNER


async def test_the_same_request_twice_makes_one_key_and_shows_the_same_secret(region: LiveRegion):
    request = RequestKey(b"k" * 32, b"d" * 32)
    new = NewApiKey(alias="Deployment", role_id=FULL_ACCESS, allowed_ips=("192.0.2.17",))

    first = await create_api_key(region.plane, region.person(), new, request)
    region.clock.advance(hours=23)
    again = await create_api_key(region.plane, region.person(), new, request)

    assert again == first
    assert again.secret == first.secret
    assert len(await all_rows(region)) == 1
    assert [event.type for event in await region.events()] == ["audit.apiKey_created.v1"]


async def test_twenty_repeats_at_once_make_one_key(region: LiveRegion):
    request = RequestKey(b"k" * 32, b"d" * 32)
    new = NewApiKey(alias="Deployment", role_id=FULL_ACCESS)

    made = await asyncio.gather(
        *(create_api_key(region.plane, region.person(), new, request) for _ in range(20))
    )

    assert len({answer.secret for answer in made}) == 1
    assert len(await all_rows(region)) == 1
    assert len(await region.events()) == 1


async def test_the_same_request_key_with_another_body_is_a_conflict_and_makes_nothing(region: LiveRegion):
    new = NewApiKey(alias="Deployment", role_id=FULL_ACCESS)
    await create_api_key(region.plane, region.person(), new, RequestKey(b"k" * 32, b"d" * 32))

    with pytest.raises(DomainError) as refused:
        await create_api_key(region.plane, region.person(), new, RequestKey(b"k" * 32, b"e" * 32))

    assert (refused.value.kind, refused.value.code) == (ErrorKind.CONFLICT, "idempotency-key-reused")
    assert len(await all_rows(region)) == 1


async def test_a_request_key_of_another_caller_is_another_request(region: LiveRegion):
    request = RequestKey(b"k" * 32, b"d" * 32)
    new = NewApiKey(alias="Deployment", role_id=FULL_ACCESS)

    mine = await create_api_key(region.plane, region.person(), new, request)
    theirs = await create_api_key(region.plane, region.person(account=OTHER_ACCOUNT), new, request)

    assert mine.secret != theirs.secret


# ------------------------------------------------------------------ describing and listing


async def test_a_key_describes_itself_and_is_found_without_its_id(region: LiveRegion):
    made = await make_key(region, role=READ_ONLY, description="Reads", allowed_cidrs=("192.0.2.0/24",))
    caller = await region.key_caller(made.key.id, made.secret)

    assert await get_api_key(region.plane, caller, made.key.id) == made.key
    assert await get_current_api_key(region.plane, caller) == made.key


async def test_a_key_whose_role_grants_nothing_still_describes_itself_but_no_other(region: LiveRegion):
    made, other = await make_key(region), await make_key(region)
    caller = await region.key_caller(made.key.id, made.secret)
    nothing = role_with()
    assert isinstance(caller.standing.place, ApiKeyStanding)
    place = replace(caller.standing.place, role=nothing)
    powerless = replace(caller, standing=replace(caller.standing, place=place), role=nothing)

    assert (await get_api_key(region.plane, powerless, made.key.id)).id == made.key.id
    assert (await get_current_api_key(region.plane, powerless)).id == made.key.id
    with pytest.raises(DomainError, match="not-permitted"):
        await get_api_key(region.plane, powerless, other.key.id)


async def test_a_person_has_no_current_key(region: LiveRegion):
    with pytest.raises(DomainError, match="not-found"):
        await get_current_api_key(region.plane, region.person())


async def test_a_key_of_another_account_and_no_key_are_one_answer_everywhere(region: LiveRegion):
    theirs = (await make_key(region, region.person(account=OTHER_ACCOUNT))).key.id
    me, told = region.person(), []

    for key in (theirs, STRANGER):
        for act in (
            lambda key: get_api_key(region.plane, me, key),
            lambda key: change(region, key, is_enabled=False),
            lambda key: rotate(region, key),
            lambda key: delete_api_key(region.plane, me, key, ANY_VERSION),
        ):
            with pytest.raises(DomainError) as refused:
                await act(key)
            told.append((refused.value.kind, refused.value.code, refused.value.message))

    assert set(told) == {(ErrorKind.NOT_FOUND, "not-found", "There is no such API key.")}
    assert (await get_api_key(region.plane, region.person(account=OTHER_ACCOUNT), theirs)).is_enabled


async def test_a_list_is_one_query_oldest_first_of_this_account_only(region: LiveRegion):
    mine = []
    for _ in range(3):
        mine.append((await make_key(region)).key)
        region.clock.advance(seconds=1)
    await make_key(region, region.person(account=OTHER_ACCOUNT))

    async with region.counting_queries() as queries:
        page = await list_api_keys(region.plane, region.person(), PageRequest(25, None), role=None)

    assert list(page.items) == mine
    assert page.next_after is None
    assert len(queries) == 1


async def test_pages_join_into_the_whole_list_also_where_moments_are_equal(region: LiveRegion):
    made = {(await make_key(region)).key.id for _ in range(5)}
    found: list[ApiKeyId] = []
    after: tuple[str, ...] | None = None

    for _ in range(3):
        page = await list_api_keys(region.plane, region.person(), PageRequest(2, after), role=None)
        found += [key.id for key in page.items]
        after = page.next_after

    assert after is None
    assert len(found) == 5
    assert set(found) == made


async def test_a_list_can_be_of_one_role_only(region: LiveRegion):
    await make_key(region, role=FULL_ACCESS)
    reader = await make_key(region, role=READ_ONLY)

    page = await list_api_keys(region.plane, region.person(), PageRequest(25, None), role=READ_ONLY)

    assert [key.id for key in page.items] == [reader.key.id]


# ------------------------------------------------------------------ changing


async def test_every_setting_of_a_key_can_change_and_be_lifted_again(region: LiveRegion):
    made = await make_key(region)
    expiry = region.clock() + timedelta(days=30)
    wanted: dict[str, Any] = {
        "alias": "Nightly",
        "description": "At night",
        "role_id": READ_ONLY,
        "locale": "ja",
        "time_zone": "Asia/Tokyo",
        "allowed_ips": ("2001:db8::1",),
        "allowed_cidrs": ("192.0.2.0/24",),
        "expires_at": expiry,
    }
    region.clock.advance(seconds=5)

    after = await change(region, made.key.id, **wanted)
    lifted = await change(
        region, made.key.id, description="", allowed_ips=(), allowed_cidrs=(), expires_at=NEVER
    )

    assert {name: getattr(after, name) for name in wanted} == wanted
    assert after.modified_at == region.clock()
    assert after.created_at == made.key.created_at
    assert after.version > made.key.version
    assert (lifted.description, lifted.allowed_ips, lifted.allowed_cidrs, lifted.expires_at) == (
        "",
        (),
        (),
        None,
    )
    assert await get_api_key(region.plane, region.person(), made.key.id) == lifted


async def test_a_change_that_changes_nothing_leaves_version_log_and_audit_alone(region: LiveRegion):
    made = await make_key(region)
    head = await region.plane.database.read(read_head)

    after = await change(region, made.key.id, alias="Deployment", is_enabled=True)

    assert after == made.key
    assert await region.plane.database.read(read_head) == head
    assert len(await region.events()) == 1


async def test_a_locked_key_is_refused_at_its_next_request_until_it_is_unlocked(region: LiveRegion):
    made = await make_key(region)
    assert await refusal_of(region, made.key.id, made.secret) is None

    await change(region, made.key.id, is_enabled=False)
    locked = await refusal_of(region, made.key.id, made.secret)
    await change(region, made.key.id, is_enabled=True)

    assert locked == "credential-refused"
    assert await refusal_of(region, made.key.id, made.secret) is None


async def test_a_key_that_was_made_locked_does_not_work(region: LiveRegion):
    made = await make_key(region, is_enabled=False)

    assert await refusal_of(region, made.key.id, made.secret) == "credential-refused"


async def test_a_key_works_until_its_expiry_and_not_at_it(region: LiveRegion):
    expiry = region.clock() + timedelta(hours=1)
    made = await make_key(region, expires_at=expiry)

    region.clock.now = expiry - SECOND
    before = await refusal_of(region, made.key.id, made.secret)
    region.clock.now = expiry

    assert before is None
    assert await refusal_of(region, made.key.id, made.secret) == "credential-refused"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("192.0.2.17", None),
        ("192.0.2.18", "address-not-allowed"),
        ("198.51.100.255", None),
        ("198.51.101.0", "address-not-allowed"),
        ("2001:db8::1", None),
        ("2001:db8::2", "address-not-allowed"),
        ("2001:db8:ff::9", None),
    ],
)
async def test_a_key_with_lists_works_from_the_addresses_in_either_list(
    region: LiveRegion, address: str, code: str | None
):
    made = await make_key(
        region,
        allowed_ips=("192.0.2.17", "2001:db8::1"),
        allowed_cidrs=("198.51.100.0/24", "2001:db8:ff::/48"),
    )

    assert await refusal_of(region, made.key.id, made.secret, address=address) == code


async def test_who_may_change_keys_but_holds_less_can_lock_a_higher_key_out_and_nothing_else(
    region: LiveRegion,
):
    made = await make_key(region, role=FULL_ACCESS, allowed_ips=("192.0.2.17",))
    keeper = region.person(role_with("identity:apikey:update"))

    for act in (
        lambda: change(region, made.key.id, keeper, allowed_ips=()),
        lambda: change(region, made.key.id, keeper, expires_at=NEVER),
        lambda: rotate(region, made.key.id, caller=keeper),
    ):
        with pytest.raises(DomainError, match="above-your-role"):
            await act()
    locked = await change(region, made.key.id, keeper, is_enabled=False)
    with pytest.raises(DomainError, match="above-your-role"):
        await change(region, made.key.id, keeper, is_enabled=True)

    assert not locked.is_enabled


async def test_nobody_raises_a_key_above_themselves_not_even_the_key(region: LiveRegion):
    made = await make_key(region, role=READ_ONLY)
    keeper = region.person(role_with(*PREDEFINED_ROLES[READ_ONLY].permissions, "identity:apikey:update"))
    reader = await region.key_caller(made.key.id, made.secret)

    with pytest.raises(DomainError, match="above-your-role"):
        await change(region, made.key.id, keeper, role_id=FULL_ACCESS)
    with pytest.raises(DomainError, match="not-permitted"):
        await change(region, made.key.id, reader, role_id=FULL_ACCESS)

    assert (await get_api_key(region.plane, region.person(), made.key.id)).role_id == READ_ONLY


async def test_a_change_of_role_holds_from_the_next_request_on(region: LiveRegion):
    made = await make_key(region, role=FULL_ACCESS)
    before = await region.key_caller(made.key.id, made.secret)

    await change(region, made.key.id, role_id=READ_ONLY)
    after = await region.key_caller(made.key.id, made.secret)

    assert before.may("identity:apikey:create").allowed
    assert not after.may("identity:apikey:create").allowed


async def test_a_change_meant_for_an_older_version_is_stale(region: LiveRegion):
    made = await make_key(region)
    read = expecting((str(made.key.version),))
    await change(region, made.key.id, alias="Nightly")

    for act in (
        change_api_key(region.plane, region.person(), made.key.id, ApiKeyChange(alias="Mine"), read),
        rotate_api_key(region.plane, region.person(), made.key.id, DEFAULT_OVERLAP, read, request=None),
        delete_api_key(region.plane, region.person(), made.key.id, read),
    ):
        with pytest.raises(DomainError, match="stale-version"):
            await act

    assert (await get_api_key(region.plane, region.person(), made.key.id)).alias == "Nightly"


# ------------------------------------------------------------------ rotating


async def test_both_secrets_work_during_the_overlap_and_only_the_new_one_after(region: LiveRegion):
    made = await make_key(region)
    rotated = await rotate(region, made.key.id, overlap=timedelta(minutes=10))
    start, codes = region.clock(), []

    for moment in (start, start + timedelta(minutes=10) - SECOND, start + timedelta(minutes=10)):
        region.clock.now = moment
        codes.append(
            [await refusal_of(region, made.key.id, secret) for secret in (made.secret, rotated.secret)]
        )

    assert rotated.former_until == start + timedelta(minutes=10)
    assert codes == [[None, None], [None, None], ["credential-refused", None]]


async def test_without_overlap_the_former_secret_ends_at_once(region: LiveRegion):
    made = await make_key(region)

    rotated = await rotate(region, made.key.id, overlap=timedelta(0))

    assert await refusal_of(region, made.key.id, made.secret) == "credential-refused"
    assert await refusal_of(region, made.key.id, rotated.secret) is None
    record = await region.plane.database.read(lambda tx: find_key_standing(tx, made.key.id))
    assert record is not None
    assert (record.former_secret_hash, record.former_until) == (None, None)


async def test_a_second_rotation_ends_the_first_secret_whatever_its_overlap(region: LiveRegion):
    first = await make_key(region)
    second = await rotate(region, first.key.id, overlap=timedelta(days=7))
    third = await rotate(region, first.key.id, overlap=timedelta(days=7))

    codes = [await refusal_of(region, first.key.id, s) for s in (first.secret, second.secret, third.secret)]

    assert codes == ["credential-refused", None, None]


async def test_a_repeated_rotation_gives_the_same_secret_and_keeps_the_overlap(region: LiveRegion):
    made = await make_key(region)
    request = RequestKey(b"r" * 32, b"d" * 32)

    first = await rotate(region, made.key.id, request=request)
    again = await rotate(region, made.key.id, request=request)

    assert again == first
    assert await refusal_of(region, made.key.id, made.secret) is None


async def test_of_rotations_at_once_the_last_two_secrets_work(region: LiveRegion):
    made = await make_key(region)

    rotated = await asyncio.gather(*(rotate(region, made.key.id) for _ in range(5)))
    in_order = sorted(rotated, key=lambda answer: answer.key.version)
    codes = [await refusal_of(region, made.key.id, answer.secret) for answer in in_order]

    assert codes == ["credential-refused"] * 3 + [None] * 2


async def test_of_changes_meant_for_one_version_at_once_one_holds(region: LiveRegion):
    made = await make_key(region)
    read = expecting((str(made.key.version),))

    answers = await asyncio.gather(
        *(
            change_api_key(region.plane, region.person(), made.key.id, ApiKeyChange(alias=name), read)
            for name in ("First", "Second", "Third")
        ),
        return_exceptions=True,
    )

    assert sorted(getattr(answer, "code", "") for answer in answers) == ["", "stale-version", "stale-version"]


async def test_a_rotation_is_audited_as_one_and_changes_no_setting(region: LiveRegion):
    made = await make_key(region, allowed_ips=("192.0.2.17",))
    rotated = await rotate(region, made.key.id, overlap=timedelta(minutes=1))

    event = (await region.events())[-1]

    assert event.type == "audit.apiKey_updated.v1"
    assert event.details == {"apiKeyID": made.key.id, "rotated": True, "overlapSeconds": 60}
    assert rotated.key.allowed_ips == ("192.0.2.17",)
    assert rotated.key.version > made.key.version
    assert await get_api_key(region.plane, region.person(), made.key.id) == rotated.key


# ------------------------------------------------------------------ deleting


async def test_a_deleted_key_is_refused_at_its_next_request_and_gone(region: LiveRegion):
    made = await make_key(region)
    assert await refusal_of(region, made.key.id, made.secret) is None

    await delete_api_key(region.plane, region.person(), made.key.id, ANY_VERSION)

    assert await refusal_of(region, made.key.id, made.secret) == "credential-refused"
    with pytest.raises(DomainError, match="not-found"):
        await get_api_key(region.plane, region.person(), made.key.id)


async def test_a_key_can_delete_itself(region: LiveRegion):
    made = await make_key(region)

    await delete_api_key(
        region.plane, await region.key_caller(made.key.id, made.secret), made.key.id, ANY_VERSION
    )

    assert await refusal_of(region, made.key.id, made.secret) == "credential-refused"


async def test_a_reader_can_neither_change_rotate_nor_delete(region: LiveRegion):
    made = await make_key(region, role=READ_ONLY)
    reader = region.person(PREDEFINED_ROLES[READ_ONLY])

    for act in (
        change(region, made.key.id, reader, is_enabled=False),
        rotate(region, made.key.id, caller=reader),
        delete_api_key(region.plane, reader, made.key.id, ANY_VERSION),
    ):
        with pytest.raises(DomainError, match="not-permitted"):
            await act


# ------------------------------------------------------------------ what is written besides


async def test_every_change_is_logged_and_audited_and_its_number_is_the_version(region: LiveRegion):
    start = await region.plane.database.read(read_head)
    made = await make_key(region)
    changed = await change(region, made.key.id, alias="Nightly", is_enabled=False)
    rotated = await rotate(region, made.key.id)
    await delete_api_key(region.plane, region.person(), made.key.id, ANY_VERSION)

    log = await region.plane.database.read(lambda tx: list_changes(tx, after=start, at_most=100))
    events = await region.events()

    assert [(row.kind, row.account_id, row.subject_id) for row in log] == [
        ("api-key", ACCOUNT, made.key.id)
    ] * 4
    assert [row.seq for row in log][:3] == [made.key.version, changed.version, rotated.key.version]
    assert [event.type.split(".")[1] for event in events] == [
        "apiKey_created",
        "apiKey_updated",
        "apiKey_updated",
        "apiKey_deleted",
    ]
    assert events[1].details == {"apiKeyID": made.key.id, "changed": {"alias": "Nightly", "enabled": False}}
    assert {event.principal.id for event in events} == {OWNER}


async def test_activity_is_remembered_and_never_goes_back(region: LiveRegion):
    made = await make_key(region)
    await region.key_caller(made.key.id, made.secret)
    first = region.clock()
    await region.door.standings.flush_activity()
    region.clock.advance(minutes=-5)
    await region.key_caller(made.key.id, made.secret)
    await region.door.standings.flush_activity()

    found = await get_api_key(region.plane, region.person(), made.key.id)

    assert found.last_activity_at == first
    assert found.version == made.key.version
