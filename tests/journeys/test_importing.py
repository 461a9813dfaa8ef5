"""A list of ten thousand lines through the command line, the API and the database, as somebody really has it."""

import csv
import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from domicile.apps.cli.__main__ import main
from tests.support.api import Install, LiveServer, serving
from tests.support.people import FrozenClock
from tests.support.world import Account, World

_CAP = 9_900


@pytest.fixture(scope="module")
def server(install: Install) -> Generator[LiveServer]:
    """A server on which an account may invite nearly ten thousand a day."""
    installed = install()
    config = installed.config or installed.data / "domicile.toml"
    said = config.read_text() if installed.config else ""
    config.write_text(f"{said}\n[invitations]\nper_account_per_day = {_CAP}\n")
    with serving(config, installed.data, FrozenClock()) as running_server:
        yield running_server


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> tuple[Account, Run]:
    """An account, and the command line with a key of it."""
    account = world.account(world.person("Ann Example"))
    key = world.key(account.api)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("DOMICILE_URL", world.server.url)
    monkeypatch.setenv("DOMICILE_API_KEY", f"{key.id}:{key.secret}")

    def run_command(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        printed = capsys.readouterr()
        return Ran(int(ended.value.code or 0), printed.out, printed.err)

    return account, run_command


def _ten_thousand_lines() -> tuple[str, dict[int, str]]:
    """Write the list, with a byte order mark and the line ends of Windows; gives also what the odd lines must come to."""
    odd = {
        3: ('=HYPERLINK("http://evil.example")', "read-only", "refused"),
        4: ("+1234", "read-only", "refused"),
        5: ("no address", "read-only", "refused"),
        6: ("someone@example.com", "emperor", "refused"),
        7: ("GUEST8@example.com", "read-only", "created"),
        8: ("guest8@example.com", "read-only", "repeated"),
        9: ("guest8@example.com", "full-access", "refused"),
        10: ("quoted, cell", "read-only", "refused"),
        11: ("", "read-only", "refused"),
    }
    rows = [["email", "role"]]
    for number in range(2, 10_002):
        email, role = (
            (odd[number][0], odd[number][1]) if number in odd else (f"guest{number}@example.com", "read-only")
        )
        rows.append([email, role])
    text = "\r\n".join(
        ",".join(f'"{c.replace(chr(34), chr(34) * 2)}"' if set(c) & set('",') else c for c in row)
        for row in rows
    )
    return "\ufeff" + text + "\r\n", {number: result for number, (*_, result) in odd.items()}


@pytest.mark.once("sqlite")
def test_ten_thousand_lines_each_come_to_their_own_result_and_a_second_run_doubles_nothing(
    world: World, run: tuple[Account, Run], tmp_path: Path
) -> None:
    account, domicile = run
    text, odd = _ten_thousand_lines()
    file, results = tmp_path / "list.csv", tmp_path / "results.csv"
    file.write_text(text, encoding="utf-8", newline="")

    ended = domicile("invite", "import", str(file), "--link", "--json", "--output", str(results))

    told = json.loads(ended.out)
    by_line = {each["line"]: each for each in told["results"]}
    assert ended.code == 1
    assert list(by_line) == list(range(2, 10_002))
    assert {number: by_line[number]["result"] for number in odd} == odd
    assert told["summary"]["created"] == _CAP
    not_tried = [number for number, each in by_line.items() if each["result"] == "not-tried"]
    assert min(not_tried) > _CAP
    assert set(not_tried) == set(range(min(not_tried), 10_002))
    assert "run this again in 24 h" in by_line[10_001]["reason"]
    assert f"{len(not_tried) + 7} of them are left" in ended.err
    with results.open(newline="") as file_of_results:
        written = list(csv.DictReader(file_of_results))
    assert [int(row["line"]) for row in written] == list(by_line)
    assert not [row for row in written if any(cell.startswith(tuple("=+-@")) for cell in row.values())]
    assert written[1]["email"] == '\'=HYPERLINK("http://evil.example")'
    assert results.stat().st_mode & 0o077 == 0

    again = json.loads(domicile("invite", "import", str(file), "--link", "--json").out)
    assert "created" not in again["summary"]
    assert again["summary"]["open"] == _CAP
    page = account.api.call("GET", "/api/invitations?limit=250&state=invited")
    assert len(page["invitations"]) == 250
    assert world.mails_to("guest12@example.com") == []

    accepted = by_line[12]["link"].rpartition("/")[2]
    guest = world.person("Gus Guest", address="guest12@example.com")
    joined = guest.api.call("POST", "/api/invitations/accept", {"token": accepted})
    assert joined["accountID"] == account.id
