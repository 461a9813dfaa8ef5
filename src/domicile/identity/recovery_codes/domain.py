"""What a recovery code looks like: 16 characters of Crockford's base 32 (80 bits), in four groups."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

HOW_MANY: Final = 10
_LENGTH = 16
_GROUP = 4
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans("OIL", "011")


@dataclass(frozen=True, slots=True)
class CodeSet:
    """What is known of a person's recovery codes without knowing any."""

    left: int
    """How many were not used."""
    created_at: datetime


def new_codes() -> tuple[str, ...]:
    """Draw a set of codes, as they are shown."""
    drawn = ("".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) for _ in range(HOW_MANY))
    return tuple("-".join(code[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP)) for code in drawn)


def read_code(typed: str) -> str | None:
    """Read a code as somebody types it, without hyphens and spaces, in any case; None for what cannot be one."""
    if len(typed) > 4 * _LENGTH or not typed.isascii():
        return None
    text = "".join(typed.replace("-", "").split()).upper().translate(_READ_AS)
    return text if len(text) == _LENGTH and set(text) <= set(_ALPHABET) else None
