"""What pages about items write and read: JSON, differences, and what a schema says."""

import json
import time
from typing import Any

import pytest

from domicile.console.item_forms.schema_reading import begin, list_members
from domicile.console.items.differences import compare
from domicile.console.items.json_text import pretty, read_object
from domicile.kernel.services import Category, Kind, Reference
from domicile.kernel.text import Refused
from domicile.region.item_log.domain import Contents, Target
from tests.support.services import EXAMPLE


def difference(before: object, after: object) -> list[str]:
    sides = [None if spec is None else Contents({"v": spec}) for spec in (before, after)]
    return [f"{line.mark}{line.text}" for line in compare(*sides)]


def kind_of(schema: dict[str, Any], *naming: str) -> Kind:
    references = tuple(Reference(pointer, "policy") for pointer in naming)
    return Kind("kind", "kinds", "Kinds", Category.RESOURCE, json.dumps(schema), 1, references)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{\r\n  "paths": [}\r\n', "is not JSON: line 2, column 13: expecting value"),
        ("", "is not JSON: line 1, column 1: expecting value"),
        ("[1]", "must be a JSON object"),
        ('{"a": 1, "a": 2}', "a: is there twice"),
        ('{"a": NaN}', "is not JSON"),
        ('{"a": "\\ud800"}', "is not JSON"),
        ('{"a": ' + "9" * 5_000 + "}", "is not JSON"),
        ("[" * 5_000, "is nested too deeply"),
        ('{"a": [' + "1," * 20_000 + "1]}", "holds too many values"),
    ],
)
def test_a_text_is_read_as_every_body_is_and_the_place_of_a_fault_is_told(text: str, told: str) -> None:
    with pytest.raises(Refused) as refused:
        read_object(text)

    assert str(refused.value) == told


@pytest.mark.parametrize(
    "value",
    [
        {"b": [1, 2.5, True, None, []], "a": {"x": {}, "日本": "\u202eevil\u200b\x7f\u0085\n\U000e0001"}},
        {"deep": [[[[[[[[[[[[[[[[1, [2]], {"a": [3]}]]]]]]]]]]]]]]]},
    ],
)
def test_what_is_shown_reads_back_as_the_same_and_hides_nothing(value: dict[str, Any]) -> None:
    text = pretty(value)

    assert read_object(text) == value
    assert text.replace("\n", "").isprintable()


def test_deep_nesting_makes_no_page_of_megabytes_and_is_shown_whatever_its_depth() -> None:
    value: Any = ["x"] * 5_000
    for _ in range(5_000):
        value = [value]

    assert len(pretty(value)) < 100_000
    assert len(difference(None, value)) < 50


def test_a_difference_shows_what_changed_and_a_little_around_it() -> None:
    before = [f"line {number}" for number in range(30)]

    assert difference(before, [*before[:10], "new", *before[11:]]) == [
        "…",
        *(f'       "line {number}",' for number in (7, 8, 9)),
        '-      "line 10",',
        '+      "new",',
        *(f'       "line {number}",' for number in (11, 12, 13)),
        "…",
    ]
    assert difference(before, before) == []
    assert {line[0] for line in difference(None, before)} == {"+"}
    assert {line[0] for line in difference(before, None)} == {"-"}


def test_the_order_of_members_is_no_difference_and_labels_and_target_are() -> None:
    one, other = Contents({"a": 1, "b": 2}), Contents({"b": 2, "a": 1}, {"stage": "live"}, Target("aws", "x"))

    assert compare(one, Contents({"b": 2, "a": 1})) == ()
    added = [line.text.strip() for line in compare(one, other) if line.mark == "+"]
    assert '"stage": "live"' in added and '"provider": "aws"' in added


def test_items_without_much_in_common_are_compared_in_little_time() -> None:
    one, other = (
        [str(number % 300) for number in range(9_000)],
        [str(number % 299) for number in range(9_000)],
    )
    begun = time.process_time()

    lines = difference(one, other)

    assert time.process_time() - begun < 1
    assert sum(line[0] == "+" for line in lines) > 5_000


def test_a_schema_is_told_member_by_member_and_gives_a_beginning() -> None:
    schema = {
        "type": "object",
        "required": ["paths", "mode", "watch"],
        "properties": {
            "paths": {"type": "array", "items": {"type": "string"}, "maxItems": 3, "description": "Which."},
            "mode": {"enum": ["on", "off"]},
            "watch": {"type": ["object", "null"], "properties": {"a/b": {"type": "integer", "minimum": 1}}},
            "many": {"type": "array", "items": {"properties": {"x": True}}},
        },
    }

    members = list_members(kind_of(schema, "/paths/*", "/watch/a~1b"))
    told = [(each.pointer, each.type, each.is_required, each.rules) for each in members]

    assert told == [
        ("/paths", "list of: text", True, "3 or fewer members"),
        ("/mode", 'one of "on", "off"', True, ""),
        ("/watch", "object or null", True, ""),
        ("/watch/a~1b", "whole number", False, "at least 1"),
        ("/many", "list", False, ""),
        ("/many/*/x", "", False, ""),
    ]
    named = [(each.pointer, each.names) for each in members if each.names]
    assert named == [("/paths", "names a policy"), ("/watch/a~1b", "names a policy")]
    assert begin(kind_of(schema)) == {"paths": [], "mode": "on", "watch": {}}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {"a": False, "b": {"type": ["array"], "items": True}}},
        {"type": "object", "required": ["unknown"], "properties": {"a": {"$ref": "#"}}},
        *(json.loads(file.read_text()) for file in (EXAMPLE.parent / "schemas").glob("*.json")),
    ],
)
def test_whatever_a_schema_holds_something_is_told_of_it(schema: dict[str, Any]) -> None:
    pointers = [member.pointer for member in list_members(kind_of(schema))]

    assert pointers == [f"/{name}" for name in schema.get("properties", {})]
    assert set(begin(kind_of(schema))) == set(schema.get("required", []))
