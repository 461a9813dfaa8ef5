"""Signing in over HTTP: by steps and at once, with every second factor; sessions seen, ended and lifted."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from pyotp.totp import TOTP

from domicile.kernel.ids import UserId
from domicile.web.problems import CODES
from tests.support.api import Api
from tests.support.authenticator import Authenticator
from tests.support.second_factors import give_passkey
from tests.support.world import PASSWORD, Person, World

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@dataclass(frozen=True)
class Protected:
    """Somebody with an app and recovery codes."""

    person: Person
    secret: str
    codes: list[str]
    api: Api
    """Speaks with the session in which they enrolled."""

    @property
    def email(self) -> str:
        return self.person.email


def code_of(person: Protected, world: World) -> str:
    """Wait for a step that no code was used of, and read its code."""
    world.server.clock.advance(seconds=30)
    return TOTP(person.secret).at(world.server.clock())


def bearer(world: World, body: dict[str, Any]) -> Api:
    return world.anyone.with_(f"Bearer {body['token']}")


@pytest.fixture
def protected(own_world: World) -> Protected:
    person = own_world.person("Ann Example")
    begun = person.api.call("POST", "/api/me/factors/totp", {"name": "Phone"}, status=201)
    code = TOTP(begun["secret"]).at(own_world.server.clock())
    path = f"/api/me/factors/totp/{begun['id']}/confirm"
    confirmed = person.api.call("POST", path, {"code": code})
    api = bearer(own_world, confirmed)
    return Protected(person, begun["secret"], confirmed["recoveryCodes"], api)


def code_in(answer: httpx2.Response) -> str:
    found = answer.json()["type"].rpartition("/")[2]
    assert CODES[found] == answer.status_code
    return found


def begin(world: World, email: str) -> dict[str, Any]:
    return world.anyone.call("POST", "/api/sign-in", {"email": email}, status=201)


def second_step(world: World, person: Protected) -> dict[str, Any]:
    body = {"signIn": begin(world, person.email)["signIn"], "password": PASSWORD}
    return world.anyone.call("POST", "/api/sign-in/password", body)


def test_a_person_signs_in_step_by_step(world: World) -> None:
    ann = world.person()
    begun = begin(world, ann.email)
    assert begun["ways"] == ["password", "passkey"]
    assert begun["passkey"]["allowCredentials"] == []
    made = world.anyone.call(
        "POST", "/api/sign-in/password", {"signIn": begun["signIn"], "password": PASSWORD}, status=201
    )
    assert made["user"]["email"] == ann.email
    assert bearer(world, made).call("GET", "/api/me")["id"] == ann.id


def test_nobody_can_tell_who_is_a_user_or_has_a_second_factor(own_world: World, protected: Protected) -> None:
    plain = own_world.person()
    addresses = [protected.email, plain.email, "nobody@example.com"]
    begun = [begin(own_world, address) for address in addresses]
    shapes = [{**each, "signIn": "", "passkey": {**each["passkey"], "challenge": ""}} for each in begun]
    assert shapes[0] == shapes[1] == shapes[2]
    bodies = [
        own_world.anyone.post(
            "/api/sign-in/password", {"signIn": each["signIn"], "password": "not the password"}
        ).json()
        for each in begun
    ]
    at_once = [
        own_world.anyone.post("/api/sessions", {"email": address, "password": "not the password"}).json()
        for address in addresses
    ]
    for told in (bodies, at_once):
        assert {**told[0], "instance": ""} == {**told[1], "instance": ""} == {**told[2], "instance": ""}


def test_who_has_an_app_shows_its_code_in_the_second_step(own_world: World, protected: Protected) -> None:
    second = second_step(own_world, protected)
    assert second["ways"] == ["totp", "recovery-code"]
    body = {"signIn": second["signIn"], "code": code_of(protected, own_world)}
    made = own_world.anyone.call("POST", "/api/sign-in/code", body, status=201)
    (session,) = [
        each
        for each in bearer(own_world, made).call("GET", "/api/me/sessions")["sessions"]
        if each["current"]
    ]
    assert session["methods"] == ["pwd", "otp", "mfa"]
    again = own_world.anyone.post("/api/sign-in/code", body)
    assert code_in(again) == "sign-in-over"


def test_at_once_the_code_goes_with_the_password(own_world: World, protected: Protected) -> None:
    body = {"email": protected.email, "password": PASSWORD}
    refused = own_world.anyone.post("/api/sessions", body)
    assert code_in(refused) == "second-factor-required"
    assert refused.json()["ways"] == ["totp", "recovery-code"]
    typed = code_of(protected, own_world)
    assert own_world.anyone.post("/api/sessions", {**body, "code": typed}).status_code == 201
    assert code_in(own_world.anyone.post("/api/sessions", {**body, "code": typed})) == "sign-in-failed"
    on = {"signIn": refused.json()["signIn"], "code": protected.codes[0]}
    assert own_world.anyone.post("/api/sign-in/recovery-code", on).status_code == 201


def test_the_machine_of_steps_cannot_be_driven_out_of_order(own_world: World, protected: Protected) -> None:
    plain = own_world.person()
    first, second = begin(own_world, protected.email), second_step(own_world, protected)
    of_plain = begin(own_world, plain.email)
    typed = code_of(protected, own_world)
    for path, body in (
        ("code", {"signIn": first["signIn"], "code": typed}),
        ("recovery-code", {"signIn": first["signIn"], "code": protected.codes[1]}),
        ("password", {"signIn": second["signIn"], "password": PASSWORD}),
        ("code", {"signIn": of_plain["signIn"], "code": typed}),
        ("password", {"signIn": "dmi_", "password": PASSWORD}),
        ("code", {"signIn": protected.api.authorization or "", "code": typed}),
    ):
        assert code_in(own_world.anyone.post(f"/api/sign-in/{path}", body)) == "sign-in-over"
    own_world.server.clock.advance(minutes=10)
    late = {"signIn": second["signIn"], "code": code_of(protected, own_world)}
    assert code_in(own_world.anyone.post("/api/sign-in/code", late)) == "sign-in-over"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", {"email": 5}),
        ("", {"email": "ann@example.com", "user": "ann"}),
        ("", {"email": "not an address"}),
        ("/password", {"signIn": "x"}),
        ("/password", {"signIn": ["x"], "password": PASSWORD}),
        ("/password", {"signIn": "x", "password": "x" * 300}),
        ("/code", {"signIn": "x", "code": 123456}),
        ("/passkey", {"signIn": "x", "credential": "text"}),
    ],
)
def test_bodies_of_a_wrong_form_are_refused(world: World, path: str, body: dict[str, Any]) -> None:
    assert code_in(world.anyone.post(f"/api/sign-in{path}", body)) == "invalid-input"


def test_one_recovery_code_at_twenty_doors_opens_one(own_world: World, protected: Protected) -> None:
    body = {"email": protected.email, "password": PASSWORD, "code": protected.codes[0]}
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: own_world.anyone.post("/api/sessions", body), range(20)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(201) == 1
    assert {status for status in statuses if status != 201} <= {401, 429}


def test_a_passkey_signs_in_without_an_address_and_steps_up(own_world: World) -> None:
    ann, device = own_world.person(), Authenticator(own_world.server.settings.passkeys.origins[0])
    own_world.server.run(give_passkey(own_world.server.node.identity, UserId(ann.id), device))

    begun = own_world.anyone.call("POST", "/api/sign-in", {}, status=201)
    assert begun["ways"] == ["passkey"]
    answer = {"signIn": begun["signIn"], "credential": device.get(begun["passkey"])}
    signed_in = own_world.anyone.call("POST", "/api/sign-in/passkey", answer, status=201)
    api = bearer(own_world, signed_in)
    assert signed_in["user"]["email"] == ann.email
    assert code_in(own_world.anyone.post("/api/sign-in/passkey", answer)) == "sign-in-over"

    own_world.server.clock.advance(minutes=11)
    asked = api.call("POST", "/api/me/step-up/options")
    assert asked["ways"] == ["passkey"]
    shown = {"challenge": asked["challenge"], "credential": device.get(asked["passkey"])}
    lifted = api.call("POST", "/api/me/step-up", shown, status=201)
    assert code_in(api.get("/api/me")) == "session-ended"
    assert bearer(own_world, lifted).get("/api/me").status_code == 200


def test_step_up_renews_what_was_stale_under_a_new_token(own_world: World, protected: Protected) -> None:
    api = protected.api
    own_world.server.clock.advance(minutes=11)
    body = {"email": "new@example.com", "password": PASSWORD}
    assert code_in(api.post("/api/me/email", body)) == "reauthentication-required"
    refused = api.post("/api/me/step-up", {"password": PASSWORD})
    assert (code_in(refused), refused.json()["ways"]) == (
        "second-factor-required",
        ["totp", "recovery-code"],
    )
    assert code_in(api.post("/api/me/step-up", {"code": "000000"})) == "factor-wrong"
    lifted = api.call("POST", "/api/me/step-up", {"code": code_of(protected, own_world)}, status=201)
    assert code_in(api.post("/api/me/email", body)) == "session-ended"
    assert bearer(own_world, lifted).post("/api/me/email", body).status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"password": PASSWORD, "code": "123456"},
        {"code": "123456", "recoveryCode": "x"},
        {"credential": {}},
        {"challenge": "x"},
        {"password": PASSWORD, "challenge": "x"},
        {"password": None},
    ],
)
def test_step_up_takes_one_thing(world: World, body: dict[str, Any]) -> None:
    assert code_in(world.person().api.post("/api/me/step-up", body)) == "invalid-input"


def test_a_session_tells_of_its_device_and_how_its_person_showed_who_they_are(world: World) -> None:
    ann = world.person()
    body = {"email": ann.email, "password": PASSWORD}
    made = world.anyone.send("POST", "/api/sessions", body, headers={"User-Agent": FIREFOX}).json()
    shown = bearer(world, made).call("GET", "/api/me/sessions")["sessions"][0]
    assert (shown["device"], shown["addressFamily"], shown["methods"], shown["current"]) == (
        "Firefox on Linux",
        "ipv4",
        ["pwd"],
        True,
    )
    assert shown["authenticated"] == shown["created"]
    assert "127.0.0.1" not in str(shown)


def test_ending_all_others_ends_them_and_every_account_token_at_once(world: World) -> None:
    ann = world.person()
    account = world.account(ann)
    others = [world.sign_in(ann.email) for _ in range(3)]
    inside = world.anyone.with_(
        f"Bearer {others[0].call('POST', f'/api/accounts/{account.id}/token', status=201)['token']}"
    )
    assert inside.get("/api/whoami").status_code == 200
    assert ann.api.call("DELETE", "/api/me/sessions") == {"ended": 3}
    for other in others:
        assert code_in(other.get("/api/me")) == "session-ended"
    assert inside.get("/api/whoami").status_code == 401
    assert world.enter(ann, account.id).get("/api/whoami").status_code == 200
    assert ann.api.call("DELETE", "/api/me/sessions") == {"ended": 0}


def test_ending_one_session_ends_the_account_tokens_made_in_it_at_once(world: World) -> None:
    ann = world.person()
    account = world.account(ann)
    other = world.sign_in(ann.email)
    inside = world.anyone.with_(
        f"Bearer {other.call('POST', f'/api/accounts/{account.id}/token', status=201)['token']}"
    )
    sessions = ann.api.call("GET", "/api/me/sessions")["sessions"]
    (ended,) = [each["id"] for each in sessions if not each["current"]]
    assert ann.api.delete(f"/api/me/sessions/{ended}").status_code == 204
    assert inside.get("/api/whoami").status_code == 401


def test_a_session_that_an_attacker_set_is_never_adopted(world: World) -> None:
    victim, attacker = world.person(), world.person()
    token = (attacker.api.authorization or "").removeprefix("Bearer ")
    client, origin = world.server.client, {"Origin": world.server.settings.public_url}
    planted = {"Cookie": f"__Host-domicile-session={token}", **origin}
    begun = client.post("/sign-in", data={"email": victim.email}, headers=planted, follow_redirects=False)
    cookie = begun.headers["set-cookie"].partition(";")[0]
    assert "__Host-domicile-sign-in=" in cookie
    signed_in = client.post(
        "/sign-in/password",
        data={"password": PASSWORD},
        headers={**planted, "Cookie": f"{planted['Cookie']}; {cookie}"},
        follow_redirects=False,
    )
    cookies = signed_in.headers.get_list("set-cookie")
    (session,) = [each for each in cookies if each.startswith("__Host-domicile-session=")]
    assert token not in session
    for flag in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"):
        assert flag.lower() in session.lower()
    assert any(each.startswith('__Host-domicile-sign-in="";') or "sign-in=;" in each for each in cookies)
    assert code_in(attacker.api.get("/api/me")) == "session-ended"
    seen = client.get("/me", headers={"Cookie": session.partition(";")[0]})
    assert victim.email in seen.text


def test_the_page_of_the_password_shows_whose_sign_in_it_is(own_world: World, protected: Protected) -> None:
    begun = begin(own_world, protected.email)
    page = own_world.server.client.get(
        "/sign-in/password", headers={"Cookie": f"__Host-domicile-sign-in={begun['signIn']}"}
    )
    assert protected.email in page.text


def test_a_new_device_is_told_of_by_mail(own_world: World) -> None:
    ann = own_world.person()
    body = {"email": ann.email, "password": PASSWORD}
    own_world.anyone.send("POST", "/api/sessions", body, headers={"User-Agent": FIREFOX})
    newest = ann.api.call("GET", "/api/me/events?limit=1")["events"][0]
    assert newest["details"]["device"] == "Firefox, Linux"
