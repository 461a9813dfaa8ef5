"""JSON as pages show it and as people type it (RFC 8259): indented, and with nothing in it that an eye would miss."""

import json
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, cast

from domicile.kernel.errors import DomainError
from domicile.kernel.text import Refused
from domicile.web.bodies import parse_object

_DEEPEST = 12
"""Levels that are indented; below, all is on one line, or deep nesting would make a page of megabytes out of a few kilobytes."""
_HIDDEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}

_Arrange = Callable[[dict[str, object]], Iterable[tuple[str, object]]]


@dataclass(frozen=True, slots=True)
class _Pending:
    """A value that is still to be written."""

    value: object
    depth: int


def pretty(value: object) -> str:
    """Write a value over several lines, with everything in it visible."""
    return visible(_write(value, lambda members: members.items()))


def pretty_by_name(value: object) -> str:
    """Write a value as `pretty` does, with the members of objects in the order of their names."""
    return visible(_write(value, lambda members: sorted(members.items(), key=itemgetter(0))))


def visible(text: str) -> str:
    """Escape characters that do not show, or turn the direction of others; line breaks stay."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(_escape(character) for character in text)


def read_object(text: str) -> dict[str, Any]:
    """Read an object as every body is read; raises `Refused`, with line and column where the text is not JSON."""
    try:
        return parse_object(text.encode())
    except DomainError as error:
        raise Refused(_place_of_fault(text) or _reason(error)) from None


def _write(value: object, arrange: _Arrange) -> str:
    """Write without recursion: what is nested almost as deeply as can be read at all is written too."""
    written: list[str] = []
    waiting: list[str | _Pending] = [_Pending(value, 0)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            written.append(part)
        elif isinstance(part.value, dict | list) and part.value:
            waiting.extend(reversed(_take_apart(part, arrange)))
        else:
            written.append(json.dumps(part.value, ensure_ascii=False))
    return "".join(written)


def _take_apart(whole: _Pending, arrange: _Arrange) -> list[str | _Pending]:
    if isinstance(whole.value, dict):
        members = arrange(cast("dict[str, object]", whole.value))
        named = [(f"{json.dumps(name, ensure_ascii=False)}: ", member) for name, member in members]
        opening, closing = "{}"
    else:
        named = [("", member) for member in cast("list[object]", whole.value)]
        opening, closing = "[]"
    is_indented = whole.depth < _DEEPEST
    inner = "\n" + "  " * (whole.depth + 1) if is_indented else ""
    outer = "\n" + "  " * whole.depth if is_indented else ""
    parts: list[str | _Pending] = [opening]
    for at, (name, member) in enumerate(named):
        between = inner if is_indented or not at else " "
        parts += [f"{',' if at else ''}{between}{name}", _Pending(member, whole.depth + 1)]
    return [*parts, outer + closing]


def _escape(character: str) -> str:
    if character == "\n" or unicodedata.category(character) not in _HIDDEN:
        return character
    return json.dumps(character)[1:-1] if character != "\x7f" else r"\u007f"


def _place_of_fault(text: str) -> str | None:
    try:
        json.loads(text)
    except json.JSONDecodeError as fault:
        return (
            f"is not JSON: line {fault.lineno}, column {fault.colno}: {fault.msg[:1].lower()}{fault.msg[1:]}"
        )
    except (RecursionError, ValueError):
        return None
    return None


def _reason(error: DomainError) -> str:
    if error.code == "invalid-json":
        return error.message.removeprefix("The body ").removesuffix(".")
    return "; ".join(f"{name}: {reason}" for name, reason in error.fields.items())
