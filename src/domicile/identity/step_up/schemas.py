"""Step-up on the wire."""

from typing import Any, ClassVar

from msgspec import UNSET, UnsetType

from domicile.identity.sessions.service import LiftedSession
from domicile.identity.step_up.options import StepUpOptions
from domicile.kernel.clock import whole_seconds
from domicile.web.bodies import Wire


class StepUpOptionsBody(Wire, frozen=True):
    """In which ways the caller can show again who they are."""

    example: ClassVar[dict[str, object]] = {"ways": ["totp", "recovery-code"]}

    ways: list[str]
    challenge: str | UnsetType = UNSET
    """Sent back with the credential."""
    passkey: dict[str, Any] | UnsetType = UNSET  # Any: options as browsers take them
    """`PublicKeyCredentialRequestOptionsJSON`, where a passkey is one of the ways."""


class StepUpBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What the caller shows: one of password, code and recovery code, or a credential with its challenge."""

    example: ClassVar[dict[str, object]] = {"code": "492039"}

    password: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    recovery_code: str | UnsetType = UNSET
    credential: dict[str, Any] | UnsetType = UNSET  # Any: JSON as the browser made it
    challenge: str | UnsetType = UNSET

    def __repr__(self) -> str:
        return "StepUpBody(…)"


class SteppedUpBody(Wire, frozen=True):
    """The session's new token, shown this once; the former one is worth nothing."""

    example: ClassVar[dict[str, object]] = {
        "token": "dms_3kTMd9RzWq0yXbV7nLhJcAfE5sUgPoi8Dv2mZ6QeKtr1gQQSH",
        "expires": "2026-05-01T20:00:00Z",
    }

    token: str
    expires: str

    def __repr__(self) -> str:
        return "SteppedUpBody(…)"


def shape_options(options: StepUpOptions) -> StepUpOptionsBody:
    """Write the ways to step up for the wire."""
    asked = options.passkey
    return StepUpOptionsBody(
        ways=[str(way) for way in options.ways],
        challenge=asked.challenge_id if asked else UNSET,
        passkey=asked.options if asked else UNSET,
    )


def shape_stepped_up(lifted: LiftedSession) -> SteppedUpBody:
    """Write a lifted session for the wire."""
    return SteppedUpBody(token=lifted.token.reveal(), expires=whole_seconds(lifted.session.expires_at))
