"""JSON Schema 2020-12, without references to anywhere else and with patterns that take linear time."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn, cast

if TYPE_CHECKING:
    import jsonschema_rs

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


def _validator(schema: Mapping[str, Any]) -> "jsonschema_rs.Draft202012Validator":
    import jsonschema_rs  # noqa: PLC0415  # eight megabytes that a platform without services does without

    return jsonschema_rs.Draft202012Validator(
        dict(schema),
        retriever=_refuse,
        pattern_options=jsonschema_rs.RegexOptions(),
        validate_formats=True,
    )


def _refuse(uri: str) -> NoReturn:
    raise ValueError(f"a schema refers to nothing outside itself, such as {uri}")
