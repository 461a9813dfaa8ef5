"""What a passkey is, what a ceremony with one is, and what its use tells of a person (WebAuthn Level 3, sections 4 and 7.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from domicile.kernel.callers import MFA
from domicile.kernel.ids import UserId

MOST_PASSKEYS: Final = 10
"""Of one person."""
CHALLENGE_FOR: Final = timedelta(minutes=5)
_UNNAMED: Final = "Passkey"
_MODELS: Mapping[str, str] = MappingProxyType(
    {
        "fbfc3007-154e-4ecc-8c0b-6e020557d7bd": "Apple Passwords",
        "dd4ec289-e01d-41c9-bb89-70fa845d4bf2": "Apple Passwords",
        "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4": "Google Password Manager",
        "08987058-cadc-4b81-b6e1-30de50dcbe96": "Windows Hello",
        "9ddd1817-af5a-4672-a2b9-3e3dd95000a9": "Windows Hello",
        "6028b017-b1d4-4c02-b4b3-afcdafc96bb2": "Windows Hello",
        "adce0002-35bc-c60a-648b-0b25f1f05503": "Chrome on Mac",
        "53414d53-554e-4700-0000-000000000000": "Samsung Pass",
        "bada5566-a7aa-401f-bd96-45619a55120d": "1Password",
        "d548826e-79b4-db40-a3d8-11116f7e8349": "Bitwarden",
        "531126d6-e717-415c-9320-3d9aa6981239": "Dashlane",
        "b84e4048-15dc-4dd0-8640-f4f60813c8af": "NordPass",
        "0ea242b4-43c4-4a1b-8b17-dd6d0b6baec6": "Keeper",
        "fdb141b2-5d84-443e-8a35-4698c205a502": "KeePassXC",
        "50726f74-6f6e-5061-7373-50726f746f6e": "Proton Pass",
    }
)
"""Names of the most common keepers of passkeys. Nobody vouches for what a device says of itself: it is a name to begin with, and no more."""


class Purpose(StrEnum):
    """What a challenge was given out for; it is good for nothing else."""

    ENROLMENT = "enrolment"
    ASSERTION = "assertion"


@dataclass(frozen=True, slots=True)
class Passkey:
    """One passkey of a person."""

    id: str
    user_id: UserId
    name: str
    credential_id: bytes
    """Chosen by the device; unique among all people."""
    user_handle: bytes = field(repr=False)
    """By which the device knows whose it is: random, and no id of ours."""
    public_key: bytes = field(repr=False)
    sign_count: int
    """Of the last use; 0 for the many that count nothing."""
    transports: tuple[str, ...]
    """How the device can be reached, as the browser said: hints for the next time."""
    aaguid: str
    backup_eligible: bool
    """Whether it can be copied to other devices of the person; fixed when it is made."""
    backed_up: bool
    """Whether it was, at its last use."""
    uv_initialised: bool
    """Whether the device verified its user when it was enrolled: only then it can stand alone."""
    created_at: datetime
    last_used_at: datetime | None
    cloned_at: datetime | None = None
    """When its counter went back, which tells of a copy; since then it is refused. None: it never did."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a device has to sign, once, and for what."""

    id: str
    secret: bytes = field(repr=False)
    """32 random bytes."""
    purpose: Purpose
    user_id: UserId | None
    """Whose passkey is asked for; None: whoever shows up."""
    binding: str
    """The session or the sign-in that asked, which alone may answer."""
    needs_uv: bool
    """Whether the device must verify its user, by PIN or biometrics."""
    user_handle: bytes | None
    """Of the passkey that is to be made."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What a browser is given to begin with."""

    challenge_id: str
    expires_at: datetime
    options: dict[str, Any]  # Any: JSON, as the browser's own function takes it

    @property
    def lasts_seconds(self) -> int:
        """Tell for how long the answer is taken, for browsers, whose clocks need not go right."""
        return int(CHALLENGE_FOR.total_seconds())


@dataclass(frozen=True, slots=True)
class Shown:
    """A passkey that was shown, and what that tells."""

    user_id: UserId
    passkey: Passkey
    methods: tuple[str, ...]
    """For the session (RFC 8176); with `mfa` if it stands alone."""

    @property
    def is_mfa(self) -> bool:
        """Whether it counts as two factors: something the person has, and a PIN or a finger that opened it."""
        return MFA in self.methods


def is_challenge_id(text: str) -> bool:
    """Tell by its looks whether a text may be the id of a challenge: a UUID in its canonical form."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def suggest_name(aaguid: str) -> str:
    """Suggest a name for a passkey by the model that its device claims to be."""
    return _MODELS.get(aaguid, _UNNAMED)
