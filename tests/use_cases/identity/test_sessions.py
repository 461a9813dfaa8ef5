from dataclasses import replace

from argon2 import PasswordHasher as Argon2
from sqlalchemy import select, update

from domicile.identity.events.domain import NOBODY
from domicile.identity.events.service import list_own_events
from domicile.identity.events.store import security_events
from domicile.identity.passwords.store import passwords
from domicile.identity.sessions.service import authenticate_session, end_session, list_own_sessions, sign_out
from domicile.identity.sessions.store import insert_session, sessions
from domicile.identity.users.store import raise_epoch
from domicile.infra.databases import IdentityTx
from domicile.infra.secrets import has_checksum
from domicile.kernel.paging import PageRequest
from tests.support.people import ORIGIN, People, statements_of
from tests.support.refusals import refusal_of

FIRST_PAGE = PageRequest(25, None)


async def test_signing_in_gives_a_token_that_tells_who_holds_it(people: People):
    user = await people.register()
    signed_in = await people.sign_in()
    person = await people.who_holds(signed_in)

    token = signed_in.token.reveal()
    assert token.startswith("dms_") and len(token) == 53 and has_checksum(token)
    assert token not in repr(signed_in)
    assert (person.user_id, person.email, person.epoch, person.methods) == (user.id, user.email, 1, ("pwd",))
    assert person.authenticated_at == people.clock()


async def test_the_token_is_kept_as_a_keyed_hash_only(people: People):
    await people.register()
    token = (await people.sign_in()).token.reveal()

    async def kept(tx: IdentityTx) -> list[bytes]:
        return [row.token_hash for row in await tx.all(select(sessions.c.token_hash))]

    assert await people.database.read(kept) == [people.plane.session_hash.of(token)]


async def test_every_sign_in_is_a_session_of_its_own(people: People):
    await people.register()
    first, second = await people.sign_in(), await people.sign_in()
    assert first.session.id != second.session.id
    assert first.token != second.token


async def test_a_wrong_password_and_an_unknown_address_are_one_answer(people: People):
    await people.register()
    wrong = await refusal_of(people.sign_in(password="not the right password"))
    unknown = await refusal_of(people.sign_in("nobody@example.com"))
    assert (wrong.kind, wrong.code, wrong.message, wrong.fields) == (
        unknown.kind,
        unknown.code,
        unknown.message,
        unknown.fields,
    )
    assert (wrong.kind, wrong.code) == ("unauthenticated", "sign-in-failed")


async def test_a_wrong_password_and_an_unknown_address_cost_the_same_statements(people: People):
    await people.register()
    async with statements_of(people.database) as for_known:
        await refusal_of(people.sign_in(password="not the right password"))
    async with statements_of(people.database) as for_unknown:
        await refusal_of(people.sign_in("nobody@example.com"))
    assert for_known.statements == for_unknown.statements


async def test_of_an_unknown_address_nothing_is_stored(people: People):
    await refusal_of(people.sign_in("nobody@example.com"))

    async def stored(tx: IdentityTx) -> str:
        return str(await tx.all(select(security_events)))

    trace = await people.database.read(stored)
    assert "nobody" not in trace
    assert NOBODY in trace and "refused" in trace


async def test_a_successful_sign_in_is_one_read_of_two_queries_and_two_inserts(people: People):
    await people.register()
    await people.sign_in()
    async with statements_of(people.database) as log:
        await people.sign_in()
    said = [statement.split()[0] for statement in log.statements]
    assert [verb for verb in said if verb not in {"BEGIN", "COMMIT"}] == [
        "SELECT",
        "SELECT",
        "INSERT",
        "INSERT",
    ]


async def test_a_session_ends_after_thirty_idle_minutes(people: People):
    await people.register()
    signed_in = await people.sign_in()
    people.clock.advance(minutes=29, seconds=59)
    assert await people.who_holds(signed_in)
    people.clock.advance(minutes=29, seconds=59)
    assert await people.who_holds(signed_in)
    people.clock.advance(minutes=30)
    refusal = await refusal_of(people.who_holds(signed_in))
    assert (refusal.kind, refusal.code) == ("unauthenticated", "session-ended")


async def test_a_session_in_use_ends_at_its_absolute_limit(people: People):
    await people.register()
    signed_in = await people.sign_in()
    for _ in range(36):
        people.clock.advance(minutes=19, seconds=59)
        assert await people.who_holds(signed_in)
    people.clock.advance(seconds=36)
    assert (await refusal_of(people.who_holds(signed_in))).code == "session-ended"


async def test_activity_is_written_down_once_a_minute(people: People):
    await people.register()
    signed_in = await people.sign_in()
    people.clock.advance(seconds=59)
    async with statements_of(people.database) as within:
        await people.who_holds(signed_in)
    people.clock.advance(seconds=1)
    async with statements_of(people.database) as after:
        await people.who_holds(signed_in)
    async with statements_of(people.database) as again:
        await people.who_holds(signed_in)
    assert [any("UPDATE" in line for line in log.statements) for log in (within, after, again)] == [
        False,
        True,
        False,
    ]


async def test_whatever_is_no_token_of_a_session_is_refused_without_a_question_to_the_database(
    people: People,
):
    await people.register()
    token = (await people.sign_in()).token.reveal()
    async with statements_of(people.database) as log:
        for broken in (
            "",
            "dms_",
            token[:-1],
            token[:-1] + ("a" if token[-1] != "a" else "b"),
            "ü" * 53,
            token + " ",
        ):
            assert (
                await refusal_of(authenticate_session(people.plane, broken, ORIGIN))
            ).code == "session-ended"
    assert log.statements == []


async def test_signing_out_kills_the_session_at_the_server(people: People):
    await people.register()
    here, elsewhere = await people.sign_in(), await people.sign_in()
    await sign_out(people.plane, await people.who_holds(here))
    assert (await refusal_of(people.who_holds(here))).code == "session-ended"
    assert await people.who_holds(elsewhere)


async def test_a_person_sees_and_ends_their_own_sessions_only(people: People):
    await people.register("ann@example.com")
    await people.register("ben@example.com")
    first, second = await people.sign_in(), await people.sign_in()
    ben = await people.who_holds(await people.sign_in("ben@example.com"))
    ann = await people.who_holds(first)

    shown = await list_own_sessions(people.plane, ann, FIRST_PAGE)
    assert [session.id for session in shown.items] == [second.session.id, first.session.id]
    assert shown.items[0].user_agent == "tests/1.0"

    assert (await refusal_of(end_session(people.plane, ben, second.session.id))).code == "not-found"
    assert await people.who_holds(second)
    await end_session(people.plane, ann, second.session.id)
    assert (await refusal_of(people.who_holds(second))).code == "session-ended"
    assert (await refusal_of(end_session(people.plane, ann, second.session.id))).code == "not-found"


async def test_sessions_past_their_limit_are_not_listed(people: People):
    await people.register()
    await people.sign_in()
    people.clock.advance(minutes=31)
    ann = await people.who_holds(await people.sign_in())
    shown = await list_own_sessions(people.plane, ann, FIRST_PAGE)
    assert [session.id for session in shown.items] == [ann.session_id]


async def test_lists_come_in_pages(people: People):
    await people.register()
    made = [await people.sign_in() for _ in range(3)]
    ann = await people.who_holds(made[0])

    first = await list_own_sessions(people.plane, ann, PageRequest(2, None))
    second = await list_own_sessions(people.plane, ann, PageRequest(2, first.next_after))
    assert [session.id for session in (*first.items, *second.items)] == [
        one.session.id for one in reversed(made)
    ]
    assert second.next_after is None

    events = await list_own_events(people.plane, ann, PageRequest(3, None))
    rest = await list_own_events(people.plane, ann, PageRequest(3, events.next_after))
    types = [recorded.event.type for recorded in (*events.items, *rest.items)]
    assert types == ["audit.user-signed-in.v1"] * 3 + ["audit.user_created.v1"]
    assert rest.next_after is None


async def test_a_person_sees_refused_sign_ins_with_where_they_came_from(people: People):
    await people.register()
    await refusal_of(people.sign_in(password="not the right password"))
    ann = await people.who_holds(await people.sign_in())
    events = (await list_own_events(people.plane, ann, FIRST_PAGE)).items
    refused = events[1].event
    assert (refused.type, refused.outcome) == ("audit.user-signed-in.v1", "refused")
    assert (refused.source_address, refused.request_id) == ("198.51.100.7", "request-1")


async def test_a_session_does_not_begin_when_the_password_was_changed_meanwhile(people: People):
    user = await people.register()
    session = (await people.sign_in()).session
    late = replace(session, id="late")

    async def begin_late(tx: IdentityTx) -> bool:
        await raise_epoch(tx, user.id, now=people.clock())
        return await insert_session(tx, late, b"late", epoch=user.epoch)

    assert not await people.database.run_tx(begin_late)


async def test_a_hash_with_older_parameters_is_made_anew_at_sign_in(people: People):
    user = await people.register()
    weak = Argon2(time_cost=1, memory_cost=8, parallelism=1).hash("correct horse battery staple")
    put = update(passwords).where(passwords.c.user_id == user.id).values(hash=weak)
    await people.database.run_tx(lambda tx: tx.execute(put))

    assert await people.sign_in()

    async def kept(tx: IdentityTx) -> str:
        return (await tx.execute(select(passwords.c.hash))).scalar_one()

    assert not people.plane.passwords.is_outdated(await people.database.read(kept))
    assert await people.sign_in()
