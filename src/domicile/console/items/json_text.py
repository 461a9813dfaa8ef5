"""JSON as pages show it and as people type it (RFC 8259): indented, and with nothing in it that an eye would miss."""

import json
import unicodedata
from typing import Any, cast

from domicile.kernel.errors import DomainError
from domicile.kernel.text import Refused
from domicile.web.bodies import parse_object

_DEEPEST = 12
"""Levels that are indented; below, all is on one line, or deep nesting would make a page of megabytes out of a few kilobytes."""
_HIDDEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


def pretty(value: object) -> str:
    """Write a value over several lines, with everything in it visible."""
    return visible(_write(value, 0))


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


def _write(value: object, depth: int) -> str:
    if depth == _DEEPEST or not isinstance(value, dict | list) or not value:
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        members = cast("dict[str, object]", value).items()
        parts = [
            f"{json.dumps(name, ensure_ascii=False)}: {_write(each, depth + 1)}" for name, each in members
        ]
        opening, closing = "{}"
    else:
        parts = [_write(each, depth + 1) for each in cast("list[object]", value)]
        opening, closing = "[]"
    inner, outer = "\n" + "  " * (depth + 1), "\n" + "  " * depth
    return f"{opening}{inner}{f',{inner}'.join(parts)}{outer}{closing}"


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
