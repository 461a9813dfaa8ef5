"""What a password must be (NIST SP 800-63B-4, section 3.1.1.2), and how it is told why one is refused."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from domicile.kernel.strength import Strength, Weakness
from domicile.kernel.text import Refused

_LONGEST = 256
_SHORTEST_OWN = 3
_SHORTEST_OTHER = 4
"""Shorter parts of a domain or of a service's name, such as com, are in many good passwords."""
_LEAST_OF_ONES_OWN = 8
"""Code points that a password must have beside the words that anybody knows: as many as the shortest password."""
_LETTERS_FOR_SIGNS = str.maketrans("4@3!105$7", "aaeiiosst")
_NO_TEXT = {"Cc", "Cn", "Cs"}
"""Controls, which no keyboard types into the field of a form; and code points without a meaning, whose normal form may yet change."""
_WORDS = re.compile(r"[\W_]+")

_REASONS = {
    Weakness.CONTEXT: "must not be made of your own name or e-mail address, or of the name of this platform",
    Weakness.LISTED: "is on the list of passwords that must not be used on this platform",
    Weakness.COMMON: "is a common password, or made of common ones: those are tried first",
    Weakness.REPEATED: "must not be one piece over and over",
    Weakness.KEYBOARD: "must not follow the rows of a keyboard",
    Weakness.SEQUENCE: "must not be a run of neighbouring characters such as abcd or 4321",
    Weakness.GUESSABLE: "is too easy to guess",
    Weakness.BREACHED: "is known from a breach somewhere else: whoever tries passwords has it",
}
_LONGER = "Make it longer: another word or two do it."
_UNRELATED = "Use words that have nothing to do with each other, nor with you."
_MACHINE = "Let a password manager make one and remember it."


@dataclass(frozen=True, slots=True)
class NewHash:
    """The hash of a password that is to be set, with what must be known of the password afterwards."""

    hash: str = field(repr=False)
    is_short: bool
    """Whether it is too short to stand alone: there must be a second factor beside it."""


@dataclass(frozen=True, slots=True)
class Rating:
    """What a person is told of a password while they type it."""

    score: int
    """From 0, guessed at once, to 4."""
    reason: str | None
    """Why it would be refused; None: it would not."""
    suggestions: tuple[str, ...]


def normalise_password(text: str) -> str:
    """Give the form in which a password is hashed and compared: NFKC, otherwise exactly as typed.

    One that is longer than any accepted password is refused before anything is done with it, so that nobody makes us normalise a
    megabyte. Everything else may be somebody's password from earlier days, and is compared.
    """
    if len(text) > _LONGEST:
        raise _too_long()
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Refused("must be text")
    return unicodedata.normalize("NFKC", text)


def count_characters(text: str) -> int:
    """Count the code points of a password as it was typed, so that no way of writing it makes it longer than it is.

    An accent counts with its letter, whether it was typed as one code point or two; a ligature or a squared word counts once, though its
    compatible form has several letters.
    """
    return min(len(unicodedata.normalize(form, text)) for form in ("NFC", "NFKC"))


def parse_password(text: str, *, min_length: int, context: Iterable[str]) -> str:
    """Accept a new password and give it normalised.

    No composition rules. `context` holds what anybody knows of the person and the platform, see `context_words`: a password must have
    something of its own beside it.
    """
    password = normalise_password(text)
    if any(unicodedata.category(character) in _NO_TEXT for character in text):
        raise Refused(
            "must not contain control characters, such as a line break, or code points without a meaning"
        )
    if count_characters(text) < min_length:
        raise Refused(f"must be at least {min_length} characters long; a few unrelated words do well")
    if len(password) > _LONGEST:
        raise _too_long()
    if len(set(password)) == 1:
        raise Refused("must not be one character over and over")
    if _is_made_of(password, context):
        raise Refused(_REASONS[Weakness.CONTEXT])
    return password


def context_words(email: str, name: str, platform: Iterable[str]) -> tuple[str, ...]:
    """List what anybody would try for a person: their address and name, whole and in parts, and the words of the platform."""
    local, _, host = email.partition("@")
    own = (email, *_in_parts(local, name, shortest=_SHORTEST_OWN))
    return tuple(dict.fromkeys((*map(_folded, own), *_in_parts(host, *platform, shortest=_SHORTEST_OTHER))))


def _in_parts(*wholes: str, shortest: int) -> Iterator[str]:
    for whole in wholes:
        folded = _folded(whole)
        yield from (part for part in (folded, *_WORDS.split(folded)) if len(part) >= shortest)


def reason_of(weakness: Weakness) -> str:
    """Say why a password is refused (NIST SP 800-63B-4: the reason shall be given)."""
    return _REASONS[weakness]


def rate(strength: Strength, *, broken_rule: str | None, missing: int) -> Rating:
    """Say what a person is told of a password; `broken_rule` is why it is refused whatever its strength, `missing` how many characters are."""
    weakness = None if strength.weakness is None else _REASONS[strength.weakness]
    reason = broken_rule or weakness
    score = strength.score if reason is None else min(strength.score, 1)
    suggestions = (
        *((f"Add {missing} more characters: a few unrelated words do well.",) if missing else ()),
        *((_UNRELATED,) if weakness else ()),
        *((_LONGER,) if reason is None and score < 3 else ()),
        *((_MACHINE,) if score < 3 else ()),
    )
    return Rating(score, reason, suggestions)


def _too_long() -> Refused:
    return Refused(f"must be at most {_LONGEST} characters long")


def _is_made_of(password: str, context: Iterable[str]) -> bool:
    """Tell whether next to nothing is left of a password without the words, also where signs stand for letters."""
    words = sorted({_folded(word) for word in context} - {""}, key=len, reverse=True)
    plain = _folded(password)
    read = plain.translate(_LETTERS_FOR_SIGNS)
    return _has_little_beside(plain, words) or _has_little_beside(
        read, [word.translate(_LETTERS_FOR_SIGNS) for word in words]
    )


def _has_little_beside(text: str, words: Sequence[str]) -> bool:
    rest = text
    for word in words:
        rest = rest.replace(word, "")
    return rest != text and len("".join(rest.split())) < _LEAST_OF_ONES_OWN


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
