"""What accounts keep in services: checked by schema, seen and changed as roles say, and nobody else's."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.support.api import Api, Install, serving
from tests.support.people import FrozenClock
from tests.support.services import EXAMPLE, manifest_text, register, write_manifest
from tests.support.world import Account, World

POLICIES = "/api/services/workload/policies"
SPEC: dict[str, Any] = {"paths": ["/etc/passwd"], "everySeconds": 60}


@pytest.fixture(scope="module")
def platform(install: Install, tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    """A platform with the service of the example, and one in Germany alone of which an account may have two."""
    installed = install()
    few = manifest_text(more='regions = ["de-1"]\n').replace("workload", "tresor") + "most = 2\n"
    folder = tmp_path_factory.mktemp("services")
    config = register(installed, EXAMPLE, write_manifest(folder, few, "tresor.toml"))
    with serving(config, installed.data, FrozenClock()) as server:
        yield World(server)


@pytest.fixture
def labs(platform: World) -> Account:
    return platform.account(platform.person("Ann Example"), "de-1", "Labs")


def make(api: Api, name: str, spec: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return api.call("POST", POLICIES, {"name": name, "spec": spec or SPEC, **more}, status=201)


def code_in(answer: httpx2.Response) -> str:
    return answer.json()["type"].rpartition("/")[2]


def names(api: Api, query: str = "") -> list[str]:
    return [item["name"] for item in api.call("GET", POLICIES + query)["items"]]


def test_an_item_is_made_read_changed_and_deleted(labs: Account) -> None:
    api = labs.api
    assert names(api) == []
    made = api.post(POLICIES, {"name": "etc", "spec": SPEC, "labels": {"stage": "live"}})
    assert (made.status_code, made.headers["Location"], made.headers["ETag"]) == (
        201,
        f"{POLICIES}/etc",
        '"1"',
    )
    told = made.json()
    assert (told["spec"], told["labels"], told["version"]) == (SPEC, {"stage": "live"}, 1)

    changed = api.call("POST", f"{POLICIES}/etc", {"spec": {"paths": ["/usr"]}})
    assert (changed["spec"], changed["labels"], changed["version"]) == (
        {"paths": ["/usr"]},
        {"stage": "live"},
        2,
    )
    assert api.call("POST", f"{POLICIES}/etc", {"spec": {"paths": ["/usr"]}})["version"] == 2
    assert api.call("POST", f"{POLICIES}/etc", {"labels": {}})["labels"] == {}
    assert api.call("GET", f"{POLICIES}/etc")["version"] == 3

    api.call("DELETE", f"{POLICIES}/etc", status=204)
    for gone in (api.get(f"{POLICIES}/etc"), api.send("DELETE", f"{POLICIES}/etc")):
        assert code_in(gone) == "not-found"
    make(api, "etc")


def test_each_fault_is_named_by_a_pointer_and_the_value_is_not_repeated(labs: Account) -> None:
    canary = "canary-77aa"
    spec = {"paths": ["/etc", canary], "everySeconds": 0, canary: 1}
    refused = labs.api.post(POLICIES, {"name": "A b", "spec": spec, "labels": {"stage": "x y"}})

    assert (refused.status_code, code_in(refused)) == (400, "invalid-input")
    fields = refused.json()["fields"]
    assert set(fields) == {"/name", "/labels/stage", "/spec", "/spec/paths/1", "/spec/everySeconds"}
    assert canary not in "".join(told for at, told in fields.items() if at != "/spec")
    assert names(labs.api) == []
    make(labs.api, "etc")
    refused = labs.api.post(f"{POLICIES}/etc", {"spec": {}})
    assert set(refused.json()["fields"]) == {"/spec"}


@pytest.mark.parametrize(
    "body",
    [
        {"spec": SPEC},
        {"name": "etc"},
        {"name": 5, "spec": SPEC},
        {"name": "etc", "spec": []},
        {"name": "etc", "spec": None},
        {"name": "etc", "spec": SPEC, "labels": {"a": 1}},
        {"name": "etc", "spec": SPEC, "labels": {f"a{n}": "" for n in range(21)}},
        {"name": "etc", "spec": SPEC, "labels": {"Ä": ""}},
        {"name": "etc", "spec": SPEC, "status": {}},
        {"name": "-etc", "spec": SPEC},
        {"name": "e" * 101, "spec": SPEC},
        {"name": "", "spec": SPEC},
        {"name": "etc\x00", "spec": SPEC},
        {"name": "etc", "spec": {"paths": ["/" + "x" * 999] * 2}},
        {"name": "etc", "spec": {"paths": [f"/{n}" + "x" * 900 for n in range(200)]}},
    ],
)
def test_what_is_no_item_is_refused_and_nothing_is_kept(labs: Account, body: dict[str, Any]) -> None:
    assert labs.api.post(POLICIES, body).status_code == 400
    assert names(labs.api) == []


def test_hostile_text_comes_back_as_it_was(labs: Account) -> None:
    paths = ["/\x00", "/\u202e", "/\U0001f3e0", "/e\u0301", "/'; DROP TABLE items; --", "/\\u0000"]
    made = make(labs.api, "hostile", {"paths": paths})

    assert made["spec"]["paths"] == paths
    assert labs.api.call("GET", f"{POLICIES}/hostile")["spec"] == {"paths": paths}


def test_roles_say_who_may_do_what_and_the_decision_is_the_same(platform: World, labs: Account) -> None:
    make(labs.api, "etc")
    platform.role(labs, "reader", {"workload": "read-only"}, "Reader")
    platform.role(labs, "auditor", {"workload": "auditor"}, "Auditor")
    platform.role(labs, "admin", {"identity": "full-access"}, "Admin")
    reader = platform.join(labs, platform.person(), "reader")
    key = platform.key(labs.api, "reader").api
    for api in (reader, key):
        assert names(api) == ["etc"]
        assert api.call("GET", f"{POLICIES}/etc")["spec"] == SPEC
        for verb, answer in (
            ("create", api.post(POLICIES, {"name": "x", "spec": SPEC})),
            ("update", api.post(f"{POLICIES}/etc", {"spec": SPEC})),
            ("delete", api.send("DELETE", f"{POLICIES}/etc")),
        ):
            assert code_in(answer) == "not-permitted"
            asked = {"action": f"workload:policy:{verb}"}
            assert not api.call("POST", "/api/access/check", asked)["allowed"]
    for role in ("auditor", "admin"):
        blind = platform.join(labs, platform.person(), role)
        for path in (POLICIES, f"{POLICIES}/etc", f"{POLICIES}/none"):
            assert code_in(blind.get(path)) == "not-permitted"


def test_another_account_has_items_of_its_own(platform: World, labs: Account) -> None:
    other = platform.account(platform.person(), "de-1", "Other")
    make(labs.api, "etc")
    make(other.api, "etc", {"paths": ["/other"]})
    make(other.api, "mine")

    assert names(labs.api) == ["etc"]
    assert labs.api.call("GET", f"{POLICIES}/etc")["spec"] == SPEC
    assert code_in(labs.api.get(f"{POLICIES}/mine")) == "not-found"
    labs.api.call("DELETE", f"{POLICIES}/etc", status=204)
    assert names(other.api) == ["etc", "mine"]


def test_a_kind_that_is_not_there_is_not_found(platform: World, labs: Account) -> None:
    make(labs.api, "etc")
    shop = platform.account(platform.person(), "us-1", "Shop")
    for api, path in (
        (labs.api, "/api/services/workload/policy"),
        (labs.api, "/api/services/workload/nothing"),
        (labs.api, "/api/services/identity/users"),
        (shop.api, "/api/services/tresor/policys"),
        (labs.api, f"{POLICIES}/{'x' * 300}"),
        (labs.api, f"{POLICIES}/%00"),
    ):
        assert code_in(api.get(path)) == "not-found", path
    assert code_in(shop.api.post("/api/services/tresor/policys", {"name": "a", "spec": {}})) == "not-found"


def test_a_list_is_paged_in_the_order_of_names(labs: Account) -> None:
    for name in ("b", "a.1", "c", "a-1", "a"):
        make(labs.api, name)
    seen, query = list[str](), "?limit=2"
    while True:
        page = labs.api.call("GET", POLICIES + query)
        seen += [item["name"] for item in page["items"]]
        if "next" not in page:
            break
        query = f"?limit=2&cursor={page['next']}"
    assert seen == sorted(("b", "a.1", "c", "a-1", "a"))
    assert labs.api.get(f"{POLICIES}?cursor=x").status_code == 400


def test_a_change_that_was_meant_for_another_version_is_refused(labs: Account) -> None:
    make(labs.api, "etc")
    labs.api.call("POST", f"{POLICIES}/etc", {"spec": {"paths": ["/a"]}})
    stale = {"If-Match": '"1"'}

    for answer in (
        labs.api.send("POST", f"{POLICIES}/etc", {"spec": SPEC}, headers=stale),
        labs.api.send("DELETE", f"{POLICIES}/etc", headers=stale),
    ):
        assert (answer.status_code, code_in(answer)) == (412, "stale-version")
    fresh = {"If-Match": '"2"'}
    assert labs.api.send("DELETE", f"{POLICIES}/etc", headers=fresh).status_code == 204


def test_of_many_who_make_one_name_at_once_one_does(labs: Account) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: labs.api.post(POLICIES, {"name": "one", "spec": SPEC}), range(8)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {code_in(answer) for answer in answers if answer.status_code == 409} == {"item-exists"}


def test_the_most_of_a_kind_holds_also_at_once(platform: World, labs: Account) -> None:
    boxes = "/api/services/tresor/policys"
    with ThreadPoolExecutor(6) as pool:
        bodies = [{"name": f"n{number}", "spec": {}} for number in range(6)]
        answers = list(pool.map(lambda body: labs.api.post(boxes, body), bodies))

    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409, 409]
    assert {code_in(answer) for answer in answers if answer.status_code == 409} == {"too-many-items"}
    kept = labs.api.call("GET", boxes)["items"][0]["name"]
    labs.api.call("DELETE", f"{boxes}/{kept}", status=204)
    labs.api.call("POST", boxes, {"name": "again", "spec": {}}, status=201)


def test_the_audit_tells_who_did_what_and_never_what_an_item_holds(labs: Account) -> None:
    make(labs.api, "etc", {"paths": ["/canary-19ce"]})
    labs.api.call("POST", f"{POLICIES}/etc", {"spec": SPEC})
    labs.api.call("DELETE", f"{POLICIES}/etc", status=204)

    logs = labs.api.call("GET", "/api/logs?type=audit.item_*")["logs"]

    assert [log["type"] for log in logs] == [
        "audit.item_deleted.v1",
        "audit.item_updated.v1",
        "audit.item_created.v1",
    ]
    expected = {"service": "workload", "kind": "policy", "name": "etc", "version": 1}
    assert logs[-1]["details"] == expected
    assert "canary-19ce" not in str(logs)


def test_items_count_among_the_rows_of_the_account(labs: Account) -> None:
    make(labs.api, "etc")
    make(labs.api, "usr")
    told = labs.api.call("GET", f"/api/accounts/{labs.id}/residency")
    assert {"name": "items", "rows": 2} in told["tables"]
