"""Time-based one-time passwords (RFC 6238: SHA-1, six digits, steps of 30 seconds), and how an authenticator app is told of them."""

import hmac
from datetime import datetime

from pyotp import random_base32
from pyotp.totp import TOTP

from domicile.infra.secrets import SecretText

_STEP_SECONDS = 30
_DIGITS = 6
_STEPS_OF_SKEW = 1
"""A code is good one step early and one late, for clocks that differ (RFC 6238, section 5.2)."""


def new_totp_secret() -> SecretText:
    """Draw a secret of 160 bits in base 32."""
    return SecretText(random_base32(32))


def totp_uri(secret: SecretText, *, issuer: str, name: str) -> SecretText:
    """Write the address that an authenticator app reads from a QR code."""
    return SecretText(TOTP(secret.reveal()).provisioning_uri(name=name, issuer_name=issuer))


def find_step(secret: SecretText, code: str, *, now: datetime, after: int) -> int | None:
    """Find the step that a code belongs to, later than `after`; None for a wrong code, or one of a step that was used.

    Every step in question is compared, in constant time, so that the answer takes as long whichever it is.
    """
    generator, current = TOTP(secret.reveal()), int(now.timestamp()) // _STEP_SECONDS
    found: int | None = None
    for step in range(current - _STEPS_OF_SKEW, current + _STEPS_OF_SKEW + 1):
        matches = hmac.compare_digest(generator.generate_otp(step).encode(), code.encode())
        if matches and step > after:
            found = step
    return found


def looks_like_totp(text: str) -> bool:
    """Tell by its looks whether a text may be a one-time code."""
    return len(text) == _DIGITS and text.isascii() and text.isdigit()
