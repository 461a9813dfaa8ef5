"""Lists of addresses as people have them, what of them is sent, and how a run goes on, waits, or ends."""

import csv
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from domicile.apps.cli import importing
from domicile.apps.cli.address_list import Line, formula_safe, read_list
from domicile.apps.cli.exits import CommandError, Exit
from tests.cli.conftest import Run
from tests.cli.peer import Peer

BULK = "POST /api/invitations/bulk"


def made(email: str, **more: str) -> dict[str, Any]:
    return {"invitation": {"id": email.upper(), "email": email, **more}}


def refused(code: str, message: str = "No.", **more: Any) -> dict[str, Any]:
    return {"problem": {"code": code, "message": message, "fields": {}, **more}}


def lines_of(content: bytes | str, tmp_path: Path) -> list[Line]:
    file = tmp_path / "list.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_list(str(file), role="read-only")


@pytest.mark.parametrize(
    "content",
    [
        "email,role\nann@example.com,full-access\nbob@example.com,\n",
        "\ufeffemail,role\r\nann@example.com,full-access\r\nbob@example.com,read-only\r\n",
        'Email , Role\n"ann@example.com","full-access"\n\n  \n"bob@example.com"\n',
        "role;email\nfull-access;ann@example.com\n;bob@example.com",
        "E-Mail,roleID,locale\rann@example.com,full-access,de\rbob@example.com,read-only,\r",
    ],
)
def test_a_list_is_read_with_any_mark_line_end_quotation_and_order_of_columns(content: str, tmp_path: Path):
    lines = lines_of(content, tmp_path)

    assert [(line.email, line.role, line.fault) for line in lines] == [
        ("ann@example.com", "full-access", ""),
        ("bob@example.com", "read-only", ""),
    ]


def test_one_address_a_line_needs_no_header(tmp_path: Path):
    lines = lines_of("ann@example.com\n\nbob@example.com\ncarl@example.com,full-access\n", tmp_path)

    assert [(line.number, line.email, bool(line.fault)) for line in lines] == [
        (1, "ann@example.com", False),
        (3, "bob@example.com", False),
        (4, "carl@example.com", True),
    ]
    assert "begin it with email,role" in lines[2].fault


def test_lines_are_numbered_where_they_begin_also_after_a_cell_of_several_lines(tmp_path: Path):
    lines = lines_of('email,role\n"two\nlines",read-only\nann@example.com,read-only\n', tmp_path)

    assert [(line.number, line.email) for line in lines] == [(2, "two\nlines"), (4, "ann@example.com")]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"email,role\nann@example.com,read-only\n\xff\xfe,read-only\n", "Line 3 is not UTF-8"),
        ("email,role\nann@example.com".encode("utf-16"), "Line 1 is not UTF-8"),
        ('email,role\nann@example.com,"read-only\nbob@example.com,read-only\n', "Line 2 is not CSV"),
        (f"email\n{'a' * 200_000}\n", "is not CSV"),
        ("email,rol\nann@example.com,full-access\n", "'rol'"),
        ("email,role,role\nann@example.com,a,b\n", "one of them twice"),
        ("", "no address"),
        ("email,role\n\n", "no address after it"),
    ],
)
def test_a_list_that_cannot_be_understood_ends_the_command_before_anything_is_sent(
    content: bytes | str, told: str, run: Run, entered: Peer, tmp_path: Path
):
    file = tmp_path / "list.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())

    ended = run("invite", "import", str(file))

    assert ended.code == Exit.USAGE
    assert told in ended.err
    assert entered.sent(BULK) == []


def test_a_file_that_is_not_there_is_told(run: Run, entered: Peer, tmp_path: Path):
    ended = run("invite", "import", str(tmp_path / "missing.csv"))

    assert ended.code == Exit.USAGE
    assert "No such file" in ended.err


def test_a_repeated_line_is_told_with_the_one_before_and_only_a_contradiction_is_a_failure(tmp_path: Path):
    lines = lines_of(
        "email,role\nann@example.com,read-only\nANN@example.com,read-only\nann@example.com,full-access\n",
        tmp_path,
    )

    assert [(line.repeats, bool(line.fault)) for line in lines] == [(0, False), (2, False), (2, True)]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_a_spreadsheet_would_compute_is_written_as_text(cell: str):
    assert formula_safe(cell) == f"'{cell}"
    assert formula_safe(f"a{cell}") == f"a{cell}"


def test_each_line_is_told_in_its_order_and_a_refused_one_ends_with_one(
    run: Run, entered: Peer, tmp_path: Path
):
    entered.answer(
        BULK,
        200,
        {
            "results": [
                made("ann@example.com"),
                refused(
                    "invalid-input", fields={"email": "must be an e-mail address such as ann@example.com"}
                ),
                refused("invitation-open"),
                refused("already-member"),
            ]
        },
    )
    file = tmp_path / "list.csv"
    file.write_text(
        "email,role\nann@example.com,read-only\n=1+1,read-only\nbob@example.com,\ncarl@example.com,\n"
    )
    results = tmp_path / "results.csv"

    ended = run("invite", "import", str(file), "--output", str(results))

    assert ended.code == 1
    assert [line.partition(": ")[2].partition(" (")[0] for line in ended.out.splitlines()] == [
        "ann@example.com: created",
        "=1+1: refused",
        "bob@example.com: open",
        "carl@example.com: member",
    ]
    assert "line 3:" in ended.out.splitlines()[1]
    assert "4 lines: 1 created, 1 open, 1 member, 1 refused" in ended.err
    with results.open(newline="") as written:
        rows = list(csv.DictReader(written))
    assert [row["result"] for row in rows] == ["created", "refused", "open", "member"]
    assert rows[1]["email"] == "'=1+1"
    assert entered.sent(BULK)[0].body == {
        "delivery": "mail",
        "invitations": [
            {"email": "ann@example.com", "roleID": "read-only"},
            {"email": "=1+1", "roleID": "read-only"},
            {"email": "bob@example.com", "roleID": "read-only"},
            {"email": "carl@example.com", "roleID": "read-only"},
        ],
    }


def test_a_run_of_what_is_done_already_is_no_failure(run: Run, entered: Peer):
    entered.answer(BULK, 200, {"results": [refused("invitation-open"), refused("already-member")]})

    assert run("invite", "import", "-", stdin="ann@example.com\nbob@example.com\n").code == 0


def test_a_results_file_that_is_there_is_left_alone_and_nothing_is_sent(
    run: Run, entered: Peer, tmp_path: Path
):
    there = tmp_path / "results.csv"
    there.write_text("kept")

    ended = run("invite", "import", "-", "--output", str(there), stdin="ann@example.com\n")

    assert ended.code == Exit.USAGE
    assert there.read_text() == "kept"
    assert entered.sent(BULK) == []


def test_a_long_list_goes_in_batches_each_under_a_key_of_its_own(run: Run, entered: Peer):
    for size in (100, 100, 50):
        entered.answer(BULK, 200, {"results": [made(f"g{n}@example.com") for n in range(size)]})

    ended = run("invite", "import", "-", "--json", stdin="".join(f"g{n}@example.com\n" for n in range(250)))

    sent = entered.sent(BULK)
    assert json.loads(ended.out)["summary"] == {"created": 250}
    assert len({each.headers["Idempotency-Key"] for each in sent}) == 3
    assert [len(each.body["invitations"]) for each in sent] == [100, 100, 50]  # pyright: ignore[reportIndexIssue, reportCallIssue, reportArgumentType]  # JSON


def test_a_server_that_has_too_much_to_do_is_asked_again_under_the_same_key(
    run: Run, entered: Peer, monkeypatch: pytest.MonkeyPatch
):
    pauses: list[float] = []
    monkeypatch.setattr(importing.time, "sleep", pauses.append)
    entered.answer(BULK, 503, {"message": "Not now.", "fields": {}}, Retry_After="7")
    entered.answer(BULK, 200, {"results": [made("ann@example.com")]})

    assert run("invite", "import", "-", stdin="ann@example.com\n").code == 0
    first, second = entered.sent(BULK)
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert pauses == [7]


def test_a_refusal_of_the_whole_ends_the_run_and_tells_what_was_not_tried(run: Run, entered: Peer):
    entered.answer(BULK, 200, {"results": [made(f"g{n}@example.com") for n in range(100)]})
    entered.answer(BULK, 403, {"message": "Your role does not allow it.", "fields": {}})

    ended = run("invite", "import", "-", "--json", stdin="".join(f"g{n}@example.com\n" for n in range(250)))

    assert ended.code == 1
    shown = json.loads(ended.out)
    assert shown["summary"] == {"created": 100, "not-tried": 150}
    assert shown["results"][200]["reason"] == "Your role does not allow it."
    assert len(entered.sent(BULK)) == 2


def test_the_cap_of_a_day_ends_the_run_and_says_when_to_go_on(run: Run, entered: Peer):
    capped = refused("too-many-invitations", retryAfter=3601)
    entered.answer(BULK, 200, {"results": [made("ann@example.com"), capped]})

    ended = run("invite", "import", "-", stdin="ann@example.com\nbob@example.com\n")

    assert ended.code == 1
    assert "bob@example.com: not-tried" in ended.out
    assert "run this again in 1 h 1 min" in ended.out


def test_with_a_key_the_cap_of_a_day_is_waited_for(run: Run, peer: Peer, monkeypatch: pytest.MonkeyPatch):
    pauses: list[float] = []
    monkeypatch.setattr(importing.time, "sleep", pauses.append)
    monkeypatch.setenv("DOMICILE_API_KEY", "dom_de-1_x:secret")
    monkeypatch.setenv("DOMICILE_URL", peer.url)
    capped = refused("too-many-invitations", retryAfter=3601)
    peer.answer(BULK, 200, {"results": [made("ann@example.com"), capped]})
    peer.answer(BULK, 200, {"results": [made("bob@example.com")]})

    ended = run("invite", "import", "-", "--wait", stdin="ann@example.com\nbob@example.com\n")

    assert ended.code == 0
    assert pauses == [3601]
    first, second = peer.sent(BULK)
    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]
    assert second.body == {
        "delivery": "mail",
        "invitations": [{"email": "bob@example.com", "roleID": "read-only"}],
    }


def test_waiting_for_hours_needs_a_key(run: Run, entered: Peer):
    ended = run("invite", "import", "-", "--wait", stdin="ann@example.com\n")

    assert ended.code == Exit.USAGE
    assert "DOMICILE_API_KEY" in ended.err


def test_what_stands_in_a_list_cannot_steer_the_terminal(run: Run, entered: Peer):
    entered.answer(BULK, 200, {"results": [refused("invalid-input", "\x1b[31mNo.")]})

    shown = run("invite", "import", "-", stdin="\x1b[2Jann@example.com\n").out

    assert "\x1b" not in shown


def test_a_terminal_is_shown_how_far_the_run_has_come(entered: Peer, config_home: Path, tmp_path: Path):
    entered.answer(BULK, 200, {"results": [made(f"g{n}@example.com") for n in range(100)]})
    file = tmp_path / "list.csv"
    file.write_text("".join(f"g{n}@example.com\n" for n in range(100)))
    ours, theirs = pty.openpty()
    environment = {
        **os.environ,
        "DOMICILE_URL": entered.url,
        "XDG_CONFIG_HOME": str(config_home),
        "TERM": "xterm",
    }

    done = subprocess.run(
        [sys.executable, "-m", "domicile.apps.cli", "invitations", "import", str(file)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
    )

    os.close(theirs)
    seen = os.read(ours, 65_536).decode()
    os.close(ours)
    assert "Inviting" in seen
    assert "100/100" in seen
    assert len(done.stdout.splitlines()) == 100


def test_a_reading_error_is_a_command_error_and_no_traceback(tmp_path: Path):
    with pytest.raises(CommandError):
        read_list(str(tmp_path), role="read-only")


def test_a_link_instead_of_a_mail_is_asked_for_and_shown(run: Run, entered: Peer):
    link = "http://localhost:8800/join/de-1.004217730956.secret"
    entered.answer("POST /api/invitations", 201, {"id": "A" * 32, "link": link})
    entered.answer(f"POST /api/invitations/{'A' * 32}/send", 200, {"id": "A" * 32, "link": link})

    created = run("invite", "create", "ann@example.com", "--link", "--locale", "ja")
    sent = run("invite", "send", "A" * 32, "--link")

    assert link in created.out
    assert link in sent.out
    assert "this once" in created.err
    assert entered.sent("POST /api/invitations")[0].body == {
        "email": "ann@example.com",
        "roleID": "read-only",
        "delivery": "link",
        "locale": "ja",
    }


REF = f"de-1.004217730956.{'7' * 32}"


def test_my_invitations_are_listed_with_the_regions_to_ask_elsewhere(run: Run, signed_in: Peer):
    mine = {
        "ref": REF,
        "alias": "Labs",
        "region": "de-1",
        "roleName": "Read only",
        "inviter": "Ada",
        "expiry": "x",
    }
    elsewhere = [{"region": "jp-1", "baseURL": "https://jp.example.com"}]
    signed_in.answer("GET /api/me/invitations", 200, {"invitations": [mine], "elsewhere": elsewhere})

    shown = run("invite", "mine")

    assert REF in shown.out
    assert "--url https://jp.example.com" in shown.err


@pytest.mark.parametrize(
    ("given", "path", "body"),
    [
        (REF, f"/api/me/invitations/{REF}", None),
        ("http://localhost:8800/join/to-ken_1", "/api/invitations", {"token": "to-ken_1"}),
    ],
)
def test_an_invitation_is_answered_by_its_link_or_by_its_reference(
    given: str, path: str, body: dict[str, str] | None, run: Run, signed_in: Peer
):
    joined = {"accountID": "004217730956", "region": "de-1", "roleID": "read-only"}
    signed_in.answer(f"POST {path}/accept", 200, joined)
    signed_in.answer(f"POST {path}/decline", 204)

    assert run("invite", "accept", given).code == 0
    assert run("invite", "decline", given).code == Exit.USAGE
    assert signed_in.sent(f"POST {path}/decline") == []
    assert run("invite", "decline", given, "--yes").code == 0
    assert signed_in.sent(f"POST {path}/accept")[0].body == body
    assert signed_in.sent(f"POST {path}/decline")[0].body == body
