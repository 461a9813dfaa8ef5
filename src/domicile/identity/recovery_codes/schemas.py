"""Recovery codes on the wire."""

from typing import ClassVar

from msgspec import UNSET, UnsetType

from domicile.identity.recovery_codes.domain import CodeSet
from domicile.kernel.clock import whole_seconds
from domicile.web.bodies import Wire


class RecoveryCodesBody(Wire, frozen=True):
    """What is known of the caller's recovery codes; the codes themselves are not."""

    example: ClassVar[dict[str, object]] = {"left": 9, "created": "2026-05-01T08:00:00Z"}

    left: int
    """How many were not used."""
    created: str | UnsetType = UNSET
    """Absent for who has none."""


class NewRecoveryCodesBody(Wire, frozen=True):
    """A set of recovery codes, shown this once; each works once, in place of a second factor."""

    example: ClassVar[dict[str, object]] = {
        "codes": ["4F9Z-K2W8-QPX0-ABCD", "7H3M-0T5N-V8QR-1JKE"],
        "left": 10,
        "created": "2026-05-01T08:00:00Z",
    }

    codes: list[str]
    left: int
    created: str

    def __repr__(self) -> str:
        return "NewRecoveryCodesBody(…)"


def shape_codes(found: CodeSet | None) -> RecoveryCodesBody:
    """Write how many codes are left."""
    if found is None:
        return RecoveryCodesBody(left=0)
    return RecoveryCodesBody(left=found.left, created=whole_seconds(found.created_at))
