"""What an opening is: a person's way from one account into one service, for as long as their sign-in lives."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode

from domicile.kernel.errors import DomainError, ErrorKind, forbidden
from domicile.kernel.ids import AccountId, RegionId, UserId
from domicile.kernel.request_paths import read_path
from domicile.kernel.roles import Role
from domicile.kernel.services import Service
from domicile.kernel.text import Refused
from domicile.region.entering.domain import AccountToken

CODE_LIFETIME: Final = timedelta(seconds=60)
HANDLE_LIFETIME: Final = timedelta(hours=1)
"""How long a service can leave a handle unused; no session stays idle for longer."""
LONGEST_STATE: Final = 128
LONGEST_RETURN: Final = 256

_SECRET = re.compile(r"(dsc|dsh)_([a-z]{2,8}-[0-9]{1,3})_([0-9A-Za-z]{22})_[0-9A-Za-z]{49}")
_STATE = re.compile(rf"[A-Za-z0-9._~-]{{1,{LONGEST_STATE}}}")


class Proof(StrEnum):
    """By what a service goes on with an opening; the value is how its text begins."""

    CODE = "dsc"
    """In the address to which the person is led; good once, for a minute."""
    HANDLE = "dsh"
    """Given to the service alone; good once, for the next token and the next handle."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A person's way into a service."""

    id: str
    account_id: AccountId
    service: str
    user_id: UserId
    sign_in: str
    """Tells the session from others, under the region's own key: nothing of a session leaves the identity plane."""
    address: str
    """Where the person was led; with another one in the service's manifest it no longer counts."""
    secret_hash: bytes
    """Of the code or handle that is good now."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Named:
    """What the text of a code or handle says of itself."""

    region: RegionId
    opening_id: str


@dataclass(frozen=True, slots=True)
class Presented:
    """A code or handle, and the service that shows it."""

    service: str
    regions: frozenset[RegionId]
    """For which the service's credential is good."""
    proof: Proof
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Admitted:
    """What a service is given for a person."""

    token: AccountToken
    region: RegionId
    handle: str = field(repr=False)
    handle_expires_at: datetime


@dataclass(frozen=True, slots=True)
class Wish:
    """What a service asked for when it sent a person here; it comes back to the service with the code."""

    state: str = ""
    return_path: str = ""

    def as_query(self) -> Mapping[str, str]:
        """Give what there is of it, by the names in addresses."""
        return {name: text for name, text in (("state", self.state), ("return", self.return_path)) if text}


def read_proof(text: str, proof: Proof) -> Named | None:
    """Read which opening a code or handle says it is of; None for what is none."""
    found = _SECRET.fullmatch(text)
    return Named(RegionId(found[2]), found[3]) if found and found[1] == proof else None


def write_proof(proof: Proof, region: RegionId, opening_id: str, secret: str) -> str:
    """Write a code or handle: its kind, region and opening, then the secret (256 bits)."""
    return f"{proof}_{region}_{opening_id}_{secret}"


def read_wish(state: str, return_path: str) -> Wish:
    """Read what a service asked for; what is not a plain `state`, or a path in its normal form, is left out."""
    return Wish(state if _STATE.fullmatch(state) else "", return_path if _is_path(return_path) else "")


def _is_path(text: str) -> bool:
    try:
        return len(text) <= LONGEST_RETURN and read_path(text) == text
    except Refused:
        return False


def lead_to(address: str, code: str, region: RegionId, wish: Wish) -> str:
    """Write where a person is led: the service's own address with the code, the region that exchanges it, and the wish."""
    return f"{address}?{urlencode({'code': code, 'region': region, **wish.as_query()})}"


def check_opens(role: Role, service: Service) -> None:
    """Refuse (`not-permitted`) a role that grants nothing in a service."""
    if not opens(role, service):
        raise forbidden("not-permitted", f"Your role {role.id} grants nothing in {service.title}.")


def opens(role: Role, service: Service) -> bool:
    """Tell whether a role grants anything in a service."""
    return any(not granted.isdisjoint(role.permissions) for granted in service.levels.values())


def opening_refused() -> DomainError:
    """Make the one refusal of every code and handle that is not good, whatever the reason."""
    return DomainError(
        ErrorKind.INVALID,
        "opening-refused",
        "This code or handle is not, or no longer, good: send the person to the console again.",
    )
