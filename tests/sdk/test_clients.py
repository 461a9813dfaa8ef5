"""The clients of the API, of threads and of event loops: what they read from a real platform, and what they repeat."""

import json
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from domicile_sdk import Problem, Unreachable
from domicile_sdk.client import AsyncDomicile, Domicile, Whoami
from domicile_sdk.client.calls import Calls
from domicile_sdk.client.sending import Sender
from domicile_sdk.exchange import Answer, Conversation, Request
from tests.support.sdk import Line, RealStage, result

SPEC = {"paths": ["/etc/passwd"], "everySeconds": 60}
Client = Domicile | AsyncDomicile


@pytest.fixture(params=["threads", "event loop"])
async def client(real: RealStage, request: pytest.FixtureRequest) -> AsyncGenerator[Client]:
    url, key = real.world.server.url, real.world.key(real.account.api).api.authorization
    assert key is not None
    if request.param == "threads":
        with Domicile(url, key) as of_threads:
            yield of_threads
    else:
        async with AsyncDomicile(url, key) as of_a_loop:
            yield of_a_loop


async def problem(ask: Callable[[], Any]) -> Problem:
    with pytest.raises(Problem) as raised:
        await result(ask())
    return raised.value


async def test_a_service_asks_who_it_is_and_who_and_what_is_in_the_account(real: RealStage, client: Client):
    who = await result(client.whoami())
    account = await result(client.account(who.account))
    (owner,) = [user for user in await result(client.users()) if user.id == real.account.owner.id]
    services = await result(client.services())

    assert (who.kind, who.method, who.account, who.region) == (
        "apikey",
        "api-key",
        real.account.id,
        "de-1",
    )
    assert (account.id, account.alias, account.state) == (real.account.id, real.account.alias, "active")
    assert (owner.email, owner.role, owner.state) == (real.account.owner.email, "full-access", "enabled")
    assert "workload" in {service.name for service in services}


async def test_an_item_is_made_read_changed_and_deleted(client: Client):
    place = ("workload", "policies", "etc")
    made = await result(client.create_item(*place, spec=SPEC, labels={"stage": "live"}))
    first = made.version  # a name goes on from the versions that it had
    assert (made.spec, made.labels) == (SPEC, {"stage": "live"})
    assert await result(client.item(*place)) == made

    changed = await result(client.change_item(*place, labels={}, if_match=first))
    assert (changed.spec, changed.labels, changed.version) == (SPEC, {}, first + 1)
    assert (
        await problem(lambda: client.change_item(*place, spec=SPEC, if_match=first))
    ).code == "stale-version"
    assert (await problem(lambda: client.create_item(*place, spec=SPEC))).code == "item-exists"

    assert await result(client.delete_item(*place, if_match=first + 1)) is None
    gone = await problem(lambda: client.item(*place))
    assert (gone.status, gone.code) == (404, "not-found")


async def test_a_deployment_says_where_it_is_put_to_work(client: Client):
    place, tokyo = ("workload", "scripts", "install"), {"provider": "aws", "location": "ap-northeast-1"}
    made = await result(client.create_item(*place, spec={"text": "ls"}, target=tokyo))
    moved = await result(client.change_item(*place, target={**tokyo, "location": "eu-central-1"}))
    await result(client.delete_item(*place))

    assert (made.target, moved.target["location"]) == (tokyo, "eu-central-1")


async def test_what_the_schema_refuses_is_told_by_pointers(client: Client):
    refused = await problem(
        lambda: client.create_item("workload", "policies", "x", spec={"paths": [], "more": 1})
    )

    assert (refused.status, refused.code) == (400, "invalid-input")
    assert (
        refused.detail and all(pointer.startswith("/spec") for pointer in refused.errors) and refused.errors
    )


async def test_all_items_of_many_pages_are_listed(client: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("domicile_sdk.client.sending._LARGEST_PAGE", 2)
    names = [f"many-{number}" for number in range(5)]
    for name in names:
        await result(client.create_item("workload", "policies", name, spec=SPEC))

    assert [item.name for item in await result(client.items("workload", "policies"))] == names
    for name in names:
        await result(client.delete_item("workload", "policies", name))


async def test_a_service_asks_for_the_caller_whose_credential_it_passes_on(real: RealStage, client: Client):
    reader = real.user("read-only")
    own = await result(client.check("workload:policy:update"))
    theirs = await result(client.acting_for(reader.authorization).check("workload:policy:update"))
    about = await result(client.check("workload:policy:update", principal=f"user/{reader.id}"))

    assert own.is_allowed
    assert not theirs.is_allowed and theirs.rule == "role-permits" and reader.id in theirs.principal_urn
    assert about == theirs


async def test_the_feed_can_be_looked_at(real: RealStage, client: Client):
    before = (await result(client.revocations())).head
    removed = real.user("read-only")
    real.remove(removed)

    found = await result(client.revocations(before))

    rows = {(row.kind, row.account, row.subject) for row in found.rows}
    assert rows == {("membership", removed.account, removed.id)}
    assert found.floor is None and found.following == found.head


async def test_no_credential_is_in_a_repr(real: RealStage, client: Client):
    secret = client._calls.sender.authorization.partition(":")[2]
    assert len(secret) > 20

    for shown in (client, client._calls, Request("GET", "https://x", {"Authorization": secret})):
        assert secret not in repr(shown)


# ---------------------------------------------------------------- what is repeated


def busy(status: int = 503, after: str | None = "3") -> Answer:
    return Answer(status, {} if after is None else {"retry-after": after}, b"{}")


WHO = {"principalURN": "u", "kind": "user", "id": "1", "name": "Ann", "method": "session"}
ITEM = {"name": "etc", "labels": {}, "spec": {}, "version": 1, "created": "", "lastModified": ""}
FOUND, MADE = Answer(200, {}, json.dumps(WHO).encode()), Answer(201, {}, json.dumps(ITEM).encode())
CALLS = Calls(Sender("https://domicile.example", "ApiKey a:b"))


def create() -> Conversation[Any]:
    return CALLS.create_item("workload", "policies", "etc", spec={}, labels={}, target=None)


def test_a_reading_is_repeated_when_it_was_lost_or_came_at_a_busy_time():
    line = Line(None, busy(429, None), FOUND)

    assert isinstance(line.run(CALLS.whoami()), Whoami)

    assert line.pauses == [0.5, 1.0]


def test_a_creation_is_repeated_with_the_same_key_only_when_domicile_asks_for_it():
    line = Line(busy(), MADE)
    line.run(create())
    keys = [request.headers["Idempotency-Key"] for request in line.sent]
    assert len(keys) == 2 and len(set(keys)) == 1 and keys[0]
    assert line.pauses == [3.0]

    for answer, failure in ((None, Unreachable), (busy(503, None), Problem), (busy(500), Problem)):
        once = Line(answer)
        with pytest.raises(failure):
            once.run(create())
        assert len(once.sent) == 1 and once.pauses == []


def test_nothing_is_repeated_for_ever_nor_after_a_long_time():
    line = Line(*[busy()] * 3)
    with pytest.raises(Problem) as raised:
        line.run(CALLS.whoami())
    assert (raised.value.status, raised.value.retry_after_seconds, len(line.sent)) == (503, 3.0, 3)

    long = Line(busy(429, "31"))
    with pytest.raises(Problem):
        long.run(CALLS.whoami())
    assert long.pauses == []


def test_an_answer_of_somebody_else_is_no_answer():
    for answer in (Answer(200, {}, b"<html>"), Answer(200, {}, b"[]"), Answer(200, {}, b'{"kind": 5}')):
        with pytest.raises(Unreachable):
            Line(answer).run(CALLS.whoami())
    with pytest.raises(Problem) as raised:
        Line(Answer(403, {}, b"<html>")).run(CALLS.whoami())
    assert (raised.value.status, raised.value.code) == (403, "unknown")


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_never_leads_to_another_path(name: str):
    with pytest.raises(ValueError, match="part of an address"):
        Line().run(CALLS.item("workload", "policies", name))
    line = Line(MADE)
    line.run(CALLS.item("workload", "policies", "../a?b#c"))
    assert line.sent[0].url == "https://domicile.example/api/services/workload/policies/..%2Fa%3Fb%23c"
