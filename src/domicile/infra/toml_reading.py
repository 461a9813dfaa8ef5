"""Reads a TOML document into typed sections, telling every fault at once and where each is."""

import types
from collections.abc import Callable
from typing import Any, TypeVar, cast, get_args, get_origin

import msgspec
from msgspec import Struct

StructT = TypeVar("StructT", bound=Struct)
Decode = Callable[[type, object], object]
"""Reads a type that TOML does not know; the `dec_hook` of msgspec."""


def read_section(
    section: type[StructT], raw: object, faults: list[str], decode: Decode | None = None
) -> StructT | None:
    """Read a table into a section, section by section; None, with `faults` grown, if anything is wrong."""
    return _read_section(section, raw, decode, faults, place="")


def _read_section(
    section: type[StructT], raw: object, decode: Decode | None, faults: list[str], *, place: str
) -> StructT | None:
    if not isinstance(raw, dict):
        faults.append(f"{place or 'the file'}: must be a table")
        return None
    before, table = len(faults), cast("dict[str, object]", raw)
    known = {field.name: field for field in msgspec.structs.fields(section)}
    faults += [f"{_at(place, name)}: there is no such setting" for name in table if name not in known]
    values: dict[str, Any] = {}
    for name, field in known.items():
        if name in table:
            values[name] = _read_value(field.type, table[name], decode, faults, place=_at(place, name))
        elif field.required:
            faults.append(f"{_at(place, name)}: is required")
    if len(faults) > before:
        return None
    try:
        return section(**values)
    except ValueError as refused:
        faults.append(f"{place}: {refused}")
        return None


def _read_value(kind: Any, raw: object, decode: Decode | None, faults: list[str], *, place: str) -> object:  # noqa: ANN401  # any type form
    if (section := _section_of(kind)) is not None:
        return _read_section(section, raw, decode, faults, place=place)
    if get_origin(kind) is tuple and (section := _section_of(get_args(kind)[0])) is not None:
        if not isinstance(raw, list):
            faults.append(f"{place}: must be a list of tables, each under [[{place}]]")
            return None
        items = cast("list[object]", raw)
        return tuple(
            _read_section(section, item, decode, faults, place=f"{place}[{index}]")
            for index, item in enumerate(items)
        )
    try:
        return msgspec.convert(raw, type=kind, strict=True, dec_hook=decode)
    except msgspec.ValidationError as refused:
        faults.append(f"{place}: {str(refused).replace('`', '')}")
        return None


def _section_of(kind: Any) -> type[Struct] | None:  # noqa: ANN401  # any type form
    """Find the section that a field holds, also where it may be left out."""
    choices = get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    return next((one for one in choices if isinstance(one, type) and issubclass(one, Struct)), None)


def _at(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
