"""Who can enter and why, what would break if, and who had access on a date: as an administrator asks."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from domicile.kernel.clock import whole_seconds
from domicile.region.access_review.domain import MEMORY
from domicile.region.history.store import forget_history
from tests.support.api import Api
from tests.support.stored import stored_of
from tests.support.world import Account, Key, Person, World


def _entries(api: Api, query: str = "") -> dict[str, dict[str, Any]]:
    """Read the whole review, by the ids of what is in it."""
    found: dict[str, dict[str, Any]] = {}
    cursor = ""
    while True:
        page = api.call("GET", f"/api/access/review?limit=2{query}{cursor}")
        assert not set(found) & {entry["id"] for entry in page["entries"]}
        found |= {entry["id"]: entry for entry in page["entries"]}
        if "next" not in page:
            return found
        cursor = f"&cursor={page['next']}"


def _events(api: Api, type_: str) -> list[dict[str, Any]]:
    return [each for each in api.call("GET", "/api/logs?limit=250")["logs"] if each["type"] == type_]


def _foretell(api: Api, change: dict[str, Any], *, status: int = 200) -> dict[str, Any]:
    return api.call("POST", "/api/access/preflight", {"change": change}, status=status)


@pytest.fixture
def labs(world: World) -> Account:
    return world.account(world.person("Ann Owner"))


def test_a_review_shows_everybody_and_everything_once_with_the_chain_of_the_decision(
    world: World, labs: Account
) -> None:
    guest, disabled = world.person("Gus Guest"), world.person("Dis Abled")
    world.join(labs, guest, "full-access")
    world.join(labs, disabled)
    labs.api.call("POST", f"/api/users/{disabled.id}", {"state": "disabled"})
    bound, locked = world.key(labs.api, allowedCIDRs=["192.0.2.0/24"]), world.key(labs.api, "read-only")
    labs.api.call("POST", f"/api/apikeys/{locked.id}", {"enabled": False})
    body = {"email": world.address("invited"), "roleID": "read-only"}
    invited = labs.api.call("POST", "/api/invitations", body, status=201)

    found = _entries(labs.api)

    keys = sorted((bound.id, locked.id))  # made in one moment, for the clock stands still
    assert list(found) == [labs.owner.id, guest.id, disabled.id, *keys, invited["id"]]
    told = {i: (e["kind"], e["state"], e["canEnter"], e["steps"][-1]["rule"]) for i, e in found.items()}
    assert told == {
        labs.owner.id: ("user", "enabled", True, "role-permits"),
        guest.id: ("user", "enabled", True, "role-permits"),
        disabled.id: ("user", "disabled", False, "place-enabled"),
        bound.id: ("apikey", "enabled", True, "role-permits"),
        locked.id: ("apikey", "locked", False, "place-enabled"),
        invited["id"]: ("invitation", "invited", False, "place-exists"),
    }
    assert found[guest.id]["givenBy"] == "Ann Owner" and found[guest.id]["email"] == guest.email
    assert found[labs.owner.id]["givenByURN"].endswith(f"user/{labs.owner.id}")
    assert found[bound.id]["networks"] == ["192.0.2.0/24"] and "networks" not in found[locked.id]
    assert found[invited["id"]]["stands"] is True and "stands" not in found[guest.id]
    built_in = ("identity", "audit", "billing", "cloudaccounts")
    assert found[guest.id]["levels"] == dict.fromkeys(built_in, "full-access")
    assert found[guest.id]["principalURN"] == f"urn:domicile:identity:de-1:{labs.id}:user/{guest.id}"


def test_what_has_run_out_is_shown_as_such(own_world: World) -> None:
    world = own_world
    labs = world.account(world.person())
    expiry = whole_seconds(world.server.clock() + timedelta(minutes=5))
    key = world.key(labs.api, expiry=expiry)
    body = {"email": world.address("invited"), "roleID": "read-only"}
    invited = labs.api.call("POST", "/api/invitations", body, status=201)
    world.server.clock.advance(minutes=6)
    found = _entries(labs.api)
    assert (found[key.id]["state"], found[key.id]["steps"][-1]["rule"]) == ("expired", "key-unexpired")
    assert invited["id"] in found
    world.server.clock.advance(days=8)
    inside = world.enter(Person("", "", "", labs.owner.id, world.sign_in(labs.owner.email)), labs.id)
    assert invited["id"] not in _entries(inside)


def test_an_invitation_of_somebody_who_may_no_longer_make_it_does_not_stand(
    world: World, labs: Account
) -> None:
    helper = world.person("Hel Per")
    inside = world.join(labs, helper, "full-access")
    body = {"email": world.address("invited"), "roleID": "full-access"}
    invited = inside.call("POST", "/api/invitations", body, status=201)["id"]
    assert _entries(labs.api)[invited]["stands"] is True
    foretold = _foretell(labs.api, {"userRole": {"userID": helper.id, "roleID": "read-only"}})
    assert [each["id"] for each in foretold["invitations"]] == [invited]

    labs.api.call("POST", f"/api/users/{helper.id}", {"roleID": "read-only"})

    assert _entries(labs.api)[invited]["stands"] is False
    assert _foretell(labs.api, {"removeUser": {"userID": helper.id}})["invitations"] == []


def test_a_review_as_csv_has_everything_and_no_formula(world: World) -> None:
    labs = world.account(world.person("=cmd|' /C calc'!A0"))
    keys = {world.key(labs.api, alias=f"{start}1+1").id for start in "=+-@"}
    answer = labs.api.get("/api/access/review?format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))

    assert answer.headers["content-type"].startswith("text/csv")
    assert f"access-{labs.id}-" in answer.headers["content-disposition"]
    assert {row["id"] for row in rows} == {labs.owner.id, *keys}
    assert rows[0]["name"] == "'=cmd|' /C calc'!A0"
    cells = [cell for row in rows for cell in row.values()]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    assert rows[0]["canEnter"] == "yes" and rows[0]["settledBy"] == "role-permits"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("format=xml", "format"),
        ("format=", "format"),
        ("format=csv&limit=5", "format"),
        ("limit=x", "limit"),
        ("cursor=x", "cursor"),
        ("at=yesterday", "at"),
        ("at=2026-02-30T00:00:00Z", "at"),
        ("at=9999-12-31T23:59:59-23:59", "at"),
        ("at=2031-01-01T00:00:00Z", "at"),
        ("at=2020-01-01T00:00:00Z", "at"),
    ],
)
def test_a_review_that_cannot_be_asked_for_is_told_so(labs: Account, query: str, field: str) -> None:
    answer = labs.api.get(f"/api/access/review?{query}")
    assert answer.status_code == 400 and field in answer.json()["fields"]


def test_reading_a_review_is_an_event_and_its_pages_belong_to_who_began_it(
    world: World, labs: Account
) -> None:
    reader = world.key(labs.api, "read-only").api
    first = labs.api.call("GET", "/api/access/review?limit=1")
    labs.api.call("GET", f"/api/access/review?limit=1&cursor={first['next']}")
    assert reader.get(f"/api/access/review?limit=1&cursor={first['next']}").status_code == 400
    labs.api.get("/api/access/review?format=csv")
    at = whole_seconds(world.server.clock())
    labs.api.call("GET", f"/api/access/review?at={at}")

    told = [each["details"] for each in _events(labs.api, "audit.access_reviewed.v1")]
    assert told[::-1] == [{"format": "json"}, {"format": "csv"}, {"format": "json", "at": at}]


def test_explaining_goes_in_both_directions(world: World, labs: Account) -> None:
    guest = world.person()
    inside = world.join(labs, guest)
    key = world.key(labs.api, "read-only")
    mine = inside.call("GET", "/api/access/explain")
    assert mine["principalURN"].endswith(guest.id)
    about = labs.api.call("GET", f"/api/access/explain?principal=user/{guest.id}")
    assert about == mine
    may = {each["action"] for each in mine["permissions"] if each["allowed"]}
    assert "identity:user:read" in may and "identity:user:update" not in may
    assert {each["rule"] for each in mine["permissions"]} == {"role-permits"}

    readers = labs.api.call("GET", "/api/access/explain?principal=*&action=identity:user:read&limit=2")
    assert [each["principalURN"].rpartition("/")[2] for each in readers["principals"]] == [
        labs.owner.id,
        guest.id,
    ]
    rest = labs.api.call(
        "GET",
        f"/api/access/explain?principal=*&action=identity:user:read&limit=2&cursor={readers['next']}",
    )
    assert [each["principalURN"].rpartition("/")[2] for each in rest["principals"]] == [key.id]
    assert "next" not in rest
    writers = labs.api.call("GET", "/api/access/explain?principal=*&action=identity:user:update")
    assert [each["email"] for each in writers["principals"]] == [labs.owner.email]
    nobody = labs.api.call("GET", "/api/access/explain?principal=*&action=nothing:known:here")
    assert nobody["principals"] == []


def test_explaining_says_what_is_missing_or_too_much(labs: Account) -> None:
    assert labs.api.get("/api/access/explain?principal=*").json()["fields"].keys() == {"action"}
    assert labs.api.get("/api/access/explain?limit=5").json()["fields"].keys() == {"limit"}
    assert labs.api.get("/api/access/explain?cursor=x").json()["fields"].keys() == {"cursor"}


def test_who_was_refused_is_told_why_under_the_present_circumstances_without_any_permission(
    world: World, labs: Account
) -> None:
    world.role(labs, "auditor", {"audit": "read-only"})
    key = world.key(labs.api, "auditor", allowedCIDRs=["127.0.0.0/8"]).api
    why = key.call("GET", "/api/access/explain?action=identity:user:read")
    assert not why["allowed"] and why["steps"][-1]["rule"] == "role-permits"
    assert "address-allowed" in [step["rule"] for step in why["steps"]]
    assert key.get("/api/access/explain?principal=*&action=identity:user:read").status_code == 403
    assert key.get(f"/api/access/explain?principal=user/{labs.owner.id}").status_code == 403
    assert key.get("/api/access/review").status_code == 403
    assert key.post("/api/access/preflight", {"change": {"mfaRequired": True}}).status_code == 403
    assert _events(labs.api, "audit.access_explained.v1") == []


def test_questions_about_others_are_written_down_once_a_minute_for_each_kind(own_world: World) -> None:
    world = own_world
    labs = world.account(world.person())
    guest = world.person()
    world.join(labs, guest)
    other = world.key(labs.api).api

    def ask(api: Api) -> None:
        for _ in range(3):
            api.call("GET", f"/api/access/explain?principal=user/{guest.id}&action=identity:user:read")
            api.call("GET", f"/api/access/explain?principal=user/{guest.id}")
            api.call("GET", "/api/access/explain?principal=*&action=identity:user:read")
            api.call("GET", "/api/access/explain?action=identity:user:read")
            _foretell(api, {"mfaRequired": True})

    ask(labs.api)
    ask(other)
    kinds = ["action of a principal", "permissions of a principal", "preflight", "principals for an action"]
    noted = _events(labs.api, "audit.access_explained.v1")
    assert sorted(each["details"]["question"] for each in noted) == sorted(kinds * 2)
    assert {each["details"].get("action") for each in noted} == {"identity:user:read", None}
    world.server.clock.advance(seconds=61)
    ask(labs.api)
    assert len(_events(labs.api, "audit.access_explained.v1")) == 12


def test_a_preflight_tells_who_would_lose_what_and_changes_nothing(world: World, labs: Account) -> None:
    guest = world.person("Gus Guest")
    world.role(labs, "keeper", {"identity": "full-access", "audit": "read-only"})
    world.join(labs, guest, "keeper")
    key = world.key(labs.api, "keeper")
    urn = f"urn:domicile:identity:de-1:{labs.id}:role/read-only"
    change = {"role": {"roleID": "keeper", "serviceRoleURNs": [urn]}}
    _foretell(labs.api, change)  # the question itself is written down once
    before = stored_of(world.server, labs.id, guest.id)

    foretold = _foretell(labs.api, change)

    assert stored_of(world.server, labs.id, guest.id) == before
    assert [each["principalURN"].rpartition("/")[2] for each in foretold["affected"]] == [guest.id, key.id]
    (effect, _) = foretold["affected"]
    assert effect["canEnter"] and effect["couldEnter"] and effect["gained"] == []
    assert effect["lost"] == sorted(effect["lost"])
    assert {"audit:log:read", "identity:user:update"} <= set(effect["lost"])
    assert "identity:user:read" not in effect["lost"]
    assert foretold["summary"] == {
        "principals": 3,
        "affected": 2,
        "lockedOut": 0,
        "losing": 2,
        "gaining": 0,
        "invitations": 0,
    }
    assert not foretold["ownerless"] and not foretold["truncated"] and "addresses" not in foretold
    labs.api.call("POST", "/api/roles/keeper", {"serviceRoleURNs": [urn]})
    for action in ("audit:log:read", "identity:user:read"):
        assert key.api.call("POST", "/api/access/check", {"action": action})["allowed"] == (
            action not in effect["lost"]
        )


def test_a_preflight_says_when_nobody_with_full_access_could_enter_any_more(
    world: World, labs: Account
) -> None:
    only = {"removeUser": {"userID": labs.owner.id}}
    mfa = _foretell(labs.api, {"mfaRequired": True})
    assert mfa["ownerless"] and mfa["affected"][0]["rule"] == "mfa-used"
    assert _foretell(labs.api, only)["ownerless"]
    disabled = {"userState": {"userID": labs.owner.id, "state": "disabled"}}
    assert _foretell(labs.api, disabled)["ownerless"]
    world.join(labs, world.person(), "full-access")
    assert not _foretell(labs.api, only)["ownerless"]
    body = {"email": world.address("invited"), "roleID": "read-only"}
    invited = labs.api.call("POST", "/api/invitations", body, status=201)
    deleting = _foretell(labs.api, {"deleteAccount": True})
    assert [each["id"] for each in deleting["invitations"]] == [invited["id"]]
    assert not deleting["ownerless"] and deleting["summary"]["lockedOut"] == 2
    assert {each["rule"] for each in deleting["affected"]} == {"account-active"}


def test_a_preflight_tries_the_addresses_from_which_a_key_was_used_and_those_asked_about(
    world: World, labs: Account
) -> None:
    key: Key = world.key(labs.api)
    key.api.call("POST", "/api/apikeys", {"alias": "made by it", "roleID": "read-only"}, status=201)
    asked = {"id": key.id, "allowedCIDRs": ["192.0.2.0/24"], "probeAddresses": ["192.0.2.9", "2001:db8::1"]}
    foretold = _foretell(labs.api, {"apikeyNetworks": asked})
    assert {
        (a["address"], a["source"]): (a["allowedBefore"], a["allowedAfter"]) for a in foretold["addresses"]
    } == {
        ("127.0.0.1", "recent"): (True, False),
        ("192.0.2.9", "asked"): (True, True),
        ("2001:db8::1", "asked"): (True, False),
    }
    assert foretold["affected"] == []
    labs.api.call("POST", f"/api/apikeys/{key.id}", {"allowedCIDRs": ["192.0.2.0/24"]})
    assert key.api.get("/api/whoami").status_code == 403
    kept = _foretell(labs.api, {"apikeyNetworks": {"id": key.id, "allowedIPs": ["127.0.0.1"]}})
    assert kept["addresses"] == [
        {"address": "127.0.0.1", "source": "recent", "allowedBefore": False, "allowedAfter": True}
    ]


_NOWHERE = "0197a1c2-0000-7000-8000-0123456789ab"


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({}, 400, "change"),
        ({"mfaRequired": True, "deleteAccount": True}, 400, "change"),
        ({"mfaRequired": "yes"}, 400, "change"),
        ({"deleteAccount": False}, 400, "change.deleteAccount"),
        ({"unknown": {}}, 400, "change"),
        ({"removeUser": {}}, 400, "change"),
        ({"removeUser": {"userID": _NOWHERE}}, 404, None),
        ({"removeUser": {"userID": "x"}}, 404, None),
        ({"userRole": {"userID": _NOWHERE, "roleID": "read-only"}}, 404, None),
        ({"apikeyLocked": {"id": "dom_de-1_0000000000000000000000"}}, 404, None),
        ({"apikeyLocked": {"id": "x"}}, 404, None),
        ({"role": {"roleID": "nowhere", "serviceRoleURNs": []}}, 404, None),
        ({"role": {"roleID": "read-only", "serviceRoleURNs": []}}, 409, None),
    ],
)
def test_a_preflight_that_makes_no_sense_is_told_so(
    labs: Account, change: dict[str, Any], status: int, field: str | None
) -> None:
    answer = labs.api.post("/api/access/preflight", {"change": change})
    assert answer.status_code == status, answer.text
    assert field is None or field in answer.json()["fields"]


def test_a_preflight_names_what_is_wrong_with_what_would_be(world: World, labs: Account) -> None:
    user, key = labs.owner.id, world.key(labs.api).id
    world.role(labs, "keeper", {"identity": "full-access"})
    for change, field in (
        ({"userState": {"userID": user, "state": "removed"}}, "state"),
        ({"userRole": {"userID": user, "roleID": "nowhere"}}, "roleID"),
        ({"userRole": {"userID": user, "roleID": "Not An Id"}}, "roleID"),
        ({"apikeyRole": {"id": key, "roleID": "nowhere"}}, "roleID"),
        ({"apikeyNetworks": {"id": key, "allowedCIDRs": ["10.0.0.1/8"]}}, "allowedCIDRs"),
        ({"apikeyNetworks": {"id": key, "probeAddresses": ["1.2.3"]}}, "probeAddresses[0]"),
        ({"apikeyNetworks": {"id": key, "probeAddresses": ["192.0.2.1"] * 101}}, "probeAddresses"),
        ({"role": {"roleID": "keeper", "serviceRoleURNs": ["urn:x"]}}, "serviceRoleURNs[0]"),
        ({"role": {"roleID": "keeper", "serviceRoleURNs": []}}, "serviceRoleURNs"),
    ):
        assert field in _foretell(labs.api, change, status=400)["fields"], change


def test_who_had_access_on_a_date_is_answered_from_history(own_world: World) -> None:
    world, clock = own_world, own_world.server.clock
    owner, guest = world.person("Ann Owner"), world.person("Gus Guest")
    before = whole_seconds(clock())
    clock.advance(minutes=1)
    labs = world.account(owner)
    world.role(labs, "keeper", {"identity": "full-access"})
    key = world.key(labs.api, "keeper", expiry=whole_seconds(clock() + timedelta(minutes=4)))
    world.join(labs, guest, "keeper")
    clock.advance(minutes=1)
    joined = whole_seconds(clock())
    clock.advance(minutes=1)
    urn = f"urn:domicile:audit:de-1:{labs.id}:role/read-only"
    labs.api.call("POST", "/api/roles/keeper", {"name": "Keeper of logs", "serviceRoleURNs": [urn]})
    labs.api.call("POST", f"/api/apikeys/{key.id}", {"enabled": False, "alias": "locked"})
    labs.api.call("POST", f"/api/users/{guest.id}", {"state": "disabled"})
    clock.advance(minutes=1)
    narrowed = whole_seconds(clock())
    clock.advance(minutes=1)
    labs.api.call("DELETE", f"/api/users/{guest.id}", status=204)
    labs.api.call("DELETE", f"/api/apikeys/{key.id}", status=204)
    clock.advance(minutes=1)

    assert _entries(labs.api, f"&at={before}") == {}
    then = _entries(labs.api, f"&at={joined}")
    assert set(then) == {owner.id, guest.id, key.id}
    assert then[guest.id]["levels"] == {"identity": "full-access"} and then[guest.id]["canEnter"]
    assert then[key.id]["name"] == "ci" and then[key.id]["canEnter"] and then[key.id]["state"] == "enabled"
    assert then[owner.id]["name"] == "Ann Owner"
    assert "name" not in then[guest.id] and "email" not in then[guest.id], "who has left is an id"
    later = _entries(labs.api, f"&at={narrowed}")
    assert later[guest.id]["levels"] == {"audit": "read-only"}
    assert later[guest.id]["roleName"] == "Keeper of logs"
    assert (later[guest.id]["state"], later[guest.id]["canEnter"]) == ("disabled", False)
    assert (later[key.id]["state"], later[key.id]["name"]) == ("locked", "locked")
    assert set(_entries(labs.api, f"&at={whole_seconds(clock())}")) == {owner.id}
    rows = list(csv.DictReader(io.StringIO(labs.api.get(f"/api/access/review?format=csv&at={joined}").text)))
    assert [row["id"] for row in rows] == list(then)


def test_what_is_past_a_year_is_forgotten_and_what_still_held_then_is_not(own_world: World) -> None:
    world, clock = own_world, own_world.server.clock
    owner, guest = world.person(), world.person()
    labs = world.account(owner)
    world.join(labs, guest)
    clock.advance(minutes=1)
    labs.api.call("POST", f"/api/users/{guest.id}", {"roleID": "full-access"})
    clock.advance(seconds=1)
    changed = clock()
    clock.advance(days=MEMORY.days + 2)
    again = world.enter(Person("", "", "", owner.id, world.sign_in(owner.email)), labs.id)
    refused = again.get(f"/api/access/review?at={whole_seconds(changed)}")
    assert refused.status_code == 400
    assert whole_seconds(clock() - MEMORY) in refused.json()["fields"]["at"]

    database = world.server.node.doors.by_region["de-1"].plane.database  # pyright: ignore[reportArgumentType]  # a region id
    forgotten = world.server.run(database.run_tx(lambda tx: forget_history(tx, before=clock() - MEMORY)))

    assert forgotten == 1, "the first role of the guest"
    earliest = whole_seconds(clock() - MEMORY + timedelta(seconds=1))
    found = _entries(again, f"&at={earliest}")
    assert {i: e["roleID"] for i, e in found.items()} == {owner.id: "full-access", guest.id: "full-access"}
