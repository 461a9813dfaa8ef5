import asyncio

from sqlalchemy import Table, func, select

from domicile.identity.passwords.store import passwords
from domicile.identity.registration.service import verify_sign_up
from domicile.identity.registration.store import sign_ups
from domicile.identity.users.store import users
from domicile.infra.databases import IdentityTx
from domicile.infra.mail.compose import MailKind, compose
from tests.support.people import ORIGIN, PASSWORD, People, statements_of
from tests.support.refusals import refusal_of


async def _count(people: People, table: Table) -> int:
    async def work(tx: IdentityTx) -> int:
        return (await tx.execute(select(func.count()).select_from(table))).scalar_one()

    return await people.database.read(work)


async def test_a_person_becomes_a_user_by_following_the_link(people: People):
    await people.ask_to_sign_up("Ann@Example.com", name="Ann Example")
    assert await _count(people, users) == 0
    await people.deliver()

    user = await verify_sign_up(people.plane, people.token_to("ann@example.com"), ORIGIN)

    assert (user.email, user.email_key, user.name) == ("Ann@example.com", "ann@example.com", "Ann Example")
    assert (user.locale, user.time_zone, user.epoch, user.version) == ("en", "UTC", 1, 1)
    assert (await people.sign_in("ANN@EXAMPLE.COM")).user == user


async def test_a_link_works_once(people: People):
    await people.register()
    refusal = await refusal_of(verify_sign_up(people.plane, people.token_to("ann@example.com"), ORIGIN))
    assert (refusal.kind, refusal.code) == ("invalid", "link-invalid")


async def test_a_link_dies_of_age(people: People):
    await people.ask_to_sign_up("ann@example.com")
    await people.deliver()
    people.clock.advance(hours=24)
    refusal = await refusal_of(verify_sign_up(people.plane, people.token_to("ann@example.com"), ORIGIN))
    assert refusal.code == "link-invalid"
    assert await _count(people, users) == 0


async def test_fifty_clicks_at_once_make_one_user(people: People):
    await people.ask_to_sign_up("ann@example.com")
    await people.deliver()
    token = people.token_to("ann@example.com")

    clicks = await asyncio.gather(
        *(verify_sign_up(people.plane, token, ORIGIN) for _ in range(50)), return_exceptions=True
    )

    assert sum(not isinstance(click, BaseException) for click in clicks) == 1
    refused = [click for click in clicks if isinstance(click, BaseException)]
    assert {getattr(click, "code", repr(click)) for click in refused} == {"link-invalid"}
    assert (await _count(people, users), await _count(people, passwords)) == (1, 1)


async def test_two_sign_ups_for_one_address_proved_at_once_make_one_user(people: People):
    tokens = []
    for name in ("Ann", "Stranger"):
        await people.ask_to_sign_up("ann@example.com", name=name)
        await people.deliver()
        tokens.append(people.token_to("ann@example.com"))

    clicks = await asyncio.gather(
        *(verify_sign_up(people.plane, token, ORIGIN) for token in tokens * 10), return_exceptions=True
    )

    assert sum(not isinstance(click, BaseException) for click in clicks) == 1
    assert await _count(people, users) == 1


async def test_a_strangers_sign_up_does_not_set_the_password_of_mine(people: People):
    await people.ask_to_sign_up("ann@example.com", password="the password of ann")
    await people.deliver()
    mine = people.token_to("ann@example.com")
    await people.ask_to_sign_up("ann@example.com", password="the password of mallory")
    await people.deliver()
    theirs = people.token_to("ann@example.com")

    await verify_sign_up(people.plane, mine, ORIGIN)

    assert await people.sign_in(password="the password of ann")
    assert (await refusal_of(people.sign_in(password="the password of mallory"))).code == "sign-in-failed"
    assert (await refusal_of(verify_sign_up(people.plane, theirs, ORIGIN))).code == "link-invalid"


async def test_a_users_address_is_told_that_it_is_known_and_keeps_its_password(people: People):
    await people.register()
    await people.ask_to_sign_up(
        "ANN@example.com", name="<b>Mallory</b>", password="another password entirely"
    )
    await people.deliver()

    news = people.mails_to("ann@example.com")[-1]
    expected = compose(MailKind.ALREADY_REGISTERED, "en", to="ann@example.com", facts={}, link=None, seed="")
    assert news.header("Subject") == expected.subject
    assert "Mallory" not in (news.text or "") + (news.html or "")
    assert "/verify/" not in (news.text or "")
    assert await people.sign_in(password=PASSWORD)


async def test_known_and_unknown_addresses_cost_the_same_statements(people: People):
    await people.register("known@example.com")
    people.clock.advance(hours=2)

    async with statements_of(people.database) as for_known:
        await people.ask_to_sign_up("known@example.com")
    async with statements_of(people.database) as for_unknown:
        await people.ask_to_sign_up("nobody@example.com")

    assert for_known.statements == for_unknown.statements
    assert len(for_known.statements) > 0


async def test_an_address_gets_at_most_five_mails_an_hour(people: People):
    for _ in range(8):
        await people.ask_to_sign_up("ann@example.com")
    assert await people.deliver() == 5
    people.clock.advance(minutes=61)
    await people.ask_to_sign_up("ann@example.com")
    assert await people.deliver() == 1


async def test_neither_the_queue_nor_the_table_holds_the_secret_of_a_link(people: People):
    await people.ask_to_sign_up("ann@example.com")

    async def token_hashes(tx: IdentityTx) -> list[bytes | None]:
        return [row.token_hash for row in await tx.all(select(sign_ups.c.token_hash))]

    assert await people.database.read(token_hashes) == [None]
    await people.deliver()
    kept = await people.database.read(token_hashes)
    assert kept == [people.plane.token_hash.of(people.token_to("ann@example.com"))]


async def test_a_mail_for_a_sign_up_that_is_over_is_not_sent(people: People):
    await people.ask_to_sign_up("ann@example.com")
    people.clock.advance(hours=25)
    await people.deliver()
    assert people.mails_to("ann@example.com") == []


async def test_passwords_of_closed_sign_ups_are_forgotten(people: People):
    await people.ask_to_sign_up("ann@example.com")
    await people.register()

    async def hashes(tx: IdentityTx) -> set[str]:
        return {row.password_hash for row in await tx.all(select(sign_ups.c.password_hash))}

    assert await people.database.read(hashes) == {""}


async def test_every_fault_of_a_sign_up_is_named_at_once(people: People):
    refusal = await refusal_of(people.ask_to_sign_up("no address", name="\n", password="short"))
    assert set(refusal.fields) == {"email", "name", "password"}
    assert "15" in refusal.fields["password"]
    assert await _count(people, sign_ups) == 0
