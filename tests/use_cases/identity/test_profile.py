from datetime import UTC, datetime

from domicile.directory.accounts.store import reserve_id
from domicile.directory.feed.store import list_feed
from domicile.directory.memberships.store import upsert_membership
from domicile.identity.events.service import list_own_events
from domicile.identity.recovery.service import change_password
from domicile.identity.users.domain import parse_profile_change
from domicile.identity.users.service import describe_self, update_own_profile
from domicile.identity.users.store import read_member_card
from domicile.infra.databases import IdentityTx
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Person
from domicile.kernel.ids import AccountId, RegionId, UserId
from domicile.kernel.paging import PageRequest
from domicile.kernel.versions import expecting
from tests.support.people import PASSWORD, People
from tests.support.refusals import refusal_of

ANY_VERSION = expecting(None)
REGIONS = (RegionId("de-1"), RegionId("jp-1"), RegionId("us-1"))


async def _make_member(people: People, person: Person, region: RegionId, account: str) -> None:
    async def work(tx: IdentityTx) -> None:
        now = datetime(2026, 1, 1, tzinfo=UTC)
        await reserve_id(tx, AccountId(account), region, creator=person.user_id, now=now, mark=None)
        await upsert_membership(
            tx, person.user_id, AccountId(account), region, state="enabled", role="full-access", version=1
        )

    await people.database.run_tx(work)


async def _feeds(people: People) -> dict[str, list[tuple[str, str, int]]]:
    async def read(tx: IdentityTx) -> dict[str, list[tuple[str, str, int]]]:
        rows = {region: await list_feed(tx, region, after=0, at_most=100) for region in REGIONS}
        return {
            region: [(row.kind, row.subject_id, row.version) for row in found]
            for region, found in rows.items()
        }

    return await people.database.read(read)


async def test_a_changed_profile_is_told_to_the_regions_of_its_person_and_to_no_other(people: People):
    ann = await people.signed_in_person()
    await _make_member(people, ann, RegionId("de-1"), "000000000001")
    await _make_member(people, ann, RegionId("de-1"), "000000000002")
    await _make_member(people, ann, RegionId("jp-1"), "000000000003")

    change = parse_profile_change("Ann B. Example", "ja", "Asia/Tokyo")
    user = await update_own_profile(people.plane, ann, change, ANY_VERSION)

    assert (user.name, user.locale, user.time_zone, user.version) == ("Ann B. Example", "ja", "Asia/Tokyo", 2)
    told = [("user-changed", ann.user_id, 2)]
    assert await _feeds(people) == {"de-1": told, "jp-1": told, "us-1": []}
    card = await people.database.read(lambda tx: read_member_card(tx, ann.user_id))
    assert card and (card.name, card.locale, card.version, card.epoch) == ("Ann B. Example", "ja", 2, 1)


async def test_a_changed_password_is_told_to_the_regions_with_a_new_epoch(people: People):
    ann = await people.signed_in_person()
    await _make_member(people, ann, RegionId("us-1"), "000000000001")
    await change_password(people.plane, ann, SecretText(PASSWORD), SecretText("a pelican folds seven maps"))
    assert (await _feeds(people))["us-1"] == [("user-changed", ann.user_id, 2)]
    card = await people.database.read(lambda tx: read_member_card(tx, ann.user_id))
    assert card and (card.epoch, card.version) == (2, 2)


async def test_a_change_that_changes_nothing_is_told_to_nobody(people: People):
    ann = await people.signed_in_person()
    await _make_member(people, ann, RegionId("de-1"), "000000000001")
    before = (await describe_self(people.plane, ann)).user
    after = await update_own_profile(
        people.plane, ann, parse_profile_change(before.name, None, None), ANY_VERSION
    )
    assert after == before
    assert (await _feeds(people))["de-1"] == []


async def test_a_change_meant_for_an_older_version_is_refused(people: People):
    ann = await people.signed_in_person()
    await update_own_profile(people.plane, ann, parse_profile_change("Ann B.", None, None), expecting(("1",)))
    late = update_own_profile(
        people.plane, ann, parse_profile_change("Ann C.", None, None), expecting(("1",))
    )
    assert (await refusal_of(late)).code == "stale-version"
    assert (await describe_self(people.plane, ann)).user.name == "Ann B."


async def test_a_changed_profile_is_a_security_event_that_names_the_fields(people: People):
    ann = await people.signed_in_person()
    await update_own_profile(
        people.plane, ann, parse_profile_change("Ann B.", None, "Asia/Tokyo"), ANY_VERSION
    )
    latest = (await list_own_events(people.plane, ann, PageRequest(1, None))).items[0].event
    assert (latest.type, latest.details) == ("audit.user_updated.v1", {"fields": "name, timezone"})


async def test_nobody_has_no_member_card(people: People):
    assert await people.database.read(lambda tx: read_member_card(tx, UserId("nobody"))) is None
