"""How easily a password is guessed, in words that the part that judges and the part that tells have in common."""

from dataclasses import dataclass
from enum import StrEnum

_SCORES = (3.0, 6.0, 8.0, 10.0)
"""Powers of ten of guesses from which on a score is reached; those of the estimator zxcvbn."""


class Weakness(StrEnum):
    """Why a password is refused, apart from its length."""

    CONTEXT = "context"
    """It is made of what anybody knows of the person or of the platform."""
    LISTED = "listed"
    """It is on the operator's own list."""
    COMMON = "common"
    """It is among the passwords that are tried first, or made of some."""
    REPEATED = "repeated"
    """It is one piece over and over."""
    KEYBOARD = "keyboard"
    """It follows the rows of a keyboard."""
    SEQUENCE = "sequence"
    """It is a run of neighbours, such as abcd or 4321."""
    GUESSABLE = "guessable"
    """It takes few guesses for some other reason."""
    BREACHED = "breached"
    """It is in a collection of passwords that became known."""


@dataclass(frozen=True, slots=True)
class Strength:
    """What is to be said of a password."""

    guesses_log10: float
    """The power of ten of the guesses after which somebody has it who tries the likely ones first."""
    weakness: Weakness | None
    """Why it may not be used; None: it may."""

    @property
    def score(self) -> int:
        """Give the strength from 0 to 4; at most 1 for what is refused."""
        reached = sum(self.guesses_log10 >= step for step in _SCORES)
        return reached if self.weakness is None else min(reached, 1)
