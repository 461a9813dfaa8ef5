"""Enrolling passkeys: a key that a device made for us is taken once, from the session that asked, and nothing else is (WebAuthn Level 3, section 7.1)."""

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from domicile.identity.passkey_enrolment.service import Enrolled, NewPasskey, enrol_passkey
from domicile.identity.plane import IdentityPlane
from domicile.infra.relying_party import PasskeySettings
from domicile.kernel.errors import DomainError
from domicile.kernel.methods import Way, methods_of
from tests.support.authenticator import (
    ES256,
    ES512,
    RS256,
    TRUTH,
    Lies,
    cose_key,
    from_base64url,
    to_base64url,
)
from tests.support.passkeys import LIES, Holder, events_of, holder_of, refused
from tests.support.people import People


async def test_a_first_passkey_makes_a_second_factor_lifts_the_session_and_brings_recovery_codes(
    people: People,
):
    ann = await holder_of(people)
    former = ann.person

    made = await ann.enrol()

    assert made.codes is not None
    assert len(made.codes.codes) == 10
    assert ann.person.methods == ("pwd", "hwk", "user", "mfa")
    assert ann.person.mfa_enabled
    assert ann.person.session_id != former.session_id
    second = await ann.enrol(name="Key")
    assert second.codes is None
    await people.deliver()
    assert [mail.header("Subject") for mail in people.mails_to("ann@example.com")][-2:] == [
        "A second factor was added to your user"
    ] * 2


async def test_a_passkey_is_called_after_its_keeper_unless_it_gets_a_name(people: People):
    ann = await holder_of(people, aaguid=bytes.fromhex("bada5566a7aa401fbd9645619a55120d"))

    assert (await ann.enrol(name=None)).factor.name == "1Password"
    ann.device.aaguid = bytes(16)
    assert (await ann.enrol(name=None)).factor.name == "Passkey"
    assert (await ann.enrol(name="  Büro  ")).factor.name == "Büro"
    for hostile in ("", "a\nb", "\u202eevil", "x" * 61):
        assert await refused(ann.enrol(name=hostile)) == "invalid-input"


async def test_enrolling_needs_a_person_who_was_there_lately(ann: Holder):
    asked = await ann.begin()
    ann.people.clock.advance(minutes=10, seconds=1)

    assert await refused(ann.begin()) == "reauthentication-required"
    assert await refused(ann.answer(asked, ann.device.create(asked.options))) == "reauthentication-required"


async def test_a_session_of_the_password_alone_adds_no_second_passkey(ann: Holder):
    ann.person = replace(ann.person, methods=methods_of(Way.PASSWORD))

    assert await refused(ann.begin()) == "reauthentication-required"


async def test_the_challenge_of_another_session_enrols_nothing(people: People):
    ann = await holder_of(people)
    asked = await ann.begin()
    answer = ann.device.create(asked.options)
    ann.person = await people.who_holds(await people.sign_in())

    assert await refused(ann.answer(asked, answer)) == "passkey-refused"


async def test_an_answer_enrols_once_also_when_it_comes_many_times_at_once(people: People):
    ann = await holder_of(people)
    asked = await ann.begin()
    wanted = NewPasskey(asked.challenge_id, ann.device.create(asked.options), "Laptop", None)

    outcomes = await asyncio.gather(
        *(enrol_passkey(people.plane, ann.person, wanted) for _ in range(5)), return_exceptions=True
    )

    assert len([made for made in outcomes if isinstance(made, Enrolled)]) == 1
    assert {o.code for o in outcomes if isinstance(o, DomainError)} <= {"passkey-refused", "session-ended"}
    assert len(await ann.kept()) == 1


async def test_a_key_that_somebody_has_is_refused_without_telling_whose(people: People):
    ann, bob = await holder_of(people), await holder_of(people, "bob@example.com")
    await ann.enrol()
    asked = await bob.begin()
    bob.device.held = []
    answer = bob.device.create(asked.options)
    taken = ann.device.held[0].id

    stolen = _with_credential_id(answer, taken, bob.device.held[0].id)
    with pytest.raises(DomainError) as refusal:
        await bob.answer(asked, stolen)

    assert refusal.value.code == "passkey-known"
    assert "ann" not in refusal.value.message.lower()
    assert await bob.kept() == ()


def _with_credential_id(credential: dict[str, Any], wanted: bytes, made: bytes) -> dict[str, Any]:
    attestation = from_base64url(credential["response"]["attestationObject"]).replace(made, wanted)
    response = {**credential["response"], "attestationObject": to_base64url(attestation)}
    shown = to_base64url(wanted)
    return {**credential, "id": shown, "rawId": shown, "response": response}


async def test_a_passkey_takes_the_place_of_another_in_one_step(ann: Holder):
    former = ann.enrolled[0].factor.id

    made = await ann.enrol(name="New laptop", replaces=former)

    assert [(one.id, one.name) for one in await ann.kept()] == [(made.factor.id, "New laptop")]
    assert await ann.use(held=ann.device.held[0]) is None
    assert await ann.use() is not None
    (replaced,) = await events_of(ann.people, "audit.factor_replaced.v1")
    assert replaced.details["replacedID"] == former
    assert await refused(ann.enrol(replaces=former)) == "invalid-input"


async def test_nobody_replaces_somebody_elses_passkey(people: People, ann: Holder):
    bob = await holder_of(people, "bob@example.com")
    await bob.enrol()

    assert await refused(ann.enrol(replaces=bob.enrolled[0].factor.id)) == "invalid-input"
    assert len(await bob.kept()) == 1


async def test_there_are_ten_passkeys_at_most_and_one_can_always_be_replaced(ann: Holder):
    for number in range(9):
        await ann.enrol(name=f"Key {number}")

    assert await refused(ann.enrol()) == "too-many-factors"
    await ann.enrol(replaces=ann.enrolled[0].factor.id)
    assert len(await ann.kept()) == 10


_KEYS: dict[str, Any] = {
    "an algorithm that is not taken": lambda: ({"algorithm": ES512}, TRUTH),
    "an algorithm that is no number": lambda: (
        {},
        Lies(public_key={1: 2, 3: "ES256", -1: 1, -2: b"x", -3: b"y"}),
    ),
    "no algorithm": lambda: ({}, Lies(public_key={1: 2, -1: 1, -2: bytes(32), -3: bytes(32)})),
    "a point that is not on the curve": lambda: (
        {},
        Lies(public_key={1: 2, 3: ES256, -1: 1, -2: bytes(32), -3: bytes(32)}),
    ),
    "the curve of another algorithm": lambda: ({"algorithm": ES512}, Lies(public_key=_mixed())),
    "an RSA key of 512 bits": lambda: (
        {},
        Lies(public_key={1: 3, 3: RS256, -1: b"\xff" * 64, -2: b"\x01\x00\x01"}),
    ),
    "an RSA key of 16384 bits": lambda: (
        {},
        Lies(public_key={1: 3, 3: RS256, -1: b"\xff" * 2048, -2: b"\x01\x00\x01"}),
    ),
    "an RSA exponent of 3": lambda: ({}, Lies(public_key={1: 3, 3: RS256, -1: b"\xff" * 256, -2: b"\x03"})),
    "an empty key": lambda: ({}, Lies(public_key={99: 0})),
    "an attestation of a manufacturer": lambda: (
        {},
        Lies(attestation={"fmt": "packed", "attStmt": {"alg": ES256, "sig": b"x", "x5c": [b"x"]}}),
    ),
    "a self-attestation with a wrong signature": lambda: (
        {},
        Lies(attestation={"fmt": "packed", "attStmt": {"alg": ES256, "sig": b"x"}}),
    ),
    "an attestation of another format": lambda: ({}, Lies(attestation={"fmt": "tpm", "attStmt": {}})),
    "a format that is a list": lambda: ({}, Lies(attestation={"fmt": ["none"], "attStmt": {}})),
    "a statement where there is none": lambda: (
        {},
        Lies(attestation={"fmt": "none", "attStmt": {"sig": b"x"}}),
    ),
}


def _mixed() -> dict[int, Any]:
    return cose_key(ec.generate_private_key(ec.SECP521R1()), ES256)


@pytest.mark.parametrize("what", _KEYS)
async def test_a_key_of_a_kind_that_is_not_taken_enrols_nothing(people: People, what: str):
    device, lies = _KEYS[what]()
    ann = await holder_of(people, **device)

    assert await refused(ann.enrol(lies)) == "passkey-refused"
    assert await ann.kept() == ()


async def test_where_the_server_has_no_domain_there_are_no_passkeys(people: People):
    ann = await holder_of(people)
    nowhere = _with_party(people, PasskeySettings())
    people.plane = nowhere

    assert await refused(ann.begin()) == "passkeys-unavailable"
    assert await refused(ann.ask()) == "passkeys-unavailable"


def _with_party(people: People, party: PasskeySettings) -> IdentityPlane:
    return replace(people.plane, settings=msgspec.structs.replace(people.plane.settings, passkeys=party))


@pytest.mark.parametrize("lie", LIES)
async def test_a_new_key_with_a_lie_about_it_is_not_taken(people: People, lie: str):
    ann = await holder_of(people)

    assert await refused(ann.enrol(LIES[lie])) == "passkey-refused"

    assert await ann.kept() == ()
    assert [row.outcome for row in await events_of(people, "audit.factor_created.v1")] == ["refused"]
    await ann.enrol()
