"""Copies of accesses as held in process: everything that a warm request needs to be recognised and decided."""

from dataclasses import dataclass
from datetime import datetime

from domicile.kernel.ids import ApiKeyId, UserId
from domicile.kernel.permissions import (
    Absence,
    AccountStanding,
    ApiKeyStanding,
    MembershipStanding,
    MemberState,
    Network,
    Standing,
)
from domicile.kernel.roles import Role
from domicile.kernel.urn import Principal


@dataclass(frozen=True, slots=True)
class MemberCopy:
    """A user's place in an account."""

    standing: Standing
    role: Role
    name: str
    email: str
    as_of: int
    """The number of the latest change in the access log when it was loaded."""


@dataclass(frozen=True, slots=True)
class ApiKeyCopy:
    """An API key's place in its account, and the hashes that recognise its secret."""

    standing: Standing
    role: Role
    alias: str
    secret_hash: bytes
    former_secret_hash: bytes | None
    """Of the secret before the last rotation."""
    former_until: datetime | None
    """When the former secret stops to work."""

    @property
    def is_bound_to_networks(self) -> bool:
        """Whether the address of the call matters."""
        place = self.standing.place
        return isinstance(place, ApiKeyStanding) and bool(place.networks)


def member_standing(
    account: AccountStanding,
    user: UserId,
    state: MemberState,
    role: Role,
    *,
    epoch: int,
    mfa_enabled: bool,
    absence: Absence | None = None,
) -> Standing:
    """Make a user's standing; the one way, for who enforces and for who explains."""
    return Standing(
        Principal.user(user), account, MembershipStanding(state, role, epoch, mfa_enabled, absence)
    )


def key_standing(
    account: AccountStanding,
    key: ApiKeyId,
    role: Role,
    *,
    is_enabled: bool,
    expires_at: datetime | None,
    networks: tuple[Network, ...],
) -> Standing:
    """Make an API key's standing; the one way, for who enforces and for who explains."""
    return Standing(Principal.api_key(key), account, ApiKeyStanding(is_enabled, expires_at, networks, role))
