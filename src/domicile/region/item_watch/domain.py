"""Limits of what a service is told at once, and pieces of what it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from domicile.kernel.ids import AccountId, find_account_id
from domicile.kernel.paging import Page
from domicile.region.item_log.domain import ItemChange
from domicile.region.items.domain import Item, Named, is_item_name

MOST_CHANGES: Final = 100
"""In one answer."""
MOST_STATUSES: Final = 100
"""In one report."""
MOST_WAITING: Final = 200
MOST_WAITING_EACH: Final = 8
"""Answers that may wait at once, in all and for one service; others are given at once."""
LOOK_EVERY_SECONDS: Final = 1.0
"""While an answer waits, the log is looked at so often, whichever node wrote to it."""

LARGEST_VERSION: Final = 2**53
"""No version has so high a number."""


@dataclass(frozen=True, slots=True)
class KeptItem:
    """An item as a service lists it."""

    account_id: AccountId
    kind: str
    item: Item


@dataclass(frozen=True, slots=True)
class KeptItems:
    """A page of them."""

    page: Page[KeptItem]
    head: int
    """The number of the latest change when the page was read: whoever follows from the head of the first page misses nothing."""


@dataclass(frozen=True, slots=True)
class Changes:
    """A piece of the log of a service's items."""

    changes: Sequence[ItemChange]
    head: int
    following: int
    """From where the next piece goes on."""
    is_reset: bool
    """The reader's number is not one of this log: it lists everything again."""

    @property
    def is_worth_telling(self) -> bool:
        """Whether there is anything to act on."""
        return bool(self.changes) or self.is_reset


@dataclass(frozen=True, slots=True)
class Report:
    """What a service says of an item."""

    account_id: str
    named: Named
    version: int
    value: Mapping[str, Any]

    @property
    def can_be(self) -> bool:
        """Whether there could be such an item, by its names alone."""
        names = (self.named.kind, self.named.name)
        return find_account_id(self.account_id) is not None and all(is_item_name(name) for name in names)


class Outcome(StrEnum):
    """What came of a report."""

    KEPT = "kept"
    PASSED_OVER = "passed-over"
    """There is no such item, or not of that version yet, or the service has spoken of a later one."""
