"""The life of a signing key: known before it signs, signing, known after it has signed (NIST SP 800-57 part 1, section 5.3)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LONGEST_TOKEN = timedelta(minutes=10)
"""No token that is signed lives longer."""
CLOCK_SKEW = timedelta(minutes=1)
"""How far the clocks of nodes and verifiers may be apart, and how long a node may go on with what it held."""
KEYS_KEPT_SECONDS = 300
"""How long a verifier may go on with the key set that it has fetched."""
PUBLISHED_AHEAD = timedelta(seconds=2 * KEYS_KEPT_SECONDS)
"""How long a new key is published before it signs, so that every verifier knows it by then."""


class KeyState(StrEnum):
    """Where a key is in its life."""

    NEXT = "next"
    """Published; does not sign yet."""
    CURRENT = "current"
    """Signs."""
    FORMER = "former"
    """Has signed; its private part is destroyed."""
    WITHDRAWN = "withdrawn"
    """Somebody else may have signed with it; no token of it counts."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What everybody may know of a signing key."""

    kid: str
    state: KeyState
    public_key: dict[str, str]
    """A JSON Web Key (RFC 7517)."""
    created_at: datetime
    signs_from: datetime
    """Not before this moment; of a key that was never current, when it would have begun."""
    signed_until: datetime | None
    """None: it has not stopped."""
    withdrawn_at: datetime | None

    @property
    def tokens_until(self) -> datetime | None:
        """The moment when the last token that it signed has expired; None while there is no such moment."""
        return None if self.signed_until is None else self.signed_until + LONGEST_TOKEN + CLOCK_SKEW

    def counts_for_tokens(self, now: datetime) -> bool:
        """Tell whether a token signed with it may be believed: not a day longer than such tokens live."""
        if self.state is KeyState.WITHDRAWN:
            return False
        return self.tokens_until is None or now < self.tokens_until

    def is_due(self, now: datetime) -> bool:
        """Tell whether it is time for it to sign."""
        return self.state is KeyState.NEXT and self.signs_from <= now
