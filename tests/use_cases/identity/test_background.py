import pytest
from sqlalchemy import Table, func, select

from domicile.identity.events.store import security_events
from domicile.identity.handlers import identity_mail_handlers
from domicile.identity.housekeeping import forget_expired
from domicile.identity.outbox import SIGN_UP_MAIL
from domicile.identity.recovery.service import forgot_password
from domicile.identity.recovery.store import password_resets
from domicile.identity.registration.service import verify_sign_up
from domicile.identity.registration.store import sign_ups
from domicile.identity.sessions.store import sessions
from domicile.infra.databases import IdentityTx
from domicile.infra.mail.errors import MailDeferred
from domicile.infra.mail.settings import MailSettings
from domicile.infra.mail.smtp import SmtpMailer
from domicile.infra.outbox import OutboxRow
from tests.support.people import ORIGIN, People
from tests.support.refusals import refusal_of

NOBODY_LISTENS = MailSettings(host="127.0.0.1", port=9, tls="none", timeout_seconds=2)


async def _due(people: People) -> tuple[OutboxRow, ...]:
    return await people.database.read(lambda tx: people.plane.outbox.list_due(tx, at_most=10))


async def _counts(people: People, *tables: Table) -> list[int]:
    async def work(tx: IdentityTx) -> list[int]:
        counted = [await tx.execute(select(func.count()).select_from(table)) for table in tables]
        return [result.scalar_one() for result in counted]

    return await people.database.read(work)


async def test_a_mail_that_could_not_be_sent_is_sent_later_and_its_link_works(people: People):
    await people.ask_to_sign_up("ann@example.com")
    (row,) = await _due(people)
    broken = identity_mail_handlers(people.plane, SmtpMailer(NOBODY_LISTENS, people.clock))
    with pytest.raises(MailDeferred):
        await broken[SIGN_UP_MAIL](row)

    await people.deliver()
    assert await verify_sign_up(people.plane, people.token_to("ann@example.com"), ORIGIN)


async def test_a_mail_sent_twice_after_a_crash_leaves_the_newer_link_good(people: People):
    await people.ask_to_sign_up("ann@example.com")
    (row,) = await _due(people)
    await people.handlers[row.kind](row)
    older = people.token_to("ann@example.com")
    await people.handlers[row.kind](row)
    newer = people.token_to("ann@example.com")

    first, second = people.mails_to("ann@example.com")
    assert first.header("Message-ID") != second.header("Message-ID")
    assert (await refusal_of(verify_sign_up(people.plane, older, ORIGIN))).code == "link-invalid"
    assert await verify_sign_up(people.plane, newer, ORIGIN)


async def test_an_outbox_row_holds_ids_and_nothing_of_the_person(people: People):
    await people.ask_to_sign_up("ann@example.com", name="Ann Example")
    await forgot_password(people.plane, "ann@example.com", ORIGIN)
    told = str(await _due(people))
    assert "ann@" not in told
    assert "Ann" not in told


async def test_what_is_past_its_time_is_forgotten(people: People):
    await people.register("ann@example.com")
    await people.ask_to_sign_up("ben@example.com")
    await forgot_password(people.plane, "ann@example.com", ORIGIN)
    await people.deliver()
    await people.sign_in()
    await refusal_of(people.sign_in("nobody@example.com"))
    kept = [sign_ups, password_resets, sessions, security_events]

    await forget_expired(people.plane)
    assert await _counts(people, *kept) == [2, 1, 1, 4]
    people.clock.advance(days=31)
    await forget_expired(people.plane)
    assert await _counts(people, *kept) == [0, 0, 0, 3]
    people.clock.advance(days=340)
    await forget_expired(people.plane)
    assert await _counts(people, *kept) == [0, 0, 0, 0]
