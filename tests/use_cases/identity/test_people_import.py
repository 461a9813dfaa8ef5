"""People who are brought over: they are users at once, keep their passwords, and nobody who is here already is touched."""

import asyncio
from datetime import timedelta

import bcrypt
import pytest
from sqlalchemy import func, select

from domicile.identity.addresses.store import release_address
from domicile.identity.events.store import security_events
from domicile.identity.passwords.store import find_hash
from domicile.identity.people_import.service import WantedPerson, import_person, rehearse_import
from domicile.identity.recovery.service import forgot_password, reset_password
from domicile.identity.registration.service import verify_sign_up
from domicile.identity.users.store import find_user_by_email, users
from domicile.infra.databases import IdentityTx
from domicile.infra.secrets import SecretText
from tests.support.people import ORIGIN, PASSWORD, People
from tests.support.refusals import refusal_of

OLD = "old secret"
HASH = bcrypt.hashpw(OLD.encode(), bcrypt.gensalt(4)).decode()


def bo(*, email: str = "Bo@example.com", hashed: str | None = HASH, **other: str | None) -> WantedPerson:
    told = {"name": "Bo Example", "locale": "de", "time_zone": "Europe/Berlin"} | other
    return WantedPerson(email, **told, password_hash=SecretText(hashed) if hashed else None)  # pyright: ignore[reportArgumentType]


async def count_users(people: People) -> int:
    async def count(tx: IdentityTx) -> int:
        return (await tx.execute(select(func.count()).select_from(users))).scalar_one()

    return await people.database.read(count)


async def test_an_imported_person_signs_in_with_the_password_that_they_had(people: People):
    imported = await import_person(people.plane, bo())

    signed_in = await people.sign_in("bo@example.com", password=OLD)

    assert (imported.result, imported.user_id) == ("created", signed_in.user.id)
    user = signed_in.user
    assert (user.email, user.name, user.locale, user.time_zone) == (
        "Bo@example.com",
        "Bo Example",
        "de",
        "Europe/Berlin",
    )
    assert await people.deliver() == 0
    rows = await people.database.read(
        lambda tx: tx.all(select(security_events).where(security_events.c.user_id == user.id))
    )
    assert [(row.type, dict(row.details)) for row in rows][:1] == [
        ("audit.user_created.v1", {"source": "import"})
    ]


async def test_whoever_has_no_password_sets_one_by_mail(people: People):
    imported = await import_person(people.plane, bo(hashed=None, locale=None, time_zone=None))
    assert imported.user_id
    assert await people.database.read(lambda tx: find_hash(tx, imported.user_id)) is None  # pyright: ignore[reportArgumentType]
    assert (await refusal_of(people.sign_in("bo@example.com", password=""))).code == "sign-in-failed"

    await forgot_password(people.plane, "bo@example.com", ORIGIN)
    await people.deliver()
    await reset_password(people.plane, people.token_to("bo@example.com"), SecretText(PASSWORD), ORIGIN)
    user = (await people.sign_in("bo@example.com")).user
    assert (user.locale, user.time_zone) == ("en", "UTC")


async def test_importing_again_changes_nothing(people: People):
    first = await import_person(people.plane, bo())
    await people.sign_in("bo@example.com", password=OLD)
    kept = await people.database.read(lambda tx: find_hash(tx, first.user_id))  # pyright: ignore[reportArgumentType]

    again = await import_person(people.plane, bo(name="Another Name", email="BO@EXAMPLE.COM"))

    assert (again.result, again.user_id) == ("known", first.user_id)
    assert await people.database.read(lambda tx: find_hash(tx, first.user_id)) == kept  # pyright: ignore[reportArgumentType]
    assert (await people.sign_in("bo@example.com", password=OLD)).user.name == "Bo Example"
    assert await count_users(people) == 1


async def test_a_user_who_signed_up_keeps_their_own_password(people: People):
    user = await people.register("bo@example.com")
    imported = await import_person(people.plane, bo())
    assert (imported.result, imported.user_id) == ("known", user.id)
    assert await people.sign_in("bo@example.com")
    assert (await refusal_of(people.sign_in("bo@example.com", password=OLD))).code == "sign-in-failed"


async def test_a_sign_up_that_waits_for_its_link_ends(people: People):
    await people.ask_to_sign_up("bo@example.com")
    await people.deliver()
    token = people.token_to("bo@example.com")
    await import_person(people.plane, bo())
    assert (await refusal_of(verify_sign_up(people.plane, token, ORIGIN))).code == "link-invalid"
    assert await people.sign_in("bo@example.com", password=OLD)


async def test_of_many_imports_of_one_address_at_once_one_creates(people: People):
    results = await asyncio.gather(*(import_person(people.plane, bo()) for _ in range(5)))
    assert sorted(each.result for each in results) == ["created", *["known"] * 4]
    assert await count_users(people) == 1


async def test_whoever_gets_an_address_that_somebody_gave_up_inherits_nothing(people: People):
    released = people.clock()
    await people.database.run_tx(
        lambda tx: release_address(tx, people.plane.token_hash, "bo@example.com", now=released)
    )
    people.clock.advance(days=1)
    await import_person(people.plane, bo())
    user = await people.database.read(lambda tx: find_user_by_email(tx, "bo@example.com"))
    assert user and user.address_since == people.clock() - timedelta(days=1)


async def test_a_rehearsal_says_the_same_and_changes_nothing(people: People):
    rehearsed = await rehearse_import(people.plane, bo())
    assert (rehearsed.result, rehearsed.user_id) == ("created", None)
    assert await count_users(people) == 0
    created = await import_person(people.plane, bo())
    again = await rehearse_import(people.plane, bo())
    assert (again.result, again.user_id) == ("known", created.user_id)


@pytest.mark.parametrize("do", [import_person, rehearse_import])
async def test_every_fault_of_a_person_is_named_and_no_hash_is_quoted(people: People, do):
    wanted = bo(
        email="nobody", hashed="$2b$31$" + "a" * 53, name="", locale="tlh", time_zone="Europe/Atlantis"
    )
    refusal = await refusal_of(do(people.plane, wanted))
    assert set(refusal.fields) == {"email", "name", "locale", "timezone", "passwordHash"}
    assert "aaaa" not in str(refusal.fields) and "aaaa" not in repr(wanted)
    assert await count_users(people) == 0
