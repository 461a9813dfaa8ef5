"""Where an item is kept, what it holds, and what a version of it says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from domicile.kernel.ids import AccountId
from domicile.kernel.services import Kind, Service


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item is kept: the service and the kind."""

    service: Service
    kind: Kind


@dataclass(frozen=True, slots=True)
class Target:
    """Where a deployment is put to work: anywhere in the world, whatever the region of its account."""

    provider: str
    location: str
    """In the provider's own words, such as `ap-northeast-1`."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What an account says of an item."""

    spec: Mapping[str, Any]
    """As the schema of its kind has it."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    target: Target | None = None
    """Of a deployment, and of nothing else."""

    def as_json(self) -> dict[str, Any]:
        """Give all of it as one JSON object, in the words of the wire."""
        whole: dict[str, Any] = {"labels": dict(self.labels), "spec": dict(self.spec)}
        if self.target is not None:
            whole["target"] = {"provider": self.target.provider, "location": self.target.location}
        return whole

    def is_same_as(self, other: "Contents") -> bool:
        """Tell whether two say the same as JSON, where 1 is not true and the order of members does not count."""
        first, second = (json.dumps(each.as_json(), sort_keys=True) for each in (self, other))
        return first == second


class Action(StrEnum):
    """How a version came to be."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class ItemVersion:
    """One version of an item; the deletion of an item is its last, until another of its name goes on from there."""

    kind: str
    name: str
    version: int
    action: Action
    contents: Contents | None
    """None: it was deleted."""
    principal: str
    """The last part of the URN of who did it: `user/<id>` or `apikey/<id>`; empty where nobody knows any more."""
    at: datetime


@dataclass(frozen=True, slots=True)
class ItemChange:
    """A version as a service hears of it."""

    seq: int
    """Its number among the changes of the service's items in the region, in the order of their commits."""
    account_id: AccountId
    version: ItemVersion
