"""Facts that people typed, made harmless for a mail: on one line, of bounded length, and with nothing a mail program turns into a link."""

import re
import unicodedata

_LONGEST = 80
_DOTS = ".\u3002\uff0e\uff61\u2024\ufe52"
"""The full stop, and what mail programs and IDNA (RFC 3490, section 3.1) read as one."""
_LINKABLE = re.compile(
    rf"(?<=\S)[{_DOTS}](?=[^\W\d_][^\W_])"  # a dot before what may be a top-level domain
    r"|:(?=[/\\]{2})"  # a scheme
    r"|(?<=\S)@(?=\S)"  # an address
)
_ZERO_WIDTH_SPACE = "\u200b"
_DROPPED_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
_DIRECTION_MARKS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def fact_for_text(fact: str) -> str:
    """Write a fact for a plain-text mail, with `evil.com` as `evil[.]com`."""
    return _LINKABLE.sub(lambda found: {"@": "[at]", ":": "[:]"}.get(found[0], "[.]"), _tame(fact))


def fact_for_html(fact: str) -> str:
    """Write a fact for an HTML mail, looking as it was typed but broken where a link would be made; not yet escaped."""
    return _LINKABLE.sub(lambda found: f"{_ZERO_WIDTH_SPACE}{found[0]}{_ZERO_WIDTH_SPACE}", _tame(fact))


def _tame(fact: str) -> str:
    line = " ".join("".join(_visible(character) for character in fact).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _visible(character: str) -> str:
    if character in _DIRECTION_MARKS:
        return ""
    return " " if unicodedata.category(character) in _DROPPED_CATEGORIES else character
