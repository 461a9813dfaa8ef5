"""A service has an identity in each of its regions: by its credential, or by an access token that OAuth clients get for it."""

from base64 import b64encode
from collections.abc import Generator
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest
from joserfc import jws

from tests.support.api import Install, LiveServer, serving
from tests.support.people import FrozenClock
from tests.support.services import EXAMPLE, manifest_text, write_manifest
from tests.support.world import World

GENERAL, GERMAN, OTHER = (f"dsv_{letter * 49}" for letter in "gdo")
CHANGES = "/api/serving/{}/changes"


def mark(credential: str) -> str:
    return sha256(credential.encode()).hexdigest()


@pytest.fixture(scope="module")
def server(install: Install, tmp_path_factory: pytest.TempPathFactory) -> Generator[LiveServer]:
    """Two services: one in every region, with a credential of its own in Germany, and one in Germany alone."""
    installed = install()
    folder: Path = tmp_path_factory.mktemp("services")
    tresor = manifest_text(more='regions = ["de-1"]\n').replace("workload", "tresor")
    before = installed.config.read_text() if installed.config else ""
    config = folder / "domicile.toml"
    config.write_text(
        before + f'\n[[services]]\nmanifest = "{EXAMPLE}"\ncredential_sha256 = "{mark(GENERAL)}"\n'
        f'region_credentials_sha256 = {{ "de-1" = "{mark(GERMAN)}" }}\n'
        f'[[services]]\nmanifest = "{write_manifest(folder, tresor)}"\ncredential_sha256 = "{mark(OTHER)}"\n'
    )
    with serving(config, installed.data, FrozenClock()) as running:
        yield running


def ask(server: LiveServer, name: str = "workload", secret: str = GENERAL, **form: str) -> httpx2.Response:
    basic = b64encode(f"{name}:{secret}".encode()).decode()
    return server.client.post(
        "/oauth/token",
        data={"grant_type": "client_credentials", **form},
        headers={"Authorization": f"Basic {basic}"},
    )


def token_of(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def status(server: LiveServer, region: str, bearer: str) -> int:
    return server.anyone.with_(f"Bearer {bearer}").get(CHANGES.format(region)).status_code


def resource(region: str) -> str:
    return f"urn:domicile:region:{region}"


def test_a_service_gets_a_token_for_one_region_and_reaches_no_other_with_it(server: LiveServer):
    answer = ask(server, resource=resource("jp-1"))

    assert answer.headers["cache-control"] == "no-store"
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 600)
    token = token_of(answer)
    assert status(server, "jp-1", token) == 200
    for region in ("us-1", "de-1", "mars-1"):
        assert status(server, region, token) == 404


def test_a_credential_of_one_region_is_good_there_and_the_general_one_is_not(server: LiveServer):
    assert status(server, "de-1", token_of(ask(server, secret=GERMAN))) == 200
    assert status(server, "de-1", GERMAN) == 200
    assert (status(server, "us-1", GENERAL), status(server, "de-1", GENERAL)) == (200, 404)
    for refused in (
        ask(server, resource=resource("de-1")),
        ask(server, secret=GERMAN, resource=resource("us-1")),
        ask(server),
        ask(server, resource="https://example.com"),
    ):
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
    assert status(server, "us-1", OTHER) == 404
    assert status(server, "de-1", OTHER) == 200


def test_the_secret_may_be_in_the_body(server: LiveServer):
    form = {"grant_type": "client_credentials", "client_id": "tresor", "client_secret": OTHER}
    assert token_of(server.client.post("/oauth/token", data=form))


@pytest.mark.parametrize(
    ("name", "secret", "form", "error"),
    [
        ("workload", "wrong", {}, "invalid_client"),
        ("workload", OTHER, {}, "invalid_client"),
        ("nobody", GENERAL, {}, "invalid_client"),
        ("", "", {}, "invalid_client"),
        ("workload", GENERAL, {"grant_type": "password"}, "unsupported_grant_type"),
        ("workload", GENERAL, {"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ("workload", GENERAL, {"grant_type": "\u202e"}, "unsupported_grant_type"),
    ],
)
def test_what_is_no_request_of_a_client_is_refused_as_the_rfc_says(
    server: LiveServer, name: str, secret: str, form: dict[str, str], error: str
):
    answer = ask(server, name, secret, **form)

    assert (answer.status_code, answer.json()["error"]) == (401 if error == "invalid_client" else 400, error)
    if error == "invalid_client":
        assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"grant_type",
        b"grant_type=client_credentials&grant_type=client_credentials",
        b"&".join(b"a%d=1" % number for number in range(30)),
        b'{"grant_type": "client_credentials"}',
        b"x" * 100_000,
    ],
)
def test_any_body_is_answered_with_an_error(server: LiveServer, body: bytes):
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for headers in (kind, {}, {**kind, "Authorization": "Basic %%%"}, {**kind, "Authorization": "Bearer x"}):
        answer = server.client.post("/oauth/token", content=body, headers=headers)
        assert answer.status_code in {400, 401}
        assert set(answer.json()) <= {"error", "error_description"}


def test_a_service_token_is_no_account_token_and_the_other_way_round(server: LiveServer):
    world = World(server)
    account = world.account(world.person(), "us-1")
    token = token_of(ask(server, resource=resource("us-1")))

    assert server.anyone.with_(f"Bearer {token}").get("/api/whoami").status_code == 401
    assert server.anyone.with_(f"Bearer {token}").get(f"/api/accounts/{account.id}").status_code == 401
    for credential in (account.api, world.key(account.api).api, account.owner.api):
        assert credential.get(CHANGES.format("us-1")).status_code == 401


def test_a_token_ends_and_a_forged_one_never_begins(server: LiveServer):
    token = token_of(ask(server, resource=resource("us-1")))
    header, claims, signature = token.split(".")
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    assert jws.extract_compact(token.encode()).headers()["typ"] == "domicile-service+jwt"
    for forged in (f"{header}.{claims}.{flipped}", f"{header}.{claims}.", header, "eyJhbGciOiJub25lIn0.e30."):
        assert status(server, "us-1", forged) == 401

    clock = server.clock
    clock.advance(minutes=9, seconds=59)
    assert status(server, "us-1", token) == 200
    clock.advance(seconds=2)
    assert status(server, "us-1", token) == 401
