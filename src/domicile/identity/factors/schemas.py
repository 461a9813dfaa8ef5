"""Second factors on the wire."""

from typing import ClassVar

from msgspec import UNSET, UnsetType

from domicile.identity.factors.domain import Factor, OwnFactors, Removal
from domicile.identity.recovery_codes.schemas import RecoveryCodesBody, shape_codes
from domicile.kernel.clock import whole_seconds
from domicile.web.bodies import Wire, or_unset


class FactorBody(Wire, frozen=True):
    """A second factor of the caller."""

    example: ClassVar[dict[str, object]] = {
        "id": "01933b1c-9b0f-7a51-b1c2-9e8d7c6b5a40",
        "kind": "totp",
        "name": "Phone",
        "created": "2026-05-01T08:00:00Z",
        "lastUsed": "2026-05-01T08:20:00Z",
    }

    id: str
    kind: str
    """`totp` or `passkey`."""
    name: str
    created: str
    last_used: str | UnsetType = UNSET
    stopped: str | UnsetType = UNSET
    """Since when a passkey is refused, because its counter went back and there may be a copy of it: remove it, and add another."""


class FactorsBody(Wire, frozen=True):
    """All that the caller has beside their password."""

    example: ClassVar[dict[str, object]] = {
        "factors": [FactorBody.example],
        "recoveryCodes": RecoveryCodesBody.example,
        "mfaEnabled": True,
    }

    factors: list[FactorBody]
    """Oldest first; there are so few that they need no pages."""
    recovery_codes: RecoveryCodesBody
    mfa_enabled: bool
    """Whether every sign-in asks for one of them."""


class FactorNameBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What to call a second factor."""

    example: ClassVar[dict[str, object]] = {"name": "Old phone"}

    name: str


class RemovedFactorBody(Wire, frozen=True):
    """What is left after a second factor was removed."""

    example: ClassVar[dict[str, object]] = {"mfaEnabled": False, "otherSessions": 2}

    mfa_enabled: bool
    other_sessions: int
    """Sessions beside this one, which go on; `DELETE /api/me/sessions/{id}` ends one."""


def shape_factor(factor: Factor) -> FactorBody:
    """Write a factor for the wire."""
    return FactorBody(
        id=factor.id,
        kind=factor.kind,
        name=factor.name,
        created=whole_seconds(factor.created_at),
        last_used=or_unset(whole_seconds(factor.last_used_at) if factor.last_used_at else None),
        stopped=or_unset(whole_seconds(factor.stopped_at) if factor.stopped_at else None),
    )


def shape_factors(found: OwnFactors) -> FactorsBody:
    """Write all that a person has beside their password."""
    return FactorsBody(
        factors=[shape_factor(factor) for factor in found.factors],
        recovery_codes=shape_codes(found.codes),
        mfa_enabled=bool(found.factors),
    )


def shape_removal(removal: Removal) -> RemovedFactorBody:
    """Write what is left after a removal."""
    return RemovedFactorBody(mfa_enabled=removal.user.mfa_enabled, other_sessions=removal.other_sessions)
