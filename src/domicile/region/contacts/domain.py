"""The three lists of addresses of an account, and what may be changed of them."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

MOST_ADDRESSES: Final = 5
"""On one list."""


class ContactList(StrEnum):
    """What a list is for."""

    BILLING = "billing"
    """Invoices and subscriptions."""
    OPERATIONS = "operations"
    """Maintenance, incidents, security."""
    GENERAL = "general"
    """Everything else."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """Whom to write to about an account; addresses of people or of groups, users of the account or not."""

    billing: tuple[str, ...]
    operations: tuple[str, ...]
    general: tuple[str, ...]
    modified_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class ContactsChange:
    """Lists that are to take the place of the present ones; None: stays."""

    billing: tuple[str, ...] | None
    operations: tuple[str, ...] | None
    general: tuple[str, ...] | None


def apply_change(before: Contacts, change: ContactsChange, *, now: datetime) -> Contacts:
    """Give the contacts as they are after a change; the same ones if it changes nothing."""
    wanted = {name: lists for name in ContactList if (lists := getattr(change, name)) is not None}
    if all(getattr(before, name) == addresses for name, addresses in wanted.items()):
        return before
    return replace(before, **wanted, modified_at=now, version=before.version + 1)


def changed_lists(before: Contacts, after: Contacts) -> dict[str, int]:
    """Name the lists that differ, with how many addresses each has now: no address, which may be a person's."""
    return {
        str(name): len(getattr(after, name))
        for name in ContactList
        if getattr(before, name) != getattr(after, name)
    }
