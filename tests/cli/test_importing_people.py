"""The operator's command that brings people over: what it reads, what it tells, and what it does when it is run again."""

import asyncio
import json
from pathlib import Path

import bcrypt
import pytest

from domicile.apps.operate import migrate, opened_node
from domicile.identity.signing_in.service import sign_in
from domicile.infra.secrets import SecretText
from domicile.infra.settings import load_settings
from tests.cli.conftest import Run
from tests.support.people import ORIGIN

HASH = bcrypt.hashpw(b"old secret", bcrypt.gensalt(4)).decode()
JSON_LINES = "\n".join(
    [
        json.dumps({"email": "ann@example.com", "name": "Ann", "passwordHash": HASH, "locale": "de"}),
        "",
        json.dumps({"email": "ben@example.com", "name": "Ben"}),
        json.dumps({"email": "Ann@Example.com", "name": "Ann again"}),
        json.dumps({"email": "cat@example.com", "name": "Cat", "passwordHash": "$2b$31$" + "a" * 53}),
        json.dumps({"email": "dan@example.com", "name": "Dan", "role": "full-access"}),
        json.dumps({"email": "eve@example.com", "name": 7}),
        '{"email": "fay@example.com", "name": "\\ud800"}',
        "no json",
        "[]",
    ]
)
RESULTS = ["created", "created", "repeated", "refused", "refused", "refused", "refused", "refused", "refused"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    asyncio.run(migrate(load_settings(None, folder, {})))
    return folder


def put(tmp_path: Path, text: str, name: str = "people.jsonl") -> str:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def results_of(run: Run, *arguments: str) -> list[str]:
    return [
        each["result"] for each in json.loads(run("people", "import", *arguments, "--json").out)["results"]
    ]


def test_each_line_has_its_result_and_a_second_run_changes_nothing(run: Run, tmp_path: Path, data: Path):
    there = (put(tmp_path, JSON_LINES), "--addresses-are-verified", "--data", str(data))

    ran = run("people", "import", *there)

    assert ran.code == 1
    assert ran.out.splitlines() == [
        "line 1: ann@example.com: created",
        "line 3: ben@example.com: created",
        "line 4: Ann@Example.com: repeated (as line 1)",
        "line 5: cat@example.com: refused (passwordHash has a cost outside of what is verified here)",
        "line 6: dan@example.com: refused (has a member that is not known: 'role')",
        "line 7: eve@example.com: refused (must have texts as name)",
        *(f"line {number}: (no address): refused (is not a JSON object)" for number in (8, 9, 10)),
    ]
    assert "9 lines: 2 created, 1 repeated, 6 refused" in ran.err
    assert HASH not in ran.out + ran.err and "aaaa" not in ran.out + ran.err
    assert results_of(run, *there) == ["known", "known", *RESULTS[2:]]

    async def signs_in() -> str:
        async with opened_node(load_settings(None, data, {})) as node:
            return (
                await sign_in(node.identity, "ann@example.com", SecretText("old secret"), ORIGIN)
            ).user.locale

    assert asyncio.run(signs_in()) == "de"


def test_a_dry_run_tells_the_same_and_changes_nothing(run: Run, tmp_path: Path, data: Path):
    file = put(tmp_path, JSON_LINES)
    for _ in range(2):
        assert results_of(run, file, "--dry-run", "--data", str(data)) == RESULTS
    good = put(tmp_path, JSON_LINES.splitlines()[0])
    ran = run("people", "import", good, "--dry-run", "--addresses-are-verified", "--data", str(data))
    assert (ran.code, "Nothing was changed: it was a dry run." in ran.err) == (0, True)
    assert results_of(run, good, "--dry-run", "--data", str(data)) == ["created"]


def test_nothing_is_imported_unless_the_addresses_are_said_to_be_verified(
    run: Run, tmp_path: Path, data: Path
):
    ran = run("people", "import", put(tmp_path, JSON_LINES), "--data", str(data))
    assert ran.code == 2
    assert "--addresses-are-verified" in ran.err and "--dry-run" in ran.err
    assert results_of(run, put(tmp_path, JSON_LINES), "--dry-run", "--data", str(data))[0] == "created"


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_spreadsheet_is_read_too(run: Run, tmp_path: Path, data: Path, delimiter: str):
    rows = [
        "Email,Name,passwordhash,locale",
        f'ann@example.com,"Ann Example",{HASH},ja',
        "ben@example.com,Ben,,",
        "cat@example.com,Cat",
    ]
    text = "\r\n".join(row.replace(",", delimiter) for row in rows)
    file = put(tmp_path, text, "people.csv")
    assert results_of(run, file, "--addresses-are-verified", "--data", str(data)) == [
        "created",
        "created",
        "refused",
    ]


def test_standard_input_is_a_file_too(run: Run, data: Path):
    line = json.dumps({"email": "ann@example.com", "name": "Ann"})
    ran = run("people", "import", "-", "--addresses-are-verified", "--data", str(data), stdin=line)
    assert (ran.code, ran.out) == (0, "line 1: ann@example.com: created\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "nobody on the list"),
        ("email,name\n", "nobody on the list"),
        ("name,locale\nAnn,en\n", "must be a header"),
        ("email,name,role\na@b.example,Ann,full-access\n", "must be a header"),
        ("ann@example.com\n", "must be a header"),
    ],
)
def test_a_list_that_is_none_is_explained(run: Run, tmp_path: Path, data: Path, text: str, told: str):
    ran = run("people", "import", put(tmp_path, text), "--addresses-are-verified", "--data", str(data))
    assert ran.code == 2
    assert told in ran.err
