"""An exported log is verified offline, and whatever was done to it is found and named."""

import asyncio
import copy
import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domicile.infra.signing import new_signer
from domicile.kernel.hash_tree import hash_leaf
from domicile.region.audit.domain import parse_filters
from domicile.region.audit.exported import Finding, NotALogError
from domicile.region.audit.leaf import canonical, hash_of_leaf
from domicile.region.audit.service import get_checkpoint
from domicile.region.audit.verification import Report, verify_log
from tests.support.auditing import exported, exported_csv, fill
from tests.support.region import ACCOUNT, OTHER_ACCOUNT, LiveRegion, live_region

EVENTS = 300
"""More than one tile of 256."""
TILE_LINE = 1 + 256 + 1
"""The line of the first tile's proof."""

Log = list[bytes]


@dataclass(frozen=True)
class Exported:
    """Logs as one region exported them, with its keys and checkpoints that were kept."""

    whole: Log
    filtered: Log
    foreign: Log
    csv: bytes
    keys: dict[str, Any]
    kept: dict[int, str]


async def export_all(folder: Path) -> Exported:
    async with live_region(f"sqlite+aiosqlite:///{folder / 'region.db'}", folder) as region:
        kept: dict[int, str] = {}
        for more in (10, 246, EVENTS - 256):
            await fill(region, more)
            made = await get_checkpoint(region.plane, region.person())
            kept[made.size] = made.signed
        await fill(region, 20, account=OTHER_ACCOUNT)
        filters = parse_filters(since=None, before=None, type_="audit.api*", principal=None, outcome=None)
        csv_before = await exported_csv(region)
        whole_of_other = await exported(region, account=OTHER_ACCOUNT)
        selected = await exported(region, filters)
        return Exported(
            whole=await _export_of(region, kept),
            filtered=selected.splitlines(),
            foreign=whole_of_other.splitlines(),
            csv=csv_before,
            keys=region.plane.signer.jwks(),
            kept=kept,
        )


async def _export_of(region: LiveRegion, kept: dict[int, str]) -> Log:
    log = (await exported(region)).splitlines()
    made = await get_checkpoint(region.plane, region.person())
    kept[made.size] = made.signed
    return log


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return asyncio.run(export_all(tmp_path_factory.mktemp("exported")))


def verify(log: Log, keys: dict[str, Any] | None = None, kept: list[str] | None = None) -> Report:
    return verify_log(lambda: log, keys=keys, kept=kept or [])


def finding_of(log: Log, keys: dict[str, Any] | None = None, kept: list[str] | None = None) -> Finding:
    finding = verify(log, keys, kept).finding
    assert finding is not None, "the change was not found"
    return finding


def changed(log: Log, line: int, change: Callable[[dict[str, Any]], object]) -> Log:
    """The log with one line, from 1, put differently."""
    members = json.loads(log[line - 1])
    change(members)
    return [*log[: line - 1], json.dumps(members).encode(), *log[line:]]


def event_id(log: Log, line: int) -> str:
    return json.loads(log[line - 1])["leaf"]["eventID"]


def covered_up(members: dict[str, Any], **change: object) -> None:
    """Change a leaf and make its own hash fit."""
    members["leaf"].update(change)
    members["leafHash"] = hash_of_leaf(members["leaf"]).hex()


# ---------------------------------------------------------------- good logs


def test_a_log_as_it_was_exported_is_good(logs: Exported):
    report = verify(logs.whole, logs.keys, [logs.kept[10], logs.kept[256], logs.kept[EVENTS]])

    assert report.finding is None
    assert report.signed is not None
    assert (report.signed.account_id, report.signed.region) == (ACCOUNT, "de-1")
    assert report.events == report.signed.size == EVENTS + 2  # two exports were recorded before this one
    assert [each.size for each in report.kept] == [10, 256, EVENTS]


def test_a_log_that_another_program_wrote_anew_is_good(logs: Exported):
    """Members in another order, with spaces and escapes: what counts is what they say."""
    rewritten = [
        json.dumps(dict(reversed(json.loads(line).items())), indent=None, separators=(" , ", " : ")).encode()
        for line in logs.whole
    ]

    assert verify(rewritten, logs.keys).finding is None
    assert verify([line + b"\r" for line in logs.whole]).finding is None


def test_a_filtered_log_is_good_by_the_proof_of_each_event(logs: Exported):
    report = verify(logs.filtered, logs.keys)

    assert report.finding is None
    assert report.header is not None
    assert not report.header.is_whole
    assert 0 < report.events == report.header.count < EVENTS


def test_the_documented_form_of_a_leaf_is_enough_to_hash_it(logs: Exported):
    """As a third party would, by docs/audit.md alone."""
    line = json.loads(logs.whole[1])
    leaf = line["leaf"]
    text = (
        f'{{"accountID":"{leaf["accountID"]}","commitment":"{leaf["commitment"]}",'
        f'"details":{{"email":null,"invitationID":"{0:032X}","roleID":"read-only"}},"eventID":"{leaf["eventID"]}",'
        f'"form":1,"outcome":"success","principal":{{"id":"{leaf["principal"]["id"]}","kind":"user"}},'
        f'"requestID":"request-1","seq":0,"time":"2026-11-23T14:00:00.000000Z","type":"audit.invitation_created.v1"}}'
    )

    assert hash_leaf(text.encode()).hex() == line["leafHash"]
    assert canonical(leaf) == text


# ---------------------------------------------------------------- every member of every line


def places(value: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Every place in a JSON value, from the outside in."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in items:
        yield from places(member, (*path, name))


def put(members: Any, path: tuple[object, ...], change: Callable[[Any], Any]) -> None:  # noqa: ANN401  # any JSON
    *outer, last = path
    for step in outer:
        members = members[step]
    members[last] = change(members[last])


def drop(members: Any, path: tuple[object, ...]) -> None:  # noqa: ANN401  # any JSON
    *outer, last = path
    for step in outer:
        members = members[step]
    del members[last]


def another(value: Any) -> Any:  # noqa: ANN401  # any JSON
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return ("0" if value[:1] != "0" else "1") + value[1:] if value else "x"
        case None:
            return "x"
        case list():
            return [*value, "x"]
        case _:
            return {**value, "x": 1}


CHANGES: dict[str, Callable[[Any], Any]] = {
    "another": another,
    "null": lambda value: None if value is not None else 0,
    "a list": lambda value: [] if value != [] else [1],
    "an object": lambda value: {} if value != {} else {"a": 1},
    "a number": lambda value: 7 if value != 7 else 8,
    "true": lambda value: value is not True,
    "a huge number": lambda _: 10**40,
}
UNSIGNED_OF_A_FILTERED_LOG = {("filters",), ("filters", "type"), ("count",)}
"""What the first line of a filtered log says of the selection, which nothing can prove."""


@pytest.mark.parametrize("kind", ["header", "event", "tile", "checkpoint", "keys"])
@pytest.mark.parametrize("which", ["whole", "filtered"])
def test_a_change_of_any_member_of_any_line_is_found_and_named(logs: Exported, kind: str, which: str):
    log: Log = getattr(logs, which)
    numbers = [number for number, line in enumerate(log, 1) if json.loads(line)["kind"] == kind]
    for line in {*numbers[:4], *numbers[-1:]}:
        members = json.loads(log[line - 1])
        for path in places(members):
            for name, change in CHANGES.items():
                new = copy.deepcopy(members)
                put(new, path, change)
                if new == members and json.dumps(new) == json.dumps(members):
                    continue
                if kind == "keys" and path[-1] not in {"kid", "x", "y", "crv", "kty", "keys", "kind"}:
                    continue  # what a key is for is said in it, and nothing follows from that here
                if kind == "keys" and (path, name) == (("keys",), "another"):
                    continue  # one more key, which signed nothing
                if which == "filtered" and kind == "header" and path in UNSIGNED_OF_A_FILTERED_LOG:
                    continue
                _assert_found(log, line, new, f"{kind} {path} {name}")


def _assert_found(log: Log, line: int, new: object, what: str) -> None:
    tampered = [*log[: line - 1], json.dumps(new).encode(), *log[line:]]
    try:
        finding = verify(tampered).finding
    except NotALogError:
        assert line == 1, what
        return
    assert finding is not None, what
    assert finding.line is not None and finding.message, what
    if json.loads(log[line - 1])["kind"] == "event":
        assert finding.line == line, (what, finding)


@pytest.mark.parametrize("which", ["whole", "filtered"])
@pytest.mark.parametrize("kind", ["header", "event", "tile", "checkpoint", "keys"])
def test_a_member_that_is_missing_or_one_too_many_is_found(logs: Exported, kind: str, which: str):
    log: Log = getattr(logs, which)
    numbers = [number for number, line in enumerate(log, 1) if json.loads(line)["kind"] == kind]
    for line in numbers[:3]:
        members = json.loads(log[line - 1])
        for path in places(members):
            if kind == "keys" and path[-1] in {"use", "alg", "state", "created", "signsFrom"}:
                continue  # nothing follows from these in a file that brings its own keys
            if which == "filtered" and path == ("filters", "type"):
                continue
            new = copy.deepcopy(members)
            drop(new, path)
            _assert_found(log, line, new, f"without {path}")
        _assert_found(log, line, members | {"more": 1}, "with more")


@pytest.mark.parametrize("line", [2, 3, 100, 257, 259, 303])
def test_a_change_that_was_covered_up_is_found_within_its_tile(logs: Exported, line: int):
    tampered = changed(logs.whole, line, lambda members: covered_up(members, outcome="forged"))

    finding = finding_of(tampered, logs.keys)

    assert finding.fault == "changed"
    first, last = (2, TILE_LINE) if line < TILE_LINE else (TILE_LINE + 1, len(logs.whole) - 2)
    assert f"Between the lines {first} and {last} " in finding.message


def test_in_a_filtered_log_a_change_that_was_covered_up_is_named_exactly(logs: Exported):
    for line in (2, 10, 40):
        tampered = changed(logs.filtered, line, lambda members: covered_up(members, outcome="forged"))
        finding = finding_of(tampered, logs.keys)
        assert (finding.fault, finding.line, finding.event_id) == (
            "changed",
            line,
            event_id(logs.filtered, line),
        )


def test_who_changes_an_entry_and_all_proofs_fails_by_the_root(logs: Exported):
    tampered = changed(logs.whole, 5, lambda members: covered_up(members, outcome="forged"))
    good = [line for line in tampered if json.loads(line)["kind"] != "tile"]

    assert finding_of(good, logs.keys).fault == "missing"


# ---------------------------------------------------------------- lines that are gone, moved, doubled, strange


@pytest.mark.parametrize("line", [2, 3, 100, 257, 259, 280])
def test_an_entry_that_was_taken_out_is_missed_where_it_was(logs: Exported, line: int):
    finding = finding_of([*logs.whole[: line - 1], *logs.whole[line:]])

    # The last of a tile is missed by the tile's proof, which then proves something else.
    assert finding.fault in {"missing", "out-of-order"}
    assert finding.line == line


@pytest.mark.parametrize("line", [2, 100, 256, 259, 300])
def test_entries_that_changed_places_are_out_of_order(logs: Exported, line: int):
    log = list(logs.whole)
    log[line - 1], log[line] = log[line], log[line - 1]

    finding = finding_of(log)

    assert (finding.fault, finding.line) == ("out-of-order", line)


@pytest.mark.parametrize(("line", "to"), [(2, 3), (2, 200), (100, 101), (259, 260), (300, 302)])
def test_an_entry_that_is_there_twice_is_doubled(logs: Exported, line: int, to: int):
    log = list(logs.whole)
    log.insert(to - 1, log[line - 1])

    finding = finding_of(log)

    assert (finding.fault, finding.line, finding.event_id) == ("doubled", to, event_id(log, line))


def test_an_entry_of_another_account_is_foreign(logs: Exported):
    log = list(logs.whole)
    log[4] = logs.foreign[4]

    finding = finding_of(log)

    assert (finding.fault, finding.line) == ("foreign-account", 5)


def test_the_head_of_another_account_is_foreign(logs: Exported):
    assert finding_of([logs.foreign[0], *logs.whole[1:]]).fault in {"foreign-account", "changed"}
    end = [*logs.whole[:-2], *logs.foreign[-2:]]
    assert (finding_of(end).fault, finding_of(end).line) == ("foreign-account", 1)


@pytest.mark.parametrize("kept_lines", [1, 2, 3, 100, 257, 258, 259, 290, -2, -1])
def test_a_log_that_was_cut_off_is_found_at_its_end(logs: Exported, kept_lines: int):
    log = logs.whole[:kept_lines]

    finding = finding_of(log)

    assert finding.fault == "cut-off"
    assert finding.line == len(log)


def test_entries_taken_off_the_end_before_the_signature_are_missed(logs: Exported):
    without = logs.whole[:280] + logs.whole[-2:]

    finding = finding_of(without)

    assert (finding.fault, finding.line) == ("cut-off", 281)


def test_a_line_that_was_cut_in_the_middle_is_the_end_or_a_change(logs: Exported):
    half = logs.whole[99][:50]

    assert finding_of([*logs.whole[:99], half]).fault == "cut-off"
    inside = finding_of([*logs.whole[:99], half, *logs.whole[100:]])
    assert (inside.fault, inside.line) == ("changed", 100)


@pytest.mark.parametrize(
    "junk", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"kind":"note"}', b"[" * 100_000]
)
def test_a_line_that_is_none_of_a_log_is_named(logs: Exported, junk: bytes):
    finding = finding_of([*logs.whole[:50], junk, *logs.whole[50:]])

    assert (finding.fault, finding.line) == ("changed", 51)


def test_a_member_said_twice_is_not_taken_for_once(logs: Exported):
    line = logs.whole[9].replace(b'"kind":"event"', b'"kind":"event","kind":"event"')

    assert finding_of([*logs.whole[:9], line, *logs.whole[10:]]).line == 10


@pytest.mark.parametrize("first", [b"", b"{}", b"time,seq,eventID", b'{"kind":"header"}', b"\x00\x01"])
def test_a_file_that_is_no_log_is_told_apart_from_a_bad_one(first: bytes):
    with pytest.raises(NotALogError):
        verify([first])
    with pytest.raises(NotALogError):
        verify([])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_byte_can_be_changed_unseen(logs: Exported, data: st.DataObject):
    which = data.draw(st.sampled_from(["whole", "filtered"]))
    log: Log = list(getattr(logs, which))
    numbers = [n for n, line in enumerate(log) if json.loads(line)["kind"] in {"event", "tile", "checkpoint"}]
    number = data.draw(st.sampled_from(numbers))
    place = data.draw(st.integers(0, len(log[number]) - 1))
    byte = data.draw(st.integers(0, 255))
    was = log[number]
    log[number] = was[:place] + bytes([byte]) + was[place + 1 :]
    try:
        says_the_same = json.loads(log[number]) == json.loads(was)
    except ValueError:
        says_the_same = False

    assert (verify(log, logs.keys).finding is None) == says_the_same


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_lines_can_be_moved_left_out_or_repeated_unseen(logs: Exported, data: st.DataObject):
    count = len(logs.whole)
    begin = data.draw(st.integers(0, count - 1))
    end = data.draw(st.integers(begin + 1, min(count, begin + 40)))
    to = data.draw(st.integers(0, count))
    how = data.draw(st.sampled_from(["left out", "moved", "repeated"]))
    piece = logs.whole[begin:end]
    rest = logs.whole if how == "repeated" else [*logs.whole[:begin], *logs.whole[end:]]
    log = list(rest) if how == "left out" else [*rest[:to], *piece, *rest[to:]]
    if log == logs.whole:
        return

    try:
        assert verify(log, logs.keys).finding is not None
    except NotALogError:
        assert begin == 0 or to == 0


# ---------------------------------------------------------------- signatures


def test_keys_of_another_region_are_not_trusted(logs: Exported):
    finding = finding_of(logs.whole, new_signer("us-1").jwks())

    assert (finding.fault, finding.line) == ("untrusted-key", len(logs.whole) - 1)


def test_a_log_that_a_withdrawn_key_has_signed_is_not_trusted(logs: Exported):
    (key,) = logs.keys["keys"]

    finding = finding_of(logs.whole, {"keys": [{**key, "state": "withdrawn"}]})

    assert (finding.fault, finding.line) == ("untrusted-key", len(logs.whole) - 1)
    assert "was withdrawn since" in finding.message


def test_a_key_of_ones_own_that_names_itself_like_the_regions_signs_nothing(logs: Exported):
    own = new_signer("de-1")
    (key,) = own.jwks()["keys"]  # pyright: ignore[reportGeneralTypeIssues]  # a list, in a mapping of objects
    posing = {"keys": [{**key, "kid": logs.keys["keys"][0]["kid"]}]}

    assert finding_of(logs.whole, posing).fault == "wrong-signature"


def test_who_signs_a_forged_log_anew_is_found_by_the_regions_keys_and_only_by_them(logs: Exported):
    own = new_signer("de-1")
    claims = {"account": ACCOUNT, "region": "de-1", "size": EVENTS + 2, "root": "00" * 32, "time": "x"}
    signed = {"kind": "checkpoint", "signed": own.sign(claims, type_="domicile-checkpoint+jwt")}
    forged = [
        *logs.whole[:-2],
        json.dumps(signed).encode(),
        json.dumps({"kind": "keys", **own.jwks()}).encode(),
    ]

    assert finding_of(forged, logs.keys).fault == "untrusted-key"
    assert finding_of(forged).fault == "changed"  # signed or not, these entries do not give that root


def test_a_statement_of_another_type_is_no_checkpoint(logs: Exported):
    own = new_signer("de-1")
    claims = {"account": ACCOUNT, "region": "de-1", "size": EVENTS + 2, "root": "00" * 32, "time": "x"}
    token = own.sign(claims, type_="at+jwt")
    end = [
        json.dumps({"kind": "checkpoint", "signed": token}).encode(),
        json.dumps({"kind": "keys", **own.jwks()}).encode(),
    ]

    assert finding_of([*logs.whole[:-2], *end]).fault == "wrong-signature"


@pytest.mark.parametrize(
    "keys", [{}, {"keys": None}, {"keys": [1, None]}, {"keys": [{"kid": "x"}]}, {"keys": {}}]
)
def test_a_key_set_that_is_none_trusts_nothing(logs: Exported, keys: dict[str, Any]):
    assert finding_of(logs.whole, keys or {"keys": []}).fault == "untrusted-key"


@pytest.mark.parametrize("text", ["", "x", "a.b", "a.b.c", "e30.e30.e30", "é.é.é", "eyJraWQiOiAxfQ.e30.c2ln"])
def test_a_checkpoint_that_is_no_signed_statement_is_told_so(logs: Exported, text: str):
    finding = finding_of(changed(logs.whole, len(logs.whole) - 1, lambda m: m.update(signed=text)))

    assert (finding.fault, finding.line) == ("wrong-signature", len(logs.whole) - 1)


# ---------------------------------------------------------------- kept checkpoints


def test_a_log_that_was_made_anew_does_not_extend_what_was_kept(logs: Exported, tmp_path: Path):
    other = asyncio.run(export_all(tmp_path))

    assert verify(other.whole, None, [other.kept[256]]).finding is None
    assert finding_of(other.whole, None, [logs.kept[256]]).fault == "untrusted-key"
    both = {"keys": [*other.keys["keys"], *logs.keys["keys"]]}
    rewritten = finding_of(other.whole, both, [logs.kept[256]])
    assert (rewritten.fault, rewritten.line) == ("wrong-root", None)


def test_a_log_that_is_shorter_than_what_was_kept_was_cut_off(logs: Exported, tmp_path: Path):
    async def short() -> tuple[Log, dict[str, Any], str]:
        async with live_region(f"sqlite+aiosqlite:///{tmp_path / 'region.db'}", tmp_path) as region:
            await fill(region, 5)
            log = (await exported(region)).splitlines()
            made = await get_checkpoint(region.plane, region.person())
            return log, region.plane.signer.jwks(), made.signed

    log, keys, kept = asyncio.run(short())

    finding = finding_of(log, keys, [kept])
    assert (finding.fault, finding.line) == ("cut-off", None)


def test_a_kept_checkpoint_of_another_account_says_nothing_of_this_log(logs: Exported):
    foreign = json.loads(logs.foreign[-2])["signed"]

    assert finding_of(logs.whole, logs.keys, [foreign]).fault == "foreign-account"


def test_a_filtered_log_cannot_be_compared_with_an_earlier_checkpoint_and_says_so(logs: Exported):
    finding = finding_of(logs.filtered, logs.keys, [logs.kept[10]])

    assert finding.fault == "not-comparable"
    assert "GET /api/logs/proof?from=10&to=" in finding.message


# ---------------------------------------------------------------- CSV


def test_csv_holds_every_event_and_no_cell_that_a_spreadsheet_runs(logs: Exported):
    rows = list(csv.DictReader(io.StringIO(logs.csv.decode(), newline="")))

    assert [row["seq"] for row in rows] == [str(number) for number in range(EVENTS)]
    assert b"\r\n" in logs.csv
    assert rows[0]["principalEmail"] == "ada@example.com"
    assert json.loads(rows[1]["details"])["alias"] == "=cmd|' /C calc'!A0"
    assert not [cell for row in rows for cell in row.values() if cell[:1] in set("=+-@\t\r\n")]
