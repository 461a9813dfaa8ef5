"""What is kept of a person on their machine, and from whom."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from domicile.apps.cli.credentials import CredentialStore, StoredEntry, StoredSession, credentials_path
from domicile.apps.cli.exits import CommandError, Exit
from tests.cli.conftest import Run
from tests.cli.peer import Peer

URL = "https://domicile.example"


@pytest.fixture
def store(tmp_path: Path) -> CredentialStore:
    return CredentialStore(tmp_path / "domicile" / "credentials.json")


def test_a_kept_session_is_found_again(store: CredentialStore):
    entry = StoredEntry("entry-secret", datetime(2030, 1, 1, tzinfo=UTC), URL)
    session = StoredSession(
        "session-secret", "ann@example.com", account="004217730956", entries={"004217730956": entry}
    )

    store.keep(URL, session)

    assert store.find(URL) == session
    assert store.find("https://other.example") is None


def test_only_the_owner_can_read_the_file_even_under_a_generous_umask(store: CredentialStore, tmp_path: Path):
    before = os.umask(0)
    try:
        store.keep(URL, StoredSession("session-secret", "ann@example.com"))
    finally:
        os.umask(before)

    folder = tmp_path / "domicile"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_commands_that_write_at_once_lose_nothing(store: CredentialStore):
    urls = [f"https://{number}.example" for number in range(40)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda url: store.keep(url, StoredSession("session-secret", "ann@example.com")), urls))

    assert all(store.find(url) for url in urls)


def test_a_session_that_was_forgotten_meanwhile_stays_forgotten(store: CredentialStore):
    store.keep(URL, StoredSession("session-secret", "ann@example.com"))
    store.forget(URL)

    store.revise(URL, lambda session: msgspec.structs.replace(session, account="004217730956"))

    assert store.find(URL) is None


def test_a_token_does_not_show_when_its_holder_is_printed():
    entry = StoredEntry("entry-secret", datetime(2030, 1, 1, tzinfo=UTC), URL)

    assert "secret" not in repr(StoredSession("session-secret", "ann@example.com", entries={"1": entry}))
    assert "secret" not in repr(entry)


def test_a_damaged_file_is_named_and_the_way_out_told(store: CredentialStore, tmp_path: Path):
    store.keep(URL, StoredSession("session-secret", "ann@example.com"))
    (tmp_path / "domicile" / "credentials.json").write_text("{")

    with pytest.raises(CommandError) as raised:
        store.find(URL)

    assert raised.value.code is Exit.NOT_SIGNED_IN
    assert "Remove it and sign in again" in raised.value.message


def test_a_relative_configuration_folder_is_ignored():
    home = Path("/home/ann")

    assert credentials_path({"XDG_CONFIG_HOME": "here"}, home) == home / ".config/domicile/credentials.json"
    assert credentials_path({"XDG_CONFIG_HOME": "/x"}, home) == Path("/x/domicile/credentials.json")


def test_signing_in_prints_no_token_in_either_form(run: Run, peer: Peer):
    peer.answer("POST /api/sessions", 201, {"token": "session-secret", "user": {"email": "ann@example.com"}})

    shown = [
        run(
            "login",
            "ann@example.com",
            "--password-stdin",
            "--url",
            peer.url,
            *form,
            stdin="a long password\n",
        )
        for form in ([], ["--json"])
    ]

    assert [ended.code for ended in shown] == [0, 0]
    assert not any("session-secret" in ended.out + ended.err for ended in shown)


def test_a_refused_sign_in_ends_with_one_and_keeps_nothing(run: Run, peer: Peer, config_home: Path):
    peer.answer("POST /api/sessions", 401, {"message": "Email or password is wrong.", "fields": {}})

    ended = run("login", "ann@example.com", "--password-stdin", "--url", peer.url, stdin="a long password\n")

    assert ended.code == 1
    assert "Email or password is wrong." in ended.err
    assert not config_home.exists()


def test_signing_out_ends_the_session_there_and_here(run: Run, signed_in: Peer):
    signed_in.answer("DELETE /api/sessions/current", 204)

    assert run("logout").code == 0
    assert (
        signed_in.sent("DELETE /api/sessions/current")[0].headers["Authorization"] == "Bearer session-secret"
    )
    assert run("whoami").code == 3


def test_signing_out_of_a_session_that_has_ended_still_forgets_it(run: Run, signed_in: Peer):
    signed_in.answer("DELETE /api/sessions/current", 401, {"message": "The session has ended.", "fields": {}})

    assert run("logout").code == 0
    assert run("whoami").code == 3
