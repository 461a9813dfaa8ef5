"""Bodies that are not what they should be as a whole: every operation with a body refuses them, and nothing is stored."""

import time

import pytest

from tests.support.operations import Operation, operations_of
from tests.support.scene import Scene, make_scene
from tests.support.world import World

_MEGABYTE = 1_000_000
_MAY_DO_WITHOUT_A_BODY = ("/rotate", "/send")
_NOT_JSON = {
    "an open brace": b"{",
    "words": b"alias=x&region=de-1",
    "NaN": b'{"alias":NaN}',
    "infinity": b'{"alias":-Infinity}',
    "single quotes": b"{'alias':'x'}",
    "a comma at the end": b'{"alias":"x",}',
    "a comment": b'{"alias":"x"/**/}',
    "two objects": b"{}{}",
    "bytes that are no text": b'{"alias":"\xff\xfe"}',
    "UTF-16": '{"alias":"x"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"alias":"x"}',
    "a raw line break in a text": b'{"alias":"a\nb"}',
    "a raw NUL": b'{"alias":"a\x00b"}',
    "a lone surrogate": b'{"alias":"\\ud800"}',
    "a lone surrogate in a name": b'{"\\udc00":1}',
    "half a pair": b'{"alias":"\\ud83dx"}',
    "objects a hundred thousand deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "lists a hundred thousand deep": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}
_NO_OBJECT = {
    "a list": b"[]",
    "null": b"null",
    "a text": b'"x"',
    "a number": b"7",
    "true": b"true",
    "a huge number": b"9" * 5000,
}


@pytest.fixture(scope="module")
def scene(world: World) -> Scene:
    return make_scene(world)


@pytest.fixture(scope="module")
def writing(world: World) -> list[Operation]:
    """The operations that take a body."""
    found = [each for each in operations_of(world.server) if each.example is not None]
    assert len(found) >= 15
    return found


@pytest.mark.parametrize("name", [*_NOT_JSON, *_NO_OBJECT])
def test_a_body_that_is_no_json_object_is_refused_everywhere(
    scene: Scene, writing: list[Operation], name: str
) -> None:
    before = scene.stored()
    for operation in writing:
        raw = {**_NOT_JSON, **_NO_OBJECT}[name]
        answer = scene.api_for(operation).send(operation.method, scene.path_of(operation), content=raw)
        assert answer.status_code == 400, (str(operation), answer.text)
        assert answer.json()["fields"].keys() == {"body"}, (str(operation), answer.text)
    assert scene.stored() == before


def test_a_key_that_is_there_twice_is_refused_by_its_name_also_deep_inside(
    scene: Scene, writing: list[Operation]
) -> None:
    before = scene.stored()
    for operation in writing:
        for raw in (b'{"alias":"a","alias":"b"}', b'{"x":[{"alias":1,"alias":1}]}'):
            answer = scene.api_for(operation).send(operation.method, scene.path_of(operation), content=raw)
            assert answer.status_code == 400, (str(operation), answer.text)
            assert answer.json()["fields"] == {"alias": "is there twice"}
    assert scene.stored() == before


def test_a_body_of_more_than_a_megabyte_is_refused_with_and_without_its_length(
    scene: Scene, writing: list[Operation]
) -> None:
    before = scene.stored()
    raw = b'{"alias":"' + b"x" * _MEGABYTE + b'"}'
    for operation in writing:
        path = scene.path_of(operation)
        api = scene.api_for(operation)
        assert api.send(operation.method, path, content=raw).status_code == 413, str(operation)
    headers = {"Api-Version": "v1", "Authorization": str(scene.account.api.authorization)}
    pieces = iter([raw[:500_000], raw[500_000:]])
    streamed = scene.world.server.client.request(
        "POST", f"/api/accounts/{scene.account.id}", headers=headers, content=pieces
    )
    assert streamed.status_code == 413
    assert streamed.json()["type"].endswith("/problems/body-too-large")
    assert scene.stored() == before


def test_a_body_of_just_under_a_megabyte_is_read_and_its_fault_named(scene: Scene) -> None:
    body = {"alias": "x" * (_MEGABYTE - 100)}
    answer = scene.account.api.post(f"/api/accounts/{scene.account.id}", body)
    assert answer.status_code == 400
    assert answer.json()["fields"].keys() == {"alias"}


def test_a_body_of_very_many_fields_is_refused_in_few_words(scene: Scene) -> None:
    many = {f"field{number}": 1 for number in range(50_000)}
    answer = scene.account.api.post(f"/api/accounts/{scene.account.id}", many)
    assert answer.status_code == 400
    assert len(answer.content) < 20_000


def test_looking_for_a_repeated_key_takes_no_longer_than_reading_the_body(scene: Scene) -> None:
    """A search of every name for every name kept the server busy for minutes, for anyone who asked."""
    names = [f'"{number:x}":1' for number in range(9_000)]
    raw = ("{" + ",".join([*names, names[-1]]) + "}").encode()
    started = time.monotonic()
    answer = scene.world.anyone.send("POST", "/api/signup", content=raw)
    assert answer.json()["fields"] == {"2327": "is there twice"}
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("value", [b"[]", b"{}", b"1", b'{"a":1}'])
def test_a_body_of_very_many_values_is_refused_without_reading_them(scene: Scene, value: bytes) -> None:
    """A megabyte of empty lists held the server up for a second, for anyone who asked."""
    raw = b'{"email":[' + b",".join([value] * 100_000) + b"]}"
    assert len(raw) < _MEGABYTE
    answer = scene.world.anyone.send("POST", "/api/signup", content=raw)
    assert answer.status_code == 400
    assert answer.json()["fields"] == {"body": "The body holds too many values."}


def test_a_fault_is_told_with_no_more_than_the_beginning_of_a_long_name(scene: Scene) -> None:
    name = "n" * 400_000
    for raw in ({name: 1}, None):
        content = f'{{"{name}":1,"{name}":2}}'.encode() if raw is None else None
        answer = scene.world.anyone.send("POST", "/api/signup", raw, content=content)
        assert answer.status_code == 400
        assert len(answer.content) < 5_000


@pytest.mark.parametrize(
    "sent",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/msgpack",
        "application/xml",
        "application/json; charset=latin-9",
        "nonsense",
        "",
        "application/json, text/plain",
        ";",
    ],
)
def test_whatever_the_content_type_says_a_body_that_is_no_json_is_bad_input(
    scene: Scene, writing: list[Operation], sent: str
) -> None:
    before = scene.stored()
    for operation in writing:
        answer = scene.api_for(operation).send(
            operation.method,
            scene.path_of(operation),
            content=b"alias=x&region=de-1&roleID=read-only",
            headers={"Content-Type": sent},
        )
        assert answer.status_code in {400, 415}, (str(operation), answer.text)
        assert answer.json()["fields"], str(operation)
    assert scene.stored() == before


def test_without_a_body_what_is_needed_is_named(scene: Scene, writing: list[Operation]) -> None:
    before = scene.stored()
    for operation in writing:
        if operation.path.endswith(_MAY_DO_WITHOUT_A_BODY):
            assert operation.published["requestBody"]["required"] is False
            continue
        answer = scene.api_for(operation).send(operation.method, scene.path_of(operation))
        assert answer.status_code == 400, (str(operation), answer.text)
        assert answer.json()["fields"], str(operation)
    assert scene.stored() == before


def test_an_empty_object_changes_nothing_or_names_what_is_missing(
    scene: Scene, writing: list[Operation]
) -> None:
    before = scene.stored()
    for operation in writing:
        if operation.path.endswith(_MAY_DO_WITHOUT_A_BODY) or operation.path == "/api/sign-in":
            continue
        answer = scene.api_for(operation).post(scene.path_of(operation), {})
        assert answer.status_code in {200, 400}, (str(operation), answer.text)
        if answer.status_code == 400:
            assert answer.json()["fields"], str(operation)
    assert scene.stored() == before


def test_a_get_with_a_body_is_answered_as_without(scene: Scene) -> None:
    api = scene.account.api
    for path in ("/api/whoami", "/api/users", "/api/roles", f"/api/accounts/{scene.account.id}"):
        with_body = api.send("GET", path, content=b"{")
        assert (with_body.status_code, with_body.content) == (200, api.get(path).content)
