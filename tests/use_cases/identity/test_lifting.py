"""A session in which its person shows more goes on under another id and token, once."""

import asyncio

import pytest

from domicile.identity.sessions.service import (
    LiftedSession,
    authenticate_session,
    lift_session,
    list_own_sessions,
)
from domicile.identity.signing_in.beginning import SignedIn
from domicile.kernel.callers import Person
from domicile.kernel.errors import DomainError
from domicile.kernel.paging import PageRequest
from tests.support.people import ORIGIN, People


async def lift(people: People, person: Person, *methods: str) -> LiftedSession:
    return await people.database.run_tx(
        lambda tx: lift_session(people.plane, tx, person, methods, now=people.clock())
    )


async def begun(people: People) -> tuple[SignedIn, Person]:
    await people.register()
    signed_in = await people.sign_in()
    return signed_in, await people.who_holds(signed_in)


async def test_a_lifted_session_has_another_id_and_token_and_the_old_token_is_worth_nothing(people: People):
    signed_in, person = await begun(people)
    people.clock.advance(minutes=7)

    lifted = await lift(people, person, "otp")

    assert lifted.session.id != person.session_id
    assert lifted.session.created_at == signed_in.session.created_at
    assert lifted.session.expires_at == signed_in.session.expires_at
    after = await authenticate_session(people.plane, lifted.token.reveal(), ORIGIN)
    assert after.session_id == lifted.session.id
    assert after.methods == ("pwd", "otp", "mfa")
    assert after.mfa_used
    assert after.authenticated_at == people.clock()
    with pytest.raises(DomainError, match="session-ended"):
        await people.who_holds(signed_in)


async def test_the_absolute_limit_of_a_lifted_session_is_not_extended(people: People):
    signed_in, person = await begun(people)
    hours = people.plane.settings.sessions.absolute_hours
    for _ in range(hours * 4 - 1):
        people.clock.advance(minutes=15)
        lifted = await lift(people, person, "pwd")
        person = await authenticate_session(people.plane, lifted.token.reveal(), ORIGIN)
    people.clock.advance(minutes=15)

    assert people.clock() == signed_in.session.expires_at
    with pytest.raises(DomainError, match="session-ended"):
        await lift(people, person, "pwd")


async def test_a_session_is_lifted_once_when_asked_twice_at_once(people: People):
    _, person = await begun(people)

    tries = await asyncio.gather(*(lift(people, person, "otp") for _ in range(4)), return_exceptions=True)

    refused = [each for each in tries if isinstance(each, DomainError)]
    assert [each.code for each in refused] == ["session-ended"] * 3
    (lifted,) = [each for each in tries if isinstance(each, LiftedSession)]
    holder = await authenticate_session(people.plane, lifted.token.reveal(), ORIGIN)
    left = await list_own_sessions(people.plane, holder, PageRequest(25, None))
    assert [each.id for each in left.items] == [lifted.session.id]


async def test_an_ended_session_is_not_lifted(people: People):
    signed_in, person = await begun(people)
    people.clock.advance(minutes=people.plane.settings.sessions.idle_minutes)

    with pytest.raises(DomainError, match="session-ended"):
        await lift(people, person, "otp")
    with pytest.raises(DomainError, match="session-ended"):
        await people.who_holds(signed_in)
