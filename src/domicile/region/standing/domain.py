"""Copies of accesses as held in process: everything that a warm request needs to be recognised and decided."""

from dataclasses import dataclass
from datetime import datetime

from domicile.kernel.permissions import ApiKeyStanding, Standing
from domicile.kernel.roles import Role


@dataclass(frozen=True, slots=True)
class MemberCopy:
    """A user's place in an account."""

    standing: Standing
    role: Role
    name: str
    email: str


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
