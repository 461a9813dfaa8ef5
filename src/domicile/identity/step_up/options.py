"""What a person is told before they step up."""

from dataclasses import dataclass

from domicile.identity.passkeys.domain import Ceremony
from domicile.kernel.methods import Way


@dataclass(frozen=True, slots=True)
class StepUpOptions:
    """In which ways a person can show again who they are."""

    ways: tuple[Way, ...]
    passkey: Ceremony | None
    """What the browser is asked for; None where the person has no passkey that can be shown here."""
