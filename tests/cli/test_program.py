"""The program as a shell sees it: how fast it starts, how it ends, what it completes."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.peer import Peer

HEAVY = ["httpx2", "sqlalchemy", "litestar", "msgspec", "alembic", "cryptography"]


def test_help_loads_no_command_and_nothing_heavy():
    program = (
        "import sys\nfrom domicile.apps.cli.__main__ import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert done.stderr.strip() == "[]"


def test_help_names_every_exit_code(run: Run):
    shown = run("--help").out

    assert all(f"{code}:" in shown for code in range(5))


def test_wrong_usage_ends_with_two(run: Run):
    assert run("users", "show").code == 2
    assert run("accounts", "list", "--nonsense").code == 2
    assert run("accounts", "list", "--url", "ftp://example.com").code == 2


def test_without_a_session_the_command_says_how_to_sign_in_and_ends_with_three(run: Run):
    ended = run("accounts", "list")

    assert ended.code == 3
    assert "domicile login" in ended.err


def test_an_unreachable_server_ends_with_four(run: Run):
    ended = run(
        "signup",
        "ann@example.com",
        "--name",
        "Ann",
        "--password-stdin",
        "--url",
        "http://127.0.0.1:9",
        stdin="x\n",
    )

    assert ended.code == 4
    assert "http://127.0.0.1:9" in ended.err


def test_a_server_that_is_not_domicile_is_called_that(run: Run, peer: Peer):
    peer.answer("POST /api/signup/verify", 200, b"<html>")
    peer.answer("POST /api/sessions", 201, b"<html>")

    ended = run("login", "ann@example.com", "--password-stdin", "--url", peer.url, stdin="x\n")

    assert ended.code == 1
    assert "is the address right?" in ended.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_know_the_commands(run: Run, shell: str):
    shown = run("completion", shell)

    assert shown.code == 0
    assert "accounts" in shown.out
    assert "set-role" in shown.out


def test_completions_are_bash(run: Run):
    script = run("completion", "bash").out

    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


@pytest.mark.parametrize(("said", "code"), [("n", 2), ("", 2), ("y", 0)])
def test_at_a_terminal_a_destructive_command_asks_first(
    entered: Peer, config_home: Path, said: str, code: int
):
    entered.answer("DELETE /api/apikeys/dom_x", 204)
    keyboard, terminal = pty.openpty()
    os.write(keyboard, f"{said}\n".encode())

    done = subprocess.run(
        [sys.executable, "-m", "domicile.apps.cli", "keys", "delete", "dom_x"],
        stdin=terminal,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(keyboard)
    os.close(terminal)

    assert "Go on? [y/N]" in done.stderr
    assert done.returncode == code
    assert len(entered.sent("DELETE /api/apikeys/dom_x")) == (1 if code == 0 else 0)


def test_without_a_terminal_a_destructive_command_wants_yes(run: Run, entered: Peer):
    refused = run("users", "remove", "u-1")

    assert refused.code == 2
    assert "--yes" in refused.err
    assert not entered.sent("DELETE /api/users/u-1")


def test_a_reader_that_leaves_early_is_no_fault():
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m domicile.apps.cli completion bash | true"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stderr == ""
