"""Bodies on the wire, read strictly: JSON without duplicate keys, no coercion, every fault named by its field."""

import json
from collections.abc import Mapping
from functools import cache
from itertools import islice
from typing import Any, TypeVar, cast

import msgspec
from msgspec import UNSET, Struct, UnsetType

from domicile.kernel.errors import DomainError, ErrorKind, invalid

StructT = TypeVar("StructT", bound=Struct)
ValueT = TypeVar("ValueT")

_LONGEST_NAME = 64
_MOST_UNKNOWN = 20
"""Unknown fields that are told; a body may hold thousands."""
MOST_VALUES = 10_000
"""In one body, roughly; none here needs a tenth. Reading a megabyte of empty lists would hold everybody up for a second."""
_KINDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_READ_ONLY = frozenset(
    "id urn created lastModified lastActivity lastSent lastEntitlement region state links secret accountID".split()
)


class Wire(Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of the bodies we write and read; names are camelCase, fields that are UNSET are absent."""


class _Repeated(ValueError):
    pass


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        raise _Repeated(next(name for name, _ in pairs if name in seen or seen.add(name)))
    return found


def _not_json(message: str) -> DomainError:
    return DomainError(ErrorKind.INVALID, "invalid-json", message, fields={"body": message})


def parse_object(raw: bytes) -> dict[str, Any]:
    """Read a JSON object (RFC 8259), refusing repeated keys, lone surrogates, NaN, endless nesting and endless lists (`invalid-json`)."""
    if sum(raw.count(mark) for mark in (b",", b"[", b"{")) > MOST_VALUES:
        raise _not_json("The body holds too many values.")
    try:
        msgspec.json.decode(raw)
        found = json.loads(raw, object_pairs_hook=_refuse_repeats)
    except _Repeated as repeated:
        raise invalid({str(repeated)[:_LONGEST_NAME]: "is there twice"}) from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        raise _not_json("The body is not JSON.") from None
    except RecursionError:
        raise _not_json("The body is nested too deeply.") from None
    if not isinstance(found, dict):
        raise _not_json("The body must be a JSON object.")
    return cast("dict[str, Any]", found)


@cache
def _fields_of(body: type[Struct]) -> Mapping[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(body)}


def read_struct(raw: bytes, body: type[StructT]) -> StructT:
    """Read a body of the given shape; `invalid-input` names every unknown, read-only, missing and mistyped field at once."""
    found = parse_object(raw)
    known = _fields_of(body)
    unknown = islice((name for name in found if name not in known), _MOST_UNKNOWN)
    faults = {name[:_LONGEST_NAME]: _unknown(name) for name in unknown}
    values: dict[str, Any] = {}
    for name, field in known.items():
        if name not in found:
            if field.required:
                faults[name] = "is required"
            continue
        try:
            values[field.name] = msgspec.convert(found[name], type=field.type, strict=True)
        except msgspec.ValidationError as fault:
            faults[name] = _told(str(fault))
    if faults:
        raise invalid(faults)
    return body(**values)


def _unknown(name: str) -> str:
    if name == "region":
        return "an account's region is chosen when it is created and can never change"
    return "is read-only" if name in _READ_ONLY else "is not known here"


def _told(fault: str) -> str:
    """Turn a converter's words into ours: `Expected `str`, got `int`` becomes `must be a text, not a whole number`."""
    expected, got = fault.partition("Expected `")[2], fault.partition("got `")[2]
    wanted = [_KINDS.get(part.strip(), part.strip()) for part in expected.partition("`")[0].split("|")]
    if not expected or not got:
        return "has the wrong form"
    place = fault.partition("at `$")[2].rstrip("`").strip(".")
    told = f"must be {' or '.join(wanted)}, not {_KINDS.get(got.partition('`')[0], got.partition('`')[0])}"
    return f"{place}: {told}" if place else told


def given(value: ValueT | UnsetType) -> ValueT | None:
    """Give what was sent, or None for a field that was left out."""
    return None if value is UNSET else value


def or_unset(value: ValueT | None) -> ValueT | UnsetType:
    """Leave a field out where there is nothing to say."""
    return UNSET if value is None else value
