"""A service as itself: it watches what accounts keep in it, reports, gives receipts and lets people in, in threads and event loops."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

import pytest

from domicile.kernel.clock import whole_seconds
from domicile_sdk import Problem
from domicile_sdk.exchange import Answer, Conversation
from domicile_sdk.serving import (
    Admitted,
    AsyncServingClient,
    Changes,
    Listing,
    Purge,
    Report,
    ServingClient,
    UsageRecord,
)
from domicile_sdk.serving.calls import ServingCalls
from domicile_sdk.serving.watching import Watch
from domicile_sdk.testing import FakeRegion
from tests.support.sdk import MANIFEST, Line, RealStage, result

Client = ServingClient | AsyncServingClient
SPEC = {"paths": ["/etc/passwd"]}


@pytest.fixture(params=["threads", "event loop"])
async def client(real: RealStage, request: pytest.FixtureRequest) -> AsyncGenerator[Client]:
    if request.param == "threads":
        with ServingClient(real.service()) as of_threads:
            yield of_threads
    else:
        async with AsyncServingClient(real.service()) as of_a_loop:
            yield of_a_loop


async def next_of(news: Iterator[Any] | AsyncIterator[Any]) -> Any:  # noqa: ANN401  # listing or changes
    return next(news) if isinstance(news, Iterator) else await anext(news)


def put(real: RealStage, name: str) -> None:
    real.account.api.call("POST", "/api/services/workload/policies", {"name": name, "spec": SPEC}, status=201)


async def test_a_watch_lists_then_follows_and_goes_on_from_the_number_that_was_kept(
    real: RealStage, client: Client, request: pytest.FixtureRequest
):
    name = f"watched-{request.node.callspec.id.replace(' ', '-')}"
    put(real, name)
    news = client.watch()
    listing = await next_of(news)
    assert isinstance(listing, Listing)
    found = {(each.account, each.kind, each.item.name): each.item.spec for each in listing.items}
    assert found[real.account.id, "policy", name] == SPEC

    real.account.api.call("DELETE", f"/api/services/workload/policies/{name}", status=204)
    changes = await next_of(news)
    again = await next_of(client.watch(listing.seq))

    assert changes == again and isinstance(changes, Changes)
    assert [(each.name, each.version, each.is_deletion) for each in changes.changes] == [(name, 2, True)]
    assert changes.seq == changes.changes[-1].seq > listing.seq


async def test_what_accounts_used_counts_once(
    real: RealStage, client: Client, request: pytest.FixtureRequest
):
    at = whole_seconds(real.clock.now)
    name = request.node.callspec.id.replace(" ", "-")
    records = [
        UsageRecord(f"{name}-1", real.account.id, "computer-hours", 7, at),
        UsageRecord(f"{name}-1", real.account.id, "computer-hours", 9, at),
        UsageRecord(f"{name}-1", "000000000001", "computer-hours", 1, at),
    ]

    outcomes = await result(client.report_usage(records))

    assert [each.outcome for each in outcomes] == ["counted", "repeated", "passed-over"]
    assert 7 in [each["quantity"] for each in real.account.api.call("GET", "/api/usage")["usage"]]


async def test_what_a_service_says_of_items_is_their_status(
    real: RealStage, client: Client, request: pytest.FixtureRequest
):
    name = f"told-{request.node.callspec.id.replace(' ', '-')}"
    put(real, name)
    reports = [Report(real.account.id, "policy", each, 1, {"state": "watching"}) for each in (name, "gone")]

    outcomes = await result(client.report(reports))

    assert [(each.name, each.is_kept) for each in outcomes] == [(name, True), ("gone", False)]
    shown = real.account.api.call("GET", f"/api/services/workload/policies/{name}")
    assert shown["status"]["value"] == {"state": "watching"}


async def test_a_service_owes_nothing_and_is_refused_what_was_not_asked_of_it(
    real: RealStage, client: Client
):
    assert await result(client.owed_purges()) == []
    for ask in (
        lambda: client.purge(real.account.id),
        lambda: client.acknowledge_purge(real.account.id, {"findings": 1}),
    ):
        with pytest.raises(Problem) as refused:
            await result(ask())
        assert refused.value.code == "not-found"
    for exchange in (client.admit, client.renew):
        with pytest.raises(Problem) as refused:
            await result(exchange("dsc_nonsense"))
        assert refused.value.code == "opening-refused"


# ---------------------------------------------------------------- without a platform

REGION = FakeRegion(MANIFEST)


def answer(body: dict[str, Any], status: int = 200) -> Answer:
    return Answer(status, {}, json.dumps(body).encode())


def discovery() -> Answer:
    names = ("issuer", "baseURL", "jwksURI", "revocationsURI")
    entry = {"id": REGION.service().region, **dict.fromkeys(names, "https://de-1.example.com")}
    return answer({"regions": [entry]})


def page(head: int, *names: str, **more: object) -> Answer:
    item = {"labels": {}, "spec": {}, "version": 1, "created": "", "lastModified": ""}
    items = [{"accountID": "1", "kind": "policy", "name": name, **item} for name in names]
    return answer({"items": items, "head": head, **more})


def log(following: int, *names: str, reset: bool = False) -> Answer:
    what = {"accountID": "1", "kind": "policy", "version": 2, "action": "updated", "time": ""}
    changes = [{"seq": following, "name": name, **what} for name in names]
    return answer({"changes": changes, "head": following, "next": following, "reset": reset})


def watching(line: Line, since: int | None) -> Any:  # noqa: ANN401  # asks for the next news
    watch = Watch(ServingCalls(REGION.service()), since, jitter=lambda: 1.0)
    return lambda: line.run(watch.next_news())


def test_a_list_of_many_pages_is_followed_from_the_head_of_the_first():
    line = Line(discovery(), page(7, "a", next="more"), page(9, "b"), log(9, "a"))
    ask = watching(line, None)

    listing, changes = ask(), ask()

    assert ([each.item.name for each in listing.items], listing.seq) == (["a", "b"], 7)
    assert ([each.name for each in changes.changes], changes.seq) == (["a"], 9)
    assert line.sent[-1].url.startswith("https://de-1.example.com/api/serving/de-1/changes?since=7&wait=25")
    assert all(request.url.startswith("https://de-1.example.com") for request in line.sent[1:])


def test_a_watch_that_is_ahead_of_the_log_is_told_of_everything_anew():
    line = Line(discovery(), log(3, reset=True), page(3, "a"))

    listing = watching(line, 8)()

    assert isinstance(listing, Listing)
    assert ([each.item.name for each in listing.items], listing.seq) == (["a"], 3)


def test_a_watch_lives_through_an_outage_and_asks_a_full_node_once_a_second():
    lost: list[Answer | None] = [None] * 3
    line = Line(discovery(), *lost, log(5), log(6, "a"))

    assert watching(line, 5)().seq == 6
    assert line.pauses == [0.5, 1.0, 0.25, 1.0]


def test_a_watch_whose_credential_is_refused_says_so():
    with pytest.raises(Problem) as refused:
        watching(Line(discovery(), answer({"type": "x/not-found", "detail": "d", "status": 404}, 404)), 1)()
    assert refused.value.status == 404


def test_many_reports_are_sent_in_pieces():
    reports = [Report("1", "policy", f"n{number}", 1, {}) for number in range(101)]
    line = Line(discovery(), answer({"results": []}), answer({"results": []}))

    assert line.run(ServingCalls(REGION.service()).report(reports)) == []
    assert [len(json.loads(each.content or b"")["statuses"]) for each in line.sent[1:]] == [100, 1]


def test_a_receipt_and_a_person_are_read_and_no_secret_is_shown():
    asked = {"accountID": "1", "receiptID": "rec", "asked": "t"}
    given = {**asked, "acknowledged": "u", "signed": "x.y.z"}
    admitted = dict.fromkeys(("accountID", "region", "roleID", "baseURL", "expires", "handleExpires"), "1")
    admitted |= {"token": "canary-t", "handle": "canary-h"}
    calls = ServingCalls(REGION.service())
    line = Line(discovery(), answer(given), answer(admitted, 201), answer({"purges": [asked]}))

    def run(steps: Conversation[Any]) -> Any:  # noqa: ANN401  # whatever is answered
        return line.run(steps)

    assert run(calls.acknowledge_purge("1", {"findings": 2})) == Purge("1", "rec", "t", "u", "x.y.z")
    person = run(calls.admit("dsc"))
    assert isinstance(person, Admitted) and person.authorization == "Bearer canary-t"
    assert "canary" not in repr(person)
    assert run(calls.owed_purges("")).entries == [Purge("1", "rec", "t", "", "")]
    sent = [(each.method, each.url.removeprefix("https://de-1.example.com")) for each in line.sent[1:3]]
    assert sent == [("POST", "/api/serving/de-1/purges/1"), ("POST", "/api/services/workload/sessions")]
