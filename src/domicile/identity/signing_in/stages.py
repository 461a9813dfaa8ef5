"""A sign-in under way, as whoever takes its next step is told of it."""

from dataclasses import dataclass
from datetime import datetime

from domicile.identity.passkeys.domain import Ceremony
from domicile.identity.signing_in.domain import Step
from domicile.infra.secrets import SecretText
from domicile.kernel.methods import Way


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in under way: the token for its next step, and the ways in which that may be taken."""

    token: SecretText
    expires_at: datetime
    ways: tuple[Way, ...]
    passkey: Ceremony | None
    """What the browser is asked for; None where no passkey can be shown."""


@dataclass(frozen=True, slots=True)
class Described:
    """A sign-in under way, as the page of its next step needs it."""

    step: Step
    address: str
    """As it was typed; empty once the password was right, and for who began without one."""
    ways: tuple[Way, ...]
    passkey: Ceremony | None
