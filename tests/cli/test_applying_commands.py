"""Bringing items to what files say, and their history at the terminal."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.peer import Peer

APPLY = "POST /api/items/apply"
PLAN = f"{APPLY}?dryRun=true"
ETC: dict[str, Any] = {"service": "workload", "kind": "policy", "name": "etc", "spec": {"paths": ["/etc"]}}
USR: dict[str, Any] = {**ETC, "name": "usr", "labels": {"stage": "live"}}


def result(name: str, outcome: str, version: int, *patch: dict[str, Any]) -> dict[str, Any]:
    where = {"service": "workload", "kind": "policy", "name": name}
    return {**where, "outcome": outcome, "version": version, "patch": list(patch)}


PLANNED = {
    "results": [
        result("etc", "create", 1, {"op": "add", "path": "/spec", "value": {"paths": ["/etc"] * 50}}),
        result("usr", "update", 8, {"op": "remove", "path": "/labels/old"}),
    ]
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "items"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.json").write_text(json.dumps(ETC))
    (folder / "inner" / "b.toml").write_text(
        '[[items]]\nservice = "workload"\nkind = "policy"\nname = "usr"\nlabels = { stage = "live" }\n'
        'spec = { paths = ["/etc"] }\n'
    )
    (folder / "README.md").write_text("no item")
    return folder


def test_the_plan_is_shown_and_done_as_it_was_planned(run: Run, entered: Peer, folder: Path):
    entered.answer(PLAN, 200, PLANNED)
    entered.answer(APPLY, 200, PLANNED)

    ended = run("apply", "-f", str(folder), "--yes")

    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0] == "+ workload/policy etc"
    assert lines[1].startswith('    + /spec: {"paths": ["/etc"') and lines[1].endswith(" ...")
    assert lines[2:] == [
        "~ workload/policy usr",
        "    - /labels/old",
        "1 to make, 1 to change, 0 as they are.",
        "Done.",
    ]
    assert entered.sent(PLAN)[0].body == {"items": [ETC, USR]}
    assert entered.sent(APPLY)[0].body == {"items": [{**ETC, "version": 0}, {**USR, "version": 7}]}


def test_nothing_is_done_that_nobody_agreed_to(run: Run, entered: Peer, folder: Path):
    entered.answer(PLAN, 200, PLANNED)

    assert run("apply", "-f", str(folder)).code == 2
    assert run("apply", "-f", str(folder), "--dry-run").code == 0
    assert json.loads(run("apply", "-f", str(folder), "--dry-run", "--json").out) == PLANNED
    assert not entered.sent(APPLY)


def test_where_nothing_changes_nothing_is_asked(run: Run, entered: Peer, folder: Path):
    entered.answer(PLAN, 200, {"results": [result("etc", "unchanged", 1), result("usr", "unchanged", 7)]})

    ended = run("apply", "-f", str(folder / "a.json"), "-f", str(folder / "inner"))

    assert (ended.code, ended.out) == (0, "0 to make, 0 to change, 2 as they are.\n")


def test_a_fault_is_told_with_its_file(run: Run, entered: Peer, folder: Path):
    fields = {"/items/1/spec/paths/0": "is no path", "/items/0": "is wrong", "/items": "is odd"}
    entered.answer(PLAN, 400, {"message": "Mend it.", "fields": fields})

    ended = run("apply", "-f", str(folder), "--yes")

    assert ended.code == 1
    for told in (
        f"{folder / 'inner' / 'b.toml'}: usr: /spec/paths/0 is no path",
        f"{folder / 'a.json'}: etc: is wrong",
        "/items is odd",
    ):
        assert told in ended.err


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("none.json", None, "cannot be read"),
        ("bad.json", "{", "is not JSON"),
        ("bad.toml", "=", "is not TOML"),
        ("list.json", "[]", "must hold an object"),
        ("items.json", '{"items": 5}', "must be a list"),
        ("items.json", '{"items": [5]}', "must be a list"),
        ("empty.json", '{"items": []}', "hold 0 items"),
        ("many.json", json.dumps({"items": [{}] * 201}), "hold 201 items"),
        (".", None, "no .json or .toml file"),
    ],
)
def test_files_that_hold_no_items_are_explained(
    run: Run, entered: Peer, tmp_path: Path, name: str, content: str | None, told: str
):
    folder = tmp_path / "items"
    folder.mkdir()
    if content is not None:
        (folder / name).write_text(content)

    ended = run("apply", "-f", str(folder / name), "--yes")

    assert ended.code == 2 and told in ended.err


ITEM = "/api/services/workload/policies/etc"
BODY = {
    "name": "etc",
    "labels": {},
    "spec": {"paths": ["/etc"]},
    "version": 3,
    "created": "2026-11-27T10:15:00Z",
    "lastModified": "2026-11-27T10:16:00Z",
    "target": {"provider": "aws", "location": "ap-northeast-1"},
    "status": {"value": {"state": "live"}, "version": 3, "time": "2026-11-27T10:16:00Z"},
}


def test_history_and_difference_are_shown(run: Run, entered: Peer):
    version = {"version": 2, "action": "updated", "time": "2026-11-27T10:15:00Z", "principalURN": "urn:x"}
    entered.answer(f"GET {ITEM}/versions?limit=250", 200, {"versions": [version]})
    entered.answer(f"GET {ITEM}/diff", 200, {"before": 1, "after": 2, "patch": []})
    entered.answer(f"GET {ITEM}/diff?before=0&after=1", 200, {"before": 0, "after": 1, "patch": []})
    entered.answer(f"GET {ITEM}/versions/1", 200, {"labels": {}, "spec": {"everySeconds": 5}})
    entered.answer(f"GET {ITEM}/versions/2", 200, {"labels": {}, "spec": {"everySeconds": 60}})

    assert "updated" in run("items", "history", "workload/policies", "etc").out
    shown = run("items", "diff", "workload/policies", "etc").out
    assert '-    "everySeconds": 5' in shown and '+    "everySeconds": 60' in shown
    first = ("items", "diff", "workload/policies", "etc", "--before", "0", "--after", "1")
    assert '+    "everySeconds": 5' in run(*first).out


def test_an_item_goes_back_only_when_that_is_meant(run: Run, entered: Peer):
    asked = f"POST {ITEM}/rollback"
    entered.answer(asked, 200, BODY)

    assert run("items", "rollback", "workload/policies", "etc", "1").code == 2
    assert not entered.sent(asked)
    ended = run("items", "rollback", "workload/policies", "etc", "1", "--yes")
    assert "etc, version 3" in ended.out and "ap-northeast-1" in ended.out and "state: live" in ended.out
    assert entered.sent(asked)[0].body == {"version": 1}


def test_items_are_chosen_by_a_selector_and_put_to_a_target(run: Run, entered: Peer):
    chosen = "GET /api/services/workload/policies?selector=stage%3Dlive&limit=250"
    entered.answer(chosen, 200, {"items": []})
    entered.answer("POST " + ITEM, 200, BODY)

    assert run("items", "list", "workload/policies", "-l", "stage=live").code == 0
    assert entered.sent(chosen)
    put = ("items", "put", "workload/policies", "etc", "-", "--target")
    assert run(*put, "aws/ap-northeast-1", stdin="{}").code == 0
    assert entered.sent("POST " + ITEM)[0].body == {"spec": {}, "target": BODY["target"]}
    assert run(*put, "aws", stdin="{}").code == 2
