"""What items were, may name, and become together: history, roll-back, selectors, references, targets, dry runs, many at once."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.support.api import Api, Install, serving
from tests.support.people import FrozenClock
from tests.support.services import EXAMPLE, register
from tests.support.world import Account, World

SERVICE = "/api/services/workload"
POLICIES, COMPUTERS, SCRIPTS = (f"{SERVICE}/{plural}" for plural in ("policies", "computers", "scripts"))
ETC: dict[str, Any] = {"paths": ["/etc/passwd"], "everySeconds": 60}
USR: dict[str, Any] = {"paths": ["/usr"]}
TOKYO = {"provider": "aws", "location": "ap-northeast-1"}


@pytest.fixture(scope="module")
def platform(install: Install) -> Generator[World]:
    installed = install()
    with serving(register(installed, EXAMPLE), installed.data, FrozenClock()) as server:
        yield World(server)


@pytest.fixture
def labs(platform: World) -> Account:
    return platform.account(platform.person("Ann Example"), "de-1", "Labs")


@pytest.fixture(scope="module")
def labelled(platform: World) -> Api:
    """An account with three policies that differ in their labels."""
    api = platform.account(platform.person(), "de-1", "Labels").api
    for name, labels in (
        ("a", {"stage": "live", "tier": "1"}),
        ("b", {"stage": "test", "tier": "1"}),
        ("c", {"empty": ""}),
    ):
        make(api, POLICIES, name, ETC, labels=labels)
    return api


def make(api: Api, path: str, name: str, spec: dict[str, Any], **more: Any) -> dict[str, Any]:
    return api.call("POST", path, {"name": name, "spec": spec, **more}, status=201)


def code_in(answer: httpx2.Response) -> str:
    return answer.json()["type"].rpartition("/")[2]


def fields_in(answer: httpx2.Response) -> set[str]:
    assert (answer.status_code, code_in(answer)) == (400, "invalid-input"), answer.text
    return set(answer.json()["fields"])


def names(api: Api, path: str, selector: str = "") -> list[str]:
    query = f"?selector={selector}" if selector else ""
    return [item["name"] for item in api.call("GET", path + query)["items"]]


def actions(api: Api, item: str) -> list[tuple[int, str]]:
    return [(each["version"], each["action"]) for each in api.call("GET", f"{item}/versions")["versions"]]


def test_every_version_stays_with_who_made_it_and_how_it_differs(labs: Account):
    api, etc = labs.api, f"{POLICIES}/etc"
    make(api, POLICIES, "etc", ETC, labels={"stage": "live"})
    api.call("POST", etc, {"spec": {**ETC, "everySeconds": 5}})
    api.call("POST", etc, {"labels": {}})

    assert actions(api, etc) == [(3, "updated"), (2, "updated"), (1, "created")]
    assert api.call("GET", f"{etc}/versions?limit=1")["versions"][0]["principalURN"].endswith(labs.owner.id)
    first = api.call("GET", f"{etc}/versions/1")
    assert (first["spec"], first["labels"]) == (ETC, {"stage": "live"})
    assert api.call("GET", f"{etc}/diff") == {
        "before": 2,
        "after": 3,
        "patch": [{"op": "remove", "path": "/labels/stage"}],
    }
    assert api.call("GET", f"{etc}/diff?before=1&after=2")["patch"] == [
        {"op": "replace", "path": "/spec/everySeconds", "value": 5}
    ]
    assert api.call("GET", f"{etc}/diff?before=2&after=1")["patch"][0]["value"] == 60
    for query in ("before=x", "after=-1", "before=1&after=" + "9" * 40):
        assert api.get(f"{etc}/diff?{query}").status_code == 400
    for path in ("versions/4", "versions/0", "versions/x", "versions/" + "9" * 40, "diff?after=9"):
        assert code_in(api.get(f"{etc}/{path}")) == "not-found", path


def test_a_change_from_one_to_true_is_a_change(labs: Account):
    settings = f"{SERVICE}/settings"
    make(labs.api, settings, "verbose", {"value": 1})

    assert labs.api.call("POST", f"{settings}/verbose", {"spec": {"value": True}})["version"] == 2
    assert labs.api.call("GET", f"{settings}/verbose")["spec"] == {"value": True}


def test_an_item_goes_back_to_a_former_version_as_a_new_one(labs: Account):
    api, etc = labs.api, f"{POLICIES}/etc"
    make(api, POLICIES, "etc", ETC, labels={"stage": "live"})
    api.call("POST", etc, {"spec": USR, "labels": {}})

    stale = api.send("POST", f"{etc}/rollback", {"version": 1}, headers={"If-Match": '"1"'})
    assert code_in(stale) == "stale-version"
    back = api.call("POST", f"{etc}/rollback", {"version": 1})

    assert (back["version"], back["spec"], back["labels"]) == (3, ETC, {"stage": "live"})
    assert names(api, POLICIES, "stage=live") == ["etc"]
    assert api.call("POST", f"{etc}/rollback", {"version": 3})["version"] == 3
    assert code_in(api.post(f"{POLICIES}/none/rollback", {"version": 9})) == "not-found"
    for number in (9, 0, -1, 10**30):
        assert api.post(f"{etc}/rollback", {"version": number}).status_code == 400
    details = api.call("GET", "/api/logs?type=audit.item_updated.v1")["logs"][0]["details"]
    assert (details["version"], details["restoredVersion"]) == (3, 1)


def test_a_deleted_item_keeps_its_versions_and_comes_back(platform: World, labs: Account):
    api, etc = labs.api, f"{POLICIES}/etc"
    make(api, POLICIES, "etc", ETC)
    api.call("DELETE", etc, status=204)

    assert actions(api, etc) == [(2, "deleted"), (1, "created")]
    assert "spec" not in api.call("GET", f"{etc}/versions/2")
    assert api.call("GET", f"{etc}/diff")["patch"] != []
    assert fields_in(api.post(f"{etc}/rollback", {"version": 2})) == {"version"}
    platform.role(labs, "reader", {"workload": "read-only"}, "Reader")
    reader = platform.join(labs, platform.person(), "reader")
    assert code_in(reader.post(f"{etc}/rollback", {"version": 1})) == "not-permitted"

    assert api.call("POST", f"{etc}/rollback", {"version": 1})["version"] == 3
    api.call("DELETE", etc, status=204)
    assert make(api, POLICIES, "etc", USR)["version"] == 5
    assert actions(api, etc)[:2] == [(5, "created"), (4, "deleted")]


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ("stage=live", ["a"]),
        ("stage==live", ["a"]),
        ("stage!=live", ["b", "c"]),
        ("stage", ["a", "b"]),
        ("!stage", ["c"]),
        ("stage in (live, test)", ["a", "b"]),
        ("stage notin (live)", ["b", "c"]),
        ("stage,team=x/..,", None),
        ("stage, tier = 1", ["a", "b"]),
        ("stage=test,tier in (1,2),!owner", ["b"]),
        ("tier=", []),
        ("empty=", ["c"]),
        ("=live", None),
        ("stage=live;drop", None),
        ("stage in live", None),
        ("stage in ()", []),
        ("Stage", None),
        (",".join(["a"] * 11), None),
        ("a" * 2000, None),
    ],
)
def test_a_selector_chooses_by_labels(labelled: Api, selector: str, chosen: list[str] | None):
    answer = labelled.get(f"{POLICIES}?selector={quote(selector)}")

    if chosen is None:
        assert fields_in(answer) == {"selector"}
    else:
        assert [item["name"] for item in answer.json()["items"]] == chosen


def test_a_cursor_belongs_to_its_selector(labs: Account):
    for name in ("a", "b"):
        make(labs.api, POLICIES, name, ETC, labels={"x": "1"})
    page = labs.api.call("GET", f"{POLICIES}?limit=1&selector=x=1")

    following = f"{POLICIES}?limit=1&cursor={page['next']}"
    assert [i["name"] for i in labs.api.call("GET", f"{following}&selector=x=1")["items"]] == ["b"]
    assert labs.api.get(following).status_code == 400


def test_a_dry_run_says_what_would_be_and_keeps_nothing(labs: Account):
    api, etc = labs.api, f"{POLICIES}/etc"
    tried = api.post(f"{POLICIES}?dryRun=true", {"name": "etc", "spec": ETC})
    assert (tried.status_code, tried.json()["version"]) == (201, 1)
    assert names(api, POLICIES) == []
    make(api, POLICIES, "etc", ETC)

    assert api.call("POST", f"{etc}?dryRun=true", {"spec": USR})["version"] == 2
    assert code_in(api.post(f"{POLICIES}?dryRun=true", {"name": "etc", "spec": ETC})) == "item-exists"
    assert fields_in(api.post(f"{etc}?dryRun=true", {"spec": {}})) == {"/spec"}
    api.call("DELETE", f"{etc}?dryRun=true", status=204)
    assert fields_in(api.send("DELETE", f"{etc}?dryRun=yes")) == {"dryRun"}

    assert (api.call("GET", etc)["spec"], actions(api, etc)) == (ETC, [(1, "created")])
    assert len(api.call("GET", "/api/logs?type=audit.item_*")["logs"]) == 1


def test_an_item_names_others_that_are_there_and_that_stay(labs: Account):
    api = labs.api
    refused = api.post(COMPUTERS, {"name": "web", "spec": {"hostname": "web", "policy": "etc"}})
    assert refused.json()["fields"] == {"/spec/policy": "there is no policy of this name"}
    refused = api.post(COMPUTERS, {"name": "web", "spec": {"hostname": "web", "policy": "No name"}})
    assert refused.json()["fields"] == {"/spec/policy": "must be the name of an item"}
    assert names(api, COMPUTERS) == []

    make(api, POLICIES, "etc", ETC)
    make(api, COMPUTERS, "web", {"hostname": "web", "policy": "etc"})
    kept = api.send("DELETE", f"{POLICIES}/etc")

    assert (kept.status_code, code_in(kept)) == (409, "item-in-use")
    assert kept.json()["usedBy"] == [f"urn:domicile:workload:de-1:{labs.id}:computer/web"]
    assert (
        code_in(api.post(f"{COMPUTERS}/web", {"spec": {"hostname": "w", "policy": "x"}})) == "invalid-input"
    )
    api.call("POST", f"{COMPUTERS}/web", {"spec": {"hostname": "web"}})
    api.call("DELETE", f"{POLICIES}/etc", status=204)
    refused = api.post(f"{COMPUTERS}/web/rollback", {"version": 1})
    assert fields_in(refused) == {"/spec/policy"}


def test_another_accounts_items_cannot_be_named(platform: World, labs: Account):
    other = platform.account(platform.person(), "de-1", "Other")
    make(other.api, POLICIES, "etc", ETC)

    assert fields_in(
        labs.api.post(COMPUTERS, {"name": "web", "spec": {"hostname": "w", "policy": "etc"}})
    ) == {"/spec/policy"}


def test_a_policy_is_never_deleted_under_a_computer_that_begins_to_use_it(labs: Account):
    api = labs.api
    for turn in range(4):
        policy, computer = f"p{turn}", f"c{turn}"
        make(api, POLICIES, policy, ETC)
        with ThreadPoolExecutor(2) as pool:
            deleted = pool.submit(api.send, "DELETE", f"{POLICIES}/{policy}")
            body = {"name": computer, "spec": {"hostname": "h", "policy": policy}}
            made = pool.submit(api.post, COMPUTERS, body)
        answers = (deleted.result().status_code, made.result().status_code)
        assert answers in {(204, 400), (409, 201)}, answers


def test_a_deployment_says_where_in_the_world_it_is_put_to_work(labs: Account):
    api = labs.api
    made = make(api, SCRIPTS, "install", {"text": "echo"}, target=TOKYO)
    assert made["target"] == TOKYO
    osaka = {"provider": "on-premises", "location": "大阪, 2nd floor"}
    assert api.call("POST", f"{SCRIPTS}/install", {"target": osaka})["target"] == osaka
    assert api.call("GET", f"{SCRIPTS}/install/diff")["patch"]
    assert api.call("POST", f"{SCRIPTS}/install", {"spec": {"text": "ls"}})["target"] == osaka

    assert fields_in(api.post(SCRIPTS, {"name": "x", "spec": {"text": "echo"}})) == {"/target"}
    assert fields_in(api.post(POLICIES, {"name": "x", "spec": ETC, "target": TOKYO})) == {"/target"}
    for provider, location, fault in (
        ("AWS", "x", "/target/provider"),
        ("", "x", "/target/provider"),
        ("aws", "", "/target/location"),
        ("aws", " x", "/target/location"),
        ("aws", "\u202ex", "/target/location"),
        ("aws", "x" * 101, "/target/location"),
    ):
        target = {"provider": provider, "location": location}
        body = {"name": "x", "spec": {"text": "echo"}, "target": target}
        assert fields_in(api.post(SCRIPTS, body)) == {fault}, target


def wish(kind: str, name: str, spec: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"service": "workload", "kind": kind, "name": name, "spec": spec, **more}


def apply(api: Api, *wishes: dict[str, Any], plan: bool = False) -> httpx2.Response:
    return api.post("/api/items/apply" + ("?dryRun=true" if plan else ""), {"items": list(wishes)})


def outcomes(answer: httpx2.Response) -> list[tuple[str, str, int]]:
    assert answer.status_code == 200, answer.text
    return [(each["name"], each["outcome"], each["version"]) for each in answer.json()["results"]]


def test_many_items_become_what_is_wished_whatever_their_order(labs: Account):
    api = labs.api
    make(api, POLICIES, "usr", USR, labels={"old": ""})
    make(api, POLICIES, "same", USR)
    wishes = (
        wish("computer", "web", {"hostname": "web", "policy": "etc"}),
        wish("policy", "etc", ETC, labels={"stage": "live"}),
        wish("policy", "usr", USR),
        wish("policy", "same", USR),
    )

    plan = apply(api, *wishes, plan=True)
    expected = [("web", "create", 1), ("etc", "create", 1), ("usr", "update", 2), ("same", "unchanged", 1)]
    assert outcomes(plan) == expected
    assert plan.json()["results"][2]["patch"] == [{"op": "remove", "path": "/labels/old"}]
    assert names(api, COMPUTERS) == []

    assert outcomes(apply(api, *wishes)) == expected
    assert (names(api, COMPUTERS), names(api, POLICIES)) == (["web"], ["etc", "same", "usr"])
    assert [outcome for _, outcome, _ in outcomes(apply(api, *wishes))] == ["unchanged"] * 4


def test_what_was_planned_is_what_is_done_or_nothing(labs: Account):
    api = labs.api
    make(api, POLICIES, "etc", ETC)
    api.call("POST", f"{POLICIES}/etc", {"spec": USR})
    for version in (0, 1, 3):
        refused = apply(api, wish("policy", "new", USR), wish("policy", "etc", ETC, version=version))
        assert (refused.status_code, code_in(refused)) == (412, "stale-version")
    assert code_in(apply(api, wish("policy", "new", USR, version=1))) == "stale-version"
    assert names(api, POLICIES) == ["etc"]
    assert outcomes(apply(api, wish("policy", "etc", ETC, version=2))) == [("etc", "update", 3)]


def test_one_fault_keeps_all_of_them_back_and_each_is_named(labs: Account):
    api = labs.api
    good = wish("policy", "etc", ETC)
    refused = apply(
        api, good, wish("policy", "A b", {"paths": ["x"]}), wish("script", "s", {"text": "ls"}), good
    )
    assert fields_in(refused) == {"/items/1/name", "/items/1/spec/paths/0", "/items/2/target", "/items/3"}
    unknown = apply(api, good, wish("policies", "a", ETC), wish("nothing", "a", ETC))
    assert fields_in(unknown) == {"/items/1/kind", "/items/2/kind"}
    dangling = apply(api, good, wish("computer", "web", {"hostname": "w", "policy": "none"}))
    assert fields_in(dangling) == {"/items/1/spec/policy"}
    assert fields_in(apply(api)) == {"/items"}
    assert fields_in(apply(api, *[wish("policy", f"n{n}", ETC) for n in range(201)])) == {"/items"}
    assert names(api, POLICIES) == []
    assert len(outcomes(apply(api, *[wish("policy", f"n{n}", ETC) for n in range(200)]))) == 200


def test_a_wish_needs_the_permission_of_what_it_does(platform: World, labs: Account):
    make(labs.api, POLICIES, "etc", ETC)
    platform.role(labs, "reader", {"workload": "read-only"}, "Reader")
    platform.role(labs, "auditor", {"workload": "auditor"}, "Auditor")
    reader = platform.join(labs, platform.person(), "reader")
    auditor = platform.join(labs, platform.person(), "auditor")

    assert outcomes(apply(reader, wish("policy", "etc", ETC))) == [("etc", "unchanged", 1)]
    for api, wished in (
        (reader, wish("policy", "etc", USR)),
        (reader, wish("policy", "new", USR)),
        (auditor, wish("policy", "etc", ETC)),
        (auditor, wish("policy", "new", USR)),
    ):
        assert code_in(apply(api, wished)) == "not-permitted"
    assert names(labs.api, POLICIES) == ["etc"]


@pytest.mark.parametrize(
    ("depth", "is_told"), [(90, False), (101, True), (500, True), (964, True), (5000, False)]
)
def test_what_lies_too_deep_is_refused_before_anything_reads_it(labs: Account, depth: int, is_told: bool):
    content = f'{{"name": "deep", "spec": {{"value": {"[" * depth + "]" * depth}}}}}'.encode()

    answer = labs.api.send("POST", f"{SERVICE}/settings", content=content)

    assert answer.status_code == 400
    assert ("more than 100 deep" in answer.text) is is_told
