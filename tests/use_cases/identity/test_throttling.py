"""Throttling on real databases: what is counted, what is refused, what is forgotten, and whom it never holds up."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest
from sqlalchemy import Row, select

from domicile.identity.clearing.service import clear_attempts, clear_range, list_attempts
from domicile.identity.departure.service import delete_myself
from domicile.identity.events.domain import NOBODY, SecurityEventType
from domicile.identity.events.store import security_events
from domicile.identity.housekeeping import forget_expired
from domicile.identity.links import link_invalid
from domicile.identity.passwords.service import confirm_password
from domicile.identity.recovery.service import forgot_password, reset_password
from domicile.identity.signing_in.beginning import SignedIn
from domicile.identity.signing_in.service import sign_in
from domicile.identity.throttling.domain import Subject
from domicile.identity.throttling.service import (
    Attempt,
    begin_attempt,
    note_rebinding,
    note_sign_in,
    note_success,
    too_many_attempts,
    trying_nobodys,
)
from domicile.identity.throttling.store import attempts, familiar_sources
from domicile.infra.databases import IdentityTx
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Origin, Person
from domicile.kernel.errors import DomainError, ErrorKind
from domicile.kernel.ids import UserId
from domicile.kernel.methods import Way
from tests.support.people import ORIGIN, PASSWORD, People, statements_of
from tests.support.refusals import refusal_of

ANN, NOBODYS = "ann@example.com", "nobody@example.com"
WRONG, NEW_PASSWORD = "not the right password", "a pelican folds seven maps"


def stranger(number: int = 0) -> Origin:
    """An origin in a network of its own for every number."""
    return Origin(f"stranger-{number}", ip_address((203 << 24) + number * 256 + 9), "bot/1.0")


async def try_password(
    people: People, origin: Origin, *, password: str = WRONG, email: str = ANN
) -> SignedIn:
    return await sign_in(people.plane, email, SecretText(password), origin)


async def code_of(people: People, origin: Origin, *, password: str = WRONG, email: str = ANN) -> str:
    """What a try is answered with."""
    try:
        await try_password(people, origin, password=password, email=email)
    except DomainError as error:
        return error.code
    return "signed-in"


async def rows_of(people: People) -> list[Row]:
    async def work(tx: IdentityTx) -> list[Row]:
        return list(await tx.all(select(attempts).order_by(attempts.c.bucket)))

    return await people.database.read(work)


async def failures_by_bucket(people: People) -> dict[tuple[str | None, str], int]:
    return {(row.factor, row.bucket): row.failures for row in await rows_of(people)}


async def events_of(people: People, user: UserId, type_: SecurityEventType) -> list[Row]:
    async def work(tx: IdentityTx) -> list[Row]:
        mine = (security_events.c.user_id == user) & (security_events.c.type == type_.value)
        return list(await tx.all(select(security_events).where(mine)))

    return await people.database.read(work)


async def test_after_five_failures_the_next_try_waits_and_each_failure_doubles_the_wait(people: People):
    await people.register()
    assert [await code_of(people, stranger(n)) for n in range(5)] == ["sign-in-failed"] * 5
    waits: list[object] = []
    for n in range(5, 10):
        refused = await refusal_of(try_password(people, stranger(n)))
        assert (refused.kind, refused.code) == (ErrorKind.OVERLOADED, "too-many-attempts")
        waits.append(refused.facts["retryAfter"])
        people.clock.advance(seconds=float(str(waits[-1])))
        assert await code_of(people, stranger(n)) == "sign-in-failed"
    assert waits == [1, 2, 4, 8, 16]


async def test_a_refused_try_is_neither_hashed_nor_counted_even_with_the_right_password(people: People):
    await people.register()
    for n in range(5):
        await code_of(people, stranger(n))
    before = await rows_of(people)
    people.plane.passwords.close()  # whatever hashes now fails otherwise
    for n in range(20):
        assert await code_of(people, stranger(n), password=PASSWORD) == "too-many-attempts"
    after = await rows_of(people)
    assert [(row.failures, row.last_at) for row in after] == [(row.failures, row.last_at) for row in before]


async def test_of_fifty_guesses_at_once_five_are_verified(people: People):
    await people.register()
    codes = await asyncio.gather(*(code_of(people, stranger(n)) for n in range(50)))
    assert codes.count("sign-in-failed") == 5
    assert codes.count("too-many-attempts") == 45
    assert (await failures_by_bucket(people))["password", "strangers"] == 5
    assert not people.plane.under_way._held and not people.plane.under_way._waiting


async def test_of_fifty_guesses_at_once_after_two_failures_three_are_verified(people: People):
    await people.register()
    for n in range(2):
        await code_of(people, stranger(n))
    codes = await asyncio.gather(*(code_of(people, stranger(n)) for n in range(50)))
    assert codes.count("sign-in-failed") == 3


async def test_fifty_sign_ins_of_one_person_at_once_all_succeed(people: People):
    await people.register()
    codes = await asyncio.gather(*(code_of(people, stranger(), password=PASSWORD) for _ in range(50)))
    assert codes == ["signed-in"] * 50
    assert await rows_of(people) == []
    assert not people.plane.under_way._held and not people.plane.under_way._waiting


async def test_of_fifty_codes_at_once_that_are_counted_before_five_may_be_verified(people: People):
    user = await people.register()

    async def begin(number: int) -> str:
        try:
            await begin_attempt(people.plane, Subject.of_user(user.id), Way.TOTP, stranger(number))
        except DomainError as error:
            return error.code
        return "may be verified"

    codes = await asyncio.gather(*(begin(n) for n in range(50)))
    assert codes.count("may be verified") == 5
    assert (await failures_by_bucket(people))["totp", "strangers"] == 5


async def test_a_familiar_place_is_never_held_up_by_strangers(people: People):
    await people.register()
    for n in range(1000):
        await code_of(people, stranger(n))
        people.clock.advance(minutes=1)
    assert await code_of(people, stranger(2000), password=PASSWORD) == "too-many-attempts"
    assert await code_of(people, ORIGIN, password=PASSWORD) == "signed-in"
    neighbour = replace(ORIGIN, address=ip_address("198.51.100.201"))
    assert await code_of(people, neighbour, password=PASSWORD) == "signed-in"


async def test_a_thousand_guesses_from_as_many_networks_get_fifty_tries_and_close_the_password_to_strangers(
    people: People,
):
    await people.register()
    verified = 0
    for n in range(1000):
        verified += await code_of(people, stranger(n)) == "sign-in-failed"
        people.clock.advance(minutes=16)
    assert verified == 50
    refused = await refusal_of(try_password(people, stranger(5000), password=PASSWORD))
    assert refused.facts == {"retryAfter": 900}
    assert "closed" in refused.message


async def test_a_new_password_by_mail_opens_what_strangers_have_closed_and_makes_the_place_familiar(
    people: People,
):
    await people.register()
    for n in range(60):
        await code_of(people, stranger(n))
        people.clock.advance(minutes=16)
    travelling = stranger(7000)
    assert await code_of(people, travelling, password=PASSWORD) == "too-many-attempts"

    await forgot_password(people.plane, ANN, travelling)
    await people.deliver()
    await reset_password(people.plane, people.token_to(ANN), SecretText(NEW_PASSWORD), travelling)

    assert await failures_by_bucket(people) == {("password", "strangers"): 0} | {
        key: count for key, count in (await failures_by_bucket(people)).items() if key[0] is None
    }
    for n in range(20):
        await code_of(people, stranger(n))
    assert await code_of(people, travelling, password=NEW_PASSWORD) == "signed-in"


async def test_success_forgets_the_failures_of_its_own_bucket_and_factor_alone(people: People):
    user = await people.register()
    for n in range(4):
        await code_of(people, stranger(n))
        await code_of(people, ORIGIN)
    await begin_attempt(people.plane, Subject.of_user(user.id), Way.TOTP, ORIGIN)
    assert await code_of(people, ORIGIN, password=PASSWORD) == "signed-in"
    counted = await failures_by_bucket(people)
    assert (counted["password", "familiar"], counted["password", "strangers"]) == (0, 4)
    assert counted["totp", "familiar"] == 1


async def test_each_factor_is_counted_by_itself(people: People):
    user = await people.register()
    subject = Subject.of_user(user.id)
    for factor in Way:
        for _ in range(5):
            await begin_attempt(people.plane, subject, factor, stranger())
        refused = await refusal_of(begin_attempt(people.plane, subject, factor, stranger()))
        assert refused.code == "too-many-attempts"
        people.clock.advance(hours=2)  # only that the range does not refuse the next factor
    listed = (await list_attempts(people.plane, user.id)).counters
    assert {one.factor: one.failures for one in listed} == dict.fromkeys(Way, 5)


async def test_a_success_that_was_counted_before_gives_the_range_its_try_back_and_no_more(people: People):
    user = await people.register()
    for n in range(3):
        await code_of(people, stranger(), email=f"nobody{n}@example.com")
    attempt = await begin_attempt(people.plane, Subject.of_user(user.id), Way.TOTP, stranger())
    await people.database.run_tx(lambda tx: note_success(tx, attempt))
    counted = await failures_by_bucket(people)
    assert (counted["totp", "strangers"], counted[None, "range"]) == (0, 3)


async def test_the_last_step_of_a_sign_in_makes_the_place_familiar(people: People):
    user = await people.register()

    async def begin() -> Attempt:
        return await begin_attempt(people.plane, Subject.of_user(user.id), Way.TOTP, stranger())

    first = await begin()
    await people.database.run_tx(lambda tx: note_success(tx, first))
    assert (await list_attempts(people.plane, user.id)).familiar_sources == 1
    second = await begin()
    await people.database.run_tx(lambda tx: note_sign_in(tx, second, user.id, now=people.clock()))
    assert (await list_attempts(people.plane, user.id)).familiar_sources == 2
    await begin()
    assert (await failures_by_bucket(people))["totp", "familiar"] == 1


async def test_a_place_is_familiar_for_ninety_days_and_twenty_are_remembered(people: People):
    user = await people.register()
    for n in range(25):
        assert await code_of(people, stranger(n), password=PASSWORD) == "signed-in"
        people.clock.advance(days=1)
    assert (await list_attempts(people.plane, user.id)).familiar_sources == 20
    people.clock.advance(days=88)
    assert (await list_attempts(people.plane, user.id)).familiar_sources == 1
    await code_of(people, stranger(23))
    assert (await failures_by_bucket(people))["password", "strangers"] == 1


async def test_a_person_in_a_session_is_held_up_by_their_own_failures_alone(people: People):
    person = await people.signed_in_person()
    for n in range(60):
        await code_of(people, stranger(n))
    abroad = replace(person, origin=stranger(9000))

    assert await _confirm(people, abroad, PASSWORD) == "confirmed"
    assert [await _confirm(people, abroad, WRONG) for _ in range(6)] == ["password-wrong"] * 5 + [
        "too-many-attempts"
    ]
    assert await _confirm(people, abroad, PASSWORD) == "too-many-attempts"
    people.clock.advance(seconds=1)
    assert await _confirm(people, abroad, PASSWORD) == "confirmed"
    assert (await failures_by_bucket(people))["password", "session"] == 0
    assert await code_of(people, ORIGIN, password=PASSWORD) == "signed-in"


async def _confirm(people: People, person: Person, typed: str) -> str:
    try:
        await confirm_password(
            people.plane, person, SecretText(typed), field="password", act=SecurityEventType.DATA_EXPORTED
        )
    except DomainError as error:
        return error.code
    return "confirmed"


async def test_an_unknown_address_is_counted_and_refused_exactly_as_a_known_one(people: People):
    await people.register()
    told: dict[str, list[object]] = {ANN: [], NOBODYS: []}
    said: dict[str, list[str]] = {ANN: [], NOBODYS: []}
    for place, email in enumerate(told):
        for n in range(30):
            async with statements_of(people.database) as log:
                refused = await refusal_of(try_password(people, stranger(100 * place + n), email=email))
            told[email].append((refused.code, refused.message, dict(refused.facts)))
            said[email] += log.statements
            people.clock.advance(seconds=40)
    assert told[ANN] == told[NOBODYS]
    assert said[ANN] == said[NOBODYS]
    kept = [row for row in await rows_of(people) if row.bucket == "strangers"]
    assert len({(row.factor, row.bucket, row.failures) for row in kept}) == 1
    assert len(kept) == 2 and {len(row.counter_key) for row in kept} == {32}


async def test_of_addresses_and_networks_nothing_readable_is_stored(people: People):
    await people.register()
    await code_of(people, stranger(), email=NOBODYS)
    await code_of(people, ORIGIN)

    async def stored(tx: IdentityTx) -> str:
        return str(await tx.all(select(attempts))) + str(await tx.all(select(familiar_sources)))

    kept = await people.database.read(stored)
    for word in ("nobody", "ann@", "203.", "198.51"):
        assert word not in kept


async def test_two_people_at_one_place_have_no_mark_in_common(people: People):
    await people.register()
    await people.register("bob@example.com")

    async def marks(tx: IdentityTx) -> list[bytes]:
        return [row.source_hash for row in await tx.all(select(familiar_sources))]

    assert len(set(await people.database.read(marks))) == 2


async def test_a_range_that_guesses_at_many_people_waits_whoever_comes_next_and_eases_with_time(
    people: People,
):
    await people.register()
    codes = [await code_of(people, stranger(), email=f"nobody{n}@example.com") for n in range(21)]
    assert codes == ["sign-in-failed"] * 20 + ["too-many-attempts"]
    assert await code_of(people, stranger(), password=PASSWORD) == "too-many-attempts"
    beside = replace(stranger(), address=ip_address("203.0.0.77"))
    assert await code_of(people, beside, password=PASSWORD) == "signed-in"

    people.clock.advance(minutes=5)
    assert await code_of(people, stranger(), email="nobody20@example.com") == "sign-in-failed"
    refused = await refusal_of(try_password(people, stranger(), email="nobody21@example.com"))
    assert refused.facts["retryAfter"] == 1


async def test_many_addresses_of_one_network_wait_as_one(people: People):
    await people.register()
    network = int(ip_address("2001:db8::"))
    verified = 0
    for n in range(130):
        origin = Origin("bot", ip_address(network + (n << 64)), "")
        verified += await code_of(people, origin, email=f"nobody{n}@example.com") == "sign-in-failed"
    assert verified == 100


async def test_a_range_that_waits_never_holds_up_who_is_known_there(people: People):
    await people.register()
    for n in range(25):
        await code_of(people, ORIGIN, email=f"nobody{n}@example.com")
    assert await code_of(people, ORIGIN, email=NOBODYS) == "too-many-attempts"
    assert await code_of(people, ORIGIN, password=PASSWORD) == "signed-in"


async def test_without_an_address_a_person_is_counted_all_the_same(people: People):
    await people.register()
    nowhere = Origin("request", None, "")
    codes = [await code_of(people, nowhere) for _ in range(6)]
    assert codes == ["sign-in-failed"] * 5 + ["too-many-attempts"]
    assert await failures_by_bucket(people) == {("password", "strangers"): 5}
    people.clock.advance(seconds=1)
    assert await code_of(people, nowhere, password=PASSWORD) == "signed-in"


async def test_guesses_at_links_count_against_their_range_and_a_good_link_does_not(people: People):
    await people.register()

    async def guess() -> str:
        try:
            async with trying_nobodys(people.plane, stranger(), failing="link-invalid"):
                raise link_invalid()
        except DomainError as error:
            return error.code

    assert [await guess() for _ in range(21)] == ["link-invalid"] * 20 + ["too-many-attempts"]
    refused = await refusal_of(reset_password(people.plane, "x", SecretText(NEW_PASSWORD), stranger()))
    assert refused.code == "too-many-attempts"
    await forgot_password(people.plane, ANN, ORIGIN)
    await people.deliver()
    token, before = people.token_to(ANN), await failures_by_bucket(people)
    await reset_password(people.plane, token, SecretText(NEW_PASSWORD), stranger(1))
    assert await failures_by_bucket(people) == before


async def test_what_could_not_be_verified_is_not_counted(people: People):
    await people.register()
    for n in range(5):
        await code_of(people, stranger(n))
    people.clock.advance(seconds=1)
    people.plane.passwords._room = 0
    assert await code_of(people, stranger(), password=PASSWORD) == "too-busy"
    assert (await failures_by_bucket(people))["password", "strangers"] == 5
    people.plane.passwords._room = 10
    people.clock.advance(seconds=1)
    assert await code_of(people, stranger(), password=PASSWORD) == "signed-in"


async def test_a_person_is_told_once_a_day_in_their_language_and_an_unknown_address_never(people: People):
    user = await people.register()
    for n in range(12):
        await code_of(people, stranger(n))
        await code_of(people, stranger(100 + n), email=NOBODYS)
        people.clock.advance(minutes=16)
    mails = len(people.mails_to(ANN))
    await people.deliver()
    told = people.mails_to(ANN)[mails:]
    assert len(told) == 1 and not people.mails_to(NOBODYS)
    assert "many failed attempts" in (told[0].header("Subject") or "").lower()
    assert "/forgot" in (told[0].text or "")

    for n in range(12, 20):
        await code_of(people, stranger(n))
        people.clock.advance(minutes=16)
    for _ in range(12):
        await begin_or_not(people, user.id)
        people.clock.advance(minutes=16)
    await people.deliver()
    assert len(people.mails_to(ANN)) == mails + 1

    people.clock.advance(days=1)
    await code_of(people, stranger(3000))
    await people.deliver()
    assert len(people.mails_to(ANN)) == mails + 2


async def begin_or_not(people: People, user: UserId) -> None:
    try:
        await begin_attempt(people.plane, Subject.of_user(user), Way.TOTP, stranger(4000))
    except DomainError as error:
        if error.code != "too-many-attempts":
            raise


async def test_a_flood_of_refused_tries_leaves_one_event_a_minute(people: People):
    user = await people.register()
    for n in range(5):
        await code_of(people, stranger(n))
        await code_of(people, stranger(n), email=NOBODYS)
    for n in range(30):
        await code_of(people, stranger(n))
        await code_of(people, stranger(n), email=NOBODYS)
    for owner in (user.id, NOBODY):
        (event,) = await events_of(people, owner, SecurityEventType.ATTEMPT_REFUSED)
        assert (event.outcome, event.details) == ("refused", {"factor": "password", "sources": "strangers"})
    people.clock.advance(minutes=1)
    await code_of(people, stranger(1))
    people.clock.advance(seconds=1)
    await asyncio.gather(*(code_of(people, stranger(n)) for n in range(20)))
    assert len(await events_of(people, user.id, SecurityEventType.ATTEMPT_REFUSED)) == 2


async def test_an_operator_sees_and_clears_what_is_counted_and_the_person_can_read_it(people: People):
    user = await people.register()
    for n in range(8):
        await code_of(people, stranger(n))
        people.clock.advance(seconds=8)
    record = await list_attempts(people.plane, user.id)
    (counter,) = record.counters
    assert (counter.factor, counter.bucket, counter.failures) == (Way.PASSWORD, "strangers", 8)
    assert counter.next_at is not None and record.familiar_sources == 1

    assert await clear_attempts(people.plane, user.id, Way.TOTP) == 0
    assert await clear_attempts(people.plane, user.id, Way.PASSWORD) == 1
    assert (await list_attempts(people.plane, user.id)).counters == ()
    (event,) = await events_of(people, user.id, SecurityEventType.ATTEMPTS_CLEARED)
    assert event.details == {"factor": "password"}
    assert await code_of(people, stranger(), password=PASSWORD) == "signed-in"


async def test_what_is_closed_shows_no_moment_at_which_it_opens(people: People):
    user = await people.register()
    for n in range(60):
        await code_of(people, stranger(n))
        people.clock.advance(minutes=16)
    (counter,) = (await list_attempts(people.plane, user.id)).counters
    assert (counter.failures, counter.next_at) == (50, None)


async def test_an_operator_clears_a_range(people: People):
    await people.register()
    for n in range(20):
        await code_of(people, stranger(), email=f"nobody{n}@example.com")
    assert await code_of(people, stranger(), password=PASSWORD) == "too-many-attempts"
    assert await clear_range(people.plane, "203.0.0.9") == ("203.0.0.9/32", "203.0.0.0/24")
    assert await code_of(people, stranger(), password=PASSWORD) == "signed-in"
    (event,) = await events_of(people, NOBODY, SecurityEventType.ATTEMPTS_CLEARED)
    assert event.details == {"ranges": "203.0.0.9/32 203.0.0.0/24"}
    assert (await refusal_of(clear_range(people.plane, "nowhere"))).code == "invalid-input"


async def test_a_factor_that_is_set_up_anew_begins_anew_everywhere(people: People):
    user = await people.register()
    for _ in range(5):
        await begin_attempt(people.plane, Subject.of_user(user.id), Way.TOTP, stranger())
        await begin_attempt(people.plane, Subject.of_session(user.id), Way.TOTP, stranger())
        await begin_attempt(people.plane, Subject.of_user(user.id), Way.PASSKEY, ORIGIN)
    await people.database.run_tx(lambda tx: note_rebinding(tx, user.id, Way.TOTP))
    left = (await list_attempts(people.plane, user.id)).counters
    assert [(one.factor, one.failures) for one in left] == [(Way.PASSKEY, 5)]


async def test_housekeeping_forgets_nobodys_failures_after_ninety_days_and_a_persons_never(people: People):
    user = await people.register()
    for n in range(5):
        await code_of(people, stranger(n))
        await code_of(people, stranger(50 + n), email=NOBODYS)
    people.clock.advance(days=91)
    await forget_expired(people.plane)
    assert await failures_by_bucket(people) == {("password", "strangers"): 5}
    record = await list_attempts(people.plane, user.id)
    assert (record.familiar_sources, len(record.counters)) == (0, 1)

    people.clock.advance(seconds=1)
    assert await code_of(people, stranger(), password=PASSWORD) == "signed-in"
    people.clock.advance(days=3)
    await forget_expired(people.plane)
    assert await rows_of(people) == []


async def test_who_is_deleted_leaves_neither_counters_nor_sources(people: People):
    person = await people.signed_in_person()
    await people.register("bob@example.com")
    await code_of(people, stranger())
    await code_of(people, stranger(1), email="bob@example.com")

    await delete_myself(people.plane, person, SecretText(PASSWORD))

    async def owners(tx: IdentityTx) -> tuple[set[str], set[str]]:
        counted = await tx.all(select(attempts.c.user_id).where(attempts.c.user_id.is_not(None)))
        seen = await tx.all(select(familiar_sources.c.user_id))
        return {row.user_id for row in counted}, {row.user_id for row in seen}

    counted, seen = await people.database.read(owners)
    assert len(counted) == len(seen) == 1 and person.user_id not in counted | seen


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.2, "1 second."), (1, "1 second."), (1.01, "2 seconds."), (900, "900 seconds.")]
)
def test_a_refusal_tells_whole_seconds_and_never_none(seconds: float, told: str):
    assert too_many_attempts(timedelta(seconds=seconds)).message.endswith(told)
