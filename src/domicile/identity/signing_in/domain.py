"""A sign-in under way: what has been shown, and what may be shown next."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domicile.kernel.ids import UserId
from domicile.kernel.methods import Way

LIFETIME: Final = timedelta(minutes=10)
"""Of a whole sign-in, from its first step (OWASP ASVS 5.0, 6.5.5)."""
MOST_TRIES: Final = 5
"""Things shown in one step, right or wrong; then a sign-in must be begun anew."""


class Step(StrEnum):
    """How far a sign-in is."""

    FIRST = "first"
    """Nothing was shown; nobody has looked whose the address is."""
    SECOND = "second"
    """The password was right, and the person has a second factor."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in under way."""

    id: str
    step: Step
    sealed_address: bytes | None = field(repr=False)
    """The address as it was typed; None for who begins without one, with a passkey."""
    user_id: UserId | None
    """Whose password was shown; None in the first step."""
    epoch: int
    """Of that user's credentials when the password was checked; 0 in the first step."""
    methods: tuple[str, ...]
    """What was shown so far (RFC 8176)."""
    challenge_id: str
    """Of the passkey ceremony of this step; empty: there is none."""
    created_at: datetime
    expires_at: datetime


def new_sign_in(sign_in_id: str, sealed_address: bytes | None, *, now: datetime) -> SignIn:
    """Make a sign-in of which nothing is known but, perhaps, the address that somebody typed."""
    return SignIn(sign_in_id, Step.FIRST, sealed_address, None, 0, (), "", now, now + LIFETIME)


def after_password(begun: SignIn, user: UserId, epoch: int, methods: tuple[str, ...]) -> SignIn:
    """Move a sign-in on to its second step; its time goes on."""
    if begun.step is not Step.FIRST:
        raise ValueError("a password is shown first")
    return replace(
        begun,
        step=Step.SECOND,
        sealed_address=None,
        user_id=user,
        epoch=epoch,
        methods=methods,
        challenge_id="",
    )


def first_ways(*, has_address: bool, has_passkeys: bool) -> tuple[Way, ...]:
    """List the ways of the first step: the same for everybody, for nobody has looked who it is."""
    ways = (Way.PASSWORD,) if has_address else ()
    return (*ways, Way.PASSKEY) if has_passkeys else ways


def steps_of(way: Way) -> tuple[Step, ...]:
    """List the steps in which a way may be shown."""
    match way:
        case Way.PASSWORD:
            return (Step.FIRST,)
        case Way.TOTP | Way.RECOVERY_CODE:
            return (Step.SECOND,)
        case Way.PASSKEY:
            return (Step.FIRST, Step.SECOND)
