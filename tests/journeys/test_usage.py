"""What a service says that accounts used counts once, whatever is repeated, and each account sees its own."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.api import Api, Install, LiveServer, serving
from tests.support.people import FrozenClock
from tests.support.services import EXAMPLE, SERVICE_CREDENTIAL, register
from tests.support.world import Account, World

USAGE = "/api/serving/de-1/usage"
NOON = "2026-11-23T12:00:00Z"


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


def record(account: str, id_: str, **more: Any) -> dict[str, Any]:
    said = {"id": id_, "accountID": account, "meter": "computer-hours", "quantity": 1, "time": NOON}
    return said | more


def outcomes(service: Api, *records: dict[str, Any]) -> list[str]:
    answer = service.call("POST", USAGE, {"records": list(records)})
    return [each["outcome"] for each in answer["results"]]


def seen(account: Account, query: str = "") -> list[dict[str, Any]]:
    return account.api.call("GET", f"/api/usage{query}")["usage"]


def test_a_record_counts_once_however_often_it_is_reported(service: Api, labs: Account):
    first = record(labs.id, "a", quantity=7)
    assert outcomes(service, first, record(labs.id, "b"), first) == ["counted", "counted", "repeated"]
    assert outcomes(service, record(labs.id, "a", quantity=9)) == ["repeated"]

    assert sorted(each["quantity"] for each in seen(labs)) == [1, 7]
    assert seen(labs)[0] == {
        "time": NOON,
        "service": "workload",
        "dimension": "computer-hours",
        "quantity": 1,
    }


def test_reports_at_once_count_each_record_once(service: Api, labs: Account):
    records = [record(labs.id, f"n{number}") for number in range(50)]
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: outcomes(service, *records), range(4)))

    assert sum(each == "counted" for answer in told for each in answer) == 50
    total, cursor = 0, ""
    while True:
        page = labs.api.call("GET", f"/api/usage?limit=25{cursor}")
        total += sum(each["quantity"] for each in page["usage"])
        if "next" not in page:
            break
        cursor = f"&cursor={page['next']}"
    assert total == 50


def test_each_account_sees_its_own_the_newest_first(service: Api, platform: World, labs: Account):
    other = platform.account(platform.person(), "de-1", "Other")
    times = ["2026-11-23T10:00:00Z", "2026-11-23T13:00:00+01:00", "2026-11-23T11:30:00.5Z"]
    outcomes(service, *(record(labs.id, time, time=time) for time in times), record(other.id, times[0]))

    assert [each["time"] for each in seen(labs)] == [
        "2026-11-23T12:00:00Z",
        "2026-11-23T11:30:00Z",
        "2026-11-23T10:00:00Z",
    ]
    assert len(seen(other)) == 1
    platform.role(labs, "clerk", {"workload": "full-access"}, "Clerk")
    clerk = platform.join(labs, platform.person(), "clerk")
    assert clerk.get("/api/usage").status_code == 403
    assert labs.api.get("/api/usage?limit=26").status_code == 400


def test_a_record_of_an_account_that_the_region_does_not_have_is_passed_over(
    service: Api, platform: World, labs: Account
):
    elsewhere = platform.account(platform.person(), "us-1", "Elsewhere")
    told = outcomes(
        service,
        record(elsewhere.id, "a"),
        record("000000000001", "a"),
        record("\u202e", "a"),
        record("\x00", "a"),
        record(labs.id, "a"),
    )
    assert told == ["passed-over"] * 4 + ["counted"]


def test_what_is_late_counts_and_what_is_too_late_or_not_yet_does_not(service: Api, labs: Account):
    assert outcomes(
        service,
        record(labs.id, "late", time="2026-10-20T00:00:00Z"),
        record(labs.id, "ahead", time="2026-11-23T14:04:59Z"),
    ) == ["counted", "counted"]
    for time in ("2026-10-01T00:00:00Z", "2026-11-23T14:06:00Z"):
        assert service.post(USAGE, {"records": [record(labs.id, "x", time=time)]}).status_code == 400


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"quantity": -1}, "quantity"),
        ({"quantity": 2**53}, "quantity"),
        ({"meter": "nothing"}, "meter"),
        ({"time": "yesterday"}, "time"),
        ({"time": "2026-11-23T12:00:00"}, "time"),
        ({"time": "2026-11-31T12:00:00Z"}, "time"),
        ({"id": ""}, "id"),
        ({"id": "a b"}, "id"),
        ({"id": "x" * 101}, "id"),
        ({"id": "\x00"}, "id"),
    ],
)
def test_one_fault_keeps_a_whole_report_back_and_is_named(
    service: Api, labs: Account, wrong: dict[str, Any], place: str
):
    refused = service.post(USAGE, {"records": [record(labs.id, "good"), record(labs.id, "bad", **wrong)]})

    assert (refused.status_code, set(refused.json()["fields"])) == (400, {f"/records/1/{place}"})
    assert seen(labs) == []


def test_a_report_holds_something_and_no_more_than_a_thousand(service: Api, labs: Account):
    many = [record(labs.id, f"n{number}") for number in range(1001)]
    for records in ([], many):
        assert service.post(USAGE, {"records": records}).status_code == 400
    assert outcomes(service, *many[:1000]) == ["counted"] * 1000
    assert labs.api.post(USAGE, {"records": many[:1]}).status_code == 401
