"""What is known of somebody, or something, that can enter an account, or is invited to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domicile.kernel.ids import RoleId
from domicile.kernel.permissions import Circumstances, Decision, Standing, decide
from domicile.kernel.roles import BE_THERE, Catalogue, Role
from domicile.kernel.urn import Principal


class EntryKind(StrEnum):
    """The kinds of entries, in the order in which they are listed."""

    USER = "user"
    API_KEY = "apikey"
    INVITATION = "invitation"


@dataclass(frozen=True, slots=True)
class Giver:
    """Who let somebody in: an account's user or key, as far as it is still there."""

    principal: Principal
    name: str
    """Of the user, or the alias of the key; empty where they are not in the account any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Somebody or something that can enter an account, or, for an invitation, will be able to once it is accepted."""

    kind: EntryKind
    id: str
    standing: Standing
    """As enforcement has it; an invitation has no place yet."""
    role: Role
    """Held; of an invitation: offered."""
    name: str
    """Of the user, or the alias of the key; empty where it is not known any more."""
    email: str
    state: str
    """`enabled`, `disabled`, `locked`, `expired` or `invited`."""
    given_by: Giver | None
    """None: not known any more."""
    given_at: datetime | None
    last_activity_at: datetime | None
    expires_at: datetime | None
    networks: tuple[str, ...] = ()
    """Where a key may be used from; empty: from anywhere."""
    mfa_enabled: bool | None = None
    """Whether the user has a second factor; None for what is no user, and where it is not remembered."""
    stands: bool | None = None
    """Of an invitation: whether whoever made it could make it still."""

    @property
    def place(self) -> tuple[str, ...]:
        """Say where the entry stands in the list, for the page after it."""
        when = "" if self.given_at is None else self.given_at.isoformat()
        return (self.kind, when, self.id)

    def entering(self, circumstances: Circumstances) -> Decision:
        """Decide whether the account can be entered, with the chain."""
        return decide(self.standing, BE_THERE, circumstances)


@dataclass(frozen=True, slots=True)
class RoleBook:
    """The roles of one account; what is not in it grants nothing, as for who enforces."""

    catalogue: Catalogue
    roles: Mapping[RoleId, Role]

    def get(self, role: RoleId) -> Role:
        """Give the role that somebody holds."""
        return self.roles.get(role) or self.catalogue.bundle(role, role, "", ())


def key_state(*, is_enabled: bool, expires_at: datetime | None, now: datetime) -> str:
    """Tell the state of a key in one word; a locked one is locked, whether or not it has expired."""
    if not is_enabled:
        return "locked"
    return "expired" if expires_at is not None and expires_at <= now else "enabled"
