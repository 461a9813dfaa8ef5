"""The audit from outside: read by filters, exported as a stream, proved, verified, and fed by refusals."""

import csv
import io
import json
from typing import Any

import httpx2
import pytest

from domicile.kernel.hash_tree import is_consistent, root_by_inclusion
from domicile.region.audit.verification import verify_log
from tests.support.api import Api
from tests.support.world import Account, World, until


@pytest.fixture(scope="module")
def labs(world: World) -> Account:
    """An account in which something of each kind has happened."""
    owner, guest = world.person("Ann Example"), world.person("Gus Guest")
    account = world.account(owner, "de-1", "Example Labs")
    world.join(account, guest)
    key = world.key(account.api, "read-only", alias="=1+1")
    account.api.call("POST", f"/api/apikeys/{key.id}", {"enabled": False})
    account.api.call("DELETE", f"/api/apikeys/{key.id}", status=204)
    return account


def logs(api: Api, query: str = "") -> list[dict[str, Any]]:
    return api.call("GET", f"/api/logs?limit=250{query}")["logs"]


def export(api: Api, query: str = "") -> httpx2.Response:
    answer = api.get(f"/api/logs/export?{query}")
    assert answer.status_code == 200, answer.text
    return answer


def keys_of(world: World) -> dict[str, Any]:
    return world.anyone.call("GET", "/.well-known/domicile/de-1/jwks.json")


def test_a_log_that_was_exported_is_good_by_the_regions_published_keys(world: World, labs: Account) -> None:
    kept = labs.api.call("GET", "/api/logs/checkpoint")
    world.key(labs.api, "read-only")

    answer = export(labs.api)

    assert answer.headers["content-type"].partition(";")[0] == "application/x-ndjson"
    assert f"audit-{labs.id}-" in answer.headers["content-disposition"]
    report = verify_log(answer.content.splitlines, keys=keys_of(world), kept=[kept["signed"]])
    assert report.finding is None
    assert report.events == int(answer.headers["audit-event-count"]) == kept["size"] + 1
    assert [each.size for each in report.kept] == [kept["size"]]
    shown = {event["eventID"]: event for event in logs(labs.api)}
    for line in map(json.loads, answer.content.splitlines()[1:-2]):
        if line["kind"] == "event":
            leaf = line["leaf"]
            assert shown[leaf["eventID"]]["seq"] == leaf["seq"]
            assert shown[leaf["eventID"]].get("principalEmail", "") == line["personal"]["principalEmail"]


def test_an_export_is_an_event_with_its_filters_and_count(labs: Account) -> None:
    answer = export(labs.api, "type=audit.apiKey_*&format=csv")

    newest = logs(labs.api)[0]
    assert newest["type"] == "audit.log_exported.v1"
    assert newest["details"] == {
        "format": "csv",
        "filters": {"type": "audit.apiKey_*"},
        "count": int(answer.headers["audit-event-count"]),
        "size": newest["seq"],
    }


def test_csv_is_read_by_spreadsheets_and_run_by_none(labs: Account) -> None:
    answer = export(labs.api, "format=csv")

    assert answer.headers["content-type"].partition(";")[0] == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [int(row["seq"]) for row in rows] == list(range(len(rows)))
    assert not [cell for row in rows for cell in row.values() if cell[:1] in set("=+-@\t\r\n")]


def test_a_filtered_export_holds_what_the_filtered_list_holds_and_is_proved(
    world: World, labs: Account
) -> None:
    query = "type=audit.apiKey_*"

    answer = export(labs.api, query)

    report = verify_log(answer.content.splitlines, keys=keys_of(world))
    assert report.finding is None
    found = [json.loads(line)["leaf"]["eventID"] for line in answer.content.splitlines()[1:-2]]
    assert found == [event["eventID"] for event in reversed(logs(labs.api, f"&{query}"))]
    assert len(found) >= 3


def test_the_list_takes_the_filters_together(labs: Account) -> None:
    everything = logs(labs.api)
    created = [event for event in everything if event["type"] == "audit.apiKey_created.v1"]

    assert logs(labs.api, "&type=audit.apiKey_created.v1") == created
    owner = f"&principal=user/{labs.owner.id}"
    assert logs(labs.api, f"&type=audit.apiKey_created.v1{owner}&outcome=success") == created
    assert logs(labs.api, "&principal=user/0197a1c2-0000-7000-8000-0123456789ab") == []
    assert logs(labs.api, "&from=2999-01-01T00:00:00Z") == []
    assert logs(labs.api, "&to=2999-01-01T00:00:00%2B01:00") == everything


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("from=yesterday", {"from"}),
        ("to=", {"to"}),
        ("from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", {"to"}),
        ("type=", {"type"}),
        ("principal=me", {"principal"}),
        ("outcome=maybe&from=x", {"outcome", "from"}),
    ],
)
@pytest.mark.parametrize("path", ["/api/logs", "/api/logs/export"])
def test_filters_that_cannot_be_understood_are_named(
    labs: Account, path: str, query: str, fields: set[str]
) -> None:
    answer = labs.api.get(f"{path}?{query}")

    assert answer.status_code == 400
    assert answer.json()["fields"].keys() == fields


@pytest.mark.parametrize("form", ["", "xml", "JSONL"])
def test_another_format_is_refused_by_name(labs: Account, form: str) -> None:
    answer = labs.api.get(f"/api/logs/export?format={form}")

    assert (answer.status_code, answer.json()["fields"].keys()) == (400, {"format"})


def test_a_cursor_belongs_to_its_filters(labs: Account) -> None:
    cursor = labs.api.call("GET", "/api/logs?limit=1&type=audit.apiKey_*")["next"]

    assert labs.api.get(f"/api/logs?cursor={cursor}&type=audit.apiKey_*").status_code == 200
    for other in ("", "&type=audit.apiKey*", "&type=audit.apiKey_*&outcome=success"):
        answer = labs.api.get(f"/api/logs?cursor={cursor}{other}")
        assert (answer.status_code, answer.json()["fields"].keys()) == (400, {"cursor"})


def test_checkpoints_are_listed_and_proofs_lead_from_one_to_the_next(labs: Account) -> None:
    first = labs.api.call("GET", "/api/logs/checkpoint")
    labs.api.call("POST", "/api/apikeys", {"alias": "one more", "roleID": "read-only"}, status=201)
    second = labs.api.call("GET", "/api/logs/checkpoint")

    listed = labs.api.call("GET", "/api/logs/checkpoints?limit=2")
    assert listed["checkpoints"] == [second, first]
    sizes = f"from={first['size']}&to={second['size']}"
    proof = labs.api.call("GET", f"/api/logs/proof?{sizes}")
    assert is_consistent(
        first["size"],
        bytes.fromhex(first["rootHash"]),
        second["size"],
        bytes.fromhex(second["rootHash"]),
        [bytes.fromhex(step) for step in proof["proof"]],
    )


def test_an_event_is_proved_by_its_id(labs: Account) -> None:
    event = logs(labs.api)[3]

    proof = labs.api.call("GET", f"/api/logs/proof?eventID={event['eventID']}")

    path = [bytes.fromhex(step) for step in proof["proof"]]
    root = root_by_inclusion(bytes.fromhex(proof["leafHash"]), proof["seq"], proof["size"], path)
    assert (proof["seq"], root) == (event["seq"], bytes.fromhex(proof["rootHash"]))


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("size=3", {"size"}),
        ("from=-1", {"from"}),
        ("to=999999", {"to"}),
        ("from=2&to=1", {"from"}),
        ("eventID=x&from=1", {"from"}),
        ("eventID=x&to=1", {"to"}),
        ("eventID=x&size=1e3", {"size"}),
        ("to=%D9%A1", {"to"}),
    ],
)
def test_proofs_that_make_no_sense_are_refused_by_name(labs: Account, query: str, fields: set[str]) -> None:
    answer = labs.api.get(f"/api/logs/proof?{query}")

    assert (answer.status_code, answer.json()["fields"].keys()) == (400, fields)


def test_an_event_of_another_account_is_not_there(world: World, labs: Account) -> None:
    stranger = world.account(world.person("Sam Stranger"), "de-1", "Elsewhere")
    foreign = logs(stranger.api)[0]["eventID"]
    same = {"X-Request-Id": "one-and-the-same"}

    theirs = labs.api.get(f"/api/logs/proof?eventID={foreign}", headers=same)
    nothing = labs.api.get("/api/logs/proof?eventID=nothing", headers=same)

    assert theirs.status_code == nothing.status_code == 404
    assert theirs.content == nothing.content


def test_refusals_are_in_the_log_a_moment_later(world: World, labs: Account) -> None:
    key = world.key(labs.api, "read-only")
    wrong = world.anyone.with_(f"ApiKey {key.id}:{'0' * 49}")
    assert wrong.get("/api/users").status_code == 401
    body = {"alias": "more", "roleID": "read-only"}
    assert key.api.post("/api/apikeys", body).status_code == 403

    refused = until(
        lambda: logs(labs.api, f"&principal=apikey/{key.id}&outcome=refused"), lambda found: len(found) == 2
    )

    assert [(event["type"], event["details"]) for event in refused if "action" in event["details"]] == [
        ("audit.access_refused.v1", {"action": "identity:apikey:create", "roleID": "read-only"})
    ]
    assert [event["details"]["reason"] for event in refused if "reason" in event["details"]] == [
        "wrong-secret"
    ]


def test_a_sign_in_is_in_the_log_of_each_account_that_the_session_enters(world: World, labs: Account) -> None:
    before = len(logs(labs.api, "&type=audit.user-signed-in.v1"))
    world.enter(labs.owner, labs.id)
    assert len(logs(labs.api, "&type=audit.user-signed-in.v1")) == before
    again = world.sign_in(labs.owner.email)

    again.call("POST", f"/api/accounts/{labs.id}/token", status=201)

    newest = logs(labs.api, "&type=audit.user-signed-in.v1")
    assert len(newest) == before + 1
    assert newest[0]["details"]["methods"] == ["pwd"]
