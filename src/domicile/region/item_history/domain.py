"""How versions are named, and how two of them differ."""

from dataclasses import dataclass
from typing import Any

from domicile.kernel.errors import DomainError, invalid, not_found

_MOST_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Difference:
    """How one version comes of another."""

    before: int
    after: int
    patch: list[dict[str, Any]]
    """JSON Patch (RFC 6902) on what the item held: `labels`, `spec` and `target`."""


def parse_version(text: str) -> int:
    """Read the number of a version out of a path; `not-found` for anything else."""
    if not _is_number(text):
        raise no_version()
    return int(text)


def parse_side(name: str, text: str | None) -> int | None:
    """Read one side of a comparison out of a query; None: not named. `invalid-input` on its name."""
    if text is None:
        return None
    if not _is_number(text):
        raise invalid({name: "must be the number of a version"})
    return int(text)


def require_version(number: int) -> int:
    """Accept what can be the number of a version; `invalid-input` on `version`."""
    if not 0 < number < 10**_MOST_DIGITS:
        raise invalid({"version": "must be the number of a version"})
    return number


def no_version() -> DomainError:
    """Make the one answer for a version that is not there."""
    return not_found("version of this item")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
