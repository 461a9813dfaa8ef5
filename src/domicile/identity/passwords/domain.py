"""What a password must be (NIST SP 800-63B-4, section 3.1.1.2)."""

import unicodedata
from collections.abc import Iterable

from domicile.kernel.text import Refused

_LONGEST = 256


def normalise_password(text: str) -> str:
    """Give the form in which a password is counted, hashed and compared: NFKC, otherwise exactly as typed.

    One that is longer than any accepted password is refused, so that nobody makes us normalise a megabyte.
    """
    if len(text) > _LONGEST:
        raise _too_long()
    return unicodedata.normalize("NFKC", text)


def parse_password(text: str, *, min_length: int, context: Iterable[str]) -> str:
    """Accept a new password and give it normalised.

    Counted in code points; no composition rules. `context` holds what anybody knows of the person, such as name and
    address: none of it alone, in whatever case, makes a password.
    """
    password = normalise_password(text)
    if len(password) < min_length:
        raise Refused(f"must be at least {min_length} characters long; a few unrelated words do well")
    if len(password) > _LONGEST:
        raise _too_long()
    if len(set(password)) == 1:
        raise Refused("must not be one character over and over")
    if _bare(password) in {_bare(word) for word in context}:
        raise Refused("must not be your own name or e-mail address")
    return password


def _too_long() -> Refused:
    return Refused(f"must be at most {_LONGEST} characters long")


def _bare(text: str) -> str:
    return "".join(
        character for character in unicodedata.normalize("NFKC", text).casefold() if character.isalnum()
    )
