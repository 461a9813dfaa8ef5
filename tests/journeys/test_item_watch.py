"""A service follows what accounts of a region keep in it, misses no change, and says what became of each item."""

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.support.api import Api, Install, LiveServer, serving
from tests.support.people import FrozenClock
from tests.support.services import EXAMPLE, SERVICE_CREDENTIAL, register
from tests.support.world import Account, World, until

POLICIES = "/api/services/workload/policies"
ITEMS, CHANGES, STATUSES = (f"/api/serving/de-1/{each}" for each in ("items", "changes", "statuses"))
ETC: dict[str, Any] = {"paths": ["/etc/passwd"], "everySeconds": 60}
USR: dict[str, Any] = {"paths": ["/usr"]}


@pytest.fixture(scope="module")
def server(install: Install) -> Generator[LiveServer]:
    installed = install()
    config = register(installed, EXAMPLE, credential=SERVICE_CREDENTIAL)
    with serving(config, installed.data, FrozenClock()) as running:
        yield running


@pytest.fixture(scope="module")
def platform(server: LiveServer) -> World:
    return World(server)


@pytest.fixture
def service(server: LiveServer) -> Api:
    return server.anyone.with_(f"Bearer {SERVICE_CREDENTIAL}")


@pytest.fixture
def labs(platform: World) -> Account:
    return platform.account(platform.person("Ann Example"), "de-1", "Labs")


def make(api: Api, name: str, spec: dict[str, Any] | None = None, **more: Any) -> None:
    api.call("POST", POLICIES, {"name": name, "spec": spec or ETC, **more}, status=201)


def head(service: Api) -> int:
    return service.call("GET", CHANGES)["head"]


def changes(service: Api, since: int, query: str = "") -> list[dict[str, Any]]:
    return service.call("GET", f"{CHANGES}?since={since}{query}")["changes"]


def told(change: dict[str, Any]) -> tuple[str, int, str]:
    return change["name"], change["version"], change["action"]


def code_in(answer: httpx2.Response) -> str:
    return answer.json()["type"].rpartition("/")[2]


def test_a_service_hears_of_every_change_in_order_and_goes_on_where_it_was(
    service: Api, platform: World, labs: Account
):
    other = platform.account(platform.person(), "de-1", "Other")
    begin = head(service)
    make(labs.api, "etc", labels={"stage": "live"})
    make(other.api, "etc")
    labs.api.call("POST", f"{POLICIES}/etc", {"spec": USR})
    labs.api.call("DELETE", f"{POLICIES}/etc", status=204)

    found = changes(service, begin)

    assert [(each["accountID"], *told(each)) for each in found] == [
        (labs.id, "etc", 1, "created"),
        (other.id, "etc", 1, "created"),
        (labs.id, "etc", 2, "updated"),
        (labs.id, "etc", 3, "deleted"),
    ]
    assert [each["seq"] for each in found] == list(range(begin + 1, begin + 5))
    assert (found[0]["kind"], found[0]["spec"], found[0]["labels"]) == ("policy", ETC, {"stage": "live"})
    assert "spec" not in found[3]
    assert "principal" not in str(found)
    assert [told(each) for each in changes(service, begin + 3)] == [("etc", 3, "deleted")]
    assert changes(service, begin + 4) == []


def test_who_lists_and_then_follows_misses_nothing(service: Api, labs: Account):
    for number in range(5):
        make(labs.api, f"n{number}")
    listed, query, begin = list[dict[str, Any]](), "?limit=2", None
    while True:
        page = service.call("GET", ITEMS + query)
        begin = page["head"] if begin is None else begin
        listed += page["items"]
        if len(listed) == 4:
            labs.api.call("POST", f"{POLICIES}/n0", {"spec": USR})
        if "next" not in page:
            break
        query = f"?limit=2&cursor={page['next']}"

    mine = [each for each in listed if each["accountID"] == labs.id]
    assert [each["name"] for each in mine] == [f"n{number}" for number in range(5)]
    keys = [(each["accountID"], each["kind"], each["name"]) for each in listed]
    assert keys == sorted(keys)
    assert ("n0", 2, "updated") in [told(each) for each in changes(service, begin or 0)]


def test_a_number_that_the_log_has_not_reached_begins_anew(service: Api):
    found = service.call("GET", f"{CHANGES}?since={head(service) + 1}")

    assert (found["reset"], found["changes"], found["next"]) == (True, [], head(service))
    assert service.call("GET", CHANGES)["reset"]
    assert not service.call("GET", f"{CHANGES}?since={head(service)}")["reset"]
    for query in ("since=x", "since=-1", "since=" + "9" * 19, "since=0&wait=31", "since=0&wait=x"):
        assert service.get(f"{CHANGES}?{query}").status_code == 400


def test_an_answer_that_waits_comes_with_the_change(server: LiveServer, service: Api, labs: Account):
    begin = head(service)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(changes, service, begin, "&wait=20")
        until(lambda: server.node.service_side.items._room._wakers, bool)
        make(labs.api, "late")
        assert [told(each) for each in waiting.result(timeout=10)] == [("late", 1, "created")]


def test_what_writers_at_once_do_is_numbered_without_a_gap_and_seen_once(service: Api, labs: Account):
    begin, seen = head(service), list[int]()
    done = threading.Event()

    def follow() -> None:
        since = begin
        while not (done.is_set() and since == head(service)):
            found = service.call("GET", f"{CHANGES}?since={since}&wait=1")
            seen.extend(each["seq"] for each in found["changes"])
            since = found["next"]

    with ThreadPoolExecutor(5) as pool:
        follower = pool.submit(follow)
        writers = [pool.submit(make, labs.api, f"w{number}") for number in range(24)]
        for writer in writers:
            writer.result()
        done.set()
        follower.result(timeout=30)
    assert seen == list(range(begin + 1, begin + 25))


def test_many_changes_come_in_pieces(service: Api, labs: Account):
    begin = head(service)
    wishes = [
        {"service": "workload", "kind": "policy", "name": f"n{number}", "spec": ETC} for number in range(150)
    ]
    labs.api.call("POST", "/api/items/apply", {"items": wishes})

    first = service.call("GET", f"{CHANGES}?since={begin}")
    second = service.call("GET", f"{CHANGES}?since={first['next']}")

    assert (len(first["changes"]), first["next"], first["head"]) == (100, begin + 100, begin + 150)
    assert (len(second["changes"]), second["next"]) == (50, begin + 150)


def test_a_tried_or_refused_change_is_never_heard_of(service: Api, labs: Account):
    begin = head(service)
    assert labs.api.post(f"{POLICIES}?dryRun=true", {"name": "etc", "spec": ETC}).status_code == 201
    assert labs.api.post(POLICIES, {"name": "etc", "spec": {}}).status_code == 400
    assert head(service) == begin


def report(account: str, version: int, value: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"accountID": account, "kind": "policy", "name": "etc", "version": version, "value": value, **more}


def outcomes(service: Api, *reports: dict[str, Any]) -> list[str]:
    answer = service.call("POST", STATUSES, {"statuses": list(reports)})
    return [each["outcome"] for each in answer["results"]]


def test_only_the_service_says_what_became_of_an_item(service: Api, labs: Account):
    make(labs.api, "etc")
    assert "status" not in labs.api.call("GET", f"{POLICIES}/etc")
    etag = labs.api.get(f"{POLICIES}/etc").headers["etag"]

    assert outcomes(service, report(labs.id, 1, {"state": "watching"})) == ["kept"]

    shown = labs.api.get(f"{POLICIES}/etc")
    assert shown.json()["status"]["value"] == {"state": "watching"}
    assert (shown.json()["status"]["version"], shown.headers["etag"]) == (1, etag)
    assert labs.api.post(f"{POLICIES}/etc", {"spec": USR, "status": {}}).status_code == 400
    assert labs.api.call("POST", f"{POLICIES}/etc", {"spec": USR})["status"]["version"] == 1
    kept = [
        each for each in service.call("GET", f"{ITEMS}?limit=250")["items"] if each["accountID"] == labs.id
    ]
    assert kept[0]["status"]["value"] == {"state": "watching"}


def test_a_report_that_comes_late_or_of_nothing_changes_nothing(service: Api, platform: World, labs: Account):
    make(labs.api, "etc")
    labs.api.call("POST", f"{POLICIES}/etc", {"spec": USR})
    elsewhere = platform.account(platform.person(), "us-1", "Elsewhere")

    assert outcomes(
        service,
        report(labs.id, 2, {"state": "two"}),
        report(labs.id, 1, {"state": "one"}),
        report(labs.id, 3, {"state": "three"}),
        report(labs.id, 2, {"state": "two, again"}),
        report(labs.id, 1, {}, name="none"),
        report(labs.id, 1, {}, kind="nothing"),
        report(elsewhere.id, 1, {}),
        report("\u202e", 1, {}),
    ) == ["kept", "passed-over", "passed-over", "kept", *["passed-over"] * 4]
    assert labs.api.call("GET", f"{POLICIES}/etc")["status"]["value"] == {"state": "two, again"}


def test_reports_that_are_none_are_refused_as_a_whole(service: Api, labs: Account):
    make(labs.api, "etc")
    good = report(labs.id, 1, {"state": "x"})
    for reports in ([], [good] * 101, [good, report(labs.id, 1, {"x": "y" * 17_000})], [good, {"kind": "x"}]):
        assert service.post(STATUSES, {"statuses": reports}).status_code == 400
    assert service.post(STATUSES, {"statuses": [report(labs.id, 2**70, {})]}).status_code == 400
    assert "status" not in labs.api.call("GET", f"{POLICIES}/etc")


def test_a_service_reaches_nothing_of_another_service_and_nothing_outside_its_items(
    service: Api, platform: World, labs: Account
):
    assert code_in(service.get(CHANGES.replace("de-1", "mars-1"))) == "not-found"
    for path in ("/api/whoami", POLICIES, "/api/users", f"/api/accounts/{labs.id}", "/api/me"):
        assert service.get(path).status_code == 401, path
    assert platform.anyone.get(CHANGES).status_code == 401


def test_a_number_holds_over_a_restart_and_a_purged_account_leaves_no_change(install: Install):
    installed = install()
    config = register(installed, EXAMPLE, credential=SERVICE_CREDENTIAL)
    clock = FrozenClock()
    with serving(config, installed.data, clock) as server:
        world = World(server)
        service = server.anyone.with_(f"Bearer {SERVICE_CREDENTIAL}")
        stays, goes = (world.account(world.person(), "de-1") for _ in range(2))
        make(goes.api, "goes")
        make(stays.api, "stays")
        since = changes(service, 0)[0]["seq"]
    with serving(config, installed.data, clock) as server:
        service = server.anyone.with_(f"Bearer {SERVICE_CREDENTIAL}")
        assert [told(each) for each in changes(service, since)] == [("stays", 1, "created")]
