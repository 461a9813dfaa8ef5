"""Guessing at passwords over HTTP: from many addresses through a proxy, with forged headers, at once, across restarts."""

from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from domicile.kernel.ids import UserId
from tests.support.api import Api, Install, Installation, LiveServer, serving
from tests.support.authenticator import TRUTH, Authenticator, Lies
from tests.support.people import FrozenClock
from tests.support.process import RealServer
from tests.support.process import real as real
from tests.support.second_factors import give_passkey
from tests.support.world import PASSWORD, Person, World

PROXIES = '[server]\ntrusted_proxies = ["127.0.0.1", "10.0.0.0/8", "2001:db8:ffff::/48"]\n'
WRONG, HOME = "not the right password", "198.51.100.7"


def through_proxy(*hops: str) -> dict[str, str]:
    """Headers as a proxy at this machine sends them."""
    return {"X-Forwarded-For": ", ".join(hops)}


def far(number: int) -> str:
    """An address in a network of its own for every number."""
    return f"203.{number >> 8}.{number & 255}.9"


def behind_proxies(installed: Installation) -> Installation:
    """The same installation, configured to believe proxies."""
    config = installed.data / "proxied.toml"
    before = installed.config.read_text() if installed.config else ""
    config.write_text(before + PROXIES)
    return Installation(config, installed.data)


@pytest.fixture
def proxied(install: Install) -> Generator[LiveServer]:
    """A server of one test alone, behind a proxy at this machine."""
    installed = behind_proxies(install())
    with serving(installed.config, installed.data, FrozenClock()) as server:
        yield server


def guess_from(server: LiveServer, address: str, email: str, password: str = WRONG) -> httpx2.Response:
    return server.anyone.post(
        "/api/sessions", {"email": email, "password": password}, headers=through_proxy(address)
    )


def events_of(session: Api, type_: str) -> list[dict[str, Any]]:
    found = session.call("GET", "/api/me/events?limit=250")["events"]
    return [event for event in found if event["type"] == type_]


def person_at_home(world: World) -> Person:
    """A person who has signed in from home."""
    person = world.person()
    body = {"email": person.email, "password": person.password}
    world.anyone.call("POST", "/api/sessions", body, status=201, headers=through_proxy(HOME))
    return person


def test_a_thousand_wrong_passwords_from_as_many_networks_get_few_tries_and_never_shut_the_person_out(
    proxied: LiveServer,
) -> None:
    world = World(proxied)
    person = person_at_home(world)
    answers = Counter[int]()
    for number in range(1000):
        answers[guess_from(proxied, far(number), person.email).status_code] += 1
        proxied.clock.advance(seconds=10)
    # 10,000 seconds: five free ones, ten while the delay grows for 1,023 seconds, then one in fifteen minutes.
    assert answers == {401: 24, 429: 976}
    at_home = guess_from(proxied, "198.51.100.200", person.email, person.password)
    assert at_home.status_code == 201
    assert guess_from(proxied, far(5000), person.email, person.password).status_code == 429
    inside = proxied.anyone.with_(f"Bearer {at_home.json()['token']}")
    refused = events_of(inside, "audit.attempt_refused.v1")
    # As many as there were minutes at most.
    assert 100 <= len(refused) <= 168
    assert refused[0]["details"] == {"factor": "password", "sources": "strangers"}
    mails = [mail for mail in proxied.mails.glob("*.eml") if b"any failed attempts" in mail.read_bytes()]
    assert len(mails) == 1


def test_an_unknown_address_is_answered_in_every_way_as_a_known_one(proxied: LiveServer) -> None:
    person = person_at_home(World(proxied))
    told: dict[str, list[tuple[int, dict[str, Any], str | None]]] = {}
    for place, email in enumerate((person.email, "nobody.at.all@example.com")):
        told[email] = []
        for number in range(40):
            answer = guess_from(proxied, far(100 * place + number), email)
            body = {name: value for name, value in answer.json().items() if name != "instance"}
            told[email].append((answer.status_code, body, answer.headers.get("Retry-After")))
            proxied.clock.advance(seconds=20)
    known, unknown = told.values()
    assert known == unknown
    assert {status for status, _, _ in known} == {401, 429}


def test_a_refusal_says_when_to_come_back_and_then_the_right_password_signs_in(proxied: LiveServer) -> None:
    person = person_at_home(World(proxied))
    for number in range(5):
        guess_from(proxied, far(number), person.email)
    refused = guess_from(proxied, far(6), person.email, person.password)
    body = refused.json()
    assert (refused.status_code, refused.headers["Retry-After"], body["retryAfter"]) == (429, "1", 1)
    assert body["type"].endswith("/problems/too-many-attempts")
    proxied.clock.advance(seconds=1)
    assert guess_from(proxied, far(6), person.email, person.password).status_code == 201


def test_a_burst_of_fifty_guesses_gets_five_tries(proxied: LiveServer) -> None:
    person = person_at_home(World(proxied))
    with ThreadPoolExecutor(50) as pool:
        codes = Counter(pool.map(lambda n: guess_from(proxied, far(n), person.email).status_code, range(50)))
    assert codes == {401: 5, 429: 45}


def test_a_range_that_guesses_at_many_people_is_refused_and_its_neighbours_are_not(
    proxied: LiveServer,
) -> None:
    person = person_at_home(World(proxied))
    codes = [guess_from(proxied, far(1), f"nobody.{n}@example.com").status_code for n in range(22)]
    assert codes == [401] * 20 + [429] * 2
    assert guess_from(proxied, far(1), person.email, person.password).status_code == 429
    assert guess_from(proxied, far(2), person.email, person.password).status_code == 201


def test_every_path_that_takes_a_password_counts_with_the_others(proxied: LiveServer) -> None:
    person = person_at_home(World(proxied))
    wrong = {"password": WRONG}
    tries = [
        ("POST", "/api/me/password", {"currentPassword": WRONG, "newPassword": "a pelican folds seven maps"}),
        ("POST", "/api/me/email", wrong | {"email": "new.ann@example.com"}),
        ("POST", "/api/me/export", wrong),
        ("DELETE", "/api/me", wrong),
        ("POST", "/api/me/export", wrong),
    ]
    for method, path, body in tries:
        assert person.api.send(method, path, body).json()["type"].endswith("/password-wrong"), path
    for method, path, body in tries:
        refused = person.api.send(method, path, body)
        assert (refused.status_code, refused.json().get("retryAfter")) == (429, 1), path
    # Whoever has stolen the session keeps nobody from signing in.
    assert guess_from(proxied, HOME, person.email, person.password).status_code == 201
    assert guess_from(proxied, far(9), person.email, person.password).status_code == 201


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/password/reset", {"password": "a pelican folds seven maps"}),
        ("/api/signup/verify", {}),
        ("/api/email/verify", {}),
        ("/api/email/undo", {}),
    ],
)
def test_links_are_guessed_at_twenty_times_from_one_address(
    proxied: LiveServer, path: str, body: dict[str, str]
) -> None:
    given = {"token": "Zq3v0fJ8kR1nY6wP4sT9uX2bC5dE7gH0iL3mN6oQ8rS"} | body

    def follow(address: str) -> int:
        return proxied.anyone.post(path, given, headers=through_proxy(address)).status_code

    assert [follow(far(1)) for _ in range(21)] == [400] * 20 + [429]
    assert follow(far(2)) == 400


def test_answers_for_passkeys_that_name_nobody_are_guessed_twenty_times_from_one_address(
    proxied: LiveServer,
) -> None:
    device = Authenticator(proxied.settings.passkeys.origins[0])
    rp_id = proxied.settings.passkeys.rp_id
    device.create({"rp": {"id": rp_id}, "user": {"id": "bm9ib2R5"}, "challenge": "bm9uZQ"})  # never enrolled

    def guess(address: str) -> int:
        sent = through_proxy(address)
        begun = proxied.anyone.call("POST", "/api/sign-in", {}, status=201, headers=sent)
        shown = {"signIn": begun["signIn"], "credential": device.get(begun["passkey"])}
        return proxied.anyone.post("/api/sign-in/passkey", shown, headers=sent).status_code

    assert [guess(far(1)) for _ in range(21)] == [401] * 20 + [429]
    assert guess(far(2)) == 401


def test_wrong_passkeys_after_the_password_are_counted_over_all_sign_ins_of_a_person(
    proxied: LiveServer,
) -> None:
    person = person_at_home(World(proxied))
    device = Authenticator(proxied.settings.passkeys.origins[0])
    proxied.run(give_passkey(proxied.node.identity, UserId(person.id), device))

    def show(address: str, lies: Lies = TRUTH) -> httpx2.Response:
        sent = through_proxy(address)
        asked = guess_from(proxied, address, person.email, person.password).json()
        shown = {"signIn": asked["signIn"], "credential": device.get(asked["passkey"], lies)}
        return proxied.anyone.post("/api/sign-in/passkey", shown, headers=sent)

    evil = Lies(origin="https://evil.test")
    assert [show(far(n), evil).status_code for n in range(6)] == [401] * 5 + [429]
    assert show(far(7)).status_code == 429
    proxied.clock.advance(seconds=1)
    assert show(far(8)).status_code == 201
    # The place is familiar from now on, and what strangers do holds nobody up there.
    assert [show(far(n), evil).status_code for n in range(10, 16)] == [401] * 5 + [429]
    assert show(far(8)).status_code == 201


def test_wrong_passkeys_inside_a_session_hold_up_no_sign_in(proxied: LiveServer) -> None:
    world = World(proxied)
    person = person_at_home(world)
    device = Authenticator(proxied.settings.passkeys.origins[0])
    proxied.run(give_passkey(proxied.node.identity, UserId(person.id), device))

    def step_up(lies: Lies = TRUTH) -> int:
        asked = person.api.call("POST", "/api/me/step-up/options")
        shown = {"challenge": asked["challenge"], "credential": device.get(asked["passkey"], lies)}
        return person.api.post("/api/me/step-up", shown).status_code

    assert [step_up(Lies(origin="https://evil.test")) for _ in range(6)] == [403] * 5 + [429]
    assert step_up() == 429
    begun = proxied.anyone.call("POST", "/api/sign-in", {}, status=201)
    shown = {"signIn": begun["signIn"], "credential": device.get(begun["passkey"])}
    proxied.anyone.call("POST", "/api/sign-in/passkey", shown, status=201)


def test_who_has_to_wait_loses_no_try_of_the_sign_in_under_way(proxied: LiveServer) -> None:
    person = person_at_home(World(proxied))
    for number in range(5):
        guess_from(proxied, far(number), person.email)
    sent = through_proxy(far(9))
    begun = proxied.anyone.call("POST", "/api/sign-in", {"email": person.email}, status=201, headers=sent)
    body = {"signIn": begun["signIn"], "password": person.password}
    for _ in range(8):
        assert proxied.anyone.post("/api/sign-in/password", body, headers=sent).status_code == 429
    proxied.clock.advance(seconds=1)
    proxied.anyone.call("POST", "/api/sign-in/password", body, status=201, headers=sent)


def test_a_new_password_by_mail_lets_a_traveller_in_while_strangers_go_on(proxied: LiveServer) -> None:
    world = World(proxied)
    person = person_at_home(world)
    for number in range(60):
        guess_from(proxied, far(number), person.email)
        proxied.clock.advance(minutes=16)
    hotel, new = through_proxy("192.0.2.44"), "a pelican folds seven maps"
    right = {"email": person.email, "password": person.password}
    closed = proxied.anyone.post("/api/sessions", right, headers=hotel)
    assert (closed.status_code, closed.headers["Retry-After"]) == (429, "900")

    proxied.anyone.call("POST", "/api/password/forgot", {"email": person.email}, status=202, headers=hotel)
    reset = {"token": world.token_to(person.email, "reset"), "password": new}
    proxied.anyone.call("POST", "/api/password/reset", reset, status=204, headers=hotel)
    for number in range(30):
        guess_from(proxied, far(number), person.email)
    proxied.anyone.call("POST", "/api/sessions", right | {"password": new}, status=201, headers=hotel)


def test_counters_outlive_a_restart(install: Install) -> None:
    installed, clock = behind_proxies(install()), FrozenClock()
    with serving(installed.config, installed.data, clock) as server:
        person = person_at_home(World(server))
        for number in range(5):
            guess_from(server, far(number), person.email)
    with serving(installed.config, installed.data, clock) as server:
        assert guess_from(server, far(6), person.email, person.password).status_code == 429
        assert guess_from(server, HOME, person.email, person.password).status_code == 201


def test_two_servers_on_the_same_databases_count_together(install: Install) -> None:
    installed, clock = behind_proxies(install()), FrozenClock()
    with (
        serving(installed.config, installed.data, clock) as one,
        serving(installed.config, installed.data, clock) as two,
    ):
        person = person_at_home(World(one))
        codes = [guess_from((one, two)[n % 2], far(n), person.email).status_code for n in range(8)]
        assert codes == [401] * 5 + [429] * 3
        with ThreadPoolExecutor(40) as pool:
            other = "another.nobody@example.com"
            burst = Counter(
                pool.map(lambda n: guess_from((one, two)[n % 2], far(n), other).status_code, range(40))
            )
        # Each process may have five under way that the other does not know of yet, and no more.
        assert 5 <= burst[401] <= 10 and burst[401] + burst[429] == 40


# ---------------------------------------------------------------- whose address it is


def seen_addresses(server: LiveServer, headers: dict[str, str] | list[tuple[str, str]]) -> str:
    """Sign in with some headers; gives the address that was written down."""
    world = World(server)
    person = world.person()
    body = {"email": person.email, "password": PASSWORD}
    pairs = [("Api-Version", "v1"), *(headers.items() if isinstance(headers, dict) else headers)]
    assert server.client.post("/api/sessions", json=body, headers=pairs).status_code == 201
    return events_of(person.api, "audit.user-signed-in.v1")[0]["sourceAddress"]


@pytest.mark.parametrize(
    ("headers", "seen"),
    [
        (through_proxy("203.0.113.5"), "203.0.113.5"),
        (through_proxy("1.1.1.1", "203.0.113.5"), "203.0.113.5"),
        (through_proxy("1.1.1.1", "203.0.113.5", "10.1.2.3"), "203.0.113.5"),
        (through_proxy("127.0.0.1", "203.0.113.5", "10.1.2.3", "10.9.9.9"), "203.0.113.5"),
        ([("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-For", "203.0.113.5")], "203.0.113.5"),
        (through_proxy("203.0.113.5:4711"), "203.0.113.5"),
        (through_proxy("2001:db8::5"), "2001:db8::5"),
        (through_proxy("[2001:db8::5]:4711"), "2001:db8::5"),
        (through_proxy("203.0.113.5", "2001:db8:ffff::1"), "203.0.113.5"),
        (through_proxy("::ffff:203.0.113.5"), "203.0.113.5"),
        (through_proxy("1.1.1.1", "garbage"), ""),
        (through_proxy("203.0.113.5,"), "127.0.0.1"),
        ({"Forwarded": "for=1.1.1.1"}, "127.0.0.1"),
        ({"X-Real-IP": "1.1.1.1", "True-Client-IP": "1.1.1.1"}, "127.0.0.1"),
    ],
)
def test_behind_a_proxy_the_rightmost_hop_that_is_no_proxy_counts(
    proxied: LiveServer, headers: dict[str, str] | list[tuple[str, str]], seen: str
) -> None:
    assert seen_addresses(proxied, headers) == seen


def test_forged_headers_from_who_is_no_proxy_change_neither_the_counter_nor_the_address(
    real: RealServer,
) -> None:
    person = real.world().person()
    person.api.call("DELETE", "/api/sessions/current", status=204)
    stranger_codes = []
    for number in range(25):
        forged = {
            "X-Forwarded-For": f"203.0.{number}.9",
            "Forwarded": f"for=203.0.{number}.9",
            "X-Real-IP": f"203.0.{number}.9",
        }
        answer = real.anyone.post(
            "/api/sessions", {"email": f"nobody.{number}@example.com", "password": WRONG}, headers=forged
        )
        stranger_codes.append(answer.status_code)
    assert stranger_codes[:20] == [401] * 20 and 429 in stranger_codes[20:]
    api = real.world().sign_in(person.email)
    found = api.call("GET", "/api/me/events")["events"]
    assert {event["sourceAddress"] for event in found} == {"127.0.0.1"}


def test_a_real_server_behind_a_proxy_counts_by_the_address_that_the_proxy_names(real: RealServer) -> None:
    real.kill()
    real.config = real.data / "domicile.toml"
    real.config.write_text(PROXIES)
    real.start()
    codes = [
        real.anyone.post(
            "/api/sessions",
            {"email": f"nobody.{number}@example.com", "password": WRONG},
            headers=through_proxy(f"1.1.1.{number}", far(1)),
        ).status_code
        for number in range(21)
    ]
    assert codes == [401] * 20 + [429]
    other = real.anyone.post(
        "/api/sessions",
        {"email": "nobody@example.com", "password": WRONG},
        headers=through_proxy("1.1.1.1", far(2)),
    )
    assert other.status_code == 401
