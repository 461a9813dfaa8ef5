"""What a command prints in plain lines: values made readable, remarks and errors on standard error."""

import sys
from typing import cast

from domicile.apps.cli.exits import CommandError


def as_text(value: object) -> str:
    """Write a value for a reader; what could steer a terminal is made visible instead."""
    match value:
        case None | "" | []:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(as_text(item) for item in cast("list[object]", value))
        case dict():
            members = cast("dict[str, object]", value)
            return ", ".join(f"{name}: {as_text(member)}" for name, member in members.items())
        case _:
            return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(value))


def show_note(message: str) -> None:
    """Print a remark on standard error, where it is no part of the answer."""
    print(as_text(message), file=sys.stderr)


def show_error(error: CommandError) -> None:
    """Print an error and its details on standard error."""
    print(f"domicile: {as_text(error.message)}", file=sys.stderr)
    for detail in error.details:
        print(f"  {as_text(detail)}", file=sys.stderr)
