"""JSON Schema 2020-12, without references to anywhere else and with patterns that take linear time."""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn, cast

if TYPE_CHECKING:
    import jsonschema_rs

_MOST_FAULTS = 20
_MASK = "the value"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_faults(schema: object) -> list[str]:
    """Say why something is no schema that items can be checked by; empty if it is one."""
    if not isinstance(schema, dict):
        return ["must be an object"]
    schema = cast("dict[str, Any]", schema)
    if schema.get("$schema", DIALECT) != DIALECT:
        return [f"$schema: must be {DIALECT}"]
    if schema.get("type") != "object":
        return ['type: must be "object", for an item is one']
    try:
        _validator(schema)
    except ValueError as fault:  # the library's own errors are such too
        return [str(fault).splitlines()[0]]
    return []


def find_faults(schema: str, value: Mapping[str, Any]) -> dict[str, str]:
    """Say where a value is not as a schema (in JSON) has it, by JSON pointer (RFC 6901); the texts may name members that do not belong there, and repeat no value.

    At most so many as a reader can take in; the schema is one that `schema_faults` finds none in.
    """
    faults: dict[str, str] = {}
    for fault in _validator_of(schema).iter_errors(dict(value)):
        faults.setdefault(_pointer(fault.instance_path), fault.message)
        if len(faults) == _MOST_FAULTS:
            break
    return faults


def _pointer(path: Iterable[str | int]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


@lru_cache(maxsize=512)
def _validator_of(schema: str) -> "jsonschema_rs.Draft202012Validator":
    return _validator(json.loads(schema), mask=_MASK)


def _validator(schema: Mapping[str, Any], *, mask: str | None = None) -> "jsonschema_rs.Draft202012Validator":
    import jsonschema_rs  # noqa: PLC0415  # eight megabytes that a platform on which nobody keeps items does without

    return jsonschema_rs.Draft202012Validator(
        dict(schema),
        retriever=_refuse,
        pattern_options=jsonschema_rs.RegexOptions(),
        validate_formats=True,
        mask=mask,
    )


def _refuse(uri: str) -> NoReturn:
    raise ValueError(f"a schema refers to nothing outside itself, such as {uri}")
