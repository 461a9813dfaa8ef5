"""Hashes that another system made: which are taken over, and how each is verified until its password is hashed as ours are."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, cast

import bcrypt
from argon2 import PasswordHasher as Argon2
from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from domicile.kernel.text import Refused

_MARK: Final = "imported:"
"""Before a hash in the database, so that none is taken for one of ours, or ours for one of these."""
_LONGEST: Final = 512
_BCRYPT_BYTES: Final = 72
"""The first bytes of a password, which are all that bcrypt ever saw."""
_MIB: Final = 1024 * 1024
_NAMES: Final = {
    "$pbkdf2$": "pbkdf2_sha1",
    "$pbkdf2-sha256$": "pbkdf2_sha256",
    "$pbkdf2-sha512$": "pbkdf2_sha512",
    "pbkdf2_sha1$": "django_pbkdf2_sha1",
    "pbkdf2_sha256$": "django_pbkdf2_sha256",
    "$scrypt$": "scrypt",
    "$5$": "sha256_crypt",
    "$6$": "sha512_crypt",
}
"""How a hash begins, and what the library calls its scheme."""

SCHEMES: Final = (
    "bcrypt, scrypt, PBKDF2 (SHA-1, SHA-256, SHA-512, and as Django writes it), SHA-crypt 256 and 512, Argon2"
)


@dataclass(frozen=True, slots=True)
class _Scheme:
    """One form of hash, recognised by how it is written."""

    pattern: re.Pattern[str]
    is_affordable: Callable[[re.Match[str]], bool]
    """Whether verifying it takes no more than about a second and 128 MiB: its numbers are a stranger's."""
    read: Callable[[str], object]
    """Takes a hash apart; raises ValueError for one that is not what it looks like."""
    verify: Callable[[str, str], bool]
    """Takes a password and a hash; may raise ValueError for a password that the scheme never takes."""


def accept_hash(text: str) -> str:
    """Accept a hash of another system, and give it as it is kept until its person signs in.

    Refused are other schemes than those of `SCHEMES`, and costs that would make the sign-in of one person a burden for all.
    """
    found = _find(text)
    if found is None:
        raise Refused(f"is not a hash that can be taken over: {SCHEMES} can")
    scheme, match = found
    if not scheme.is_affordable(match):
        raise Refused("has a cost outside of what is verified here")
    try:
        scheme.read(text)
    except (ValueError, TypeError):
        raise Refused("looks like a hash, and is damaged") from None
    return _MARK + text


def is_imported(kept: str) -> bool:
    """Tell whether a hash in the database is another system's."""
    return kept.startswith(_MARK)


def matches(kept: str, password: str) -> bool:
    """Compare a password with an imported hash; blocks for as long as the scheme takes."""
    text = kept.removeprefix(_MARK)
    found = _find(text)
    if found is None or not found[0].is_affordable(found[1]):
        return False
    try:
        return found[0].verify(password, text)
    except (ValueError, TypeError):
        return False


def _find(text: str) -> tuple[_Scheme, re.Match[str]] | None:
    if len(text) > _LONGEST or not text.isascii():
        return None
    matched = ((scheme, scheme.pattern.fullmatch(text)) for scheme in _SCHEMES)
    return next(((scheme, match) for scheme, match in matched if match), None)


class _Handler(Protocol):
    """What is asked of a scheme of the library, which has no types."""

    def from_string(self, hash: str) -> object: ...  # noqa: A002  # the library's name
    def verify(self, secret: str, hash: str) -> bool: ...  # noqa: A002


def _handler(text: str) -> _Handler:
    from passlib import registry  # noqa: PLC0415  # only where people were imported

    name = next(name for begin, name in _NAMES.items() if text.startswith(begin))
    return cast("_Handler", registry.get_crypt_handler(name))


def _read_with_library(text: str) -> object:
    return _handler(text).from_string(text)


def _verify_with_library(password: str, text: str) -> bool:
    return _handler(text).verify(password, text)


def _verify_bcrypt(password: str, text: str) -> bool:
    return bcrypt.checkpw(password.encode()[:_BCRYPT_BYTES], text.encode())


def _read_argon2(text: str) -> object:
    try:
        return extract_parameters(text.removeprefix("argon2"))
    except InvalidHashError as error:
        raise ValueError(str(error)) from None


def _verify_argon2(password: str, text: str) -> bool:
    try:
        return Argon2().verify(text.removeprefix("argon2"), password)
    except (VerificationError, InvalidHashError):
        return False


def _number(name: str, least: int, most: int) -> Callable[[re.Match[str]], bool]:
    """Make a check of the one number that a hash says about its cost; a hash that says none has the scheme's own."""
    return lambda match: match[name] is None or least <= int(match[name]) <= most


def _is_scrypt_affordable(match: re.Match[str]) -> bool:
    exponent, blocks, lanes = (int(match[name]) for name in ("ln", "r", "p"))
    if not (1 <= exponent <= 20 and 1 <= blocks <= 64 and 1 <= lanes <= 16):
        return False
    memory = 128 * blocks << exponent
    return memory <= 128 * _MIB and memory * lanes <= 256 * _MIB


def _is_argon2_affordable(match: re.Match[str]) -> bool:
    kibibytes, passes, lanes = (int(match[name]) for name in ("m", "t", "p"))
    return (
        8 * lanes <= kibibytes <= 128 * 1024
        and 1 <= passes <= 16
        and 1 <= lanes <= 8
        and kibibytes * passes <= 1 << 20
    )


_SCHEMES: Final = (
    _Scheme(
        re.compile(r"\$2[aby]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{53}"),
        _number("cost", 4, 14),
        str,
        _verify_bcrypt,
    ),
    _Scheme(
        re.compile(
            r"\$scrypt\$ln=(?P<ln>[0-9]{1,2}),r=(?P<r>[0-9]{1,4}),p=(?P<p>[0-9]{1,4})\$[./+A-Za-z0-9]+\$[./+A-Za-z0-9]+"
        ),
        _is_scrypt_affordable,
        _read_with_library,
        _verify_with_library,
    ),
    _Scheme(
        re.compile(r"\$pbkdf2(-sha256|-sha512)?\$(?P<rounds>[0-9]{1,9})\$[./A-Za-z0-9]+\$[./A-Za-z0-9]+"),
        _number("rounds", 1, 2_000_000),
        _read_with_library,
        _verify_with_library,
    ),
    _Scheme(
        re.compile(r"pbkdf2_sha(1|256)\$(?P<rounds>[0-9]{1,9})\$[./+A-Za-z0-9]+\$[/+A-Za-z0-9]+=*"),
        _number("rounds", 1, 2_000_000),
        _read_with_library,
        _verify_with_library,
    ),
    _Scheme(
        re.compile(r"\$(5|6)\$(rounds=(?P<rounds>[0-9]{1,9})\$)?[./A-Za-z0-9]{0,16}\$[./A-Za-z0-9]{43,86}"),
        _number("rounds", 1000, 700_000),
        _read_with_library,
        _verify_with_library,
    ),
    _Scheme(
        re.compile(
            r"(argon2)?\$argon2(id|i|d)\$(v=[0-9]{2}\$)?m=(?P<m>[0-9]{1,9}),t=(?P<t>[0-9]{1,9}),p=(?P<p>[0-9]{1,9})\$[/+A-Za-z0-9]{11,88}\$[/+A-Za-z0-9]{16,128}"
        ),
        _is_argon2_affordable,
        _read_argon2,
        _verify_argon2,
    ),
)
