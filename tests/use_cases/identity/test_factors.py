"""Second factors of a person: what counts when, what goes with what, and what no request gets past."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import pytest
from sqlalchemy import func, select

from domicile.identity.disabling.service import reset_factors
from domicile.identity.events.domain import Outcome, SecurityEventType
from domicile.identity.events.service import list_own_events
from domicile.identity.factors.domain import OwnFactors
from domicile.identity.factors.service import list_own_factors, remove_factor, rename_factor
from domicile.identity.housekeeping import forget_expired
from domicile.identity.recovery.service import change_password, forgot_password, reset_password
from domicile.identity.recovery_codes.service import (
    describe_recovery_codes,
    note_recovery_code_used,
    renew_recovery_codes,
    use_recovery_code,
)
from domicile.identity.recovery_codes.store import recovery_codes
from domicile.identity.sessions.service import authenticate_session
from domicile.identity.totp.service import use_totp
from domicile.identity.totp.store import totp_factors
from domicile.identity.totp_enrolment.service import (
    CONFIRM_WITHIN,
    MOST_APPS,
    MOST_WRONG_CODES,
    Confirmed,
    Enrolment,
    confirm_totp,
    enrol_totp,
)
from domicile.identity.users.store import find_user
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import FRESH_FOR, Person
from domicile.kernel.errors import DomainError
from domicile.kernel.ids import UserId
from domicile.kernel.paging import PageRequest
from tests.support.apps import STEP, shown
from tests.support.people import ORIGIN, PASSWORD, People

ResultT = TypeVar("ResultT")
_SHORT = "tF7#kQ2v"


async def begin(
    people: People, person: Person, name: str = "Phone", replaces: str | None = None
) -> Enrolment:
    return await enrol_totp(people.plane, person, name, replaces=replaces)


async def confirm(people: People, person: Person, begun: Enrolment) -> Confirmed:
    code = SecretText(shown(begun.secret.reveal(), people.clock()))
    return await confirm_totp(people.plane, person, begun.factor.id, code)


async def lifted(people: People, confirmed: Confirmed) -> Person:
    return await authenticate_session(people.plane, confirmed.lifted.token.reveal(), ORIGIN)


async def add_app(
    people: People, person: Person, name: str = "Phone", replaces: str | None = None
) -> tuple[Person, Enrolment, Confirmed]:
    begun = await begin(people, person, name, replaces)
    confirmed = await confirm(people, person, begun)
    return await lifted(people, confirmed), begun, confirmed


async def use(people: People, user: UserId, code: str) -> bool:
    used = await people.database.run_tx(
        lambda tx: use_totp(people.plane, tx, user, SecretText(code), now=people.clock())
    )
    return used is not None


async def use_code(people: People, user: UserId, code: str) -> bool:
    return await people.database.run_tx(
        lambda tx: use_recovery_code(people.plane, tx, user, SecretText(code), now=people.clock())
    )


async def mfa_enabled(people: People, user: UserId) -> bool:
    found = await people.database.read(lambda tx: find_user(tx, user))
    assert found
    return found.mfa_enabled


async def events_of(people: People, person: Person) -> list[tuple[SecurityEventType, Outcome]]:
    page = await list_own_events(people.plane, person, PageRequest(100, None))
    return [(item.event.type, item.event.outcome) for item in page.items]


async def count(people: People, person: Person) -> int:
    query = select(func.count().label("n")).select_from(totp_factors)
    row = await people.database.read(
        lambda tx: tx.first(query.where(totp_factors.c.user_id == person.user_id))
    )
    return row.n if row else 0


async def refused(work: Awaitable[ResultT]) -> DomainError:
    with pytest.raises(DomainError) as raised:
        await work
    return raised.value


async def test_an_app_counts_from_its_first_code_on_and_not_before(people: People):
    person = await people.signed_in_person()
    begun = await begin(people, person)

    assert await list_own_factors(people.plane, person) == OwnFactors((), None)
    assert not await mfa_enabled(people, person.user_id)
    assert not await use(people, person.user_id, shown(begun.secret.reveal(), people.clock()))

    confirmed = await confirm(people, person, begun)

    after = await lifted(people, confirmed)
    assert after.mfa_enabled
    assert after.methods == ("pwd", "otp", "mfa")
    have = await list_own_factors(people.plane, after)
    assert [(each.id, each.kind, each.name) for each in have.factors] == [(begun.factor.id, "totp", "Phone")]
    assert have.codes
    assert have.codes.left == 10
    assert confirmed.codes
    assert len(set(confirmed.codes.codes)) == 10
    assert await events_of(people, after) == [
        (SecurityEventType.FACTOR_ADDED, Outcome.SUCCESS),
        (SecurityEventType.SIGNED_IN, Outcome.SUCCESS),
        (SecurityEventType.USER_CREATED, Outcome.SUCCESS),
    ]


async def test_the_session_in_which_an_app_was_confirmed_goes_on_under_another_token_alone(people: People):
    await people.register()
    signed_in = await people.sign_in()
    person = await people.who_holds(signed_in)
    other = await people.sign_in()

    _, _, confirmed = await add_app(people, person)

    assert confirmed.other_sessions == 1
    assert (await refused(people.who_holds(signed_in))).code == "session-ended"
    assert not (await people.who_holds(other)).mfa_used


async def test_the_database_holds_neither_a_secret_nor_a_code(people: People):
    person = await people.signed_in_person()
    _, begun, confirmed = await add_app(people, person)
    assert confirmed.codes

    apps = await people.database.read(lambda tx: tx.all(select(totp_factors)))
    codes = await people.database.read(lambda tx: tx.all(select(recovery_codes)))
    kept = repr([tuple(row) for row in (*apps, *codes)])
    assert begun.secret.reveal() not in kept
    for code in confirmed.codes.codes:
        assert code.reveal() not in kept
        assert code.reveal().replace("-", "") not in kept
    for shown_to_nobody in (begun, confirmed):
        assert begun.secret.reveal() not in repr(shown_to_nobody)
        assert confirmed.codes.codes[0].reveal() not in repr(shown_to_nobody)


async def test_each_step_of_an_app_is_used_once_and_no_earlier_one_after_it(people: People):
    person = await people.signed_in_person()
    _, begun, _ = await add_app(people, person)
    secret, user = begun.secret.reveal(), person.user_id

    assert not await use(people, user, shown(secret, people.clock()))
    people.clock.advance(seconds=30)
    code = shown(secret, people.clock())
    assert await use(people, user, code)
    assert not await use(people, user, code)
    assert not await use(people, user, shown(secret, people.clock() - STEP))
    people.clock.advance(seconds=30)
    assert not await use(people, user, code)


@pytest.mark.parametrize(("steps", "is_good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_a_code_is_good_one_step_early_and_one_late(people: People, steps: int, is_good: bool):
    person = await people.signed_in_person()
    _, begun, _ = await add_app(people, person)
    people.clock.advance(minutes=10)

    code = shown(begun.secret.reveal(), people.clock() + steps * STEP)
    assert await use(people, person.user_id, code) is is_good


async def test_one_code_used_many_times_at_once_is_used_once(people: People):
    person = await people.signed_in_person()
    _, begun, confirmed = await add_app(people, person)
    assert confirmed.codes
    people.clock.advance(minutes=1)
    code, spare = shown(begun.secret.reveal(), people.clock()), confirmed.codes.codes[0].reveal()

    used = await asyncio.gather(*(use(people, person.user_id, code) for _ in range(6)))
    spared = await asyncio.gather(*(use_code(people, person.user_id, spare) for _ in range(6)))

    assert sorted(used) == [False] * 5 + [True]
    assert sorted(spared) == [False] * 5 + [True]


async def test_the_codes_of_one_person_are_worth_nothing_to_another(people: People):
    ann, bob = (
        await people.signed_in_person("ann@example.com"),
        await people.signed_in_person("bob@example.com"),
    )
    _, hers, her_codes = await add_app(people, ann)
    _, _, his_codes = await add_app(people, bob)
    assert her_codes.codes
    assert his_codes.codes
    people.clock.advance(minutes=1)

    assert not await use(people, bob.user_id, shown(hers.secret.reveal(), people.clock()))
    assert not await use_code(people, bob.user_id, her_codes.codes.codes[0].reveal())
    assert await use_code(people, ann.user_id, her_codes.codes.codes[0].reveal())


async def test_a_recovery_code_is_read_however_it_is_typed_and_nothing_else_passes_for_one(people: People):
    person = await people.signed_in_person()
    _, _, confirmed = await add_app(people, person)
    assert confirmed.codes
    first, second = (code.reveal() for code in confirmed.codes.codes[:2])

    assert await use_code(people, person.user_id, f"  {first.lower().replace('-', ' ')}\n")
    assert not await use_code(people, person.user_id, first)
    for hostile in (
        "",
        " ",
        second[:-1],
        second + "0",
        "\x00" * 16,
        "\uff10" * 16,
        "A" * 10_000,
        "' OR 1=1 --1234",
    ):
        assert not await use_code(people, person.user_id, hostile)
    have = await describe_recovery_codes(people.plane, person)
    assert have
    assert have.left == 9


async def test_new_recovery_codes_make_the_former_ones_worthless(people: People):
    person = await people.signed_in_person()
    person, _, confirmed = await add_app(people, person)
    assert confirmed.codes

    made = await renew_recovery_codes(people.plane, person)

    assert not set(made.codes) & set(confirmed.codes.codes)
    assert not await use_code(people, person.user_id, confirmed.codes.codes[0].reveal())
    assert await use_code(people, person.user_id, made.codes[0].reveal())


async def test_nobody_has_recovery_codes_without_a_second_factor(people: People):
    person = await people.signed_in_person()

    assert (await refused(renew_recovery_codes(people.plane, person))).code == "no-second-factor"
    assert await describe_recovery_codes(people.plane, person) is None


async def test_a_second_app_brings_no_second_set_of_codes_unless_none_is_left(people: People):
    person = await people.signed_in_person()
    person, _, first = await add_app(people, person, "Phone")
    person, _, second = await add_app(people, person, "Tablet")
    assert first.codes
    assert second.codes is None
    for code in first.codes.codes:
        assert await use_code(people, person.user_id, code.reveal())

    _, _, third = await add_app(people, person, "Watch")

    assert third.codes is not None


async def test_one_app_confirmed_many_times_at_once_is_confirmed_once(people: People):
    person = await people.signed_in_person()
    begun = await begin(people, person)

    tries = await asyncio.gather(*(confirm(people, person, begun) for _ in range(5)), return_exceptions=True)

    done = [each for each in tries if isinstance(each, Confirmed)]
    assert len(done) == 1
    assert {each.code for each in tries if isinstance(each, DomainError)} <= {"not-found", "session-ended"}
    assert len((await list_own_factors(people.plane, await lifted(people, done[0]))).factors) == 1


async def test_a_secret_is_thrown_away_after_five_wrong_codes(people: People):
    person = await people.signed_in_person()
    begun = await begin(people, person)
    right = shown(begun.secret.reveal(), people.clock())
    wrong = SecretText(f"{(int(right) + 1) % 1_000_000:06d}")

    left = []
    for _ in range(MOST_WRONG_CODES):
        error = await refused(confirm_totp(people.plane, person, begun.factor.id, wrong))
        assert error.code == "factor-wrong"
        left.append(error.facts["triesLeft"])

    assert left == [4, 3, 2, 1, 0]
    assert (await refused(confirm(people, person, begun))).code == "not-found"
    assert await count(people, person) == 0
    assert (await events_of(people, person)).count(
        (SecurityEventType.FACTOR_ADDED, Outcome.REFUSED)
    ) == MOST_WRONG_CODES


async def test_many_wrong_codes_at_once_are_all_counted(people: People):
    person = await people.signed_in_person()
    begun = await begin(people, person)
    right = int(shown(begun.secret.reveal(), people.clock()))

    tries = await asyncio.gather(
        *(
            confirm_totp(
                people.plane, person, begun.factor.id, SecretText(f"{(right + 7 + n) % 1_000_000:06d}")
            )
            for n in range(12)
        ),
        return_exceptions=True,
    )

    codes = [each.code for each in tries if isinstance(each, DomainError)]
    assert codes.count("factor-wrong") == MOST_WRONG_CODES
    assert codes.count("not-found") == 12 - MOST_WRONG_CODES


async def test_a_secret_that_nobody_confirms_is_worth_nothing_after_an_hour_and_then_forgotten(
    people: People,
):
    person = await people.signed_in_person()
    begun = await begin(people, person)
    for _ in range(5):
        people.clock.advance(minutes=10)
        await authenticate_session(people.plane, (await people.sign_in()).token.reveal(), ORIGIN)
    people.clock.advance(minutes=10)
    fresh = await people.who_holds(await people.sign_in())
    assert people.clock() - begun.factor.created_at == CONFIRM_WITHIN

    assert (await refused(confirm(people, fresh, begun))).code == "not-found"
    assert await count(people, person) == 1
    await forget_expired(people.plane)
    assert await count(people, person) == 0


async def test_whoever_begins_anew_makes_the_secret_before_worthless(people: People):
    person = await people.signed_in_person()
    first = await begin(people, person)
    second = await begin(people, person)

    assert await count(people, person) == 1
    assert (await refused(confirm(people, person, first))).code == "not-found"
    assert (await confirm(people, person, second)).factor.id == second.factor.id


async def test_a_replaced_app_works_until_the_new_one_is_confirmed_and_not_after(people: People):
    person = await people.signed_in_person()
    person, old, _ = await add_app(people, person, "Old phone")
    people.clock.advance(seconds=30)
    begun = await begin(people, person, "New phone", replaces=old.factor.id)
    assert await use(people, person.user_id, shown(old.secret.reveal(), people.clock()))
    people.clock.advance(seconds=30)

    confirmed = await confirm(people, person, begun)

    assert confirmed.codes is None
    after = await lifted(people, confirmed)
    assert [each.name for each in (await list_own_factors(people.plane, after)).factors] == ["New phone"]
    people.clock.advance(seconds=30)
    assert not await use(people, person.user_id, shown(old.secret.reveal(), people.clock()))
    assert await use(people, person.user_id, shown(begun.secret.reveal(), people.clock()))
    assert (SecurityEventType.FACTOR_REPLACED, Outcome.SUCCESS) in await events_of(people, after)
    assert (SecurityEventType.FACTOR_REMOVED, Outcome.SUCCESS) not in await events_of(people, after)


async def test_only_an_own_app_that_counts_can_be_replaced(people: People):
    ann, bob = (
        await people.signed_in_person("ann@example.com"),
        await people.signed_in_person("bob@example.com"),
    )
    _, his, _ = await add_app(people, bob)
    pending = await begin(people, ann)

    for other in (his.factor.id, pending.factor.id, "", "x"):
        error = await refused(begin(people, ann, replaces=other))
        assert error.fields == {"replaces": "is none of your authenticator apps"}


async def test_a_sixth_app_is_refused_and_may_take_the_place_of_another(people: People):
    person = await people.signed_in_person()
    person, begun, _ = await add_app(people, person, "Phone")
    for number in range(1, MOST_APPS):
        person, begun, _ = await add_app(people, person, f"Phone {number}")

    assert (await refused(begin(people, person, "One more"))).code == "too-many-factors"
    person, _, _ = await add_app(people, person, "Instead", replaces=begun.factor.id)
    assert len((await list_own_factors(people.plane, person)).factors) == MOST_APPS


async def test_with_the_last_factor_the_recovery_codes_go_and_signing_in_asks_for_none(people: People):
    person = await people.signed_in_person()
    person, first, confirmed = await add_app(people, person, "Phone")
    person, second, _ = await add_app(people, person, "Tablet")
    assert confirmed.codes

    removal = await remove_factor(people.plane, person, first.factor.id)
    assert removal.user.mfa_enabled
    removal = await remove_factor(people.plane, person, second.factor.id)
    assert not removal.user.mfa_enabled

    assert await list_own_factors(people.plane, person) == OwnFactors((), None)
    assert not await mfa_enabled(people, person.user_id)
    assert not await use_code(people, person.user_id, confirmed.codes.codes[0].reveal())
    assert (await refused(remove_factor(people.plane, person, second.factor.id))).code == "not-found"


async def test_the_last_two_factors_removed_at_once_leave_nothing_behind(people: People):
    person = await people.signed_in_person()
    person, first, _ = await add_app(people, person, "Phone")
    person, second, _ = await add_app(people, person, "Tablet")

    await asyncio.gather(*(remove_factor(people.plane, person, each.factor.id) for each in (first, second)))

    assert not await mfa_enabled(people, person.user_id)
    assert await list_own_factors(people.plane, person) == OwnFactors((), None)


async def test_one_factor_removed_many_times_at_once_is_removed_once(people: People):
    person = await people.signed_in_person()
    person, begun, _ = await add_app(people, person)

    tries = await asyncio.gather(
        *(remove_factor(people.plane, person, begun.factor.id) for _ in range(4)), return_exceptions=True
    )

    assert [each.code for each in tries if isinstance(each, DomainError)] == ["not-found"] * 3
    removed = (SecurityEventType.FACTOR_REMOVED, Outcome.SUCCESS)
    assert (await events_of(people, person)).count(removed) == 1


async def test_what_changes_a_factor_wants_somebody_who_has_shown_lately_who_they_are(people: People):
    person = await people.signed_in_person()
    begun = await begin(people, person)
    person, app, _ = await add_app(people, person)
    people.clock.advance(seconds=FRESH_FOR.total_seconds() + 1)

    for act in (
        begin(people, person),
        confirm(people, person, begun),
        remove_factor(people.plane, person, app.factor.id),
        renew_recovery_codes(people.plane, person),
    ):
        assert (await refused(act)).code == "reauthentication-required"
    assert len((await list_own_factors(people.plane, person)).factors) == 1


async def test_a_password_alone_changes_no_factor_of_who_has_one(people: People):
    person = await people.signed_in_person()
    other = await people.sign_in()
    _, app, _ = await add_app(people, person)
    by_password = await people.who_holds(other)
    assert not by_password.mfa_used

    for act in (
        begin(people, by_password),
        begin(people, by_password, replaces=app.factor.id),
        remove_factor(people.plane, by_password, app.factor.id),
        renew_recovery_codes(people.plane, by_password),
    ):
        assert (await refused(act)).code == "reauthentication-required"


async def test_nobody_touches_the_factor_of_another(people: People):
    ann, bob = (
        await people.signed_in_person("ann@example.com"),
        await people.signed_in_person("bob@example.com"),
    )
    ann, hers, _ = await add_app(people, ann)
    bob, _, _ = await add_app(people, bob)
    pending = await begin(people, ann, "Tablet")

    for act in (
        remove_factor(people.plane, bob, hers.factor.id),
        rename_factor(people.plane, bob, hers.factor.id, "Mine"),
        confirm(people, bob, pending),
    ):
        assert (await refused(act)).code == "not-found"
    assert [each.name for each in (await list_own_factors(people.plane, ann)).factors] == ["Phone"]


async def test_a_factor_is_renamed_with_an_event_and_without_a_mail(people: People):
    person = await people.signed_in_person()
    person, app, _ = await add_app(people, person)
    await people.deliver()
    before = len(people.mails_to("ann@example.com"))

    renamed = await rename_factor(people.plane, person, app.factor.id, "  Work phone ")
    again = await rename_factor(people.plane, person, app.factor.id, "Work phone")

    assert renamed.name == again.name == "Work phone"
    assert await people.deliver() == 0
    assert len(people.mails_to("ann@example.com")) == before
    renamings = [
        each for each in await events_of(people, person) if each[0] == SecurityEventType.FACTOR_RENAMED
    ]
    assert len(renamings) == 1


@pytest.mark.parametrize(
    "name",
    ["", " \t", "x" * 61, "a\nb", "a\x00b", "abc\u202egpj", "a\u200bb", "a\ue000b", "\u3164", "\u200d"],
)
async def test_a_name_that_nobody_can_read_is_refused(people: People, name: str):
    person = await people.signed_in_person()
    person, app, _ = await add_app(people, person)

    for act in (begin(people, person, name), rename_factor(people.plane, person, app.factor.id, name)):
        error = await refused(act)
        assert (error.code, list(error.fields)) == ("invalid-input", ["name"])


async def test_a_new_password_by_mail_leaves_the_second_factors_as_they_are(people: People):
    person = await people.signed_in_person()
    _, app, confirmed = await add_app(people, person)
    assert confirmed.codes
    await people.deliver()
    await forgot_password(people.plane, "ann@example.com", ORIGIN)
    await people.deliver()
    await reset_password(
        people.plane, people.token_to("ann@example.com"), SecretText("quite another pass phrase"), ORIGIN
    )

    assert await mfa_enabled(people, person.user_id)
    people.clock.advance(minutes=1)
    assert await use(people, person.user_id, shown(app.secret.reveal(), people.clock()))
    assert await use_code(people, person.user_id, confirmed.codes.codes[0].reveal())


async def test_the_operator_resets_the_factors_of_who_lost_them_and_chooses_no_password(people: People):
    person = await people.signed_in_person()
    person, app, confirmed = await add_app(people, person)
    assert confirmed.codes
    token = confirmed.lifted.token.reveal()

    reset = await reset_factors(people.plane, person.user_id, "saw the passport")

    assert [each.id for each in reset.gone] == [app.factor.id]
    assert not reset.user.mfa_enabled
    assert reset.user.epoch == person.epoch + 1
    assert (await refused(authenticate_session(people.plane, token, ORIGIN))).code == "session-ended"
    assert not await use_code(people, person.user_id, confirmed.codes.codes[0].reveal())
    again = await people.who_holds(await people.sign_in())
    assert (await events_of(people, again))[1] == (SecurityEventType.FACTORS_RESET, Outcome.SUCCESS)
    await people.deliver()
    assert "Your second factors were reset" in (people.mails_to("ann@example.com")[-1].text or "")
    assert (await add_app(people, again))[2].codes


async def test_a_reset_of_nothing_changes_nothing_but_throws_a_secret_away_that_is_under_way(people: People):
    person = await people.signed_in_person()
    begun = await begin(people, person)

    reset = await reset_factors(people.plane, person.user_id, "asked by telephone")

    assert reset.gone == ()
    assert reset.user.epoch == person.epoch
    assert (await refused(confirm(people, person, begun))).code == "not-found"
    for reason in ("", "x" * 201, "a\nb"):
        error = await refused(reset_factors(people.plane, person.user_id, reason))
        assert list(error.fields) == ["reason"]


async def test_the_use_of_a_recovery_code_is_told_with_how_many_are_left(people: People):
    person = await people.signed_in_person()
    person, _, confirmed = await add_app(people, person)
    assert confirmed.codes
    assert await use_code(people, person.user_id, confirmed.codes.codes[0].reveal())
    await people.database.run_tx(
        lambda tx: note_recovery_code_used(people.plane, tx, person.user_id, ORIGIN, now=people.clock())
    )
    await people.deliver()

    told = people.mails_to("ann@example.com")[-1].text or ""
    assert "A recovery code was used" in told
    assert "Recovery codes left: 9" in told
    assert (await events_of(people, person))[0] == (SecurityEventType.CODE_USED, Outcome.SUCCESS)


async def test_factors_are_in_no_repr_of_what_failed(people: People):
    person = await people.signed_in_person()
    begun = await begin(people, person)
    people.clock.advance(minutes=1)

    error = await refused(confirm_totp(people.plane, person, begun.factor.id, SecretText("not a code")))

    assert begun.secret.reveal() not in repr((error, error.facts, error.fields, str(error)))


async def test_a_short_password_keeps_the_last_factor_and_goes_when_the_operator_resets_them(people: People):
    person = await people.signed_in_person()
    person, app, _ = await add_app(people, person)
    await change_password(people.plane, person, SecretText(PASSWORD), SecretText(_SHORT))

    refusal = await refused(remove_factor(people.plane, person, app.factor.id))

    assert refusal.code == "password-too-short-alone"
    assert (await list_own_factors(people.plane, person)).factors
    await reset_factors(people.plane, person.user_id, "saw the passport")
    assert (await refused(people.sign_in(password=_SHORT))).code == "sign-in-failed"
