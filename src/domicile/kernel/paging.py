"""A page of a list: its items and where the next one begins."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from domicile.kernel.errors import invalid

ItemT_co = TypeVar("ItemT_co", covariant=True)

DEFAULT_LIMIT = 25
LARGEST_LIMIT = 250


@dataclass(frozen=True, slots=True)
class PageRequest:
    """How many items are wanted, and after which key."""

    limit: int
    after: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Page(Generic[ItemT_co]):
    """Items in the list's order, and the key of the last one if more follow."""

    items: tuple[ItemT_co, ...]
    next_after: tuple[str, ...] | None


def parse_limit(text: str | None, *, largest: int = LARGEST_LIMIT) -> int:
    """Read `limit`: absent or 0 means the default; negative, not a number or above `largest` is refused."""
    if text is None:
        return min(DEFAULT_LIMIT, largest)
    if not (text.isascii() and text.isdigit() and len(text) <= 4) or int(text) > largest:
        raise invalid({"limit": f"must be a whole number from 0 to {largest}"})
    return int(text) or min(DEFAULT_LIMIT, largest)
