"""The life of people and accounts, from joining to leaving, through the command line and a real server, on both engines."""

import io
import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domicile.apps.cli.__main__ import main
from tests.support.api import Install, LiveServer, serving
from tests.support.people import FrozenClock
from tests.support.world import PASSWORD, World, until


@pytest.fixture(scope="module")
def server(install: Install) -> Generator[LiveServer]:
    """A server at the present time, which the command line compares with what expires."""
    clock, installed = FrozenClock(), install()
    clock.now = datetime.now(UTC).replace(microsecond=0)
    with serving(installed.config, installed.data, clock) as running_server:
        yield running_server


@dataclass(frozen=True)
class Terminal:
    """Somebody at a machine of their own."""

    email: str
    run: Callable[..., tuple[int, str, str]]

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        """Run a command that must succeed; gives what it printed."""
        code, out, err = self.run(*arguments, stdin=stdin)
        assert code == 0, f"{arguments}: {out}{err}"
        return out

    def json(self, *arguments: str, stdin: str = "") -> Any:  # noqa: ANN401  # whatever the API answers
        return json.loads(self(*arguments, "--json", stdin=stdin))

    def refused(self, *arguments: str, stdin: str = "") -> str:
        """Run a command that must be refused; gives what it said."""
        code, out, err = self.run(*arguments, stdin=stdin)
        assert code == 1, f"{arguments}: {code} {out}{err}"
        return err


Sit = Callable[[str], Terminal]


@pytest.fixture
def sit(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Sit:
    """Signs somebody up, and in at a terminal."""
    monkeypatch.setenv("DOMICILE_URL", world.server.url)
    monkeypatch.delenv("DOMICILE_API_KEY", raising=False)

    def sit_down(name: str) -> Terminal:
        person = world.person(name)

        def run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
            monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / name))
            monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
            with pytest.raises(SystemExit) as ended:
                main(arguments)
            printed = capsys.readouterr()
            return int(ended.value.code or 0), printed.out, printed.err

        terminal = Terminal(person.email, run)
        terminal("login", person.email, "--password-stdin", stdin=f"{PASSWORD}\n")
        return terminal

    return sit_down


def test_joining_changing_leaving_and_deleting(sit: Sit, world: World, tmp_path: Path) -> None:
    ann, bob = sit("ann"), sit("bob")
    labs = ann.json("accounts", "create", "Labs", "--region", "de-1")["id"]

    # Joining, by a link that is handed over, and by one's own list.
    ann(
        "roles",
        "create",
        "auditor",
        "--name",
        "Auditor",
        "--grant",
        "identity=read-only",
        "--grant",
        "audit=read-only",
    )
    offered = ann.json("invite", "create", bob.email, "--role", "auditor", "--link")
    assert "/join/" in offered["link"]
    (mine,) = bob.json("invite", "mine")["invitations"]
    bob("invite", "accept", mine["ref"])
    assert [each["email"] for each in ann.json("users", "list")["users"]] == [ann.email, bob.email]
    assert bob.json("whoami", "--account", labs)["roleID"] == "auditor"

    # Explained, both ways, and foretold.
    assert bob.email in ann("access", "review")
    review = tmp_path / "review.csv"
    ann("access", "review", "--csv", str(review))
    assert bob.email in review.read_text()
    assert "role auditor grants identity/read-only" in ann(
        "explain", "identity:user:update", "--principal", bob.email
    )
    assert ann.email in ann("explain", "identity:user:update", "--everybody")
    foretold = ann.json("access", "preflight", "remove-user", ann.email)
    assert foretold["ownerless"] is True
    assert ann.json("access", "preflight", "remove-user", bob.email)["ownerless"] is False

    # Never ownerless, and demoted at once.
    assert "last enabled user with full access" in ann.refused("users", "set-role", ann.email, "read-only")
    bob("audit", "list")
    ann("roles", "update", "auditor", "--grant", "identity=read-only")
    assert "does not allow audit:log:read" in bob.refused("audit", "list")

    # What happened, exported and verified without the server.
    exported = tmp_path / "log.jsonl"
    ann("audit", "export", "--output", str(exported))
    assert "audit.role_updated.v1" in exported.read_text()
    ann("audit", "verify", str(exported))
    lines = exported.read_text().splitlines()
    exported.write_text("\n".join([*lines[:3], *lines[4:]]) + "\n")
    assert ann.run("audit", "verify", str(exported))[0] == 1

    # Contacts.
    ann("contacts", "set", "--billing", "invoices@example.com")
    assert ann.json("contacts", "show")["billing"] == ["invoices@example.com"]

    # Who had access on a date.
    before = ann.json("access", "review", "--at", world.server.clock().strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert len(before["entries"]) == 2

    # A person's own rights.
    folder = tmp_path / "mine"
    bob("me", "export", "--output", str(folder), "--password-stdin", stdin=f"{PASSWORD}\n")
    assert labs in (folder / "domicile-de-1.json").read_text()
    code, listed, refused = ann.run("me", "delete", "--yes", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert code == 1
    assert labs in listed
    assert "invite a successor" in refused
    bob("me", "delete", "--yes", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert [each["email"] for each in ann.json("users", "list")["users"]] == [ann.email]

    # Deleted, restored, deleted again, and gone with a receipt; its owner stays.
    ann("accounts", "delete", labs, "--yes")
    (suspended,) = ann.json("accounts", "list")["accounts"]
    assert (suspended["state"], suspended["daysLeft"]) == ("suspended", 30)
    assert "suspended" in ann.refused("users", "list", "--account", labs)
    ann("accounts", "restore", labs)
    receipt = ann.json("accounts", "delete", labs, "--yes")["receiptID"]
    world.server.clock.advance(days=30)
    ann("login", ann.email, "--password-stdin", stdin=f"{PASSWORD}\n")
    _wait_for_receipt(ann, receipt)
    ann("receipts", "verify", receipt)
    assert ann.json("accounts", "list")["accounts"] == []


def _wait_for_receipt(ann: Terminal, receipt: str) -> None:
    until(lambda: ann.run("receipts", "show", receipt), lambda ended: ended[0] == 0)
