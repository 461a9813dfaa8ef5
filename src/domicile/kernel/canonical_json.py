"""JSON in the one form over which hashes are made (RFC 8785, for what we write)."""

import json
from typing import cast

_LARGEST_NUMBER = 2**53 - 1
"""Beyond it programs in other languages would read another number (RFC 7493, section 2.2)."""


def canonical(value: object) -> str:
    """Write JSON in its one form: members sorted, no spaces, no escapes that are not needed.

    ValueError for what has no single form everywhere: fractions, numbers beyond 2^53, members not named in ASCII.
    """
    check_canonical(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def check_canonical(value: object) -> None:
    """Refuse, by ValueError, what has no one form."""
    match value:
        case dict():
            for name, member in cast("dict[object, object]", value).items():
                if not (isinstance(name, str) and name.isascii()):
                    raise ValueError("a member of canonical JSON has a name in ASCII")
                check_canonical(member)
        case list() | tuple():
            for item in cast("list[object]", value):
                check_canonical(item)
        case None | bool() | str():
            return
        case int() if abs(value) <= _LARGEST_NUMBER:
            return
        case _:
            raise ValueError("canonical JSON has texts, whole numbers up to 2^53, true, false and null")
