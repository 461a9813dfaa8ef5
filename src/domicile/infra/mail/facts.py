"""Facts that people typed, made harmless for a mail: on one line, of bounded length, and with nothing a mail program turns into a link."""

import re
import unicodedata
from collections.abc import Callable

_LONGEST = 80
_DOTS = ".\u3002\uff0e\uff61\u2024\ufe52"
"""The full stop, and what mail programs and IDNA (RFC 3490, section 3.1) read as one."""
_LINKABLE = re.compile(
    rf"(?<=\S)[{_DOTS}](?=[^\W\d_][^\W_])"  # a dot before what may be a top-level domain
    rf"|(?<![\d{_DOTS}])\d{{1,3}}(?:[{_DOTS}]\d{{1,3}}){{3}}(?!\d)"  # an IPv4 address, which may be a host
    r"|:(?=[/\\]{2})"  # a scheme
    r"|(?<![^\W_])(?:mailto|tel|sms|callto|skype|file):(?=\S)"  # a scheme that needs no slashes
    r"|(?<!\S)\\\\(?=\S)"  # a share of a file server
    r"|(?<=\S)@(?=\S)",  # an address
    re.IGNORECASE,
)
_MARKS = re.compile(rf"[{_DOTS}:@\\]")
_ZERO_WIDTH_SPACE = "\u200b"
_DROPPED_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
_DIRECTION_MARKS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def fact_for_text(fact: str) -> str:
    """Write a fact for a plain-text mail, with `evil.com` as `evil[.]com`."""
    return _broken(_tame(fact), lambda mark: {"@": "[at]", ":": "[:]", "\\": "[\\]"}.get(mark, "[.]"))


def fact_for_html(fact: str) -> str:
    """Write a fact for an HTML mail, looking as it was typed but broken where a link would be made; not yet escaped."""
    return _broken(_tame(fact), lambda mark: f"{_ZERO_WIDTH_SPACE}{mark}{_ZERO_WIDTH_SPACE}")


def _broken(fact: str, write: Callable[[str], str]) -> str:
    """Write each mark that makes a link out of its surroundings in another way."""
    return _LINKABLE.sub(lambda found: _MARKS.sub(lambda mark: write(mark[0]), found[0]), fact)


def _tame(fact: str) -> str:
    line = " ".join("".join(_visible(character) for character in fact).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _visible(character: str) -> str:
    if character in _DIRECTION_MARKS:
        return ""
    return " " if unicodedata.category(character) in _DROPPED_CATEGORIES else character
