"""Commands that the server wants a person to show themselves for, and the one by which an account asks for a second factor."""

import json

import pytest

from tests.cli.conftest import Run, entry
from tests.cli.peer import Peer

ACCOUNT = "/api/accounts/004217730956"
TOKEN = f"POST {ACCOUNT}/token"
KEYS = "POST /api/apikeys"
STEP_UP = "POST /api/me/step-up"
CREATE = ("keys", "create", "ci", "--role", "read-only")


def problem(code: str, **facts: object) -> dict[str, object]:
    return {
        "message": f"This is {code}.",
        "fields": {},
        "type": f"https://id.example/problems/{code}",
        **facts,
    }


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Somebody who answers hidden questions with what is in the list."""
    typed: list[str] = []
    monkeypatch.setattr("domicile.apps.cli.asking.has_terminal", lambda: True)
    monkeypatch.setattr("domicile.apps.cli.asking._ask_hidden", lambda _: typed.pop(0))
    return typed


@pytest.fixture
def stale(entered: Peer) -> Peer:
    """The peer, where a key is made only after a step-up."""
    entered.answer(KEYS, 403, problem("reauthentication-required", maxAge=600))
    entered.answer(KEYS, 201, {"id": "dom_de-1_x", "secret": "s", "alias": "ci"})
    entered.answer(STEP_UP, 201, {"token": "session-after", "expires": "2030-01-01T00:00:00Z"})
    return entered


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("123456", {"code": "123456"}),
        ("123 456", {"code": "123456"}),
        ("A1B2-C3D4-E5F6-G7H8", {"recoveryCode": "A1B2-C3D4-E5F6-G7H8"}),
        ("correct horse battery", {"password": "correct horse battery"}),
        ("1234567", {"password": "1234567"}),
    ],
)
def test_a_command_asks_to_show_again_who_one_is_and_is_repeated(
    run: Run, stale: Peer, terminal: list[str], typed: str, sent: dict[str, str]
):
    terminal.append(typed)

    ended = run(*CREATE, "--json")

    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["id"] == "dom_de-1_x"
    assert [each.body for each in stale.sent(STEP_UP)] == [sent]
    assert [each.headers["Authorization"] for each in stale.sent(STEP_UP)] == ["Bearer session-secret"]
    bearers = [each.headers["Authorization"] for each in stale.sent(TOKEN)]
    assert bearers == ["Bearer session-secret", "Bearer session-after"]
    assert [each.headers["Authorization"] for each in stale.sent(KEYS)] == [
        "Bearer entry-secret-1",
        "Bearer entry-secret-2",
    ]
    assert typed not in ended.out + ended.err


def test_the_session_that_comes_of_it_is_the_one_of_the_commands_after(
    run: Run, stale: Peer, terminal: list[str]
):
    terminal.append("123456")
    assert run(*CREATE).code == 0

    assert run("accounts", "list").code == 0

    assert stale.sent("GET /api/accounts?limit=250")[-1].headers["Authorization"] == "Bearer session-after"


def test_without_a_terminal_the_command_ends_and_says_how_to_go_on(run: Run, stale: Peer):
    ended = run(*CREATE)

    assert ended.code == 1
    assert "This is reauthentication-required." in ended.err
    assert "domicile login" in ended.err
    assert stale.sent(STEP_UP) == [] and len(stale.sent(KEYS)) == 1


def test_a_wrong_password_ends_the_command_with_what_the_server_says(
    run: Run, entered: Peer, terminal: list[str]
):
    entered.answer(KEYS, 403, problem("reauthentication-required"))
    entered.answer(STEP_UP, 403, problem("password-wrong"))
    terminal.append("not it at all")

    ended = run(*CREATE)

    assert ended.code == 1
    assert "This is password-wrong." in ended.err
    assert len(entered.sent(STEP_UP)) == 1 and len(entered.sent(KEYS)) == 1


def test_it_is_asked_once_however_often_the_server_wants_it(run: Run, entered: Peer, terminal: list[str]):
    entered.answer(KEYS, 403, problem("reauthentication-required"))
    entered.answer(STEP_UP, 201, {"token": "session-after", "expires": "2030-01-01T00:00:00Z"})
    terminal.append("123456")

    ended = run(*CREATE)

    assert ended.code == 1
    assert len(entered.sent(STEP_UP)) == 1 and len(entered.sent(KEYS)) == 2


def test_an_account_that_asks_for_a_second_factor_is_entered_after_it_was_used(
    run: Run, signed_in: Peer, terminal: list[str]
):
    signed_in.answer("GET /api/accounts?limit=250", 200, {"accounts": [{"id": "004217730956"}]})
    signed_in.answer(TOKEN, 403, problem("mfa-required", enrolled=True))
    signed_in.answer(TOKEN, 201, entry(signed_in, "entry-secret"))
    signed_in.answer("GET /api/users?limit=250", 200, {"users": []})
    signed_in.answer(STEP_UP, 201, {"token": "session-after", "expires": "2030-01-01T00:00:00Z"})
    terminal.append("654321")

    assert run("users", "list").code == 0

    assert [each.body for each in signed_in.sent(STEP_UP)] == [{"code": "654321"}]


def test_who_has_no_second_factor_is_told_where_to_add_one(run: Run, signed_in: Peer, terminal: list[str]):
    signed_in.answer("GET /api/accounts?limit=250", 200, {"accounts": [{"id": "004217730956"}]})
    signed_in.answer(TOKEN, 403, problem("mfa-required", enrolled=False))

    ended = run("users", "list")

    assert ended.code == 1
    assert "/me/security" in ended.err
    assert signed_in.sent(STEP_UP) == [] and terminal == []


def test_a_key_is_asked_for_nothing(
    run: Run, peer: Peer, terminal: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DOMICILE_URL", peer.url)
    monkeypatch.setenv("DOMICILE_API_KEY", "dom_de-1_x:secret")
    peer.answer(KEYS, 403, problem("reauthentication-required"))

    assert run(*CREATE).code == 1
    assert peer.sent(STEP_UP) == [] and terminal == []


def test_a_refusal_that_is_not_domiciles_is_told_as_it_is(run: Run, entered: Peer, terminal: list[str]):
    entered.answer(KEYS, 403, b"<html>blocked by a proxy</html>")

    ended = run(*CREATE)

    assert ended.code == 1
    assert "not one of Domicile's" in ended.err and terminal == []


FORETOLD = {
    "change": "mfaRequired",
    "ownerless": False,
    "summary": {
        "principals": 3,
        "affected": 1,
        "lockedOut": 1,
        "losing": 1,
        "gaining": 0,
        "invitations": 0,
    },
    "affected": [
        {
            "principalURN": "urn:domicile:identity:de-1:004217730956:user/1",
            "email": "gus@example.com",
            "roleID": "read-only",
            "roleIDAfter": "read-only",
            "couldEnter": True,
            "canEnter": False,
            "rule": "mfa-used",
            "lost": [],
            "gained": [],
        }
    ],
    "invitations": [],
    "truncated": False,
}


@pytest.fixture
def requiring(entered: Peer) -> Peer:
    """The peer, where the account can ask for a second factor."""
    entered.answer(f"GET {ACCOUNT}", 200, {"id": "004217730956", "alias": "Labs"}, ETag='"7"')
    entered.answer("POST /api/access/preflight", 200, FORETOLD)
    entered.answer(f"POST {ACCOUNT}", 200, {"id": "004217730956", "alias": "Labs", "mfaRequired": True})
    return entered


def test_asking_for_a_second_factor_shows_first_who_is_kept_out(run: Run, requiring: Peer):
    ended = run("accounts", "require-mfa", "--yes")

    assert ended.code == 0, ended.err
    assert "gus@example.com" in ended.out and "cannot enter (mfa-used)" in ended.out
    assert "now needs a second factor" in ended.out
    (sent,) = requiring.sent(f"POST {ACCOUNT}")
    assert sent.body == {"mfaRequired": True} and sent.headers["If-Match"] == '"7"'


@pytest.mark.parametrize(("typed", "changes"), [("yes\n", 1), ("n\n", 0), ("\n", 0)])
def test_it_asks_with_the_number_of_those_kept_out(
    run: Run, requiring: Peer, monkeypatch: pytest.MonkeyPatch, typed: str, changes: int
):
    monkeypatch.setattr("domicile.apps.cli.asking._require_terminal", lambda _: None)

    ended = run("accounts", "require-mfa", stdin=typed)

    assert "Kept out until they add a second factor: 1." in ended.err
    assert len(requiring.sent(f"POST {ACCOUNT}")) == changes


def test_without_a_terminal_and_without_yes_nothing_is_asked_of_anybody(run: Run, requiring: Peer):
    assert run("accounts", "require-mfa").code == 2
    assert requiring.sent(f"POST {ACCOUNT}") == []


def test_as_json_only_the_account_is_printed(run: Run, requiring: Peer):
    shown = json.loads(run("accounts", "require-mfa", "--yes", "--json").out)
    assert shown["mfaRequired"] is True


def test_giving_it_up_foretells_nothing(run: Run, requiring: Peer):
    ended = run("accounts", "require-mfa", "--not-required", "--yes")

    assert ended.code == 0
    assert requiring.sent("POST /api/access/preflight") == []
    assert [each.body for each in requiring.sent(f"POST {ACCOUNT}")] == [{"mfaRequired": False}]


def test_a_refusal_says_what_stands_against_it(run: Run, requiring: Peer):
    requiring.answers[f"POST {ACCOUNT}"] = [(409, problem("mfa-locks-everyone-out"), {})]

    ended = run("accounts", "require-mfa", "--yes")

    assert ended.code == 1
    assert "This is mfa-locks-everyone-out." in ended.err
