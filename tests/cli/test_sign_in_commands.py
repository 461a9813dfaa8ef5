"""The command line of people with a second factor, and of their sessions."""

import io
from collections.abc import Callable

import msgspec
import pytest

from domicile.apps.cli.credentials import Sessions
from tests.cli.conftest import Run
from tests.cli.peer import Peer

REFUSED = {
    "message": "Show your second factor, too.",
    "type": "https://id.example.com/problems/second-factor-required",
    "signIn": "dmi_x",
    "ways": ["totp"],
}
WRONG = {"message": "That code is not right.", "type": "https://id.example.com/problems/sign-in-failed"}
MADE = {"token": "dms_new", "expires": "2026-05-01T20:00:00Z", "user": {"email": "ann@example.com"}}


class Terminal(io.StringIO):
    """Standard input of somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def typing(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    def type_in(*arguments: str, lines: str) -> object:
        monkeypatch.setattr("io.StringIO", Terminal)
        monkeypatch.setattr("domicile.apps.cli.asking.getpass", lambda *_args, **_more: "a password")
        return run(*arguments, stdin=lines)

    return type_in


def _kept(config_home) -> Sessions:
    return msgspec.json.decode((config_home / "domicile/credentials.json").read_bytes(), type=Sessions)


@pytest.fixture
def signed_in(run: Run, peer: Peer) -> Run:
    peer.answer("POST /api/sessions", 201, {**MADE, "token": "dms_old"})
    run("login", "ann@example.com", "--password-stdin", "--url", peer.url, stdin="a password\n")
    return run


def test_a_code_goes_with_the_password(run: Run, peer: Peer, config_home) -> None:
    peer.answer("POST /api/sessions", 201, MADE)
    ran = run(
        *("login", "ann@example.com", "--password-stdin", "--code", "123456", "--url", peer.url), stdin="pw\n"
    )
    assert ran.code == 0
    assert peer.sent("POST /api/sessions")[0].body == {
        "email": "ann@example.com",
        "password": "pw",
        "code": "123456",
    }
    assert _kept(config_home)[peer.url].token == "dms_new"


def test_who_is_at_a_terminal_is_asked_for_the_code_until_it_is_right(
    typing: Callable[..., object], peer: Peer, config_home
) -> None:
    peer.answer("POST /api/sessions", 401, REFUSED)
    peer.answer("POST /api/sign-in/code", 401, WRONG)
    peer.answer("POST /api/sign-in/code", 201, MADE)
    ran = typing("login", "ann@example.com", "--url", peer.url, lines="111111\n222 222\n")
    assert ran.code == 0, ran  # pyright: ignore[reportAttributeAccessIssue]
    assert [sent.body for sent in peer.sent("POST /api/sign-in/code")] == [
        {"signIn": "dmi_x", "code": "111111"},
        {"signIn": "dmi_x", "code": "222 222"},
    ]
    assert _kept(config_home)[peer.url].token == "dms_new"


def test_a_recovery_code_is_told_by_its_looks(typing: Callable[..., object], peer: Peer) -> None:
    peer.answer("POST /api/sessions", 401, REFUSED)
    peer.answer("POST /api/sign-in/recovery-code", 201, MADE)
    ran = typing("login", "ann@example.com", "--url", peer.url, lines="AAAA-BBBB-CCCC-DDDD\n")
    assert ran.code == 0  # pyright: ignore[reportAttributeAccessIssue]


def test_without_a_terminal_the_command_names_the_option(run: Run, peer: Peer) -> None:
    peer.answer("POST /api/sessions", 401, REFUSED)
    ran = run("login", "ann@example.com", "--password-stdin", "--url", peer.url, stdin="pw\n")
    assert ran.code != 0
    assert "--code" in ran.err
    assert "dmi_x" not in ran.err + ran.out


def test_sessions_are_listed_and_ended(signed_in: Run, peer: Peer) -> None:
    session = {
        "id": "01933b1c-9b0f-7a51-b1c2-9e8d7c6b5a40",
        "device": "Firefox on Linux",
        "addressFamily": "ipv6",
        "created": "2026-05-01T08:00:00Z",
        "lastSeen": "2026-05-01T08:20:00Z",
        "methods": ["pwd", "otp", "mfa"],
        "current": True,
    }
    peer.answer("GET /api/me/sessions?limit=250", 200, {"sessions": [session]})
    peer.answer(f"DELETE /api/me/sessions/{session['id']}", 204)
    peer.answer("DELETE /api/me/sessions", 200, {"ended": 2})
    shown = signed_in("me", "sessions", "list", "--url", peer.url)
    assert "Firefox on Linux" in shown.out
    assert '"ended": 2' in signed_in("me", "sessions", "end-others", "--yes", "--json", "--url", peer.url).out
    assert signed_in("me", "sessions", "end", str(session["id"]), "--url", peer.url).code == 0
    asked = signed_in("me", "sessions", "end-others", "--url", peer.url)
    assert (asked.code, len(peer.sent("DELETE /api/me/sessions"))) == (2, 1)


def test_step_up_keeps_the_new_token_and_forgets_what_the_old_one_entered(
    signed_in: Run, peer: Peer, config_home
) -> None:
    peer.answer("POST /api/me/step-up", 201, {"token": "dms_lifted", "expires": "2026-05-01T20:00:00Z"})
    assert signed_in("me", "step-up", "--code", "123 456", "--url", peer.url).code == 0
    assert signed_in("me", "step-up", "--code", "AAAA-BBBB-CCCC-DDDD", "--json", "--url", peer.url).code == 0
    assert signed_in("me", "step-up", "--password-stdin", "--url", peer.url, stdin="pw\n").code == 0
    assert [sent.body for sent in peer.sent("POST /api/me/step-up")] == [
        {"code": "123 456"},
        {"recoveryCode": "AAAA-BBBB-CCCC-DDDD"},
        {"password": "pw"},
    ]
    assert _kept(config_home)[peer.url].token == "dms_lifted"
