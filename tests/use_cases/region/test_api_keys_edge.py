"""API keys over HTTP: bodies, headers and statuses as programs see them."""

import re
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException

from domicile.infra.secrets import KeyedHash
from domicile.kernel.callers import Caller
from domicile.kernel.errors import DomainError
from domicile.kernel.ids import ApiKeyId
from domicile.kernel.roles import PREDEFINED_ROLES, READ_ONLY
from domicile.region.api_keys import schemas
from domicile.region.api_keys.routes import ROUTES
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.web.bodies import Wire, read_struct
from domicile.web.cursors import Cursors
from domicile.web.edge import Edge
from domicile.web.problems import respond, respond_to_bug, respond_to_framework
from domicile.web.requests import DomicileRequest, bearer_of, origin_of, provide_request_key
from domicile.web.versions import provide_expected
from tests.support.region import ACCOUNT, OTHER_ACCOUNT, LiveRegion, live_region

URL = "http://localhost:8800"
NEW = {"alias": "Deployment", "roleID": "full-access"}
STRANGER = "dom_de-1_0000000000000000000000"


@pytest.fixture
async def region(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[LiveRegion]:
    async with live_region(make_database("region"), tmp_path) as live:
        yield live


@pytest.fixture
async def api(region: LiveRegion) -> AsyncGenerator[httpx2.AsyncClient]:
    """The routes of API keys with the region's own door; without a key, the account's owner calls."""

    async def caller(request: DomicileRequest) -> Caller:
        scheme, credential = bearer_of(request.scope)
        if scheme != "apikey":
            people = {"owner": region.person, "stranger": lambda: region.person(account=OTHER_ACCOUNT)}
            people["reader"] = lambda: region.person(PREDEFINED_ROLES[READ_ONLY])
            return people[credential or "owner"]()
        key, _, secret = credential.partition(":")
        return await region.door.from_api_key(ApiKeyId(key), secret, origin_of(request.scope))

    def known(value: object) -> Provide:
        return Provide(lambda: value, sync_to_thread=False)

    cursors = Cursors(KeyedHash(b"c" * 32))
    plane: RegionPlane = region.plane
    regions = Regions(
        plane.settings.region_list(), {plane.id: plane}, plane.directory, cursors, "domicile", URL
    )
    app = Litestar(
        route_handlers=ROUTES,
        request_class=DomicileRequest,
        dependencies={
            "caller": Provide(caller),
            "plane": known(plane),
            "regions": known(regions),
            "request_key": Provide(provide_request_key),
            "expected": Provide(provide_expected),
        },
        exception_handlers={
            DomainError: respond,
            HTTPException: respond_to_framework,
            Exception: respond_to_bug,
        },
        state=State({"public_url": URL}),
        openapi_config=None,
        logging_config=None,
    )
    # Two spellings of one protocol.
    edge: Any = Edge(app, public_url=URL, gets={}, posts={}, forward=lambda _scope, _authorization: None)
    transport = httpx2.ASGITransport(app=edge)
    headers = {"Api-Version": "v1"}
    async with httpx2.AsyncClient(transport=transport, base_url=f"{URL}/api", headers=headers) as client:
        yield client


def as_key(made: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"ApiKey {made['id']}:{made['secret']}"}


async def make_key(api: httpx2.AsyncClient, **more: object) -> dict[str, Any]:
    answer = await api.post("/apikeys", json=NEW | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_creation_answers_with_the_documented_body(api: httpx2.AsyncClient):
    answer = await api.post("/apikeys", json=NEW)
    body = answer.json()

    key = body["id"]
    assert answer.status_code == 201
    assert re.fullmatch(r"[0-9A-Za-z]{49}", body.pop("secret"))
    assert re.fullmatch(r"dom_de-1_[0-9A-Za-z]{22}", key)
    assert body == {
        "id": key,
        "alias": "Deployment",
        "roleID": "full-access",
        "locale": "en",
        "timezone": "UTC",
        "enabled": True,
        "created": "2026-11-23T14:00:00Z",
        "lastModified": "2026-11-23T14:00:00Z",
        "urn": f"urn:domicile:identity:de-1:{ACCOUNT}:apikey/{key}",
    }
    assert answer.headers["location"] == f"/api/apikeys/{key}"
    assert answer.headers["cache-control"] == "no-store"


async def test_what_is_set_is_there_and_what_is_lifted_is_absent(api: httpx2.AsyncClient):
    settings = {
        "description": "Builds",
        "locale": "ja",
        "timezone": "Asia/Tokyo",
        "allowedIPs": ["2001:DB8:0::1", "127.0.0.1"],
        "allowedCIDRs": ["10.0.0.0/8"],
        "enabled": False,
        "expiry": "2027-01-31T12:00:00+01:00",
    }
    made = await make_key(api, **settings)
    lifted = {"description": "", "allowedIPs": [], "allowedCIDRs": [], "enabled": True, "expiry": None}
    after = (await api.post(f"/apikeys/{made['id']}", json=lifted)).json()

    expected = settings | {"allowedIPs": ["2001:db8::1", "127.0.0.1"], "expiry": "2027-01-31T11:00:00Z"}
    assert {name: made[name] for name in settings} == expected
    assert after["enabled"] is True
    assert not {"description", "allowedIPs", "allowedCIDRs", "expiry", "secret"} & set(after)


async def test_a_secret_is_in_the_answers_to_create_and_rotate_only(api: httpx2.AsyncClient):
    made = await make_key(api)
    rotated = await api.post(f"/apikeys/{made['id']}/rotate")
    others = [
        await api.get("/apikeys"),
        await api.get(f"/apikeys/{made['id']}"),
        await api.get("/apikeys/current", headers=as_key(made)),
        await api.post(f"/apikeys/{made['id']}", json={"alias": "Nightly"}),
    ]

    assert rotated.status_code == 200
    assert rotated.json()["secret"] != made["secret"]
    assert rotated.json()["formerSecretExpiry"] == "2026-11-24T14:00:00Z"
    assert [answer.status_code for answer in others] == [200] * 4
    assert not any("secret" in answer.text for answer in others)


async def test_a_rotation_takes_its_overlap_from_the_body(api: httpx2.AsyncClient):
    made = await make_key(api)
    path = f"/apikeys/{made['id']}/rotate"

    rotated = await api.post(path, json={"overlapSeconds": 0})
    refused = await api.post(path, json={"overlapSeconds": 604_801})
    mistyped = await api.post(path, json={"overlapSeconds": "86400"})

    assert (await api.get("/apikeys/current", headers=as_key(made))).status_code == 401
    assert (await api.get("/apikeys/current", headers=as_key(rotated.json()))).status_code == 200
    assert refused.json()["fields"] == {"overlapSeconds": "must be a whole number from 0 to 604800"}
    assert mistyped.json()["fields"] == {"overlapSeconds": "must be a whole number, not a text"}


async def test_a_read_only_key_describes_itself_and_learns_region_and_account(api: httpx2.AsyncClient):
    made = await make_key(api, roleID="read-only")

    by_id = await api.get(f"/apikeys/{made['id']}", headers=as_key(made))
    current = await api.get("/apikeys/current", headers=as_key(made))

    assert by_id.json() == current.json()
    assert by_id.json()["urn"].split(":")[3:5] == ["de-1", ACCOUNT]
    assert by_id.json()["enabled"] is True
    assert (await api.get("/apikeys/current")).status_code == 404


async def test_a_list_pages_by_cursors_that_belong_to_account_and_filter(api: httpx2.AsyncClient):
    made = [await make_key(api) for _ in range(3)]

    first = (await api.get("/apikeys?limit=2")).json()
    last = (await api.get(f"/apikeys?limit=2&cursor={first['next']}")).json()
    other_filter = await api.get(f"/apikeys?roleID=full-access&cursor={first['next']}")
    other_account = await api.get(
        f"/apikeys?cursor={first['next']}", headers={"Authorization": "Bearer stranger"}
    )

    assert {key["id"] for key in first["apikeys"] + last["apikeys"]} == {key["id"] for key in made}
    assert "next" not in last
    assert re.fullmatch(r"[A-Za-z0-9_-]+", first["next"])
    assert [answer.status_code for answer in (other_filter, other_account)] == [400, 400]
    assert set(other_account.json()["fields"]) == {"cursor"}


async def test_a_list_of_one_role_or_of_a_role_that_is_not_there(api: httpx2.AsyncClient):
    await make_key(api)
    reader = await make_key(api, roleID="read-only")

    found = (await api.get("/apikeys?roleID=read-only")).json()
    refused = [
        await api.get("/apikeys", params={"roleID": role}) for role in ("nobody", "", "a\0b", "' OR 1=1")
    ]

    assert [key["id"] for key in found["apikeys"]] == [reader["id"]]
    assert [answer.status_code for answer in refused] == [400] * 4
    assert set(refused[0].json()["fields"]) == {"roleID"}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"alias", "roleID"}),
        (NEW | {"id": "x", "urn": "x", "created": "x", "secret": "x", "region": "us-1"}, {"id", "urn", "created", "secret", "region"}),
        (NEW | {"colour": "red"}, {"colour"}),
        (NEW | {"alias": 7, "enabled": "yes", "allowedIPs": "192.0.2.1"}, {"alias", "enabled", "allowedIPs"}),
        (NEW | {"alias": None}, {"alias"}),
        (NEW | {"allowedIPs": [1]}, {"allowedIPs"}),
        (NEW | {"alias": "a\0b"}, {"alias"}),
        (NEW | {"alias": "a\r\nX-Evil: 1"}, {"alias"}),
        (NEW | {"alias": "x" * 101, "description": "y" * 501}, {"alias", "description"}),
        (NEW | {"roleID": "no-such-role"}, {"roleID"}),
        (NEW | {"roleID": "\0"}, {"roleID"}),
        (NEW | {"expiry": "2020-01-01T00:00:00Z"}, {"expiry"}),
        (NEW | {"expiry": 1_900_000_000}, {"expiry"}),
        (NEW | {"allowedCIDRs": ["10.0.0.1/8"]}, {"allowedCIDRs"}),
    ],
)  # fmt: skip
async def test_bad_input_names_its_fields_and_makes_nothing(
    api: httpx2.AsyncClient, body: dict[str, object], fields: set[str]
):
    answer = await api.post("/apikeys", json=body)

    assert answer.status_code == 400
    assert set(answer.json()["fields"]) == fields
    assert answer.json()["message"]
    assert (await api.get("/apikeys")).json() == {"apikeys": []}


@pytest.mark.parametrize("name", ["id", "urn", "created", "lastActivity", "secret"])
async def test_what_is_read_only_cannot_be_changed(api: httpx2.AsyncClient, name: str):
    made = await make_key(api)

    answer = await api.post(f"/apikeys/{made['id']}", json={name: "x"})

    assert answer.json()["fields"] == {name: "is read-only"}


@pytest.mark.parametrize(
    "item", [STRANGER, "x", "%00", "dom_de-1_%00", "..%2Faccounts", "' OR '1'='1", "dom_us-1_" + "0" * 22]
)
async def test_what_is_no_key_of_mine_is_not_found_by_any_method(api: httpx2.AsyncClient, item: str):
    statuses = [
        (await api.get(f"/apikeys/{item}")).status_code,
        (await api.post(f"/apikeys/{item}", json={"alias": "x"})).status_code,
        (await api.post(f"/apikeys/{item}/rotate")).status_code,
        (await api.delete(f"/apikeys/{item}")).status_code,
    ]

    assert statuses == [404] * 4


async def test_another_account_cannot_tell_my_key_from_none(api: httpx2.AsyncClient):
    made = await make_key(api)
    stranger = {"Authorization": "Bearer stranger", "X-Request-Id": "same"}

    answers = [await api.get(f"/apikeys/{key}", headers=stranger) for key in (made["id"], STRANGER)]

    assert answers[0].status_code == 404
    assert answers[0].content == answers[1].content


async def test_a_repeated_creation_answers_the_same_and_another_body_conflicts(api: httpx2.AsyncClient):
    once = {"Idempotency-Key": "deploy-1"}

    first = await api.post("/apikeys", json=NEW, headers=once)
    again = await api.post("/apikeys", json=NEW, headers=once)
    other = await api.post("/apikeys", json=NEW | {"alias": "Other"}, headers=once)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert other.status_code == 409
    assert len((await api.get("/apikeys")).json()["apikeys"]) == 1


async def test_a_stale_if_match_changes_nothing(api: httpx2.AsyncClient):
    made = await make_key(api)
    path = f"/apikeys/{made['id']}"
    tag = (await api.get(path)).headers["etag"]
    mine = await api.post(path, json={"alias": "First"}, headers={"If-Match": tag})

    stale = await api.post(path, json={"alias": "Second"}, headers={"If-Match": tag})
    deleted = await api.delete(path, headers={"If-Match": mine.headers["etag"]})

    assert (mine.status_code, stale.status_code, deleted.status_code) == (200, 412, 204)
    assert deleted.content == b""
    assert (await api.get(path)).status_code == 404


async def test_a_reader_sees_keys_and_changes_none(api: httpx2.AsyncClient):
    made = await make_key(api)
    reader, path = {"Authorization": "Bearer reader"}, f"/apikeys/{made['id']}"

    refused = [
        await api.post("/apikeys", json=NEW | {"roleID": "read-only"}, headers=reader),
        await api.post(path, json={"enabled": False}, headers=reader),
        await api.post(f"{path}/rotate", headers=reader),
        await api.delete(path, headers=reader),
    ]

    assert [answer.status_code for answer in refused] == [403] * 4
    assert [answer.json()["type"] for answer in refused] == [f"{URL}/problems/not-permitted"] * 4
    assert (await api.get(path, headers=reader)).json()["enabled"] is True


async def test_a_locked_key_is_refused_at_the_next_request(api: httpx2.AsyncClient):
    made = await make_key(api)
    before = await api.get("/apikeys/current", headers=as_key(made))
    locked = await api.post(f"/apikeys/{made['id']}", json={"enabled": False})

    after = await api.get("/apikeys/current", headers=as_key(made))

    assert (before.status_code, after.status_code) == (200, 401)
    assert locked.json()["enabled"] is False


BODIES = [
    body
    for body in vars(schemas).values()
    if isinstance(body, type) and issubclass(body, Wire) and body is not Wire
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_every_example_is_of_its_own_shape(body: type[Wire]):
    shown = body.example  # pyright: ignore[reportAttributeAccessIssue]  # every body has one, which this test proves

    assert msgspec.to_builtins(read_struct(msgspec.json.encode(shown), body)) == shown
