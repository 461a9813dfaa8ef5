"""What a kind's schema (JSON Schema 2020-12) says of what its items hold, as a short list for people, and a spec to begin with.

It tells and decides nothing: whatever is not known here is left out, and the whole schema stands beside the list.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from domicile.kernel.services import Kind

_DEEPEST = 3
_MOST_MEMBERS = 60
_TYPES: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "object",
    "null": "null",
}
_RULES: Final = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "{} or more characters",
    "maxLength": "{} or fewer characters",
    "minItems": "{} or more members",
    "maxItems": "{} or fewer members",
    "pattern": "matches {}",
    "format": "format {}",
    "const": "always {}",
}
_EMPTY: Final[Mapping[str, object]] = {
    "string": "",
    "integer": 0,
    "number": 0,
    "boolean": False,
    "array": [],
    "object": {},
    "null": None,
}


@dataclass(frozen=True, slots=True)
class Member:
    """Something that an item can hold."""

    pointer: str
    """Where it stands, as a JSON pointer (RFC 6901), with `*` for every member of a list."""
    type: str
    is_required: bool
    """Whether it must be there if what it stands in is."""
    description: str
    rules: str
    names: str = ""
    """Which other item of the account it names, or each of its members does; empty: none."""


def list_members(kind: Kind) -> list[Member]:
    """List what items can hold, the outer before the inner; of a large schema, the first of it."""
    found = list(_below(_object(json.loads(kind.schema)), "", _DEEPEST))[:_MOST_MEMBERS]
    named = {reference.pointer.removesuffix("/*"): reference.kind for reference in kind.references}
    return [
        replace(member, names=f"names a {named[member.pointer]}") if member.pointer in named else member
        for member in found
    ]


def begin(kind: Kind) -> dict[str, Any]:
    """Make a spec to begin with: all that must be there, with nothing in it yet."""
    whole = _object(json.loads(kind.schema))
    properties = _object(whole.get("properties"))
    return {name: _beginning(_object(properties.get(name))) for name in _texts(whole.get("required"))}


def _below(schema: Mapping[str, Any], at: str, depth: int) -> Iterator[Member]:
    required = set(_texts(schema.get("required")))
    for name, inner in _object(schema.get("properties")).items() if depth else ():
        pointer = f"{at}/{name.replace('~', '~0').replace('/', '~1')}"
        found = _object(inner)
        yield Member(
            pointer, _type(found), name in required, _text(found.get("description")), _rules_of(found)
        )
        yield from _below(found, pointer, depth - 1)
        yield from _below(_object(found.get("items")), f"{pointer}/*", depth - 1)


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(json.dumps(value, ensure_ascii=False) for value in _list(schema["enum"]))
    types = _types(schema)
    told = " or ".join(_TYPES[name] for name in types)
    inner = _type(_object(schema.get("items"))) if types == ["array"] else ""
    return f"{told} of: {inner}" if inner else told


def _rules_of(schema: Mapping[str, Any]) -> str:
    rules = [told.format(schema[name]) for name, told in _RULES.items() if name in schema]
    if schema.get("uniqueItems") is True:
        rules.append("no member twice")
    return ", ".join(rules)


def _beginning(schema: Mapping[str, Any]) -> object:
    for name in ("default", "const"):
        if name in schema:
            return schema[name]
    if choices := _list(schema.get("enum")):
        return choices[0]
    types = _types(schema)
    return _EMPTY[types[0]] if types else None


def _types(schema: Mapping[str, Any]) -> list[str]:
    named = schema.get("type")
    return [name for name in _texts([named] if isinstance(named, str) else named) if name in _TYPES]


def _object(value: object) -> Mapping[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [each for each in _list(value) if isinstance(each, str)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
