"""A service that knows nothing of Domicile, behind a real nginx that asks Domicile about every request."""

from collections.abc import Generator
from urllib.parse import urlsplit

import pytest

from domicile.region.access.forwarding import IDENTITY_HEADERS
from tests.support.api import Installation, serving
from tests.support.people import FrozenClock
from tests.support.reverse_proxy import Answer, Proxy, nginx, service
from tests.support.services import EXAMPLE, register
from tests.support.world import Account, Key, World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    """On SQLite alone: nothing here asks a database anything of its own."""
    installed = Installation(None, tmp_path_factory.mktemp("data"))
    config = register(installed, EXAMPLE)
    config.write_text('[server]\ntrusted_proxies = ["127.0.0.1"]\n' + config.read_text())
    with serving(config, installed.data, FrozenClock()) as server:
        yield World(server)


@pytest.fixture(scope="module")
def proxy(world: World, tmp_path_factory: pytest.TempPathFactory) -> Generator[Proxy]:
    domicile = urlsplit(world.server.url).port
    assert domicile is not None
    with (
        service() as port,
        nginx(tmp_path_factory.mktemp("nginx"), domicile=domicile, service=port) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def labs(world: World) -> Account:
    return world.account(world.person("Ann Example"), "de-1", "Labs")


@pytest.fixture(scope="module")
def reader(world: World, labs: Account) -> Key:
    return world.key(labs.api, "read-only")


def as_(key: Key | None) -> tuple[str, str | None]:
    return "Authorization", key.api.authorization if key else None


def test_an_allowed_request_reaches_the_service_with_who_sent_it_and_without_the_credential(
    proxy: Proxy, labs: Account, reader: Key
):
    seen = proxy.ask("GET", "/policies/etc?deep=1", as_(reader)).seen

    assert (seen["method"], seen["target"]) == ("GET", "/policies/etc?deep=1")
    told = {name: value for name, value in seen["headers"].items() if name.startswith("Domicile-")}
    assert told == {
        "Domicile-Principal": f"urn:domicile:identity:de-1:{labs.id}:apikey/{reader.id}",
        "Domicile-Account": labs.id,
        "Domicile-Region": "de-1",
        "Domicile-Role": "read-only",
        "Domicile-Level": "read-only",
    }
    assert "Authorization" not in seen["headers"]


def test_a_refused_request_never_reaches_the_service(proxy: Proxy, reader: Key):
    for method, target, key, status in (
        ("POST", "/policies", reader, 403),
        ("DELETE", "/policies/etc", reader, 403),
        ("GET", "/unguarded", reader, 403),
        ("GET", "/policies", None, 401),
    ):
        answer = proxy.ask(method, target, as_(key))
        assert (answer.status, b"target" in answer.body) == (status, False), (method, target)
    assert proxy.ask("GET", "/policies").headers["www-authenticate"] == 'Bearer realm="domicile"'
    assert proxy.ask("HEAD", "/policies", as_(reader)).status == 200
    assert proxy.ask("GET", "/health").seen["target"] == "/health"


def test_whoever_is_removed_is_refused_at_the_next_request(proxy: Proxy, world: World, labs: Account):
    guest = world.person("Gus Guest")
    token = "Authorization", world.join(labs, guest, "full-access").authorization
    assert proxy.ask("PUT", "/policies/etc", token).seen["headers"]["Domicile-Email"] == guest.email

    labs.api.call("DELETE", f"/api/users/{guest.id}", status=204)

    assert proxy.ask("PUT", "/policies/etc", token).status == 401


def test_a_client_cannot_say_who_it_is_or_what_it_asks_for(proxy: Proxy, labs: Account, reader: Key):
    forged = [(name.decode().title(), "forged") for name in IDENTITY_HEADERS]
    shouted = [(name.decode().upper(), "forged") for name in IDENTITY_HEADERS]
    underscored = [(name.decode().replace("-", "_"), "forged") for name in IDENTITY_HEADERS]
    for target, key in (("/policies", reader), ("/health", None)):
        seen = proxy.ask("GET", target, as_(key), *forged, *shouted, *underscored).seen
        assert "forged" not in str(seen)

    asking_for_less = [("X-Original-Method", "GET"), ("X-Original-URI", "/health")]
    asking_otherwise = [("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/health")]
    for more in (asking_for_less, asking_otherwise, [("X-HTTP-Method-Override", "GET")]):
        assert proxy.ask("POST", "/policies", as_(reader), *more).status == 403
    overriding = proxy.ask("GET", "/policies", as_(reader), ("X-HTTP-Method-Override", "DELETE")).seen
    assert "X-Http-Method-Override" not in {name.title() for name in overriding["headers"]}
    assert proxy.ask("GET", "/.domicile/forward", as_(reader)).status == 404


@pytest.mark.parametrize(
    "target",
    [
        "/health/../policies",
        "/health/%2e%2e/policies",
        "/health%2f..%2fpolicies",
        "/health/..;/policies",
        "/health;/policies",
        "//policies",
        "/policies%00",
        "/policies/%c0%ae%c0%ae/me",
        "/policies/%252e%252e/me",
        "/POLICIES",
        "/policies\\..\\me",
        "/policies#/../health",
        "*",
    ],
)
def test_a_spelling_that_a_service_could_read_otherwise_does_not_get_through(
    proxy: Proxy, labs: Account, target: str
):
    for credential in (("Authorization", labs.api.authorization), ("X-None", None)):
        answer = proxy.ask("GET", target, credential)
        assert answer.status in {400, 401, 403}, (answer.status, answer.body)
        assert b"target" not in answer.body


def test_the_service_sees_the_very_path_that_was_decided_on(proxy: Proxy, reader: Key):
    for target in ("/policies/a%20b", "/policies/%C3%A9?x=%2F", "/%70olicies/etc", "/policies/etc/"):
        assert proxy.ask("GET", target, as_(reader)).seen["target"] == target
    whole = proxy.ask("GET", "http://workload.example.com/policies/etc", as_(reader))
    assert whole.seen["target"] == "/policies/etc"
    assert proxy.ask("GET", "http://workload.example.com/health/../policies", as_(reader)).status == 403


def test_a_key_bound_to_networks_is_judged_by_the_clients_address(proxy: Proxy, world: World, labs: Account):
    here = world.key(labs.api, allowedIPs=["127.0.0.1"])
    elsewhere = world.key(labs.api, allowedIPs=["203.0.113.5"])

    def ask(key: Key) -> Answer:
        return proxy.ask("GET", "/policies", as_(key), ("X-Forwarded-For", "203.0.113.5"))

    assert (ask(here).status, ask(elsewhere).status) == (200, 403)
