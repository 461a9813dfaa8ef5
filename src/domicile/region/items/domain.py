"""What an item is, and what its name and labels may be."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domicile.kernel.errors import DomainError, ErrorKind
from domicile.kernel.services import Kind, Service

LONGEST_NAME: Final = 100
MOST_LABELS: Final = 20
LARGEST_SPEC_BYTES: Final = 64 * 1024

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,98}[a-z0-9])?")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9./-]{0,61}[a-z0-9])?")
_VALUE = re.compile(r"[A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A kind of items as an address names it, whether it is there or not."""

    service: str
    plural: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item is kept: the service and the kind."""

    service: Service
    kind: Kind


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that an account keeps in a service."""

    name: str
    labels: Mapping[str, str]
    spec: Mapping[str, Any]
    """What the account says of it, as the schema of its kind has it."""
    version: int
    created_at: datetime
    modified_at: datetime


def is_item_name(text: str) -> bool:
    """Tell whether an item may be called so: small letters, digits, inner hyphens and dots."""
    return _NAME.fullmatch(text) is not None


def name_faults(name: str) -> dict[str, str]:
    """Say what is wrong with a name, by JSON pointer (RFC 6901)."""
    if is_item_name(name):
        return {}
    return {"/name": f"must have 1 to {LONGEST_NAME} small letters, digits, inner hyphens and dots"}


def label_faults(labels: Mapping[str, str]) -> dict[str, str]:
    """Say what is wrong with labels, by JSON pointer (RFC 6901)."""
    if len(labels) > MOST_LABELS:
        return {"/labels": f"must be at most {MOST_LABELS}"}
    faults: dict[str, str] = {}
    for key, value in labels.items():
        if not _LABEL.fullmatch(key):
            faults["/labels"] = "a key has 1 to 63 small letters, digits, inner dots, slashes and hyphens"
        elif not _VALUE.fullmatch(value):
            faults[f"/labels/{key.replace('/', '~1')}"] = (
                "must have at most 63 letters, digits, dots, hyphens and underscores"
            )
    return faults


def item_exists() -> DomainError:
    """Refuse to make an item whose name is taken."""
    return DomainError(ErrorKind.CONFLICT, "item-exists", "There is an item of this kind and name already.")


def too_many_items(place: Place) -> DomainError:
    """Refuse to make more items than an account may have of a kind."""
    return DomainError(
        ErrorKind.CONFLICT,
        "too-many-items",
        f"The account has {place.kind.most} {place.kind.plural} already, which is the most.",
    )
