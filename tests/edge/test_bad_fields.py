"""Every field of every body, and every id in a path, with what does not belong there: a clear refusal and nothing stored."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from domicile.web.operations import Access
from tests.support.operations import Operation, operations_of
from tests.support.scene import Scene, make_scene
from tests.support.world import World

_TEXTS = {
    "empty": "",
    "blank": " \t ",
    "too long": "x" * 10_000,
    "far too long": "x" * 200_000,
    "line break": "two\nlines",
    "carriage return": "two\r\nBcc: all@example.com",
    "NUL": "nul\x00nul",
    "escape": "\x1b[31mred",
    "bidi override": "abc\u202egpj.exe",
    "bidi isolate": "a\u2066b",
    "line separator": "a\u2028b",
    "zero width space": "a\u200bb",
    "byte order mark": "\ufeffa",
    "noncharacter": "a\uffffb",
    "private use": "a\ue000b",
    "tag characters": "a\U000e0041",
    "delete": "a\x7f",
    "C1 control": "a\x85b",
    "only joiners": "\u200d\u200d",
}
_OTHERS: dict[str, Any] = {
    "null": None,
    "number": 7,
    "fraction": 1.5,
    "huge number": 10**400,
    "negative": -1,
    "true": True,
    "list": [],
    "list of null": [None],
    "list of empty": [""],
    "list of lists": [[[]]],
    "object": {},
    "object inside": {"$ne": None},
    "text": "text",
}
_FREE_TEXT = {"alias", "name", "description"}
_SECRETS = {"password", "newPassword"}
"""Taken exactly as they are typed, whatever they hold."""
_OPINIONS = {"POST /api/password/check"}
"""Tells in its answer what is wrong with a text that is still being typed."""
_ALLOWED = {
    # What is unusual and yet meant to be possible.
    ("description", "empty"),
    ("deleted", "object"),
    ("description", "blank"),
    ("alias", "text"),
    ("name", "text"),
    ("description", "text"),
    ("expiry", "null"),
    ("allowedIPs", "list"),
    ("allowedCIDRs", "list"),
    ("enabled", "true"),
    ("mfaRequired", "true"),
    ("mfaEnabled", "true"),
    ("overlapSeconds", "number"),
    ("labels", "object"),
}


@pytest.fixture(scope="module")
def scene(world: World) -> Scene:
    return make_scene(world)


@pytest.fixture(scope="module")
def operations(world: World) -> list[Operation]:
    return operations_of(world.server)


@pytest.fixture(scope="module")
def schemas(world: World) -> dict[str, Any]:
    return world.anyone.call("GET", "/openapi.json")["components"]["schemas"]


def _fields(operation: Operation, schemas: dict[str, Any]) -> Iterator[str]:
    schema = operation.published["requestBody"]["content"]["application/json"]["schema"]
    found = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    for option in found.get("oneOf", [found]):
        target = schemas[option["$ref"].rpartition("/")[2]] if "$ref" in option else option
        yield from target.get("properties", {})


def test_no_field_of_any_body_takes_what_does_not_belong_there(
    scene: Scene, operations: list[Operation], schemas: dict[str, Any], subtests: pytest.Subtests
) -> None:
    tried = 0
    for operation in operations:
        if operation.example is None:
            continue
        fields = list(_fields(operation, schemas))
        assert fields, str(operation)
        with subtests.test(operation=str(operation)):
            before = scene.stored()
            for field in fields:
                for name, value in {**_TEXTS, **_OTHERS}.items():
                    is_asked_about = str(operation) in _OPINIONS and isinstance(value, str)
                    is_taken = (field, name) in _ALLOWED or (field in _SECRETS and name in _TEXTS)
                    if not (is_asked_about or is_taken):
                        _check_refused(scene, operation, field, name, value)
                        tried += 1
            assert scene.stored() == before
    assert tried > 1000


def _check_refused(scene: Scene, operation: Operation, field: str, name: str, value: object) -> None:
    assert operation.example is not None
    content = json.dumps({**operation.example, field: value}).encode()
    answer = scene.api_for(operation).send(operation.method, scene.path_of(operation), content=content)
    told = (str(operation), field, name, answer.status_code, answer.text[:300])
    assert 400 <= answer.status_code < 500, told
    problem = answer.json()
    assert problem["status"] == answer.status_code, told
    assert len(answer.content) < 5_000, told
    is_typed_wrong = name in _OTHERS and not isinstance(value, str)
    # What a browser made may be any object; that it is good for nothing shows only once the sign-in is looked at.
    is_opaque = field == "credential" and isinstance(value, dict)
    if (field in _FREE_TEXT or is_typed_wrong) and not (is_opaque and answer.status_code == 401):
        assert answer.status_code == 400, told
        # What a browser made is refused as a whole, and which of its members is not told.
        is_whole = field == "checks" or (field == "credential" and isinstance(value, dict))
        assert is_whole or any(
            re.split(r"[\[./]", place.removeprefix("/"))[0] == field for place in problem["fields"]
        ), told


_SHAPES = [
    *(
        "x",
        "0",
        "-1",
        "null",
        "%20",
        "%00",
        "a%00b",
        "%0d%0aX-Evil:%201",
        "%C3%A9",
        "%F0%9F%98%80",
        "%FF",
        "%",
    ),
    *(
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "'%20OR%20'1'='1",
        "%22",
        "%7Bx%7D",
        "*",
        "a" * 5000,
        "%EF%BC%91" * 12,
    ),
    *(
        "1" * 11,
        "1" * 13,
        "0" * 31,
        "g" * 32,
        "urn:domicile:identity:de-1:000000000001:user/x",
        "dom_de-1_",
        "dom__",
    ),
    *(
        "dom_xx-9_0000000000000000000000",
        "dom_de-1_000000000000000000000%0A",
        "0197A1C2-0000-7000-8000-0123456789AB",
    ),
    *(
        "0197a1c200007000800001234567 89ab",
        "%7B0197a1c2-0000-7000-8000-0123456789ab%7D",
        "current",
        "accept",
        "me",
    ),
]


def test_an_id_of_another_shape_is_simply_not_there(
    scene: Scene, operations: list[Operation], subtests: pytest.Subtests
) -> None:
    before = scene.stored()
    for operation in operations:
        for parameter in operation.parameters:
            with subtests.test(operation=str(operation)):
                for shape in _SHAPES:
                    path = operation.path.replace(f"{{{parameter}}}", shape).format(**scene.ids)
                    answer = scene.api_for(operation).send(operation.method, path, operation.example)
                    told = (operation.method, path[:100], answer.status_code, answer.text[:200])
                    assert answer.headers["content-type"] in {"application/problem+json", "application/json"}
                    if shape in {"current", "accept"}:
                        assert answer.status_code < 500, told
                    else:
                        assert answer.status_code in {400, 404, 405}, told
                        assert shape not in answer.text or len(shape) < 6, told
    assert scene.stored() == before


_QUERIES = [
    "",
    "%00",
    "%FF",
    "x",
    "x:y",
    "a:b:c:d",
    "%F0%9F%98%80",
    "'",
    "user/",
    "apikey/%00",
    "user/x",
    "a" * 5000,
]


@pytest.mark.parametrize("value", _QUERIES)
def test_questions_about_nonsense_are_refused_or_answered_with_no(scene: Scene, value: str) -> None:
    api = scene.account.api
    asked = api.get(f"/api/access/explain?action={value}")
    assert asked.status_code == 400, asked.text
    assert asked.json()["fields"].keys() == {"action"}
    about = api.get(f"/api/access/explain?action=identity:user:read&principal={value}")
    assert about.status_code in {200, 400}, about.text
    if about.status_code == 200:
        assert about.json()["allowed"] is False


def test_a_query_parameter_that_is_there_twice_or_unknown_breaks_nothing(scene: Scene) -> None:
    api = scene.account.api
    for query in (
        "limit=1&limit=2",
        "cursor=a&cursor=b",
        "roleID=read-only&roleID=full-access",
        "x=1",
        "%FF=%FF",
        "&&&",
        "=",
        "limit",
    ):
        answer = api.get(f"/api/users?{query}")
        assert answer.status_code in {200, 400}, (query, answer.text)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        (
            "timezone",
            [
                "Europe/Atlantis",
                "europe/paris",
                "UTC+1",
                "../../etc/passwd",
                "/etc/localtime",
                "CET ",
                "Europe",
                "+02:00",
            ],
        ),
        ("locale", ["EN", "en-US", "fr", "xx", "en ", "de_DE.UTF-8", "*"]),
        ("region", ["xx-1", "DE-1", "de-1 ", "de", "de-1/../us-1", "*"]),
        ("alias", ["x" * 10_000, "\u200f", "a\u202eb"]),
    ],
)
def test_a_new_account_is_refused_for_a_value_that_is_not_among_the_known_ones(
    scene: Scene, field: str, values: list[str]
) -> None:
    before = scene.stored()
    good = {"alias": "Labs", "region": "de-1", "locale": "en", "timezone": "UTC"}
    for value in values:
        answer = scene.account.owner.api.post("/api/accounts", {**good, field: value})
        assert answer.status_code == 400, value
        assert answer.json()["fields"].keys() == {field}, value
    assert scene.stored() == before


@pytest.mark.parametrize(
    "role", ["owner", "FULL-ACCESS", "full-access ", "full_access", "admin'--", "../full-access", "*"]
)
def test_an_unknown_role_is_refused_wherever_one_is_named(
    scene: Scene, operations: list[Operation], role: str
) -> None:
    before = scene.stored()
    naming = [each for each in operations if each.example and "roleID" in each.example]
    assert len(naming) >= 4
    for operation in naming:
        body = {**(operation.example or {}), "roleID": role}
        answer = scene.api_for(operation).post(scene.path_of(operation), body)
        assert answer.status_code == 400, (str(operation), answer.text)
        assert answer.json()["fields"].keys() == {"roleID"}, str(operation)
    assert scene.stored() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("allowedIPs", ["256.1.1.1"]),
        ("allowedIPs", ["192.0.2.0/24"]),
        ("allowedIPs", ["localhost"]),
        ("allowedIPs", ["fe80::1%eth0"]),
        ("allowedIPs", ["010.0.0.1"]),
        ("allowedIPs", ["192.0.2.1"] * 2000),
        ("allowedCIDRs", ["192.0.2.0/33"]),
        ("allowedCIDRs", ["::/129"]),
        ("allowedCIDRs", ["192.0.2.1/-1"]),
        ("allowedCIDRs", ["10.0.0.0/255.0.0.0 "]),
        ("expiry", "tomorrow"),
        ("expiry", "2001-01-01T00:00:00Z"),
        ("expiry", "2030-02-30T00:00:00Z"),
        ("expiry", "2030-01-01"),
        ("expiry", "99999-01-01T00:00:00Z"),
        ("expiry", "2030-01-01T00:00:00"),
    ],
)
def test_an_impossible_limit_of_a_key_is_refused_by_its_field(
    scene: Scene, field: str, value: object
) -> None:
    before = scene.stored()
    key = {"alias": "ci", "roleID": "read-only", field: value}
    for path, body in (("/api/apikeys", key), (f"/api/apikeys/{scene.ids['key_id']}", {field: value})):
        answer = scene.account.api.post(path, body)
        assert answer.status_code == 400, answer.text
        assert {place.partition("[")[0] for place in answer.json()["fields"]} == {field}
    assert scene.stored() == before


def test_every_operation_that_is_open_to_anyone_was_fed_bad_input_too(operations: list[Operation]) -> None:
    assert {str(o) for o in operations if o.access is Access.ANYONE and o.example is not None} == {
        "POST /api/signup",
        "POST /api/signup/verify",
        "POST /api/sessions",
        "POST /api/password/check",
        "POST /api/password/forgot",
        "POST /api/password/reset",
        "POST /api/email/verify",
        "POST /api/email/undo",
        "POST /api/invitations/preview",
        "POST /api/sign-in",
        "POST /api/sign-in/code",
        "POST /api/sign-in/passkey",
        "POST /api/sign-in/password",
        "POST /api/sign-in/recovery-code",
    }
