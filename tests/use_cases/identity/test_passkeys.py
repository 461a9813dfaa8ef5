"""Passkeys: what a device answers is taken once, from who was asked, on our own pages, and from one device alone (WebAuthn Level 3, section 7.2)."""

import asyncio
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import select, update

from domicile.identity.housekeeping import forget_expired
from domicile.identity.passkeys.domain import Passkey
from domicile.identity.passkeys.store import (
    has_usable_passkey,
    passkey_challenges,
    passkeys,
)
from domicile.identity.users.store import find_user
from domicile.kernel.ids import UserId
from tests.support.authenticator import (
    BE,
    BS,
    EDDSA,
    ES256,
    RS256,
    UV,
    Authenticator,
    Lies,
    from_base64url,
    to_base64url,
)
from tests.support.passkeys import HERE, LIES, Holder, events_of, holder_of, refused
from tests.support.people import People


async def test_a_browser_is_asked_for_a_key_without_attestation_under_a_handle_that_tells_nothing(
    people: People,
):
    holder = await holder_of(people)

    asked = (await holder.begin()).options

    assert asked["rp"] == {"id": "localhost", "name": "Domicile"}
    assert asked["attestation"] == "none"
    assert [one["alg"] for one in asked["pubKeyCredParams"]] == [ES256, EDDSA, RS256]
    assert asked["authenticatorSelection"] == {
        "residentKey": "preferred",
        "requireResidentKey": False,
        "userVerification": "preferred",
    }
    assert len(from_base64url(asked["challenge"])) == 32
    handle = from_base64url(asked["user"]["id"])
    assert len(handle) == 32
    assert holder.person.user_id.encode() not in handle
    assert asked["user"]["name"] == "ann@example.com"


async def test_nobody_in_particular_is_asked_the_same_whoever_there_is(ann: Holder):
    first, second = await ann.ask(anybody=True, needs_uv=True), await ann.ask(anybody=True, needs_uv=True)

    assert first.options["allowCredentials"] == []
    assert first.options["challenge"] != second.options["challenge"]
    assert {k: v for k, v in first.options.items() if k != "challenge"} == {
        "timeout": 300_000,
        "rpId": "localhost",
        "allowCredentials": [],
        "userVerification": "required",
    }


async def test_a_person_is_asked_for_their_own_keys_and_told_to_make_no_second_one_on_a_device(
    people: People,
):
    ann, bob = await holder_of(people), await holder_of(people, "bob@example.com")
    await ann.enrol()
    await bob.enrol()

    again, used = (await ann.begin()).options, (await ann.ask()).options

    mine = {
        "type": "public-key",
        "id": to_base64url(ann.device.held[0].id),
        "transports": ["hybrid", "internal"],
    }
    assert again["excludeCredentials"] == used["allowCredentials"] == [mine]
    assert again["user"]["id"] == to_base64url(ann.device.held[0].user_handle)
    assert ann.device.held[0].user_handle != bob.device.held[0].user_handle


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
async def test_a_passkey_that_verified_its_user_stands_alone(people: People, algorithm: int):
    ann = await holder_of(people, algorithm=algorithm)
    await ann.enrol()

    shown = await ann.use(anybody=True, needs_uv=True)

    assert shown is not None
    assert shown.user_id == ann.person.user_id
    assert shown.methods == ("hwk", "user", "mfa")
    assert shown.is_mfa
    assert (await ann.kept())[0].last_used_at == people.clock()


async def test_a_synced_passkey_is_software_and_whether_it_is_backed_up_is_followed(people: People):
    ann = await holder_of(people, is_synced=True)
    await ann.enrol(Lies(flags_off=BS))
    assert [(one.backup_eligible, one.backed_up) for one in await ann.kept()] == [(True, False)]

    shown = await ann.use()

    assert shown is not None
    assert shown.methods == ("swk", "user", "mfa")
    assert [(one.backup_eligible, one.backed_up) for one in await ann.kept()] == [(True, True)]


async def test_a_key_without_pin_is_a_second_factor_and_no_more(people: People):
    ann = await holder_of(people, verifies_user=False)
    await ann.enrol()

    shown = await ann.use()

    assert shown is not None
    assert shown.methods == ("hwk",)
    assert not shown.is_mfa
    assert await ann.use(anybody=True, needs_uv=True) is None


async def test_a_pin_that_came_after_enrolment_counts_for_nothing_for_it_may_be_a_thiefs(people: People):
    ann = await holder_of(people, verifies_user=False)
    await ann.enrol()
    ann.device.verifies_user = True

    shown = await ann.use()

    assert shown is not None
    assert not shown.is_mfa
    assert await ann.use(anybody=True, needs_uv=True) is None


@pytest.mark.parametrize("lie", LIES)
async def test_an_answer_with_a_lie_in_it_shows_nobody(ann: Holder, lie: str):
    assert await ann.use(LIES[lie]) is None
    assert await ann.use(LIES[lie], anybody=True) is None
    assert await ann.use() is not None


async def test_an_answer_of_the_other_ceremony_is_not_taken(ann: Holder):
    assert await ann.use(Lies(type="webauthn.create")) is None
    assert await refused(ann.enrol(Lies(type="webauthn.get"))) == "passkey-refused"


async def test_where_the_user_must_be_verified_mere_presence_is_refused(ann: Holder):
    assert await ann.use(Lies(flags_off=UV), anybody=True, needs_uv=True) is None
    shown = await ann.use(Lies(flags_off=UV))
    assert shown is not None
    assert not shown.is_mfa


async def test_that_a_key_can_be_copied_is_fixed_when_it_is_made(people: People):
    single, synced = await holder_of(people), await holder_of(people, "bob@example.com", is_synced=True)
    await single.enrol()
    await synced.enrol()

    assert await single.use(Lies(flags_on=BE)) is None
    assert await single.use(Lies(flags_on=BE | BS)) is None
    assert await synced.use(Lies(flags_off=BE | BS)) is None
    assert await synced.use(Lies(flags_off=BS)) is not None


async def test_a_replayed_answer_shows_nobody(ann: Holder):
    asked = await ann.ask()
    answer = ann.device.get(asked.options)

    assert await ann.show(asked, answer) is not None
    assert await ann.show(asked, answer) is None
    another = await ann.ask()
    assert await ann.show(another, answer) is None


async def test_a_challenge_answered_wrongly_is_used_up(ann: Holder):
    asked = await ann.ask()

    assert await ann.show(asked, ann.device.get(asked.options, Lies(origin="https://evil.test"))) is None
    assert await ann.show(asked, ann.device.get(asked.options)) is None


async def test_a_challenge_is_good_for_five_minutes(ann: Holder):
    in_time, late = await ann.ask(), await ann.ask()
    ann.people.clock.advance(minutes=4, seconds=59)
    assert await ann.show(in_time, ann.device.get(in_time.options)) is not None
    ann.people.clock.advance(seconds=1)
    assert await ann.show(late, ann.device.get(late.options)) is None


async def test_the_challenge_of_another_sign_in_or_person_is_left_alone_and_good_for_nothing(people: People):
    ann, bob = await holder_of(people), await holder_of(people, "bob@example.com")
    await ann.enrol()
    await bob.enrol()
    asked = await ann.ask()
    answer = ann.device.get(asked.options)

    assert await ann.show(asked, answer, binding="sign-in 2") is None
    assert await bob.show(asked, answer) is None
    assert await ann.show(asked, answer, anybody=True) is None
    anybody = await ann.ask(anybody=True)
    assert await ann.show(anybody, ann.device.get(anybody.options)) is None
    assert await ann.show(asked, answer) is not None


async def test_a_challenge_to_enrol_is_good_for_no_sign_in_and_the_other_way_round(ann: Holder):
    enrolling = await ann.begin()
    signing = await ann.ask(binding=f"session {ann.person.session_id}")
    used = ann.device.get({"challenge": enrolling.options["challenge"], "allowCredentials": []})

    assert await ann.show(enrolling, used, binding=f"session {ann.person.session_id}") is None
    made = ann.device.create({**enrolling.options, "challenge": signing.options["challenge"]})
    assert await refused(ann.answer(signing, made)) == "passkey-refused"


async def test_somebody_elses_passkey_does_not_stand_in_for_mine(people: People):
    ann, bob = await holder_of(people), await holder_of(people, "bob@example.com")
    await ann.enrol()
    await bob.enrol()

    assert await ann.use(device=bob.device, held=bob.device.held[0]) is None


async def test_a_device_that_says_a_key_is_somebody_elses_shows_nobody(people: People):
    ann, bob = await holder_of(people), await holder_of(people, "bob@example.com")
    await ann.enrol()
    await bob.enrol()
    bobs = Lies(user_handle=bob.device.held[0].user_handle)

    assert await ann.use(bobs) is None
    assert await ann.use(bobs, anybody=True) is None
    asked = await ann.ask(anybody=True)
    answer = ann.device.get(asked.options)
    del answer["response"]["userHandle"]
    assert await ann.show(asked, answer, anybody=True) is None
    named = await ann.ask()
    answer = ann.device.get(named.options)
    answer["response"]["userHandle"] = None
    assert await ann.show(named, answer) is not None


async def test_a_passkey_that_was_never_enrolled_shows_nobody(ann: Holder):
    stranger = Authenticator(HERE)
    stranger.create((await ann.begin()).options)

    assert await ann.use(device=stranger, held=stranger.held[0]) is None
    forged = replace(ann.device.held[0], key=stranger.held[0].key)
    assert await ann.use(held=forged) is None


async def test_two_answers_to_one_challenge_at_once_show_somebody_once(ann: Holder):
    asked = await ann.ask()
    answer = ann.device.get(asked.options)

    outcomes = await asyncio.gather(*(ann.show(asked, answer) for _ in range(6)))

    assert len([shown for shown in outcomes if shown]) == 1


async def test_a_counter_that_goes_back_stops_the_passkey_for_good_and_its_owner_is_told(people: People):
    ann = await holder_of(people, counts=True)
    await ann.enrol()
    thief = ann.device.copy()
    assert await ann.use(device=thief) is not None

    assert await ann.use() is None

    (kept,) = await ann.kept()
    assert kept.cloned_at == people.clock()
    assert kept.sign_count == 2
    assert await ann.use(device=thief) is None, "the copy that is ahead goes on"
    (stopped,) = await events_of(people, "audit.passkey_stopped.v1")
    assert stopped.outcome == "refused"
    assert stopped.source_address == "198.51.100.7"
    assert stopped.details["factorID"] == kept.id
    await people.deliver()
    mail = people.mails_to("ann@example.com")[-1]
    assert mail.header("Subject") == "One of your passkeys was stopped"
    assert mail.text is not None
    assert '"Laptop"' in mail.text
    assert "198[.]51[.]100[.]7" in mail.text
    assert "http://localhost:8800/sign-in" in mail.text


@pytest.mark.parametrize(
    ("first", "second", "taken"), [(5, 6, True), (5, 5, False), (5, 4, False), (5, 0, False)]
)
async def test_a_counter_must_go_forward_once_it_counts(ann: Holder, first: int, second: int, taken: bool):
    assert await ann.use(Lies(count=first)) is not None
    assert (await ann.use(Lies(count=second)) is not None) is taken


async def test_a_counter_that_counts_nothing_says_nothing(ann: Holder):
    assert await ann.use(Lies(count=0)) is not None
    assert await ann.use(Lies(count=0)) is not None


async def test_a_stranger_who_knows_the_id_of_a_passkey_cannot_stop_it(people: People):
    ann = await holder_of(people, counts=True)
    await ann.enrol()
    await ann.use()
    asked = await ann.ask()
    answer = ann.device.get(asked.options, Lies(count=0))
    answer["response"]["signature"] = to_base64url(bytes(70))

    assert await ann.show(asked, answer) is None

    assert (await ann.kept())[0].cloned_at is None


async def test_a_stopped_passkey_is_no_longer_asked_for_and_still_keeps_a_password_from_being_enough(
    people: People,
):
    ann = await holder_of(people, counts=True)
    await ann.enrol()
    await ann.use()
    await ann.use(Lies(count=1))

    assert (await ann.ask()).options["allowCredentials"] == []
    usable = await people.database.read(lambda tx: has_usable_passkey(tx, ann.person.user_id))
    user = await people.database.read(lambda tx: find_user(tx, ann.person.user_id))
    assert not usable
    assert user is not None
    assert user.mfa_enabled


async def test_challenges_are_forgotten_when_their_time_is_over(ann: Holder):
    await ann.ask()
    ann.people.clock.advance(minutes=5)
    fresh = await ann.ask(anybody=True)

    await forget_expired(ann.people.plane)

    rows = await ann.people.database.read(lambda tx: tx.all(select(passkey_challenges.c.challenge_id)))
    assert [row.challenge_id for row in rows] == [fresh.challenge_id]


async def test_a_key_whose_algorithm_is_taken_no_more_is_refused_when_it_is_used(
    ann: Holder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("domicile.infra.passkeys._ALGORITHMS", (EDDSA,))
    assert await ann.use() is None


async def test_a_passkey_of_another_time_is_kept_whole(ann: Holder):
    """Every column comes back as it was written."""
    held, now = ann.device.held[0], ann.people.clock()
    (kept,) = await ann.kept()
    assert (kept.credential_id, kept.user_handle, kept.name) == (held.id, held.user_handle, "Laptop")
    assert (kept.sign_count, kept.transports, kept.aaguid) == (0, ("hybrid", "internal"), str(UUID(int=0)))
    assert (kept.backup_eligible, kept.backed_up, kept.uv_initialised) == (False, False, True)
    assert (kept.created_at, kept.last_used_at, kept.cloned_at) == (now, None, None)
    await ann.people.database.run_tx(lambda tx: tx.execute(update(passkeys).values(cloned_at=now)))
    assert (await ann.kept())[0].cloned_at == now


def test_nothing_of_a_key_is_printed():
    moment = datetime.fromisoformat("2026-11-23T14:00:00+00:00")
    passkey = Passkey(
        id="1",
        user_id=UserId("u"),
        name="n",
        credential_id=b"c",
        user_handle=b"handle-canary",
        public_key=b"key-canary",
        sign_count=0,
        transports=(),
        aaguid="",
        backup_eligible=False,
        backed_up=False,
        uv_initialised=False,
        created_at=moment,
        last_used_at=None,
    )
    assert "canary" not in repr(passkey)
