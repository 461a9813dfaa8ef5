"""The audit on the command line: what is asked for, what is written to files, and what verifying says of them."""

import asyncio
import json
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

from domicile.region.audit.service import get_checkpoint
from tests.cli.conftest import Run
from tests.cli.peer import Peer
from tests.support.auditing import exported, fill
from tests.support.region import ACCOUNT, live_region

EXPORT = "GET /api/logs/export?format=jsonl"
CHECKPOINT = {
    "accountID": "004217730956",
    "region": "de-1",
    "size": 2,
    "rootHash": "ab" * 32,
    "time": "2026-05-01T08:00:00Z",
    "signed": "a.b.c",
}


@dataclass(frozen=True)
class Files:
    """A log, the region's keys and an earlier checkpoint, as files."""

    log: Path
    keys: Path
    checkpoint: Path

    @property
    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()

    def rewrite(self, lines: list[str]) -> None:
        self.log.write_text("".join(f"{line}\n" for line in lines))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(tmp_path / "log.jsonl", tmp_path / "keys.json", tmp_path / "checkpoint.json")

    async def write() -> None:
        async with live_region(f"sqlite+aiosqlite:///{tmp_path / 'region.db'}", tmp_path) as region:
            await fill(region, 5)
            kept = await get_checkpoint(region.plane, region.person())
            await fill(region, 5)
            made.log.write_bytes(await exported(region))
            made.keys.write_text(json.dumps(region.plane.signer.jwks()))
            made.checkpoint.write_text(json.dumps({"size": kept.size, "signed": kept.signed}))

    asyncio.run(write())
    return made


def test_a_good_log_is_verified_without_a_server(run: Run, files: Files):
    ran = run(
        "audit", "verify", str(files.log), "--keys", str(files.keys), "--checkpoint", str(files.checkpoint)
    )

    assert ran.code == 0
    assert f"Good: all 10 events of account {ACCOUNT}, as signed in de-1" in ran.out
    assert "It extends the kept checkpoint over 5 events" in ran.out
    assert ran.err == ""


def test_without_trusted_keys_it_says_what_that_shows_and_what_not(run: Run, files: Files):
    ran = run("audit", "verify", str(files.log))

    assert ran.code == 0
    assert "shows accidents, and no forgery" in ran.err
    assert "/.well-known/domicile/de-1/statement-keys.json" in ran.err


def test_a_bad_log_ends_with_1_and_names_its_first_bad_entry(run: Run, files: Files):
    event = json.loads(files.lines[3])["leaf"]["eventID"]
    files.rewrite(
        [*files.lines[:3], files.lines[3].replace("account_updated", "account_created"), *files.lines[4:]]
    )

    ran = run("audit", "verify", str(files.log))

    assert ran.code == 1
    assert f"changed at line 4, event {event}" in ran.err
    assert ran.out == ""


def test_as_json_the_verdict_can_be_read_by_programs(run: Run, files: Files):
    good = run("audit", "verify", str(files.log), "--keys", str(files.keys), "--json")
    files.rewrite([*files.lines[:5], *files.lines[6:]])
    bad = run("audit", "verify", str(files.log), "--json")

    told = json.loads(good.out)
    assert (good.code, told["good"], told["keysAreTrusted"], told["events"]) == (0, True, True, 10)
    told = json.loads(bad.out)
    assert (bad.code, told["good"], told["fault"], told["line"]) == (1, False, "missing", 6)


def test_a_log_that_was_cut_off_or_signed_by_others_is_bad(run: Run, files: Files):
    foreign = json.loads(files.keys.read_text())
    foreign["keys"][0]["kid"] = "us-1.0011223344556677"
    files.keys.write_text(json.dumps(foreign))

    ran = run("audit", "verify", str(files.log), "--keys", str(files.keys))
    assert (ran.code, "untrusted-key" in ran.err) == (1, True)
    files.rewrite(files.lines[:-1])
    ran = run("audit", "verify", str(files.log))
    assert (ran.code, "cut-off" in ran.err) == (1, True)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b"time,seq\n", b'{"kind":"header"}\n'])
def test_a_file_that_is_no_log_ends_with_2(run: Run, tmp_path: Path, content: bytes | None):
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)

    assert run("audit", "verify", str(file)).code == 2
    assert run("audit", "verify", str(tmp_path)).code == 2


@pytest.mark.parametrize("option", ["--keys", "--checkpoint"])
@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"[]", b"{"])
def test_what_is_held_against_the_log_has_to_be_readable_too(
    run: Run, files: Files, tmp_path: Path, option: str, content: bytes | None
):
    other = tmp_path / "other"
    if content is not None:
        other.write_bytes(content)

    assert run("audit", "verify", str(files.log), option, str(other)).code in {1, 2}
    assert run("audit", "verify", str(files.log), "--keys", str(files.checkpoint)).code == 1


def test_an_export_is_written_whole_and_for_its_owner_alone(run: Run, entered: Peer, tmp_path: Path):
    entered.answer(EXPORT, 200, b'{"kind":"header"}\n{"kind":"event"}\n', Audit_Event_Count="1")
    file = tmp_path / "log.jsonl"

    ran = run("audit", "export", "--output", str(file))

    assert (ran.code, ran.out) == (0, f"1 events are in {file}.\n")
    assert file.read_bytes() == b'{"kind":"header"}\n{"kind":"event"}\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.glob("*.part")) == []


def test_an_export_without_a_file_goes_to_standard_output(run: Run, entered: Peer):
    entered.answer(EXPORT, 200, b'{"kind":"header"}\n', Audit_Event_Count="0")

    ran = run("audit", "export")

    assert (ran.code, ran.out) == (0, '{"kind":"header"}\n')


def test_a_file_that_is_there_is_written_anew_only_when_told_so(run: Run, entered: Peer, tmp_path: Path):
    entered.answer(EXPORT, 200, b"new\n", Audit_Event_Count="1")
    file = tmp_path / "log.jsonl"
    file.write_text("old")

    refused = run("audit", "export", "-o", str(file))
    assert (refused.code, file.read_text()) == (2, "old")
    assert entered.sent(EXPORT) == []
    assert run("audit", "export", "-o", str(file), "--yes", "--json").code == 0
    assert file.read_text() == "new\n"


def test_an_export_that_is_refused_or_breaks_off_leaves_no_file(run: Run, entered: Peer, tmp_path: Path):
    file = tmp_path / "log.jsonl"
    entered.answer(EXPORT, 403, {"message": "Your role does not allow audit:log:read.", "fields": {}})

    ran = run("audit", "export", "-o", str(file))

    assert (ran.code, "does not allow" in ran.err) == (1, True)
    assert list(tmp_path.glob("log*")) == []


def test_an_account_token_that_has_ended_is_renewed_for_an_export(run: Run, entered: Peer, tmp_path: Path):
    entered.answer(EXPORT, 401, {"message": "Not valid here.", "fields": {}})
    entered.answer(EXPORT, 200, b"whole\n", Audit_Event_Count="1")

    assert run("audit", "export", "-o", str(tmp_path / "log")).code == 0
    assert [each.headers["Authorization"] for each in entered.sent(EXPORT)] == [
        "Bearer entry-secret-1",
        "Bearer entry-secret-2",
    ]


def test_a_folder_that_cannot_be_written_to_is_explained(run: Run, entered: Peer, tmp_path: Path):
    entered.answer(EXPORT, 200, b"x\n", Audit_Event_Count="1")

    ran = run("audit", "export", "-o", str(tmp_path / "none" / "log"))

    assert (ran.code, "cannot be written" in ran.err) == (1, True)


def test_filters_are_sent_by_their_names_in_the_api(run: Run, entered: Peer):
    path = (
        "GET /api/logs?from=2026-01-01T00%3A00%3A00Z&type=audit.apiKey_%2A&principal=user%2Fx"
        "&outcome=refused&limit=250"
    )
    entered.answer(path, 200, {"logs": []})

    ran = run(
        *("audit", "list", "--from", "2026-01-01T00:00:00Z", "--type", "audit.apiKey_*"),
        *("--principal", "user/x", "--outcome", "refused"),
    )

    assert (ran.code, len(entered.sent(path))) == (0, 1), [each.path for each in entered.requests]


def test_checkpoints_and_proofs_are_shown(run: Run, entered: Peer):
    entered.answer("GET /api/logs/checkpoint", 200, CHECKPOINT)
    entered.answer("GET /api/logs/checkpoints?limit=250", 200, {"checkpoints": [CHECKPOINT]})
    proof = {"size": 2, "rootHash": "ab" * 32, "proof": ["cd" * 32], "fromSize": 1}
    entered.answer("GET /api/logs/proof?from=1&to=2", 200, proof)
    entered.answer("GET /api/logs/proof?eventID=e-1", 200, proof)

    assert json.loads(run("audit", "checkpoint", "--json").out) == CHECKPOINT
    assert "ab" * 32 in run("audit", "checkpoints").out
    assert json.loads(run("audit", "proof", "--from", "1", "--to", "2", "--json").out) == proof
    assert "cd" * 32 in run("audit", "proof", "e-1").out
