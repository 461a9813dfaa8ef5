"""The ways in which a person shows who they are, and what a session remembers of them (RFC 8176)."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from domicile.kernel.callers import MFA

PASSWORD_METHOD: Final = "pwd"  # noqa: S105  # the name of a way of authentication
CODE_METHOD: Final = "otp"
HARDWARE_KEY_METHOD: Final = "hwk"
SOFTWARE_KEY_METHOD: Final = "swk"
USER_VERIFIED_METHOD: Final = "user"


class Way(StrEnum):
    """A way to show who one is."""

    PASSWORD = "password"  # noqa: S105  # the name of a way
    PASSKEY = "passkey"
    TOTP = "totp"
    RECOVERY_CODE = "recovery-code"


def methods_of(way: Way) -> tuple[str, ...]:
    """Give what a session remembers of a way that needs nothing further told; a passkey tells more (`passkeys`)."""
    return (PASSWORD_METHOD,) if way is Way.PASSWORD else (CODE_METHOD,)


def joined(*shown: Iterable[str]) -> tuple[str, ...]:
    """Join what was shown in one session; two different factors make it `mfa`, and so does a passkey that verified its user."""
    methods = list(dict.fromkeys(method for each in shown for method in each))
    knows = PASSWORD_METHOD in methods or USER_VERIFIED_METHOD in methods
    has = bool({CODE_METHOD, HARDWARE_KEY_METHOD, SOFTWARE_KEY_METHOD}.intersection(methods))
    if knows and has and MFA not in methods:
        methods.append(MFA)
    return tuple(methods)
