"""Rules for text that people type: names, addresses, locales, zones; each returns the value or the reason it is refused."""

import unicodedata
from functools import cache
from zoneinfo import available_timezones

LOCALES = ("en", "ja", "de")
"""Languages in which mails and pages are written (BCP 47)."""

_FORBIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_JOINERS = {"\u200c", "\u200d"}
_BLANKS = {"\u115f", "\u1160", "\u2800", "\u3164", "\uffa0"}
"""Letters and symbols by their category, and nothing to the eye: Hangul fillers, the empty Braille pattern."""
_NO_PLACES = {"Factory", "localtime"}
"""In the database beside the zones, and on each machine something else, or nothing."""


class Refused(ValueError):
    """A text breaks its rule; the argument is the reason, written for the person who typed it."""


def check_line(text: str, *, longest: int) -> str:
    """Accept one line of visible text, NFC-normalised and trimmed.

    Counted in code points. Control, format and bidirectional-override characters, line breaks, unassigned and
    private-use code points are refused: they forge log lines, mail headers and look-alike names.
    """
    line = unicodedata.normalize("NFC", text).strip()
    if not line:
        raise Refused("must not be empty")
    if len(line) > longest:
        raise Refused(f"must be at most {longest} characters long")
    for character in line:
        if unicodedata.category(character) in _FORBIDDEN_CATEGORIES and character not in _JOINERS:
            raise Refused(f"must not contain the character U+{ord(character):04X}")
    if not any(_is_visible(character) for character in line):
        raise Refused("must contain a visible character")
    return line


def _is_visible(character: str) -> bool:
    """Tell whether a character shows by itself: letters, numbers, punctuation, symbols; no mark without its letter."""
    return unicodedata.category(character)[0] in "LNPS" and character not in _BLANKS


def check_optional_line(text: str, *, longest: int) -> str:
    """Accept one line of visible text, or nothing at all."""
    return check_line(text, longest=longest) if text.strip() else ""


def check_kept_line(text: str, *, longest: int) -> str:
    """Accept one line of visible text that is written already as it would be kept, so that nothing need change in it."""
    if check_line(text, longest=longest) != text:
        raise Refused("must neither begin nor end with blanks, and be in the form NFC of Unicode")
    return text


def check_locale(text: str) -> str:
    """Accept a language that the platform speaks."""
    if text not in LOCALES:
        raise Refused(f"must be one of {', '.join(LOCALES)}")
    return text


def check_time_zone(text: str) -> str:
    """Accept the name of a zone of the IANA time zone database, such as `Europe/Paris`."""
    if text not in _time_zones():
        raise Refused("must be an IANA time zone such as Europe/Paris or UTC")
    return text


@cache
def _time_zones() -> frozenset[str]:
    """Read the names from disk, once, at the first question."""
    return frozenset(available_timezones() - _NO_PLACES)
