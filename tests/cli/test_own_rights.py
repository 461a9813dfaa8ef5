"""A person's own commands: another address, taking data along, leaving; and the operator's about people."""

import asyncio
import json
from pathlib import Path

import pytest

from domicile.apps.operate import migrate, opened_node
from domicile.identity.registration.domain import SignUp, user_from
from domicile.identity.users.domain import Profile
from domicile.identity.users.store import insert_user
from domicile.infra.email_address import parse_email_address
from domicile.infra.settings import load_settings
from domicile.kernel.clock import utc_now
from domicile.kernel.ids import UserId
from tests.cli.conftest import Run
from tests.cli.peer import Peer

SECRET = "correct horse battery staple"
ANN = "0190d2f0-9b7e-7cc0-8f1f-0a1b2c3d4e5f"


def test_another_address_is_asked_for_with_the_password_from_standard_input(run: Run, signed_in: Peer):
    signed_in.answer("POST /api/me/email", 202, {"state": "accepted"})

    ran = run("me", "email", "change", "new@example.com", "--password-stdin", stdin=f"{SECRET}\n")

    assert ran.code == 0
    assert "domicile me email confirm LINK" in ran.out
    (sent,) = signed_in.sent("POST /api/me/email")
    assert sent.body == {"email": "new@example.com", "password": SECRET}


@pytest.mark.parametrize(
    ("command", "request_line"),
    [(("confirm",), "POST /api/email/verify"), (("undo", "--yes"), "POST /api/email/undo")],
)
def test_links_are_taken_whole_or_by_their_last_part_without_a_session(
    run: Run, peer: Peer, command: tuple[str, ...], request_line: str
):
    peer.answer(request_line, 204)

    for link in ("http://x.test/email/undo/abc", "abc"):
        assert run("me", "email", *command, link, "--url", peer.url).code == 0

    assert [sent.body for sent in peer.sent(request_line)] == [{"token": "abc"}] * 2
    assert not any("Authorization" in sent.headers for sent in peer.requests)


def test_undoing_and_deleting_want_consent(run: Run, signed_in: Peer):
    for command in (("me", "email", "undo", "abc"), ("me", "delete", "--password-stdin")):
        ran = run(*command, stdin=f"{SECRET}\n")
        assert ran.code == 2
        assert "Say --yes" in ran.err
    assert not signed_in.sent("DELETE /api/me")


def test_a_deleted_user_is_forgotten_on_this_machine_too(run: Run, signed_in: Peer):
    gone = {"state": "deleted", "awaitedRegions": [], "accounts": []}
    signed_in.answer("DELETE /api/me", 200, gone)

    ran = run("me", "delete", "--password-stdin", "--yes", stdin=f"{SECRET}\n")

    assert (ran.code, ran.out) == (0, "The user ann@example.com is deleted.\n")
    assert signed_in.sent("DELETE /api/me")[0].body == {"password": SECRET}
    assert run("me", "show").code == 3


def test_a_deletion_that_a_region_holds_up_is_waited_for(run: Run, signed_in: Peer):
    leaving = {"state": "leaving", "awaitedRegions": ["jp-1"], "accounts": []}
    signed_in.answer("DELETE /api/me", 202, leaving)
    signed_in.answer("GET /api/me/deletion", 401, {"message": "Your session has ended."})

    ran = run("me", "delete", "--password-stdin", "--yes", "--json", stdin=f"{SECRET}\n")

    assert json.loads(ran.out) == {"state": "deleted"}


def test_the_last_owner_sees_which_accounts_and_what_to_do(run: Run, signed_in: Peer):
    problem = {
        "message": "You are the last user with full access in the accounts listed here.",
        "fields": {},
        "accounts": [{"id": "004217730956", "region": "de-1", "alias": "Labs"}],
    }
    signed_in.answer("DELETE /api/me", 409, problem)

    ran = run("me", "delete", "--password-stdin", "--yes", stdin=f"{SECRET}\n")

    assert ran.code == 1
    assert "004217730956" in ran.out and "Labs" in ran.out
    assert "domicile invite create" in ran.err
    assert run("me", "show").code == 1  # the session is kept: the peer has no answer to this


def test_an_export_is_a_file_of_the_person_and_one_of_each_region(run: Run, signed_in: Peer, tmp_path: Path):
    parts = [
        {"region": name, "baseURL": signed_in.url, "href": f"/api/me/export/regions/{name}"}
        for name in ("de-1", "jp-1")
    ]
    signed_in.answer("POST /api/me/export", 200, {"profile": {}, "regions": parts})
    signed_in.answer("GET /api/me/export/regions/de-1", 200, {"region": "de-1"})
    signed_in.answer("GET /api/me/export/regions/jp-1", 200, {"region": "jp-1"})
    folder = tmp_path / "mine"

    ran = run("me", "export", "--output", str(folder), "--password-stdin", "--json", stdin=f"{SECRET}\n")

    assert ran.code == 0
    assert json.loads(ran.out)["missingRegions"] == []
    assert {path.name for path in folder.iterdir()} == {
        "domicile-person.json",
        "domicile-de-1.json",
        "domicile-jp-1.json",
    }
    assert json.loads((folder / "domicile-jp-1.json").read_text()) == {"region": "jp-1"}
    assert (folder / "domicile-person.json").stat().st_mode & 0o077 == 0
    assert "3 of 3: domicile-jp-1.json" in ran.err


def test_a_region_that_does_not_answer_is_named_and_the_others_are_there(
    run: Run, signed_in: Peer, tmp_path: Path
):
    parts = [
        {"region": "de-1", "baseURL": "http://127.0.0.1:9"},
        {"region": "jp-1", "baseURL": signed_in.url},
        {"region": "us-1", "baseURL": signed_in.url},
    ]
    signed_in.answer("POST /api/me/export", 200, {"regions": parts})
    signed_in.answer("GET /api/me/export/regions/jp-1", 200, {"region": "jp-1"})
    signed_in.answer("GET /api/me/export/regions/us-1", 200, b'{"logs":[{"ev')
    folder = tmp_path / "mine"

    ran = run("me", "export", "--output", str(folder), "--password-stdin", stdin=f"{SECRET}\n")

    assert ran.code == 1
    assert "de-1, us-1 did not answer" in ran.err
    assert {path.name for path in folder.iterdir()} == {"domicile-person.json", "domicile-jp-1.json"}


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A data folder with one person in it."""
    data = tmp_path / "data"
    settings = load_settings(None, data, {})

    async def add() -> None:
        await migrate(settings)
        async with opened_node(settings) as node:
            now = utc_now()
            email = parse_email_address("ann@example.com")
            proved = SignUp("1", email, Profile("Ann", "en", "UTC"), "", now, now)
            user = user_from(proved, UserId(ANN), address_since=None, now=now)
            await node.identity.database.run_tx(lambda tx: insert_user(tx, user))

    asyncio.run(add())
    return data


def test_an_operator_keeps_a_person_out_and_lets_them_in_again(run: Run, installed: Path):
    there = ("--data", str(installed))

    disabled = run("people", "disable", "ann@example.com", "--reason", "lost laptop", "--yes", *there)
    assert disabled.code == 0
    assert f"domicile people enable {ANN}" in disabled.out
    shown = json.loads(run("people", "show", ANN, "--json", *there).out)
    assert (shown["email"], shown["state"], shown["regions"]) == ("ann@example.com", "disabled", [])
    enabled = run("people", "enable", ANN, "--reason", "found", "--json", *there)
    assert json.loads(enabled.out) == {"id": ANN, "state": "enabled"}


def test_an_unknown_person_and_a_reason_that_is_none_are_refused(run: Run, installed: Path):
    there = ("--data", str(installed))

    assert run("people", "show", "nobody@example.com", *there).code == 1
    refused = run("people", "disable", ANN, "--reason", "a\nb", "--yes", *there)
    assert refused.code == 1
    assert json.loads(run("people", "show", ANN, "--json", *there).out)["state"] == "enabled"


def test_disabling_wants_consent(run: Run, installed: Path):
    ran = run("people", "disable", ANN, "--reason", "abuse", "--data", str(installed))

    assert ran.code == 2
    assert "Say --yes" in ran.err
