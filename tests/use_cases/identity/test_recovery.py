import asyncio

from sqlalchemy import func, select

from domicile.identity.events.service import list_own_events
from domicile.identity.recovery.service import (
    change_password,
    forget_expired_resets,
    forgot_password,
    reset_password,
)
from domicile.identity.recovery.store import password_resets
from domicile.identity.users.store import find_user
from domicile.infra.databases import IdentityTx
from domicile.infra.secrets import SecretText
from domicile.kernel.ids import UserId
from domicile.kernel.paging import PageRequest
from tests.support.people import ORIGIN, PASSWORD, People, statements_of
from tests.support.refusals import refusal_of

NEW = "a pelican folds seven maps"


async def _epoch(people: People, user: UserId) -> int:
    found = await people.database.read(lambda tx: find_user(tx, user))
    assert found
    return found.epoch


async def _change(people: People, person, *, current: str = PASSWORD, new: str = NEW) -> None:
    await change_password(people.plane, person, SecretText(current), SecretText(new))


async def _ask(people: People, email: str = "ann@example.com") -> str:
    await forgot_password(people.plane, email, ORIGIN)
    await people.deliver()
    return people.token_to(email)


async def test_a_changed_password_ends_the_other_sessions_and_keeps_this_one(people: People):
    await people.register()
    here, elsewhere = await people.sign_in(), await people.sign_in()
    ann = await people.who_holds(here)

    await _change(people, ann)

    assert (await refusal_of(people.who_holds(elsewhere))).code == "session-ended"
    assert (await people.who_holds(here)).epoch == ann.epoch + 1
    assert (await refusal_of(people.sign_in(password=PASSWORD))).code == "sign-in-failed"
    assert await people.sign_in(password=NEW)


async def test_changing_a_password_takes_the_present_one(people: People):
    ann = await people.signed_in_person()
    refusal = await refusal_of(_change(people, ann, current="not the right password"))
    assert (refusal.kind, refusal.code) == ("forbidden", "password-wrong")
    assert await _epoch(people, ann.user_id) == 1
    assert await people.sign_in(password=PASSWORD)
    latest = (await list_own_events(people.plane, ann, PageRequest(25, None))).items[1].event
    assert (latest.type, latest.outcome) == ("audit.password_updated.v1", "refused")


async def test_two_changes_at_once_count_once(people: People):
    ann = await people.signed_in_person()
    done = await asyncio.gather(
        *(_change(people, ann, new=f"{NEW} {number}") for number in range(5)), return_exceptions=True
    )
    assert sorted(getattr(one, "code", "done") for one in done) == ["done"] + ["password-wrong"] * 4
    assert await _epoch(people, ann.user_id) == 2


async def test_a_changed_password_is_told_by_mail(people: People):
    ann = await people.signed_in_person()
    await _change(people, ann)
    await people.deliver()
    told = people.mails_to("ann@example.com")[-1]
    assert "2026-11-23 14:00 UTC" in (told.text or "")
    assert NEW not in (told.text or "")


async def test_a_forgotten_password_is_set_by_the_link_in_the_mail(people: People):
    await people.register()
    signed_in = await people.sign_in()
    ann = await people.who_holds(signed_in)
    token = await _ask(people)

    await reset_password(people.plane, token, SecretText(NEW), ORIGIN)
    await people.deliver()

    assert (await refusal_of(people.who_holds(signed_in))).code == "session-ended"
    assert await _epoch(people, ann.user_id) == 2
    assert await people.sign_in(password=NEW)
    assert (await refusal_of(people.sign_in(password=PASSWORD))).code == "sign-in-failed"
    again = await refusal_of(reset_password(people.plane, token, SecretText(NEW), ORIGIN))
    assert (again.kind, again.code) == ("invalid", "link-invalid")
    types = [
        recorded.event.type
        for recorded in (await list_own_events(people.plane, ann, PageRequest(25, None))).items
    ]
    assert {"audit.password_reset.v1", "audit.passwordReset_created.v1"} <= set(types)


async def test_fifty_resets_at_once_set_one_password(people: People):
    user = await people.register()
    token = await _ask(people)
    done = await asyncio.gather(
        *(reset_password(people.plane, token, SecretText(f"{NEW} {n}"), ORIGIN) for n in range(50)),
        return_exceptions=True,
    )
    assert sorted(getattr(one, "code", "done") for one in done) == ["done"] + ["link-invalid"] * 49
    winner = next(number for number, one in enumerate(done) if one is None)
    assert await people.sign_in(password=f"{NEW} {winner}")
    assert await _epoch(people, user.id) == 2


async def test_a_reset_link_dies_of_age(people: People):
    await people.register()
    token = await _ask(people)
    people.clock.advance(minutes=30)
    assert (
        await refusal_of(reset_password(people.plane, token, SecretText(NEW), ORIGIN))
    ).code == "link-invalid"


async def test_a_refused_password_leaves_the_link_good(people: People):
    await people.register()
    token = await _ask(people)
    for refused in ("short", "a" * 20, "x" * 257):
        assert set(
            (await refusal_of(reset_password(people.plane, token, SecretText(refused), ORIGIN))).fields
        ) == {"password"}
    await reset_password(people.plane, token, SecretText(NEW), ORIGIN)


async def test_a_changed_password_makes_open_links_worthless(people: People):
    ann = await people.signed_in_person()
    token = await _ask(people)
    await _change(people, ann)
    assert (
        await refusal_of(reset_password(people.plane, token, SecretText(NEW), ORIGIN))
    ).code == "link-invalid"


async def test_an_unknown_address_gets_no_mail_and_is_forgotten_with_its_request(people: People):
    await forgot_password(people.plane, "nobody@example.com", ORIGIN)
    await people.deliver()

    async def count(tx: IdentityTx) -> int:
        return (await tx.execute(select(func.count()).select_from(password_resets))).scalar_one()

    assert people.mailbox.list_mails() == []
    people.clock.advance(hours=2)
    await forget_expired_resets(people.plane)
    assert await people.database.read(count) == 0


async def test_known_and_unknown_addresses_cost_the_same_statements(people: People):
    await people.register()
    async with statements_of(people.database) as for_known:
        await forgot_password(people.plane, "ann@example.com", ORIGIN)
    async with statements_of(people.database) as for_unknown:
        await forgot_password(people.plane, "nobody@example.com", ORIGIN)
    assert for_known.statements == for_unknown.statements


async def test_the_limit_of_mails_is_met_by_known_and_unknown_addresses_alike(people: People):
    await people.register()
    counted: dict[str, list[int]] = {}
    for email in ("ann@example.com", "nobody@example.com"):
        for _ in range(7):
            async with statements_of(people.database) as asked:
                await forgot_password(people.plane, email, ORIGIN)
            await people.deliver()
            counted.setdefault(email, []).append(len(asked.statements))
    for_known, for_unknown = counted.values()
    assert for_known == for_unknown
    assert for_known[-1] < for_known[0]


async def test_an_address_gets_at_most_five_links_an_hour(people: People):
    await people.register()
    for _ in range(7):
        await forgot_password(people.plane, "ANN@example.com", ORIGIN)
    assert await people.deliver() == 5


async def test_a_link_to_a_user_that_nobody_gave_out_is_refused(people: People):
    await people.register()
    for token in ("", "x" * 43, "\0"):
        assert (
            await refusal_of(reset_password(people.plane, token, SecretText(NEW), ORIGIN))
        ).code == "link-invalid"
