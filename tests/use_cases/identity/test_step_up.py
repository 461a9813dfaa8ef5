"""Step-up: who shows again who they are goes on under a new id and token; who has a second factor shows that."""

import asyncio
from dataclasses import replace

import msgspec
import pytest

from domicile.identity.email_change.service import ask_for_email, prove_email
from domicile.identity.events.service import list_own_events
from domicile.identity.export.service import begin_export
from domicile.identity.recovery.service import change_password
from domicile.identity.sessions.service import (
    LiftedSession,
    authenticate_session,
    end_other_sessions,
    end_session,
    list_own_sessions,
)
from domicile.identity.signing_in.service import sign_in
from domicile.identity.step_up import service
from domicile.infra.relying_party import PasskeySettings
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Person
from domicile.kernel.methods import Way
from domicile.kernel.paging import PageRequest
from tests.support.authenticator import Authenticator
from tests.support.people import ORIGIN, PASSWORD, People
from tests.support.refusals import refusal_of
from tests.support.second_factors import App, give_app, give_passkey, give_recovery_codes

ANN, BEN = "ann@example.com", "ben@example.com"
ALL = PageRequest(250, None)
HERE = "http://localhost:8800"
OTHER = SecretText("seven maps fold a pelican")


@pytest.fixture
def people(people: People) -> People:
    """People of an installation that has a domain, and so passkeys."""
    known = PasskeySettings(rp_id="localhost", rp_name="Domicile", origins=(HERE,))
    settings = msgspec.structs.replace(people.plane.settings, passkeys=known)
    people.plane = replace(people.plane, settings=settings)
    return people


async def holder(people: People, lifted: LiftedSession) -> Person:
    return await authenticate_session(people.plane, lifted.token.reveal(), ORIGIN)


async def person_with_app(people: People, email: str = ANN) -> tuple[Person, App]:
    """A person who signed in with the password alone, and got an app afterwards."""
    person = await people.signed_in_person(email)
    app = await give_app(people.plane, person.user_id)
    return replace(person, mfa_enabled=True), app


async def fresh(people: People, app: App, email: str = ANN) -> Person:
    typed = SecretText(app.code_at(people.clock()))
    made = await sign_in(people.plane, email, SecretText(PASSWORD), ORIGIN, code=typed)
    return await people.who_holds(made)


async def step_up(people: People, person: Person, typed: str, way: Way = Way.TOTP) -> LiftedSession:
    return await service.show_code(people.plane, person, way, SecretText(typed))


async def test_the_password_steps_up_who_has_nothing_else(people: People):
    await people.register(ANN)
    made = await people.sign_in()
    person = await people.who_holds(made)
    people.clock.advance(minutes=11)
    assert (await service.begin_step_up(people.plane, person)).ways == (Way.PASSWORD,)
    lifted = await service.show_password(people.plane, person, SecretText(PASSWORD))
    after = await holder(people, lifted)
    assert after.session_id != person.session_id
    after.require_fresh(people.clock())
    assert (await refusal_of(people.who_holds(made))).code == "session-ended"


async def test_a_wrong_password_steps_nobody_up_and_is_written_down(people: People):
    person = await people.signed_in_person(ANN)
    refused = await refusal_of(service.show_password(people.plane, person, OTHER))
    assert refused.code == "password-wrong"
    newest = (await list_own_events(people.plane, person, ALL)).items[0].event
    assert (newest.type, newest.outcome) == ("audit.session_updated.v1", "refused")


async def test_who_has_a_second_factor_must_show_it(people: People):
    person, app = await person_with_app(people)
    refused = await refusal_of(service.show_password(people.plane, person, SecretText(PASSWORD)))
    assert (refused.code, refused.facts) == ("second-factor-required", {"ways": ["totp"]})
    assert (await service.begin_step_up(people.plane, person)).ways == (Way.TOTP,)
    after = await holder(people, await step_up(people, person, app.code_at(people.clock())))
    assert after.methods == ("pwd", "otp", "mfa")
    after.require_fresh(people.clock())


async def test_a_code_steps_up_once_and_only_its_own_person(people: People):
    person, app = await person_with_app(people)
    ben, bens = await person_with_app(people, BEN)
    typed = app.code_at(people.clock())
    assert (await refusal_of(step_up(people, ben, typed))).code == "factor-wrong"
    after = await holder(people, await step_up(people, person, typed))
    assert (await refusal_of(step_up(people, after, typed))).code == "factor-wrong"
    people.clock.advance(minutes=2)
    assert (
        await refusal_of(step_up(people, ben, bens.code_at(people.clock.now.replace(minute=0))))
    ).code == ("factor-wrong")
    refused = (await list_own_events(people.plane, ben, ALL)).items[0].event
    assert (refused.type, refused.outcome, refused.details) == (
        "audit.session_updated.v1",
        "refused",
        {"way": "totp"},
    )


async def test_a_session_is_lifted_once_by_one_recovery_code_used_twice_at_once(people: People):
    person, _ = await person_with_app(people)
    (typed, *_) = await give_recovery_codes(people.plane, person.user_id)
    tries = await asyncio.gather(
        *(step_up(people, person, typed, Way.RECOVERY_CODE) for _ in range(4)), return_exceptions=True
    )
    assert len([made for made in tries if isinstance(made, LiftedSession)]) == 1


async def test_a_passkey_steps_up_the_session_that_asked_and_no_other(people: People):
    person = await people.signed_in_person(ANN)
    elsewhere = await people.who_holds(await people.sign_in())
    device = Authenticator(HERE)
    await give_passkey(people.plane, person.user_id, device)
    person, elsewhere = replace(person, mfa_enabled=True), replace(elsewhere, mfa_enabled=True)
    options = await service.begin_step_up(people.plane, person)
    assert options.ways == (Way.PASSKEY,)
    assert options.passkey
    answer, challenge = device.get(options.passkey.options), options.passkey.challenge_id
    crossed = service.show_passkey(people.plane, elsewhere, challenge, answer)
    assert (await refusal_of(crossed)).code == "factor-wrong"
    lifted = await service.show_passkey(people.plane, person, challenge, answer)
    after = await holder(people, lifted)
    assert after.mfa_used
    assert (
        await refusal_of(service.show_passkey(people.plane, after, challenge, answer))
    ).code == "factor-wrong"


async def test_for_who_has_a_second_factor_a_password_alone_does_nothing_dangerous(people: People):
    person, app = await person_with_app(people)
    plane, typed = people.plane, SecretText(PASSWORD)
    for act in (
        change_password(plane, person, typed, OTHER),
        ask_for_email(plane, person, "new@example.com", typed),
        begin_export(plane, person, typed),
    ):
        assert (await refusal_of(act)).code == "reauthentication-required"
    ann = await fresh(people, app)
    await begin_export(plane, ann, typed)
    people.clock.advance(minutes=11)
    assert (await refusal_of(begin_export(plane, ann, typed))).code == "reauthentication-required"


async def test_a_password_does_not_make_a_session_fresh_that_used_a_second_factor(people: People):
    _, app = await person_with_app(people)
    typed = SecretText(app.code_at(people.clock()))
    made = await sign_in(people.plane, ANN, SecretText(PASSWORD), ORIGIN, code=typed)
    people.clock.advance(minutes=9)
    await begin_export(people.plane, await people.who_holds(made), SecretText(PASSWORD))
    people.clock.advance(minutes=2)
    stale = await people.who_holds(made)
    assert (await refusal_of(begin_export(people.plane, stale, SecretText(PASSWORD)))).code == (
        "reauthentication-required"
    )


async def test_ending_all_others_ends_them_and_every_account_token(people: People):
    await people.register(ANN)
    here, there, idle = [await people.sign_in() for _ in range(3)]
    people.clock.advance(minutes=20)
    ann = await people.who_holds(here)
    await people.who_holds(there)
    people.clock.advance(minutes=15)
    assert await end_other_sessions(people.plane, ann) == 1
    for ended in (there, idle):
        assert (await refusal_of(people.who_holds(ended))).code == "session-ended"
    after = await people.who_holds(here)
    assert after.epoch == ann.epoch + 1
    assert await end_other_sessions(people.plane, after) == 0
    assert len((await list_own_sessions(people.plane, after, ALL)).items) == 1


async def test_ending_one_session_ends_every_account_token_and_signing_out_none(people: People):
    await people.register(ANN)
    here, there = await people.sign_in(), await people.sign_in()
    ann = await people.who_holds(here)
    await end_session(people.plane, ann, there.session.id)
    assert (await people.who_holds(here)).epoch == ann.epoch + 1


async def test_a_session_that_was_lifted_since_it_asked_for_an_address_goes_on_once_that_is_proved(
    people: People,
):
    asking, other = await people.signed_in_person(ANN), await people.sign_in(ANN)
    await ask_for_email(people.plane, asking, "ann.b@example.com", SecretText(PASSWORD))
    await people.deliver()
    lifted = await service.show_password(people.plane, asking, SecretText(PASSWORD))

    await prove_email(people.plane, people.token_to("ann.b@example.com"), ORIGIN)

    assert (await holder(people, lifted)).email == "ann.b@example.com"
    assert (await refusal_of(people.who_holds(other))).code == "session-ended"
