"""What is wished of many items, and what comes of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from domicile.region.item_log.domain import Contents, Place
from domicile.region.items.domain import Change, Item

MOST_AT_ONCE: Final = 200
"""Items in one wish."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one item is to hold; what is not said is empty."""

    service: str
    kind: str
    name: str
    change: Change
    version: int | None
    """Of the item that the wish is meant for; 0: there must be none. None: whatever it is."""


class Outcome(StrEnum):
    """What a wish does."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of one wish."""

    place: Place
    item: Item
    outcome: Outcome
    before: Contents | None
    """What the item held; None: it was not there."""
    patch: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """JSON Patch (RFC 6902) on what the item held before."""


def repeated(wishes: Sequence[Wish]) -> dict[str, str]:
    """Say which wishes are about an item of an earlier one, by JSON pointer."""
    seen: dict[tuple[str, str, str], int] = {}
    faults: dict[str, str] = {}
    for index, wish in enumerate(wishes):
        first = seen.setdefault((wish.service, wish.kind, wish.name), index)
        if first != index:
            faults[f"/items/{index}"] = f"is the same item as /items/{first}"
    return faults
