"""Signing in at once and step by step: each step once, in order, in time, of one person, and never a hint."""

import asyncio
from dataclasses import replace

import msgspec
import pytest
from sqlalchemy import select

from domicile.identity.events.domain import NOBODY
from domicile.identity.events.service import list_own_events
from domicile.identity.events.store import security_events
from domicile.identity.passkeys.store import passkey_challenges
from domicile.identity.recovery_codes.store import find_code_set
from domicile.identity.sessions.service import authenticate_session, list_own_sessions
from domicile.identity.sessions.store import sessions
from domicile.identity.signing_in import service
from domicile.identity.signing_in.beginning import SignedIn
from domicile.identity.signing_in.domain import MOST_TRIES
from domicile.identity.signing_in.stages import Begun
from domicile.identity.signing_in.store import sign_ins
from domicile.identity.users.store import raise_epoch
from domicile.infra.databases import IdentityTx
from domicile.infra.relying_party import PasskeySettings
from domicile.infra.secrets import SecretText, has_checksum, with_checksum
from domicile.kernel.ids import UserId, random_base62
from domicile.kernel.methods import Way
from domicile.kernel.paging import PageRequest
from tests.support.authenticator import UP, UV, Authenticator, Lies
from tests.support.people import ORIGIN, PASSWORD, People, statements_of
from tests.support.refusals import refusal_of
from tests.support.second_factors import App, give_app, give_passkey, give_recovery_codes

ANN, BEN = "ann@example.com", "ben@example.com"
ALL = PageRequest(250, None)
HERE = "http://localhost:8800"


@pytest.fixture
def people(people: People) -> People:
    """People of an installation that has a domain, and so passkeys."""
    known = PasskeySettings(rp_id="localhost", rp_name="Domicile", origins=(HERE,))
    settings = msgspec.structs.replace(people.plane.settings, passkeys=known)
    people.plane = replace(people.plane, settings=settings)
    return people


async def begin(people: People, email: str | None = ANN) -> Begun:
    return await service.begin_sign_in(people.plane, email)


async def password(people: People, begun: Begun, typed: str = PASSWORD) -> SignedIn | Begun:
    return await service.show_password(people.plane, begun.token, SecretText(typed), ORIGIN)


async def code(people: People, begun: Begun, typed: str, way: Way = Way.TOTP) -> SignedIn:
    return await service.show_code(people.plane, begun.token, way, SecretText(typed), ORIGIN)


async def passkey(people: People, begun: Begun, device: Authenticator, lies: Lies | None = None) -> SignedIn:
    assert begun.passkey is not None
    answer = device.get(begun.passkey.options, lies or Lies())
    return await service.show_passkey(people.plane, begun.token, answer, ORIGIN)


async def at_once(people: People, email: str = ANN, typed: str | None = None) -> SignedIn:
    given = SecretText(typed) if typed is not None else None
    return await service.sign_in(people.plane, email, SecretText(PASSWORD), ORIGIN, code=given)


async def second_step(people: People, email: str = ANN) -> Begun:
    shown = await password(people, await begin(people, email))
    assert isinstance(shown, Begun)
    return shown


async def with_app(people: People, email: str = ANN) -> tuple[UserId, App]:
    user = await people.register(email)
    return user.id, await give_app(people.plane, user.id)


async def methods_of(people: People, made: SignedIn) -> tuple[str, ...]:
    return (await people.who_holds(made)).methods


async def count_rows(people: People, table: object) -> int:
    async def work(tx: IdentityTx) -> int:
        return len(await tx.all(select(table)))  # pyright: ignore[reportArgumentType, reportCallIssue]

    return await people.database.read(work)


# ------------------------------------------------------------------ the first step


async def test_a_sign_in_begins_alike_for_known_and_unknown_addresses(people: People):
    await people.register(ANN)
    async with statements_of(people.database) as for_known:
        known = await begin(people, ANN)
    async with statements_of(people.database) as for_unknown:
        unknown = await begin(people, "nobody@example.com")

    assert for_known.statements == for_unknown.statements
    assert not [statement for statement in for_known.statements if "users" in statement]
    assert known.ways == unknown.ways == (Way.PASSWORD, Way.PASSKEY)
    assert known.passkey and unknown.passkey
    assert {**known.passkey.options, "challenge": ""} == {**unknown.passkey.options, "challenge": ""}
    assert known.passkey.options["allowCredentials"] == []


async def test_the_token_is_kept_as_a_keyed_hash_and_the_address_sealed(people: People):
    begun = await begin(people, "nobody@example.com")
    token = begun.token.reveal()
    assert token.startswith("dmi_") and len(token) == 53 and has_checksum(token)
    assert token not in repr(begun)

    async def kept(tx: IdentityTx) -> str:
        return str(await tx.all(select(sign_ins)))

    stored = await people.database.read(kept)
    assert token not in stored and "nobody" not in stored


async def test_without_a_second_factor_the_password_signs_in(people: People):
    await people.register(ANN)
    made = await password(people, await begin(people))
    assert isinstance(made, SignedIn)
    assert await methods_of(people, made) == ("pwd",)
    assert await count_rows(people, sign_ins) == 0


async def test_a_wrong_password_and_an_unknown_address_are_one_answer_after_the_same_statements(
    people: People,
):
    await people.register(ANN)
    known, unknown = await begin(people, ANN), await begin(people, "nobody@example.com")
    async with statements_of(people.database) as for_known:
        wrong = await refusal_of(password(people, known, "not the right password"))
    async with statements_of(people.database) as for_unknown:
        nobody = await refusal_of(password(people, unknown, "not the right password"))

    assert for_known.statements == for_unknown.statements
    assert (wrong.kind, wrong.code, wrong.message, wrong.facts) == (
        nobody.kind,
        nobody.code,
        nobody.message,
        nobody.facts,
    )
    assert wrong.code == "sign-in-failed"


async def test_of_a_person_with_a_second_factor_a_wrong_password_tells_no_more(people: People):
    await with_app(people)
    await people.register(BEN)
    with_factor = await refusal_of(password(people, await begin(people, ANN), "not the right password"))
    without = await refusal_of(password(people, await begin(people, BEN), "not the right password"))
    assert (with_factor.code, with_factor.message, with_factor.facts) == (
        without.code,
        without.message,
        without.facts,
    )


async def test_a_step_has_five_tries_and_the_right_password_is_late_then(people: People):
    await people.register(ANN)
    begun = await begin(people)
    for _ in range(MOST_TRIES):
        assert (await refusal_of(password(people, begun, "wrong as can be"))).code == "sign-in-failed"
    assert (await refusal_of(password(people, begun))).code == "sign-in-over"


async def test_a_burst_of_guesses_gets_no_more_tries_than_one_after_the_other(people: People):
    await people.register(ANN)
    begun = await begin(people)
    tries = await asyncio.gather(
        *(refusal_of(password(people, begun, f"guess number {number}")) for number in range(20))
    )
    assert sorted(each.code for each in tries) == ["sign-in-failed"] * 5 + ["sign-in-over"] * 15


async def test_a_password_signs_in_once_when_sent_twice_at_once(people: People):
    await people.register(ANN)
    begun = await begin(people)
    tries = await asyncio.gather(*(password(people, begun) for _ in range(4)), return_exceptions=True)
    assert len([made for made in tries if isinstance(made, SignedIn)]) == 1
    assert {str(made) for made in tries if not isinstance(made, SignedIn)} == {"sign-in-over"}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "dmi_",
        "x" * 53,
        with_checksum("dmi_" + random_base62(43)),
        with_checksum("dms_" + random_base62(43)),
    ],
    ids=["empty", "prefix", "noise", "never given out", "of another kind"],
)
async def test_what_is_no_token_is_over(people: People, token: str):
    begun = Begun(SecretText(token), people.clock(), (), None)
    assert (await refusal_of(password(people, begun))).code == "sign-in-over"
    assert (await refusal_of(code(people, begun, "123456"))).code == "sign-in-over"
    assert (await refusal_of(service.describe_sign_in(people.plane, begun.token))).code == "sign-in-over"


async def test_a_sign_in_lasts_ten_minutes_whatever_its_step(people: People):
    _, app = await with_app(people)
    first, second = await begin(people), await second_step(people)
    people.clock.advance(minutes=9, seconds=59)
    late = await password(people, first)
    assert isinstance(late, Begun)
    people.clock.advance(seconds=1)
    typed = app.code_at(people.clock())
    assert (await refusal_of(code(people, second, typed))).code == "sign-in-over"
    assert (await refusal_of(code(people, late, typed))).code == "sign-in-over"
    assert await at_once(people, typed=typed)


async def test_what_is_over_is_forgotten(people: People):
    await begin(people)
    people.clock.advance(minutes=10)
    await service.forget_old_sign_ins(people.plane)
    assert await count_rows(people, sign_ins) == 0


async def test_more_sign_ins_that_are_over_than_one_batch_are_all_forgotten_and_no_other(people: People):
    for number in range(5):
        await service.begin_sign_in(people.plane, f"nobody{number}@example.com")
    people.clock.advance(minutes=60)
    await service.begin_sign_in(people.plane, None)

    await service.forget_old_sign_ins(people.plane, at_once=2)

    assert await count_rows(people, sign_ins) == 1


# ------------------------------------------------------------------ the second step


async def test_a_second_factor_is_asked_for_with_exactly_what_the_person_has(people: People):
    user, app = await with_app(people)
    assert (await second_step(people)).ways == (Way.TOTP,)
    await give_recovery_codes(people.plane, user)
    assert (await second_step(people)).ways == (Way.TOTP, Way.RECOVERY_CODE)
    await give_passkey(people.plane, user, Authenticator(HERE))
    last = await second_step(people)
    assert last.ways == (Way.TOTP, Way.PASSKEY, Way.RECOVERY_CODE)
    made = await code(people, last, app.code_at(people.clock()))
    assert await methods_of(people, made) == ("pwd", "otp", "mfa")


async def test_each_step_gives_a_new_token_and_the_old_one_is_over(people: People):
    _, app = await with_app(people)
    begun = await begin(people)
    second = await password(people, begun)
    assert isinstance(second, Begun)
    assert second.token != begun.token
    assert second.expires_at == begun.expires_at
    assert (await refusal_of(password(people, begun))).code == "sign-in-over"
    assert (await refusal_of(code(people, begun, app.code_at(people.clock())))).code == "sign-in-over"
    assert await code(people, second, app.code_at(people.clock()))


async def test_no_step_is_taken_out_of_order(people: People):
    user, app = await with_app(people)
    codes = await give_recovery_codes(people.plane, user)
    first = await begin(people)
    assert (await refusal_of(code(people, first, app.code_at(people.clock())))).code == "sign-in-over"
    assert (await refusal_of(code(people, first, codes[0], Way.RECOVERY_CODE))).code == "sign-in-over"
    second = await password(people, first)
    assert isinstance(second, Begun)
    assert (await refusal_of(password(people, second))).code == "sign-in-over"
    assert await code(people, second, codes[0], Way.RECOVERY_CODE)


async def test_a_code_signs_in_once(people: People):
    _, app = await with_app(people)
    typed = app.code_at(people.clock())
    assert await code(people, await second_step(people), typed)
    assert (await refusal_of(code(people, await second_step(people), typed))).code == "sign-in-failed"
    assert (await refusal_of(at_once(people, typed=typed))).code == "sign-in-failed"
    people.clock.advance(seconds=30)
    assert await at_once(people, typed=app.code_at(people.clock()))


async def test_a_late_code_and_somebody_elses_do_not_sign_in(people: People):
    _, app = await with_app(people, ANN)
    _, bens = await with_app(people, BEN)
    early = app.code_at(people.clock())
    second = await second_step(people)
    assert (await refusal_of(code(people, second, bens.code_at(people.clock())))).code == "sign-in-failed"
    people.clock.advance(minutes=2)
    assert (await refusal_of(code(people, second, early))).code == "sign-in-failed"
    assert await code(people, second, app.code_at(people.clock()))


async def test_a_code_is_bound_to_the_sign_in_of_its_person(people: People):
    _, app = await with_app(people, ANN)
    await with_app(people, BEN)
    of_ben = await second_step(people, BEN)
    assert (await refusal_of(code(people, of_ben, app.code_at(people.clock())))).code == "sign-in-failed"


async def test_wrong_codes_end_a_sign_in_and_a_burst_of_them_too(people: People):
    _, app = await with_app(people)
    second = await second_step(people)
    tries = await asyncio.gather(*(refusal_of(code(people, second, f"{number:06}")) for number in range(20)))
    told = [each.code for each in tries]
    assert told.count("sign-in-failed") == 5
    assert set(told) <= {"sign-in-failed", "sign-in-over", "too-many-attempts"}
    people.clock.advance(minutes=1)
    assert (await refusal_of(code(people, second, app.code_at(people.clock())))).code == "sign-in-over"


async def test_wrong_codes_are_counted_over_all_sign_ins_of_a_person(people: People):
    _, app = await with_app(people)
    for _ in range(5):
        assert (await refusal_of(code(people, await second_step(people), "000000"))).code == "sign-in-failed"
    second = await second_step(people)
    assert (await refusal_of(code(people, second, "000000"))).code == "too-many-attempts"
    assert (await refusal_of(at_once(people, typed="000000"))).code == "too-many-attempts"
    people.clock.advance(minutes=1)
    assert await code(people, second, app.code_at(people.clock()))


async def test_one_recovery_code_lets_one_of_many_in(people: People):
    user, _ = await with_app(people)
    (typed, *_) = await give_recovery_codes(people.plane, user)
    started = [await second_step(people) for _ in range(4)]
    tries = await asyncio.gather(
        *(code(people, each, typed.lower(), Way.RECOVERY_CODE) for each in started), return_exceptions=True
    )
    assert len([made for made in tries if isinstance(made, SignedIn)]) == 1
    assert {str(made) for made in tries if not isinstance(made, SignedIn)} == {"sign-in-failed"}
    left = await people.database.read(lambda tx: find_code_set(tx, user))
    assert left and left.left == 9


async def test_a_password_changed_meanwhile_ends_the_sign_in_and_leaves_the_code_unused(people: People):
    user, app = await with_app(people)
    second, typed = await second_step(people), app.code_at(people.clock())
    await people.database.run_tx(lambda tx: raise_epoch(tx, user, now=people.clock()))
    assert (await refusal_of(code(people, second, typed))).code == "sign-in-over"
    assert await at_once(people, typed=typed)


async def test_a_refused_code_is_written_down_with_the_person(people: People):
    user, app = await with_app(people)
    await refusal_of(code(people, await second_step(people), "000000"))
    ann = await people.who_holds(await at_once(people, typed=app.code_at(people.clock())))
    events = [one.event for one in (await list_own_events(people.plane, ann, ALL)).items]
    (refused,) = [event for event in events if event.outcome == "refused"]
    assert (refused.user_id, refused.type, refused.details) == (
        user,
        "audit.user-signed-in.v1",
        {"way": "totp"},
    )


# ------------------------------------------------------------------ at once


async def test_who_gives_no_code_is_told_so_only_after_the_right_password(people: People):
    user, app = await with_app(people)
    await give_recovery_codes(people.plane, user)
    wrong = service.sign_in(people.plane, ANN, SecretText("not the password"), ORIGIN, code=None)
    assert (await refusal_of(wrong)).code == "sign-in-failed"
    refused = await refusal_of(at_once(people))
    assert (refused.kind, refused.code) == ("unauthenticated", "second-factor-required")
    assert refused.facts["ways"] == ["totp", "recovery-code"]
    begun = Begun(SecretText(str(refused.facts["signIn"])), people.clock(), (), None)
    assert await code(people, begun, app.code_at(people.clock()))


async def test_a_code_of_either_kind_is_told_by_its_looks(people: People):
    user, app = await with_app(people)
    (typed, *_) = await give_recovery_codes(people.plane, user)
    spaced = app.code_at(people.clock())
    assert await at_once(people, typed=f"{spaced[:3]} {spaced[3:]}")
    assert await at_once(people, typed=typed)
    for nonsense in ("", "12345", "\uff11\uff12\uff13\uff14\uff15\uff16", "x" * 4000, typed):
        assert (await refusal_of(at_once(people, typed=nonsense))).code == "sign-in-failed"


async def test_a_code_that_nobody_needs_does_no_harm(people: People):
    await people.register(ANN)
    assert await methods_of(people, await at_once(people, typed="123456")) == ("pwd",)


async def test_who_got_a_second_factor_meanwhile_is_not_signed_in_without_it(people: People):
    user = await people.register(ANN)
    before = people.plane

    async def get_factor_then_verify(typed: SecretText, kept: str | None, *, as_typed: SecretText) -> bool:
        await give_app(before, user.id)
        return await before.passwords.verify(typed, kept, as_typed=as_typed)

    class Slow:
        verify = staticmethod(get_factor_then_verify)
        hash, is_outdated = before.passwords.hash, before.passwords.is_outdated

    slow = replace(before, passwords=Slow())  # pyright: ignore[reportArgumentType]  # a stand-in for the hasher
    tried = service.sign_in(slow, ANN, SecretText(PASSWORD), ORIGIN)
    assert (await refusal_of(tried)).code == "sign-in-failed"
    assert await count_rows(people, sessions) == 0


# ------------------------------------------------------------------ passkeys


async def test_a_passkey_signs_in_alone_without_an_address(people: People):
    user, device = await people.register(ANN), Authenticator(HERE)
    await give_passkey(people.plane, user.id, device)
    made = await passkey(people, await begin(people, None), device)
    assert made.user.id == user.id
    assert await methods_of(people, made) == ("hwk", "user", "mfa")
    assert await count_rows(people, sign_ins) == await count_rows(people, passkey_challenges) == 0


async def test_a_passkey_that_verified_nobody_is_a_second_factor_only(people: People):
    user, device = await people.register(ANN), Authenticator(HERE, verifies_user=False)
    await give_passkey(people.plane, user.id, device)
    assert (await refusal_of(passkey(people, await begin(people, None), device))).code == "sign-in-failed"
    made = await passkey(people, await second_step(people), device)
    assert await methods_of(people, made) == ("pwd", "hwk", "mfa")


async def test_user_verification_cannot_be_left_out_where_it_counts(people: People):
    user, device = await people.register(ANN), Authenticator(HERE)
    await give_passkey(people.plane, user.id, device)
    for lie in (Lies(flags_off=UV), Lies(flags_off=UP), Lies(origin="http://localhost:8801")):
        tried = passkey(people, await begin(people, None), device, lie)
        assert (await refusal_of(tried)).code == "sign-in-failed"


async def test_the_challenge_of_another_sign_in_does_not_sign_in(people: People):
    user, device = await people.register(ANN), Authenticator(HERE)
    await give_passkey(people.plane, user.id, device)
    mine, theirs = await begin(people, None), await begin(people, None)
    crossed = Begun(mine.token, mine.expires_at, mine.ways, theirs.passkey)
    assert (await refusal_of(passkey(people, crossed, device))).code == "sign-in-failed"


async def test_the_answer_of_a_passkey_is_taken_once(people: People):
    user, device = await people.register(ANN), Authenticator(HERE)
    await give_passkey(people.plane, user.id, device)
    begun = await begin(people, None)
    assert begun.passkey
    answer = device.get(begun.passkey.options)
    tries = await asyncio.gather(
        *(service.show_passkey(people.plane, begun.token, answer, ORIGIN) for _ in range(4)),
        return_exceptions=True,
    )
    assert len([made for made in tries if isinstance(made, SignedIn)]) == 1
    again = service.show_passkey(people.plane, (await begin(people, None)).token, answer, ORIGIN)
    assert (await refusal_of(again)).code == "sign-in-failed"


async def test_a_passkey_of_another_person_is_no_second_factor(people: People):
    await with_app(people, ANN)
    ben, device = await people.register(BEN), Authenticator(HERE)
    await give_passkey(people.plane, ben.id, device)
    ann = await second_step(people, ANN)
    of_ben = await second_step(people, BEN)
    crossed = Begun(ann.token, ann.expires_at, ann.ways, of_ben.passkey)
    assert (await refusal_of(passkey(people, crossed, device))).code == "sign-in-failed"


async def test_a_refused_passkey_of_nobody_is_written_down_with_nobody(people: People):
    device = Authenticator(HERE)
    user = await people.register(ANN)
    await give_passkey(people.plane, user.id, device)
    await refusal_of(passkey(people, await begin(people, None), device, Lies(flags_off=UV)))

    async def owners(tx: IdentityTx) -> list[str]:
        refused = security_events.c.outcome == "refused"
        return [row.user_id for row in await tx.all(select(security_events.c.user_id).where(refused))]

    assert await people.database.read(owners) == [NOBODY]


async def test_without_a_domain_there_are_no_passkeys_and_no_sign_in_without_an_address(people: People):
    settings = msgspec.structs.replace(people.plane.settings, passkeys=PasskeySettings())
    people.plane = replace(people.plane, settings=settings)
    assert (await refusal_of(begin(people, None))).code == "passkeys-unavailable"
    begun = await begin(people)
    assert (begun.ways, begun.passkey) == ((Way.PASSWORD,), None)


# ------------------------------------------------------------------ sessions and devices


async def test_a_page_sees_where_a_sign_in_is_and_gets_a_challenge_of_its_own(people: People):
    user, device = await people.register(ANN), Authenticator(HERE)
    await give_passkey(people.plane, user.id, device)
    begun = await begin(people, "Ann@Example.com")
    first = await service.describe_sign_in(people.plane, begun.token)
    assert (first.step, first.address, first.ways) == (
        "first",
        "Ann@example.com",
        (Way.PASSWORD, Way.PASSKEY),
    )
    second = await password(people, begun)
    assert isinstance(second, Begun)
    shown = await service.describe_sign_in(people.plane, second.token)
    assert (shown.step, shown.address, shown.ways) == ("second", "", (Way.PASSKEY,))
    stale = Begun(second.token, second.expires_at, second.ways, second.passkey)
    newest = Begun(second.token, second.expires_at, second.ways, shown.passkey)
    assert (await refusal_of(passkey(people, stale, device))).code == "sign-in-failed"
    again = await service.describe_sign_in(people.plane, newest.token)
    assert await passkey(people, Begun(newest.token, newest.expires_at, (), again.passkey), device)


async def test_of_a_hundred_and_one_sessions_the_oldest_ends(people: People):
    await people.register(ANN)
    first = await people.sign_in()
    second = await people.sign_in()
    user = first.user

    async def fill(tx: IdentityTx) -> None:
        row = (await tx.all(select(sessions).where(sessions.c.session_id == second.session.id)))[0]._asdict()
        for number in range(98):
            copy = {"session_id": f"{second.session.id}-{number:03}", "token_hash": f"{number}".encode()}
            await tx.execute(tx.insert(sessions).values({**row, **copy}))

    await people.database.run_tx(fill)
    newest = await people.sign_in()
    assert (await refusal_of(people.who_holds(first))).code == "session-ended"
    ann = await people.who_holds(newest)
    assert await people.who_holds(second)
    assert user.id == ann.user_id
    assert len((await list_own_sessions(people.plane, ann, ALL)).items) == 100


async def test_the_session_of_a_step_by_step_sign_in_is_one_like_any_other(people: People):
    _, app = await with_app(people)
    made = await code(people, await second_step(people), app.code_at(people.clock()))
    person = await authenticate_session(people.plane, made.token.reveal(), ORIGIN)
    assert person.mfa_used
    person.require_fresh(people.clock())
    people.clock.advance(minutes=29)
    assert await people.who_holds(made)
