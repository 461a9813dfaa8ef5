"""Lists: pages, limits, and cursors that work for nobody else and nothing else."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support.api import Api
from tests.support.world import Account, World

_URL_SAFE = re.compile(r"[A-Za-z0-9_-]+")
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@dataclass(frozen=True)
class Listing:
    """A list with more than two items, and the key that its items are under."""

    path: str
    key: str
    api: Callable[["Scene"], Api]
    item: str = "id"


@dataclass(frozen=True)
class Scene:
    """Two accounts of one person, each with some of everything."""

    labs: Account
    other: Account

    @property
    def session(self) -> Api:
        return self.labs.owner.api


def _inside(scene: Scene) -> Api:
    return scene.labs.api


def _outside(scene: Scene) -> Api:
    return scene.session


LISTINGS = [
    Listing("/api/users", "users", _inside),
    Listing("/api/apikeys", "apikeys", _inside),
    Listing("/api/invitations", "invitations", _inside),
    Listing("/api/roles", "roles", _inside),
    Listing("/api/logs", "logs", _inside, "eventID"),
    Listing("/api/cloudaccounts/aws", "cloudAccounts", _inside),
    Listing("/api/logs/checkpoints", "checkpoints", _inside, "size"),
    Listing("/api/accounts", "accounts", _outside),
    Listing("/api/me/sessions", "sessions", _outside),
    Listing("/api/me/events", "events", _outside, "eventID"),
]
PAGED = [each for each in LISTINGS if each.key != "roles"]
"""Lists that can hold more than two."""
BOUND = [each for each in PAGED if each.api is _inside]
every_listing = pytest.mark.parametrize("listing", LISTINGS, ids=lambda each: each.key)
paged_listing = pytest.mark.parametrize("listing", PAGED, ids=lambda each: each.key)


@pytest.fixture(scope="module")
def scene(world: World) -> Scene:
    owner = world.person("Ann Example")
    made = Scene(world.account(owner, "de-1", "Labs"), world.account(owner, "de-1", "Other"))
    world.account(owner, "us-1", "Third")
    guests = [world.person(f"Guest {number}") for number in range(2)]
    for account in (made.labs, made.other):
        for guest in guests:
            world.join(account, guest)
        for number in range(3):
            world.key(account.api, "read-only", alias=f"key {number}")
            body = {"email": world.address("invited"), "roleID": "read-only"}
            account.api.call("POST", "/api/invitations", body, status=201)
            trusting = {"roleARN": f"arn:aws:iam::{number:012}:role/domicile"}
            account.api.call("POST", "/api/cloudaccounts/aws", trusting, status=201)
            account.api.call("GET", "/api/logs/checkpoint")
    for _ in range(2):
        world.sign_in(owner.email)
    return made


@every_listing
def test_the_last_page_has_no_next_at_all(scene: Scene, listing: Listing) -> None:
    for query in ("", "?limit=250", "?limit=0"):
        body = listing.api(scene).call("GET", listing.path + query)
        assert body.keys() == {listing.key}


@paged_listing
def test_pages_of_one_follow_each_other_to_the_end_and_hold_everything_once(
    scene: Scene, listing: Listing
) -> None:
    api = listing.api(scene)
    whole = [item[listing.item] for item in api.call("GET", f"{listing.path}?limit=250")[listing.key]]
    found: list[str] = []
    cursor = ""
    while True:
        body = api.call("GET", f"{listing.path}?limit=1{cursor}")
        assert len(body[listing.key]) == 1
        found += [item[listing.item] for item in body[listing.key]]
        if "next" not in body:
            break
        assert _URL_SAFE.fullmatch(body["next"])
        cursor = f"&cursor={body['next']}"
    assert found == whole
    assert len(set(found)) == len(found) > 2


@every_listing
@pytest.mark.parametrize("limit", ["1", "25", "250", "0", "007"])
def test_a_limit_from_0_to_250_is_taken(scene: Scene, listing: Listing, limit: str) -> None:
    assert listing.api(scene).get(f"{listing.path}?limit={limit}").status_code == 200


@every_listing
@pytest.mark.parametrize(
    "limit",
    [
        "-1",
        "251",
        "",
        "ten",
        "1.0",
        "1e1",
        "%20",
        "+1",
        "0x1",
        "99999999999999999999",
        "%D9%A1",
        "%C2%B2",
        "null",
    ],
)
def test_any_other_limit_is_refused_by_name(scene: Scene, listing: Listing, limit: str) -> None:
    answer = listing.api(scene).get(f"{listing.path}?limit={limit}")
    assert answer.status_code == 400
    assert answer.json()["fields"].keys() == {"limit"}


@paged_listing
def test_a_cursor_changed_in_any_place_is_refused(scene: Scene, listing: Listing) -> None:
    api = listing.api(scene)
    cursor: str = api.call("GET", f"{listing.path}?limit=1")["next"]
    for place, was in enumerate(cursor):
        now = _DIGITS[(_DIGITS.index(was) + 1) % len(_DIGITS)]
        changed = cursor[:place] + now + cursor[place + 1 :]
        answer = api.get(f"{listing.path}?limit=1&cursor={changed}")
        assert answer.status_code == 400, (place, changed)
        assert answer.json()["fields"].keys() == {"cursor"}


@every_listing
@pytest.mark.parametrize(
    "cursor", ["", "A", "AAAA", "A" * 64, "%00", "%C3%A9", "a b", "====", "..", "A" * 5000]
)
def test_a_made_up_cursor_is_refused(scene: Scene, listing: Listing, cursor: str) -> None:
    answer = listing.api(scene).get(f"{listing.path}?cursor={cursor}")
    assert answer.status_code == 400
    assert answer.json()["fields"].keys() == {"cursor"}


@paged_listing
def test_a_cursor_cut_short_or_lengthened_is_refused(scene: Scene, listing: Listing) -> None:
    api = listing.api(scene)
    cursor: str = api.call("GET", f"{listing.path}?limit=1")["next"]
    for changed in (cursor[:-1], cursor[1:], cursor + "A", cursor + "=", cursor + "%3D", cursor * 2):
        assert api.get(f"{listing.path}?cursor={changed}").status_code == 400, changed


def test_a_cursor_belongs_to_one_list(scene: Scene) -> None:
    for owner in PAGED:
        cursor = owner.api(scene).call("GET", f"{owner.path}?limit=1")["next"]
        for other in LISTINGS:
            if other is not owner:
                answer = other.api(scene).get(f"{other.path}?cursor={cursor}")
                assert answer.status_code == 400, (owner.key, other.key)


def test_a_cursor_belongs_to_one_account_or_person(world: World, scene: Scene) -> None:
    stranger = world.person("Sam Stranger")
    for listing in PAGED:
        cursor = listing.api(scene).call("GET", f"{listing.path}?limit=1")["next"]
        elsewhere = scene.other.api if listing in BOUND else stranger.api
        assert elsewhere.get(f"{listing.path}?limit=1&cursor={cursor}").status_code == 400, listing.key


@pytest.mark.parametrize(
    ("path", "query", "other"),
    [
        ("/api/users", "roleID=read-only", "roleID=full-access"),
        ("/api/apikeys", "roleID=read-only", "roleID=full-access"),
        ("/api/invitations", "state=invited", "state=accepted"),
    ],
)
def test_a_cursor_belongs_to_one_query_and_survives_another_limit(
    scene: Scene, path: str, query: str, other: str
) -> None:
    api = scene.labs.api
    cursor = api.call("GET", f"{path}?{query}&limit=1")["next"]
    assert api.get(f"{path}?{query}&limit=2&cursor={cursor}").status_code == 200
    assert api.get(f"{path}?{other}&limit=1&cursor={cursor}").status_code == 400
    assert api.get(f"{path}?limit=1&cursor={cursor}").status_code == 400


def test_a_filter_leaves_only_what_it_names(scene: Scene) -> None:
    api = scene.labs.api
    assert {user["roleID"] for user in api.call("GET", "/api/users?roleID=read-only")["users"]} == {
        "read-only"
    }
    assert len(api.call("GET", "/api/users?roleID=full-access")["users"]) == 1
    assert {key["roleID"] for key in api.call("GET", "/api/apikeys?roleID=read-only")["apikeys"]} == {
        "read-only"
    }
    assert api.call("GET", "/api/apikeys?roleID=full-access") == {"apikeys": []}
    accepted = api.call("GET", "/api/invitations?state=accepted")["invitations"]
    assert {each["state"] for each in accepted} == {"accepted"}
    assert len(accepted) == 2


@pytest.mark.parametrize(
    "query", ["users?roleID=", "users?roleID=nobody", "apikeys?roleID=%00", "invitations?state=x"]
)
def test_an_unknown_filter_value_is_refused_by_name(scene: Scene, query: str) -> None:
    answer = scene.labs.api.get(f"/api/{query}")
    assert answer.status_code == 400
    assert len(answer.json()["fields"]) == 1


def test_a_page_goes_on_where_it_stopped_when_its_last_item_is_gone(world: World) -> None:
    account = world.account(world.person())
    for number in range(4):
        world.key(account.api, alias=f"key {number}")
    whole = [key["id"] for key in account.api.call("GET", "/api/apikeys")["apikeys"]]
    first = account.api.call("GET", "/api/apikeys?limit=2")
    account.api.call("DELETE", f"/api/apikeys/{whole[1]}", status=204)
    rest = account.api.call("GET", f"/api/apikeys?limit=2&cursor={first['next']}")
    assert [key["id"] for key in rest["apikeys"]] == whole[2:]
    assert "next" not in rest


def test_an_exactly_full_last_page_has_no_next(world: World) -> None:
    account = world.account(world.person())
    for number in range(2):
        world.key(account.api, alias=f"key {number}")
    body = account.api.call("GET", "/api/apikeys?limit=2")
    assert len(body["apikeys"]) == 2
    assert "next" not in body
