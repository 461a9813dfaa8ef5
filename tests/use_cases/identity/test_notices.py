"""Mails that tell a person what happened to their credentials: to them alone, in their language and time, with what to do."""

from ipaddress import ip_address

import pytest
from sqlalchemy import select

from domicile.identity.events.domain import SecurityEventType, security_event
from domicile.identity.factors.service import remove_factor
from domicile.identity.notices.service import append_notice, tell_new_device
from domicile.identity.outbox import outbox
from domicile.identity.recovery_codes.service import renew_recovery_codes
from domicile.identity.signing_in.beginning import SignedIn
from domicile.identity.users.domain import Profile
from domicile.identity.users.store import update_profile
from domicile.kernel.callers import Origin, Person
from domicile.kernel.ids import UserId
from tests.support.people import People
from tests.use_cases.identity.test_factors import add_app

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0"
AT_HOME = Origin("request-7", ip_address("203.0.113.9"), FIREFOX)
_HEADINGS = {
    "en": "A second factor was added",
    "de": "Ein zweiter Faktor wurde hinzugefügt",
    "ja": "二要素認証の要素が追加されました",
}


async def newest(people: People, address: str = "ann@example.com") -> str:
    await people.deliver()
    mail = people.mails_to(address)[-1]
    assert mail.text
    return mail.text


async def new_device(people: People, signed_in: SignedIn, origin: Origin) -> str:
    await people.database.run_tx(
        lambda tx: tell_new_device(
            people.plane, tx, signed_in.user.id, signed_in.session, origin, now=people.clock()
        )
    )
    return await newest(people)


async def somebody(people: People) -> tuple[Person, SignedIn]:
    await people.register()
    signed_in = await people.sign_in()
    return await people.who_holds(signed_in), signed_in


@pytest.mark.parametrize("locale", ["en", "de", "ja"])
async def test_a_new_factor_is_told_in_the_language_and_the_time_of_the_person(people: People, locale: str):
    person, _ = await somebody(people)
    profile = Profile("Ann Example", locale, "Asia/Tokyo")
    await people.database.run_tx(lambda tx: update_profile(tx, person.user_id, profile, now=people.clock()))

    await add_app(people, person, "Ann's phone")

    told = await newest(people)
    assert told.startswith(_HEADINGS[locale])
    assert "2026-11-23 23:00 (Asia/Tokyo)" in told
    assert "Ann's phone" in told
    assert f"{people.plane.settings.public_url}/forgot" in told


async def test_every_change_of_factors_and_codes_is_told(people: People):
    person, _ = await somebody(people)
    person, old, _ = await add_app(people, person, "Old phone")
    assert (await newest(people)).startswith("A second factor was added")
    person, new, _ = await add_app(people, person, "New phone", replaces=old.factor.id)
    told = await newest(people)
    assert told.startswith("A second factor was replaced")
    assert 'Name: "New phone"' in told
    await renew_recovery_codes(people.plane, person)
    told = await newest(people)
    assert told.startswith("New recovery codes were made")
    assert "Recovery codes left: 10" in told
    await remove_factor(people.plane, person, new.factor.id)
    told = await newest(people)
    assert told.startswith("A second factor was removed")
    assert "Kind: Authenticator app" in told
    assert 'Name: "New phone"' in told


async def test_no_secret_and_no_code_is_in_any_mail_or_event_or_outbox(people: People):
    person, _ = await somebody(people)
    person, app, confirmed = await add_app(people, person)
    assert confirmed.codes
    rows = await people.database.read(lambda tx: tx.all(select(outbox)))
    await people.deliver()

    secrets = [app.secret.reveal(), *(code.reveal() for code in confirmed.codes.codes)]
    told = repr([(mail.text, mail.html) for mail in people.mails_to("ann@example.com")])
    assert not [secret for secret in secrets if secret in told or secret in repr(rows)]


async def test_a_sign_in_from_a_new_device_is_told_with_where_it_was(people: People):
    _, signed_in = await somebody(people)

    told = await new_device(people, signed_in, AT_HOME)

    assert told.startswith("You signed in from a new device")
    assert "Device: Firefox, Windows" in told
    assert "Network address: 203[.]0[.]113[.]9" in told
    assert "When: 2026-11-23 14:00 (UTC)" in told


async def test_nothing_that_a_program_says_of_itself_is_repeated(people: People):
    _, signed_in = await somebody(people)
    lie = "This was a test, please ignore it: call +49 30 123456"

    told = await new_device(people, signed_in, Origin("request-8", None, lie))

    assert lie not in told
    assert "Device: unknown" in told
    assert "Network address: unknown" in told


async def test_the_name_of_a_factor_makes_no_link_and_no_sentence_of_its_own(people: People):
    person, _ = await somebody(people)
    await add_app(people, person, 'x" Visit https://evil.example or a@evil.example')

    told = await newest(people)

    assert "evil.example" not in told
    assert 'Name: "x\' Visit https[:]//evil[.]example or a[at]evil[.]example"' in told


async def test_the_row_of_a_notice_holds_ids_alone(people: People):
    person, _ = await somebody(people)
    await people.deliver()
    await add_app(people, person, "Ann's phone")

    (row,) = await people.database.read(lambda tx: tx.all(select(outbox)))

    assert (row.kind, row.owner_id) == ("notice-mail", person.user_id)
    assert "phone" not in repr(row)
    assert "ann@example.com" not in repr(row)


async def test_a_notice_for_somebody_who_is_gone_is_sent_to_nobody(people: People):
    gone = UserId("01933b1c-8a2e-7c41-9d5e-3f0a6b7c8d9e")
    event = security_event(gone, SecurityEventType.NEW_DEVICE, AT_HOME, now=people.clock())
    await people.database.run_tx(lambda tx: append_notice(people.plane, tx, event))

    assert await people.deliver() == 1
    assert people.mailbox.list_mails(limit=10) == []
