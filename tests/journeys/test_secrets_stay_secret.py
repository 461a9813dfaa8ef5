"""No secret is in a log, in an error, in the print of an object or in the list of processes: a real server is driven, crashed, and searched."""

import base64
import contextlib
import dataclasses
import json
import os
import socket
import socketserver
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from domicile.infra.secrets import Keyring
from domicile.infra.settings import SettingsError, load_settings
from tests.support.api import Api, LiveServer
from tests.support.process import RealServer
from tests.support.world import World, until

ROOT_KEY = "facade01deadbeef" * 4
MAIL_PASSWORD = "mail-canary-Zq81"
DATABASE_PASSWORD = "db-canary-Xw42"
PASSWORD = "seven canaries in a coal mine 4711"
WRONG = "a wrong canary of the same length"


class Found:
    """Everything that came out where no secret may be."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def keep(self, name: str, text: str) -> None:
        self.texts[f"{len(self.texts)} {name}"] = text

    def refused(self, name: str, answer: httpx2.Response, *statuses: int) -> None:
        """Keep an answer that must be an error."""
        assert answer.status_code in statuses, f"{name}: {answer.status_code} {answer.text}"
        self.keep(name, answer.text + str(dict(answer.headers)))

    def search(self, secrets: dict[str, str]) -> list[str]:
        for name, secret in secrets.items():
            assert len(secret) >= 12, f"{name} is too short to be looked for"
        return [
            f"{name} is in {place}"
            for name, secret in secrets.items()
            for place, text in self.texts.items()
            if secret in text
        ]


def test_the_search_finds_what_is_there():
    found = Found()
    found.keep("somewhere", f"a text with {PASSWORD} in it")

    assert found.search({"the password": PASSWORD, "another": WRONG}) == ["the password is in 0 somewhere"]


@pytest.fixture
def real_by_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[RealServer]:
    """A real server whose root key comes from the environment."""
    monkeypatch.setenv("DOMICILE_SECRET_KEY", ROOT_KEY)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        server = RealServer(tmp_path, client, port, mails=tmp_path / "mail")
        try:
            server.start()
            yield server
        finally:
            server.kill()


def private_parts(data: Path) -> dict[str, str]:
    """Open, with the root key, the private part of every signing key that there is."""
    parts: dict[str, str] = {}
    for owner, table in (("identity", "identity_signing_keys"), ("region-de-1", "signing_keys")):
        purpose = owner.replace("region-", "region ")
        sealer = Keyring(bytes.fromhex(ROOT_KEY)).sealer(purpose)
        with contextlib.closing(sqlite3.connect(data / f"{owner}.db")) as connection:
            rows = connection.execute(
                f"SELECT kid, sealed_private_key FROM {table} WHERE length(sealed_private_key) > 0"  # noqa: S608
            ).fetchall()
        for kid, sealed in rows:
            opened = sealer.open(sealed, context=f"signing key {kid}")
            parts[f"the private part of {kid}"] = json.loads(opened)["d"]
    return parts


def operate(server: RealServer, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "domicile.apps.cli", *words, "--data", str(server.data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def bearer_of(api: Api) -> str:
    return (api.authorization or "").removeprefix("Bearer ")


def test_a_server_that_was_driven_and_crashed_has_told_no_secret(real_by_environment: RealServer) -> None:
    server, found = real_by_environment, Found()
    world = server.world()
    anyone = world.anyone

    # Signing up, in, and into an account; a key, and its rotation.
    address = world.address("ann")
    wanted = {"email": address, "name": "Ann Example", "password": PASSWORD}
    anyone.call("POST", "/api/signup", wanted, status=202)
    verification = world.token_to(address, "verify")
    anyone.call("POST", "/api/signup/verify", {"token": verification})
    session = world.sign_in(address, password=PASSWORD)
    made = session.call("POST", "/api/accounts", {"alias": "Labs", "region": "de-1"}, status=201)
    entered = until(lambda: session.post(f"/api/accounts/{made['id']}/token"), lambda a: a.status_code == 201)
    inside = anyone.with_(f"Bearer {entered.json()['token']}")
    key = world.key(inside)
    rotated = inside.call("POST", f"/api/apikeys/{key.id}/rotate", status=200)
    anyone.call("POST", "/api/password/forgot", {"email": address}, status=202)
    reset = world.token_to(address, "reset")
    secrets = {
        "the password": PASSWORD,
        "a wrong password": WRONG,
        "the link's token": verification,
        "the reset's token": reset,
        "the session": bearer_of(session),
        "the account token": bearer_of(inside),
        "the key's secret": key.secret,
        "the key's next secret": rotated["secret"],
        "the root key": ROOT_KEY,
        "the root key as base64": base64.b64encode(bytes.fromhex(ROOT_KEY)).decode()[:40],
        **private_parts(server.data),
    }

    # Wrong and malformed, everywhere that takes a secret.
    for body in (
        {"email": address, "password": WRONG},
        {"email": address, "password": [PASSWORD]},
        {"email": address, "password": PASSWORD, "token": verification},
    ):
        found.refused("signing in", anyone.post("/api/sessions", body), 400, 401)
    broken = f'{{"email": "{address}", "password": "{PASSWORD}'.encode()
    found.refused("a broken body", anyone.send("POST", "/api/sessions", content=broken), 400)
    found.refused(
        "a used link", anyone.post("/api/signup/verify", {"token": verification}), 400, 404, 409, 410
    )
    wrong_reset = {"token": reset[:-2] + "xx", "password": PASSWORD}
    found.refused("a wrong reset", anyone.post("/api/password/reset", wrong_reset), 400, 404, 410)
    short = {"token": reset, "password": PASSWORD[:12] + "\n"}
    found.refused("a bad new password", anyone.post("/api/password/reset", short), 400)
    for name, credential in (
        ("a mistyped session", f"Bearer {bearer_of(session)}x"),
        ("a mistyped token", f"Bearer {bearer_of(inside)[:-4]}AAAA"),
        ("a mistyped key", f"ApiKey {key.id}:{key.secret}x"),
        ("a key without its id", f"ApiKey {key.secret}"),
        ("a foreign scheme", f"Basic {key.secret}"),
    ):
        found.refused(name, anyone.with_(credential).get("/api/whoami"), 401)
    found.refused("a secret in a path", inside.get(f"/api/apikeys/{key.secret}?q={PASSWORD}"), 404, 400)

    # A rotation of every key, and a withdrawal, by an operator beside it.
    for words in (
        ("signing-keys", "rotate", "--all", "--yes"),
        ("signing-keys", "rotate", "--all", "--now", "--yes"),
        ("signing-keys", "list"),
        ("config", "check"),
    ):
        secrets |= private_parts(server.data)
        ended = operate(server, *words)
        assert ended.returncode == 0, ended.stderr
        found.keep(" ".join(words), ended.stdout + ended.stderr)
    secrets |= private_parts(server.data)
    until(lambda: inside.get("/api/whoami").status_code, lambda status: status == 401)
    entered = session.call("POST", f"/api/accounts/{made['id']}/token", status=201)
    inside = anyone.with_(f"Bearer {entered['token']}")
    secrets["the next account token"] = bearer_of(inside)

    # A crash, with every secret in the request.
    _garble(server.data / "identity.db", "users")
    _garble(server.data / "region-de-1.db", "api_keys")
    found.refused("a crash with a session", session.get("/api/me"), 500)
    found.refused("a crash with a token", inside.get(f"/api/apikeys?roleID={key.secret}"), 400)
    found.refused("a crash with a token", inside.get("/api/apikeys"), 500)
    found.refused("a crash with a key", anyone.with_(key.api.authorization).get("/api/apikeys"), 401, 500)
    found.refused(
        "a crash at signing in", anyone.post("/api/sessions", {"email": address, "password": PASSWORD}), 500
    )
    _prove_crash_is_logged(server)

    assert server.process is not None
    for part in ("cmdline", "status"):
        found.keep(part, Path(f"/proc/{server.process.pid}/{part}").read_text().replace("\0", " "))
    found.keep("the logs", server.log)
    assert len(secrets) >= 16
    assert found.search(secrets) == []


def _garble(database: Path, table: str) -> None:
    """Put into a table what no release of ours writes, so that reading it fails as a bug would."""
    with contextlib.closing(sqlite3.connect(database, timeout=10)) as connection:
        connection.execute(f"UPDATE {table} SET created_at = 'no moment'")  # noqa: S608
        connection.commit()


def _prove_crash_is_logged(server: RealServer) -> None:
    lines = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
    assert len([line for line in lines if line["event"] == "unforeseen"]) >= 3


class _RefusingMailServer(socketserver.StreamRequestHandler):
    """A mail server that refuses every sign-in, and repeats what it was told."""

    def handle(self) -> None:
        self.wfile.write(b"220 canary ESMTP\r\n")
        for raw in self.rfile:
            line = raw.strip()
            if line.upper().startswith(b"EHLO"):
                self.wfile.write(b"250-canary\r\n250 AUTH PLAIN LOGIN\r\n")
            elif line.upper().startswith(b"AUTH"):
                told = base64.b64decode(line.split()[-1] + b"==").replace(b"\0", b" ")
                self.wfile.write(b"535 no user with " + told + b" " + line.split()[-1] + b"\r\n")
            elif line.upper().startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"503 sign in first\r\n")


@pytest.fixture
def refusing_mail_server() -> Generator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _RefusingMailServer) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join(10)


def test_a_mail_server_that_repeats_the_password_is_not_quoted(
    tmp_path: Path, refusing_mail_server: int
) -> None:
    config = tmp_path / "domicile.toml"
    config.write_text(
        f'[mail]\nhost = "127.0.0.1"\nport = {refusing_mail_server}\ntls = "none"\n'
        f'username = "domicile"\npassword = "{MAIL_PASSWORD}"\n'
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        server = RealServer(tmp_path, client, port, config=config, mails=tmp_path / "mail")
        try:
            server.start()
            wanted = {"email": "ann@example.com", "name": "Ann", "password": PASSWORD}
            server.anyone.call("POST", "/api/signup", wanted, status=202)
            words = ("courier", "status", "--json", "--config", str(config))
            told = until(lambda: operate(server, *words).stdout, lambda said: "server-535" in said)
        finally:
            server.kill()
        found = Found()
        found.keep("the logs", server.log)
        found.keep("the courier", told)
        encoded = base64.b64encode(f"\0domicile\0{MAIL_PASSWORD}".encode()).decode()
        assert "error" in told
        assert found.search({"the mail password": MAIL_PASSWORD, "encoded": encoded, "p": PASSWORD}) == []


COMMANDS = [
    ("serve", "--port", "0"),
    ("migrate",),
    ("config", "check"),
    ("region", "list"),
    ("region", "grants", "de-1", "--role", "r"),
    ("courier", "status"),
    ("purges", "status"),
    ("people", "show", "ann@example.com"),
    ("signing-keys", "list"),
    ("signing-keys", "rotate", "--all", "--yes"),
]


def test_no_command_tells_the_password_of_a_database_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    config, found = tmp_path / "domicile.toml", Found()
    config.write_text(_with_passwords(address))
    environ = dict(os.environ) | {"DOMICILE_SECRET_KEY": ROOT_KEY}
    running = [
        (
            words,
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "domicile.apps.cli", *words),
                    *("--config", str(config), "--data", str(tmp_path / "data")),
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environ,
            ),
        )
        for words in COMMANDS
    ]
    for words, process in running:
        said, _ = process.communicate(timeout=120)
        found.keep(" ".join(words), said.decode())

    assert found.search({"the database's password": DATABASE_PASSWORD, "the root key": ROOT_KEY}) == []
    reached = {name: text for name, text in found.texts.items() if "cannot be reached" in text}
    assert len(reached) >= 4, found.texts


def _with_passwords(address: str) -> str:
    url = f"postgresql+asyncpg://domicile:{DATABASE_PASSWORD}@{address}"
    return (
        f'[identity]\ndatabase = "{url}/identity"\n'
        f'[[regions]]\nid = "de-1"\nname = "Germany"\ndatabase = "{url}/de"\ndirectory_database = "{url}/dir"\n'
        '[mail]\nhost = "127.0.0.1"\nport = 25\ntls = "none"\nusername = "domicile"\n'
        f'password = "{MAIL_PASSWORD}"\n'
    )


FAULTS = [
    ("namespace = 1", ""),
    ("", "unknown = 1"),
    ("", 'tls = "plain"'),
    ("", "sender = 4"),
    ("port = 99999999", ""),
]


@pytest.mark.parametrize(("above", "below"), FAULTS)
def test_a_fault_of_the_settings_quotes_no_password(tmp_path: Path, above: str, below: str) -> None:
    config = tmp_path / "domicile.toml"
    config.write_text(f"{above}\n{_with_passwords('127.0.0.1:1')}{below}\n")

    with pytest.raises(SettingsError) as refused:
        load_settings(config, tmp_path, {"DOMICILE_SECRET_KEY": ROOT_KEY})

    told = f"{refused.value} {refused.value!r} {refused.value.faults}"
    assert refused.value.faults
    assert not [each for each in (MAIL_PASSWORD, DATABASE_PASSWORD, ROOT_KEY) if each in told]


def test_no_settings_print_a_password_or_the_root_key(tmp_path: Path) -> None:
    config = tmp_path / "domicile.toml"
    config.write_text(_with_passwords("127.0.0.1:1"))
    settings = load_settings(config, tmp_path, {"DOMICILE_SECRET_KEY": ROOT_KEY})
    shown = [
        (type(each).__name__, text)
        for each in everything_in(settings)
        for text in (repr(each), str(each), f"{each}")
    ]

    assert {"Settings", "RegionSettings", "MailSettings", "SecretText", "RootKeySource"} <= {
        name for name, _ in shown
    }
    secrets = (MAIL_PASSWORD, DATABASE_PASSWORD, ROOT_KEY)
    assert [name for name, text in shown for secret in secrets if secret in text] == []


def test_no_part_of_a_node_prints_a_secret(own_server: LiveServer, own_world: World) -> None:
    person = own_world.person(password=PASSWORD)
    account = own_world.account(person)
    key = own_world.key(account.api)
    assert [api.get("/api/whoami").status_code for api in (key.api, account.api) for _ in range(2)] == [
        200
    ] * 4
    node = own_server.node
    root = (own_server.settings.data / "secret.key").read_text().strip()
    privates = [str(keeper.keys._signer._key.as_dict(private=True)["d"]) for keeper in node.keepers.values()]
    secrets = [PASSWORD, key.secret, bearer_of(account.api), bearer_of(person.api), root, *privates]
    secrets += [str(bytes.fromhex(root))]

    parts = list(everything_in(node))

    assert {"Node", "IdentityPlane", "RegionPlane", "Door", "TokenKeys", "SigningKeys", "KeyKeeper"} <= {
        type(part).__name__ for part in parts
    }
    assert [type(part).__name__ for part in parts for secret in secrets if secret in repr(part)] == []


def everything_in(thing: object) -> Iterator[object]:
    """Walk through an object and all of ours that it holds, whatever they are called."""
    seen: set[int] = set()
    waiting = [thing]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, dict):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, list | tuple | set | frozenset):
            waiting += each
        elif type(each).__module__.startswith("domicile."):
            yield each
            waiting += _members(each)


def _members(each: object) -> list[Any]:
    names = set(getattr(each, "__dict__", {}))
    names |= {name for kind in type(each).__mro__ for name in getattr(kind, "__slots__", ())}
    if dataclasses.is_dataclass(each):
        names |= {field.name for field in dataclasses.fields(each)}
    if isinstance(each, msgspec.Struct):
        names |= set(each.__struct_fields__)
    return [getattr(each, name, None) for name in names]
