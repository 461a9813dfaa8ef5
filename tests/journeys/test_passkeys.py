"""Passkeys through HTTP: enrolled by the session that asked, listed, renamed, replaced, removed; whatever else is sent is refused and harms nobody."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.authenticator import RS256, TRUTH, UP, Authenticator, Lies, to_base64url
from tests.support.passkeys import LIES
from tests.support.stored import stored_of
from tests.support.world import Person, World, until

OPTIONS, PASSKEYS = "/api/me/factors/passkeys/options", "/api/me/factors/passkeys"


@dataclass
class Holder:
    """A person with a device, who goes on with the newest token."""

    world: World
    person: Person
    device: Authenticator
    api: Api = field(init=False)

    def __post_init__(self) -> None:
        self.api = self.person.api

    def ask(self) -> dict[str, Any]:
        return self.api.call("POST", OPTIONS, status=201)

    def wanted(self, lies: Lies = TRUTH, **more: Any) -> dict[str, Any]:
        asked = self.ask()
        return {
            "challenge": asked["challenge"],
            "credential": self.device.create(asked["passkey"], lies),
            **more,
        }

    def enrol(self, lies: Lies = TRUTH, **more: Any) -> dict[str, Any]:
        made = self.api.call("POST", PASSKEYS, self.wanted(lies, **more), status=201)
        self.api = self.world.anyone.with_(f"Bearer {made['token']}")
        return made

    def factors(self) -> dict[str, Any]:
        return self.api.call("GET", "/api/me/factors")


def holder(world: World, name: str = "Ann Example", **device: Any) -> Holder:
    return Holder(world, world.person(name), Authenticator(world.server.url, **device))


@pytest.fixture
def ann(world: World) -> Holder:
    return holder(world)


def refused(api: Api, path: str, body: object, status: int, code: str) -> dict[str, Any]:
    answer = api.call("POST", path, body, status=status)
    assert answer["type"].endswith(f"/problems/{code}")
    return answer


def test_a_passkey_is_enrolled_listed_renamed_replaced_and_removed(ann: Holder) -> None:
    first_session = ann.api
    made = ann.enrol(name="Laptop")
    assert made["factor"]["kind"] == "passkey"
    assert made["factor"]["name"] == "Laptop"
    assert len(made["recoveryCodes"]) == 10
    assert first_session.get("/api/me").status_code == 401
    (session,) = ann.api.call("GET", "/api/me/sessions")["sessions"]
    assert session["methods"] == ["pwd", "hwk", "user", "mfa"]
    listed = ann.factors()
    assert listed["mfaEnabled"]
    assert listed["factors"] == [made["factor"]]

    item = f"/api/me/factors/{made['factor']['id']}"
    assert ann.api.call("POST", item, {"name": "Old laptop"})["name"] == "Old laptop"
    replaced = ann.enrol(name="New laptop", replaces=made["factor"]["id"])
    assert "recoveryCodes" not in replaced
    assert [one["name"] for one in ann.factors()["factors"]] == ["New laptop"]
    assert ann.api.delete(item).status_code == 404

    gone = ann.api.call("DELETE", f"/api/me/factors/{replaced['factor']['id']}")
    assert gone == {"mfaEnabled": False, "otherSessions": 0}
    assert ann.factors() == {"factors": [], "recoveryCodes": {"left": 0}, "mfaEnabled": False}


def test_every_change_of_passkeys_is_mailed_and_written_down(ann: Holder) -> None:
    made = ann.enrol(name="Laptop")
    ann.api.call("DELETE", f"/api/me/factors/{made['factor']['id']}")

    mails = until(lambda: ann.world.mails_to(ann.person.email), lambda found: len(found) >= 3)
    assert "A second factor was added" in mails[-2]
    assert "A second factor was removed" in mails[-1]
    assert 'Name: "Laptop"' in mails[-1]
    events = ann.api.call("GET", "/api/me/events")["events"]
    assert [event["type"] for event in events[:2]] == ["audit.factor_deleted.v1", "audit.factor_created.v1"]


def test_nobody_sees_or_touches_somebody_elses_passkey(world: World, ann: Holder) -> None:
    made, bob = ann.enrol(), holder(world, "Bob Example")
    bob.enrol()
    item = f"/api/me/factors/{made['factor']['id']}"

    assert bob.api.post(item, {"name": "Mine"}).status_code == 404
    assert bob.api.delete(item).status_code == 404
    refused(bob.api, PASSKEYS, bob.wanted(replaces=made["factor"]["id"]), 400, "invalid-input")
    assert ann.factors()["factors"] == [made["factor"]]


def test_the_answer_to_another_sessions_challenge_is_refused_and_leaves_it_good(
    world: World, ann: Holder
) -> None:
    wanted, bob = ann.wanted(), holder(world, "Bob Example")
    same_person = world.sign_in(ann.person.email)

    refused(bob.api, PASSKEYS, wanted, 400, "passkey-refused")
    refused(same_person, PASSKEYS, wanted, 400, "passkey-refused")
    ann.api.call("POST", PASSKEYS, wanted, status=201)


def test_an_answer_works_once_and_a_late_one_not_at_all(own_world: World) -> None:
    ann = holder(own_world)
    wanted = ann.wanted()
    token = ann.api.call("POST", PASSKEYS, wanted, status=201)["token"]
    ann.api = own_world.anyone.with_(f"Bearer {token}")
    refused(ann.api, PASSKEYS, wanted, 400, "passkey-refused")

    late = ann.wanted()
    own_world.server.clock.advance(minutes=5)
    refused(ann.api, PASSKEYS, late, 400, "passkey-refused")
    own_world.server.clock.advance(minutes=5, seconds=1)
    refused(ann.api, OPTIONS, None, 403, "reauthentication-required")


@pytest.mark.parametrize("lie", LIES)
def test_a_key_with_a_lie_about_it_enrols_nothing(ann: Holder, lie: str) -> None:
    refused(ann.api, PASSKEYS, ann.wanted(LIES[lie]), 400, "passkey-refused")
    assert ann.factors()["factors"] == []


def test_a_page_at_the_address_of_this_machine_by_number_is_another_origin(ann: Holder) -> None:
    by_number = ann.world.server.url.replace("localhost", "127.0.0.1")
    refused(ann.api, PASSKEYS, ann.wanted(Lies(origin=by_number)), 400, "passkey-refused")


_BODIES: dict[str, Any] = {
    "nothing": {},
    "a challenge that is a number": {"challenge": 1, "credential": {}},
    "a credential that is a text": {"challenge": "x", "credential": "{}"},
    "a credential that is a list": {"challenge": "x", "credential": []},
    "a name that is a list": {"challenge": "x", "credential": {}, "name": []},
    "an unknown field": {"challenge": "x", "credential": {}, "userID": "x"},
    "a field that we decide": {"challenge": "x", "credential": {}, "id": "x"},
}


@pytest.mark.parametrize("what", _BODIES)
def test_a_body_of_another_form_is_told_what_is_wrong(ann: Holder, what: str) -> None:
    assert refused(ann.api, PASSKEYS, _BODIES[what], 400, "invalid-input")["fields"]


_CREDENTIALS: dict[str, Any] = {
    "empty": {},
    "of 100 KB": {"id": "A" * 100_000, "rawId": "A" * 100_000, "type": "public-key", "response": {}},
    "with client data of 100 KB": {
        "id": "AAAA",
        "rawId": "AAAA",
        "type": "public-key",
        "response": {"clientDataJSON": "A" * 100_000, "attestationObject": "o2Nm"},
    },
    "deep": {"id": "AAAA", "response": {"clientDataJSON": [[[[[[[[[]]]]]]]]]}},
    "with NUL": {"id": "\x00", "rawId": "\x00", "type": "public-key", "response": {}},
    "with the id of another standard": {"id": "' OR 1=1 --", "type": "public-key", "response": {}},
}


@pytest.mark.parametrize("what", _CREDENTIALS)
def test_a_credential_of_another_form_is_refused_whatever_the_challenge(ann: Holder, what: str) -> None:
    for challenge in (ann.ask()["challenge"], "x", "", "\x00", "x" * 100_000, "' OR 1=1 --"):
        body = {"challenge": challenge, "credential": _CREDENTIALS[what]}
        refused(ann.api, PASSKEYS, body, 400, "passkey-refused")


def test_an_attestation_that_ends_too_early_is_refused_wherever_it_ends(ann: Holder) -> None:
    for length in (1, 5, 30, 70, 120, 180):
        wanted = ann.wanted()
        response = wanted["credential"]["response"]
        response["attestationObject"] = response["attestationObject"][: length * 4 // 3]
        refused(ann.api, PASSKEYS, wanted, 400, "passkey-refused")


def test_a_program_that_names_no_version_or_nobody_gets_no_options(world: World) -> None:
    assert world.anyone.post(OPTIONS).status_code == 401
    assert world.server.client.post(OPTIONS).status_code == 400


def test_the_key_of_windows_is_taken_too(world: World) -> None:
    assert holder(world, algorithm=RS256).enrol()["factor"]["kind"] == "passkey"


def test_a_device_that_nobody_touched_enrols_nothing(ann: Holder) -> None:
    refused(ann.api, PASSKEYS, ann.wanted(Lies(flags_off=UP)), 400, "passkey-refused")


def test_the_answer_is_kept_by_no_cache_and_holds_no_key(ann: Holder) -> None:
    asked = ann.api.post(OPTIONS)
    assert asked.headers["cache-control"] == "no-store"
    body = asked.json()
    wanted = {"challenge": body["challenge"], "credential": ann.device.create(body["passkey"])}
    made = ann.api.post(PASSKEYS, wanted)
    assert made.headers["cache-control"] == "no-store"
    assert made.headers["location"] == f"/api/me/factors/{made.json()['factor']['id']}"
    assert to_base64url(ann.device.held[0].id) not in made.text


def test_somebody_who_is_deleted_leaves_no_passkey_and_no_challenge_behind(ann: Holder) -> None:
    ann.enrol()
    ann.ask()

    assert ann.api.delete("/api/me", body={"password": ann.person.password}).status_code < 300

    left = stored_of(ann.world.server, ann.person.id)
    assert left["global passkeys"] == []
    assert left["global passkey_challenges"] == []


def test_an_export_lists_the_passkeys_without_their_keys(ann: Holder) -> None:
    made = ann.enrol(name="Laptop")

    exported = ann.api.call("POST", "/api/me/export", {"password": ann.person.password})

    assert exported["secondFactors"]["factors"] == [made["factor"]]
    assert to_base64url(ann.device.held[0].id) not in str(exported)
