"""An account's own roles: what may be said of one, who may make and change it, and that it holds at once, everywhere."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, strategies
from sqlalchemy import select

from domicile.kernel.callers import Caller
from domicile.kernel.errors import DomainError
from domicile.kernel.ids import RegionId, RoleId
from domicile.kernel.paging import PageRequest
from domicile.kernel.permissions import MemberState
from domicile.kernel.roles import BE_THERE, BUILT_IN, Catalogue
from domicile.kernel.services import Service, registration_faults
from domicile.kernel.versions import expecting
from domicile.region.access_log.store import access_log
from domicile.region.history.domain import Remembered
from domicile.region.history.store import forget_history, list_history_at
from domicile.region.memberships.domain import MemberChange
from domicile.region.memberships.service import change_member, remove_member
from domicile.region.role_management.domain import MOST_ROLES, RoleWish
from domicile.region.role_management.schemas import shape_matrix
from domicile.region.role_management.service import change_role, create_role, delete_role, list_matrix
from domicile.region.roles.service import describe_role, list_roles
from tests.support.joining import ANY_VERSION, JoiningRegion, joining_region
from tests.support.region import ACCOUNT, OTHER_ACCOUNT

AUDITOR = RoleId("auditor")
READS_LOGS = (("audit", "read-only"),)


@pytest.fixture
async def region(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[JoiningRegion]:
    async with joining_region(make_database("region"), tmp_path) as opened:
        yield opened


def urns(*pairs: tuple[str, str], account: str = ACCOUNT) -> list[str]:
    return [f"urn:domicile:{service}:de-1:{account}:role/{level}" for service, level in pairs]


async def make(region: JoiningRegion, *pairs: tuple[str, str], role: str = AUDITOR, by: Caller | None = None):
    wish = RoleWish(name="Auditor", service_role_urns=urns(*(pairs or READS_LOGS)))
    return await create_role(region.plane, by or region.owner, role, wish, request=None)


async def admitted(region: JoiningRegion, number: int) -> Caller:
    """A member as the door lets them in now."""
    return await region.live.door.from_person(region.person(number), ACCOUNT)


async def test_a_role_grants_what_its_levels_grant_and_nothing_else(region: JoiningRegion):
    made = await make(region, ("identity", "read-only"), ("audit", "full-access"))

    assert made.role.permissions == (
        BUILT_IN[0].levels["read-only"] | BUILT_IN[1].levels["full-access"] | {BE_THERE}
    )
    assert (await describe_role(region.plane, region.owner, AUDITOR)).role == made.role
    listed = await list_roles(region.plane, region.owner, PageRequest(25, None))
    assert [shown.role.id for shown in listed.items] == ["auditor", "full-access", "read-only"]


async def test_roles_come_in_pages_that_join_without_a_gap(region: JoiningRegion):
    await make(region)
    first = await list_roles(region.plane, region.owner, PageRequest(2, None))
    second = await list_roles(region.plane, region.owner, PageRequest(2, first.next_after))

    assert [shown.role.id for shown in (*first.items, *second.items)] == [
        "auditor",
        "full-access",
        "read-only",
    ]
    assert second.next_after is None


async def test_a_role_of_one_account_is_none_of_another(region: JoiningRegion):
    await make(region)
    elsewhere = region.live.person(account=OTHER_ACCOUNT)

    with pytest.raises(DomainError) as refused:
        await describe_role(region.plane, elsewhere, AUDITOR)
    assert refused.value.code == "not-found"


@pytest.mark.parametrize(
    ("role", "wish", "fields"),
    [
        ("Auditor", RoleWish(name="A", service_role_urns=urns(*READS_LOGS)), {"id"}),
        ("a" * 65, RoleWish(name="A", service_role_urns=urns(*READS_LOGS)), {"id"}),
        ("", RoleWish(name="", service_role_urns=urns(*READS_LOGS)), {"id", "name"}),
        ("auditor", RoleWish(name="A\u202e", service_role_urns=urns(*READS_LOGS)), {"name"}),
        (
            "auditor",
            RoleWish(name="A", description="x" * 501, service_role_urns=[]),
            {"description", "serviceRoleURNs"},
        ),
        ("auditor", RoleWish(name="A", service_role_urns=urns(("audit", "scanner"))), {"serviceRoleURNs[0]"}),
        (
            "auditor",
            RoleWish(name="A", service_role_urns=urns(("workload", "read-only"))),
            {"serviceRoleURNs[0]"},
        ),
        (
            "auditor",
            RoleWish(name="A", service_role_urns=urns(*READS_LOGS, account=OTHER_ACCOUNT)),
            {"serviceRoleURNs[0]"},
        ),
        (
            "auditor",
            RoleWish(name="A", service_role_urns=urns(("audit", "read-only"), ("audit", "full-access"))),
            {"serviceRoleURNs[1]"},
        ),
        ("auditor", RoleWish(name="A", service_role_urns=["audit/read-only"]), {"serviceRoleURNs[0]"}),
    ],
)
async def test_every_fault_of_a_new_role_is_named(
    region: JoiningRegion, role: str, wish: RoleWish, fields: set[str]
):
    with pytest.raises(DomainError) as refused:
        await create_role(region.plane, region.owner, role, wish, request=None)

    assert set(refused.value.fields) == fields


@pytest.mark.parametrize("role", ["auditor", "full-access", "read-only"])
async def test_the_id_of_a_role_is_unique_among_all_of_the_account(region: JoiningRegion, role: str):
    await make(region)

    with pytest.raises(DomainError) as refused:
        await make(region, role=role)
    assert refused.value.code == "role-exists"


async def test_an_account_has_a_bounded_number_of_roles(region: JoiningRegion):
    for number in range(MOST_ROLES):
        await make(region, role=f"role-{number}")

    with pytest.raises(DomainError) as refused:
        await make(region, role="one-more")
    assert refused.value.code == "too-many-roles"


async def test_nobody_makes_changes_or_deletes_a_role_that_grants_more_than_they_hold(region: JoiningRegion):
    await make(region, ("identity", "full-access"), role="identity-only")
    await make(region, ("identity", "read-only"), ("audit", "read-only"))
    await region.add_member(2, RoleId("identity-only"))
    keeper = await admitted(region, 2)
    more = RoleWish(service_role_urns=urns(("identity", "full-access"), ("billing", "read-only")))

    for attempt in (
        lambda: make(region, ("audit", "read-only"), role="another", by=keeper),
        lambda: change_role(region.plane, keeper, RoleId("identity-only"), more, ANY_VERSION),
        lambda: change_role(region.plane, keeper, AUDITOR, RoleWish(name="Other"), ANY_VERSION),
        lambda: delete_role(region.plane, keeper, AUDITOR, ANY_VERSION),
    ):
        with pytest.raises(DomainError) as refused:
            await attempt()
        assert refused.value.code == "above-your-role"


async def test_nobody_changes_or_ends_the_place_of_who_holds_more(region: JoiningRegion):
    await make(region, ("identity", "full-access"), role="identity-only")
    await region.add_member(2, RoleId("identity-only"))
    superior = await region.add_member(3)
    keeper = await admitted(region, 2)

    for change in (
        MemberChange(RoleId("read-only"), None),
        MemberChange(None, MemberState.DISABLED),
    ):
        with pytest.raises(DomainError) as refused:
            await change_member(region.plane, keeper, superior, change, ANY_VERSION)
        assert refused.value.code == "above-your-role"
    with pytest.raises(DomainError) as refused:
        await remove_member(region.plane, keeper, superior, ANY_VERSION)
    assert refused.value.code == "above-your-role"
    await remove_member(region.plane, keeper, region.person(2).user_id, ANY_VERSION)


async def test_a_narrowed_role_holds_at_the_next_request_of_everybody_who_has_it(region: JoiningRegion):
    await make(region, ("identity", "read-only"), ("audit", "read-only"))
    await region.add_member(2, AUDITOR)
    assert (await admitted(region, 2)).may("audit:log:read").allowed

    narrowed = RoleWish(service_role_urns=urns(("identity", "read-only")))
    await change_role(region.plane, region.owner, AUDITOR, narrowed, ANY_VERSION)

    assert not (await admitted(region, 2)).may("audit:log:read").allowed
    assert (await admitted(region, 2)).may("identity:user:read").allowed


async def test_only_a_change_of_what_is_granted_makes_void_what_was_handed_out(region: JoiningRegion):
    await make(region)
    await change_role(region.plane, region.owner, AUDITOR, RoleWish(name="Reads logs"), ANY_VERSION)
    wider = RoleWish(service_role_urns=urns(("audit", "full-access")))
    await change_role(region.plane, region.owner, AUDITOR, wider, ANY_VERSION)

    rows = await region.plane.database.read(
        lambda tx: tx.all(
            select(access_log.c.revokes).where(access_log.c.kind == "role").order_by(access_log.c.seq)
        )
    )
    assert [row.revokes for row in rows] == [False, False, True]


async def test_a_change_that_was_meant_for_another_version_is_refused(region: JoiningRegion):
    made = await make(region)
    await change_role(region.plane, region.owner, AUDITOR, RoleWish(name="Newer"), expecting((made.tag,)))

    with pytest.raises(DomainError) as refused:
        await change_role(region.plane, region.owner, AUDITOR, RoleWish(name="Late"), expecting((made.tag,)))
    assert refused.value.code == "stale-version"


@pytest.mark.parametrize("role", ["full-access", "read-only"])
async def test_the_roles_of_every_account_stay_as_they_are(region: JoiningRegion, role: str):
    with pytest.raises(DomainError) as changed:
        await change_role(region.plane, region.owner, RoleId(role), RoleWish(name="Mine"), ANY_VERSION)
    with pytest.raises(DomainError) as deleted:
        await delete_role(region.plane, region.owner, RoleId(role), ANY_VERSION)

    assert (changed.value.code, deleted.value.code) == ("role-predefined", "role-predefined")


async def test_a_role_that_somebody_has_or_is_offered_is_not_deleted_and_says_who(region: JoiningRegion):
    await make(region)
    member = await region.add_member(2, AUDITOR)
    offer = await region.invite("offered@example.com", AUDITOR)

    with pytest.raises(DomainError) as refused:
        await delete_role(region.plane, region.owner, AUDITOR, ANY_VERSION)
    assert refused.value.code == "role-in-use"
    told = refused.value.facts["usedBy"]
    assert isinstance(told, list)
    assert [urn.rpartition(":")[2] for urn in told] == [f"user/{member}", f"invitation/{offer.id}"]


async def test_an_expired_invitation_still_keeps_its_role_because_it_can_be_sent_again(region: JoiningRegion):
    await make(region)
    await region.invite("late@example.com", AUDITOR)
    region.clock.advance(days=60)

    with pytest.raises(DomainError) as refused:
        await delete_role(region.plane, region.owner, AUDITOR, ANY_VERSION)
    assert refused.value.code == "role-in-use"


async def test_a_role_that_nobody_has_is_deleted_and_its_id_can_be_chosen_again(region: JoiningRegion):
    await make(region)
    member = await region.add_member(2, AUDITOR)
    await remove_member(region.plane, region.owner, member, ANY_VERSION)

    await delete_role(region.plane, region.owner, AUDITOR, ANY_VERSION)

    with pytest.raises(DomainError):
        await describe_role(region.plane, region.owner, AUDITOR)
    assert (await make(region)).role.id == AUDITOR


async def test_what_is_done_to_roles_is_audited_with_what_was_before(region: JoiningRegion):
    await make(region)
    wider = RoleWish(service_role_urns=urns(("audit", "full-access")))
    await change_role(region.plane, region.owner, AUDITOR, wider, ANY_VERSION)
    await delete_role(region.plane, region.owner, AUDITOR, ANY_VERSION)

    events = {event.type: event.details for event in await region.live.events()}
    assert events["audit.role_created.v1"]["serviceRoles"] == ["audit/read-only"]
    assert events["audit.role_updated.v1"] == {
        "roleID": "auditor",
        "former": {"serviceRoles": ["audit/read-only"]},
        "changed": {"serviceRoles": ["audit/full-access"]},
    }
    assert events["audit.role_deleted.v1"]["serviceRoles"] == ["audit/full-access"]


async def test_a_level_that_its_service_withdrew_grants_nothing_and_is_shown_so(region: JoiningRegion):
    await make(region)
    without_audit = Catalogue(tuple(service for service in BUILT_IN if service.name != "audit"))
    plane = replace(region.plane, catalogue=without_audit)

    matrix = shape_matrix(without_audit, await list_matrix(plane, region.owner))

    (auditor,) = [role for role in matrix.roles if role.id == AUDITOR]
    assert (auditor.permissions, auditor.withdrawn) == ([], ["audit/read-only"])


# ---------------------------------------------------------------- what is remembered


async def test_what_roles_and_places_were_is_remembered_for_each_moment(region: JoiningRegion):
    born = region.clock()
    await make(region)
    region.clock.advance(days=1)
    member = await region.add_member(2, AUDITOR)
    region.clock.advance(days=1)
    await change_member(
        region.plane, region.owner, member, MemberChange(RoleId("read-only"), None), ANY_VERSION
    )
    region.clock.advance(days=1)
    await remove_member(region.plane, region.owner, member, ANY_VERSION)

    async def place(days: int) -> object:
        at = born + timedelta(days=days)
        found = await region.plane.database.read(lambda tx: list_history_at(tx, ACCOUNT, at))
        places = [became.facts for became in found if became.kind is Remembered.MEMBERSHIP]
        return [facts for facts in places if facts]

    assert await place(0) == []
    assert await place(1) == [{"roleID": "auditor", "state": "enabled"}]
    assert await place(2) == [{"roleID": "read-only", "state": "enabled"}]
    assert await place(3) == []


async def test_history_that_was_replaced_is_forgotten_and_what_still_holds_is_kept(region: JoiningRegion):
    member = await region.add_member(2)
    for role in ("read-only", "full-access", "read-only"):
        region.clock.advance(days=1)
        await change_member(region.plane, region.owner, member, MemberChange(RoleId(role), None), ANY_VERSION)
    kept_from = region.clock() + timedelta(days=1)

    forgotten = await region.plane.database.run_tx(lambda tx: forget_history(tx, before=kept_from))

    assert forgotten == 3
    found = await region.plane.database.read(lambda tx: list_history_at(tx, ACCOUNT, kept_from))
    assert {became.subject_id: became.facts for became in found}[member] == {
        "roleID": "read-only",
        "state": "enabled",
    }


# ---------------------------------------------------------------- what services register


def service(**levels: set[str]) -> Service:
    named = {name.replace("_", "-"): frozenset(granted) for name, granted in levels.items()}
    return Service("workload", "Workload", named)


READ, WRITE = "workload:policy:read", "workload:policy:update"


def test_a_service_that_is_there_twice_or_in_no_region_of_the_platform_is_refused():
    added, regions = service(full_access={READ}, read_only={READ}), frozenset({RegionId("de-1")})
    built_in = [known.name for known in BUILT_IN]

    def faults(*registered: Service) -> list[str]:
        return registration_faults(registered, built_in=built_in, regions=regions)

    assert faults(added) == []
    assert faults(added, added)
    assert faults(Service("audit", "Mine", added.levels))
    assert faults(replace(added, regions=frozenset({RegionId("us-1")})))


def test_full_access_grants_all_that_registered_services_know():
    added = service(full_access={READ, WRITE}, read_only={READ})
    predefined = Catalogue((*BUILT_IN, added)).predefined

    assert {READ, WRITE} <= predefined[RoleId("full-access")].permissions
    assert WRITE not in predefined[RoleId("read-only")].permissions
    assert READ in predefined[RoleId("read-only")].permissions


@given(
    strategies.lists(
        strategies.tuples(strategies.sampled_from(["identity", "audit", "x"]), strategies.text(max_size=12))
    )
)
def test_no_bundle_grants_more_than_full_access(pairs: list[tuple[str, str]]):
    catalogue = Catalogue(BUILT_IN)

    role = catalogue.bundle(RoleId("any"), "Any", "", pairs)

    assert role.permissions <= catalogue.predefined[RoleId("full-access")].permissions
