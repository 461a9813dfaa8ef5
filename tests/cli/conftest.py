"""The command line in this process, away from the person's own settings, and a peer for it to speak to."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from domicile.apps.cli.__main__ import main
from tests.cli.peer import Peer, running_peer


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def peer() -> Iterator[Peer]:
    with running_peer() as running:
        yield running


@pytest.fixture
def config_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DOMICILE_URL", "DOMICILE_API_KEY", "DOMICILE_DATA", "DOMICILE_CONFIG", "DOMICILE_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture
def run(config_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run_command(*arguments: str, stdin: str = "") -> Ran:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        printed = capsys.readouterr()
        return Ran(int(ended.value.code or 0), printed.out, printed.err)

    return run_command


@pytest.fixture
def signed_in(run: Run, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> Peer:
    """The peer, with a session there and its address in the environment."""
    monkeypatch.setenv("DOMICILE_URL", peer.url)
    session = {
        "token": "session-secret",
        "expires": "2030-01-01T00:00:00Z",
        "user": {"email": "ann@example.com"},
    }
    peer.answer("POST /api/sessions", 201, session)
    assert run("login", "ann@example.com", "--password-stdin", stdin="correct horse battery\n").code == 0
    return peer


@pytest.fixture
def entered(signed_in: Peer) -> Peer:
    """The peer, where the person has one account and may enter it."""
    only = {
        "id": "004217730956",
        "alias": "Labs",
        "region": "de-1",
        "roleID": "full-access",
        "state": "active",
    }
    signed_in.answer("GET /api/accounts?limit=250", 200, {"accounts": [only]})
    signed_in.answer("POST /api/accounts/004217730956/token", 201, entry(signed_in, "entry-secret-1"))
    signed_in.answer("POST /api/accounts/004217730956/token", 201, entry(signed_in, "entry-secret-2"))
    return signed_in


def entry(peer: Peer, token: str) -> dict[str, str]:
    return {
        "token": token,
        "tokenType": "Bearer",
        "expires": "2999-01-01T00:00:00Z",
        "accountID": "004217730956",
        "region": "de-1",
        "baseURL": peer.url,
        "roleID": "full-access",
    }
