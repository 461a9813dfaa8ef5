"""Paths of requests that others will serve: read in one way, or not at all (RFC 3986, sections 3.3 and 6.2.2)."""

import re
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from domicile.kernel.text import Refused

LONGEST_PATH: Final = 4096
"""Characters of a path as it was sent."""

_PLAIN = re.compile(r"/|(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?")
"""In which nothing is to be decoded or removed."""
_WRITTEN = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,=:@/-]|%[0-9A-Fa-f]{2})*")
"""A path without the `;` that some servers cut segments at."""
_KEPT = "!$&'()*+,=:@"
_READ_OTHERWISE = re.compile(r"[/\\;]|%[0-9A-Fa-f]{2}")
"""In a segment that was decoded: what a server that decodes twice, or knows other separators, would read otherwise."""


def read_path(target: str) -> str:
    """Bring the path of a request target (RFC 9112, 3.2.1) into its normal form; what follows a `?` is not looked at.

    Raises `Refused` for what two servers could read in two ways: segments that are empty, `.` or `..`, encoded separators, `;`,
    backslashes, controls, what is encoded twice, and octets that are no UTF-8, overlong forms among them.
    One slash at the end makes no difference and is left out.
    """
    path = target.partition("?")[0]
    if len(path) > LONGEST_PATH:
        raise Refused(f"must be at most {LONGEST_PATH} characters long")
    if not _PLAIN.fullmatch(path):
        path = _normal_form(path)
    return path.removesuffix("/") or "/"


def _normal_form(path: str) -> str:
    if not path.startswith("/") or not _WRITTEN.fullmatch(path):
        raise Refused("must begin with / and hold only what RFC 3986 allows in a path, without ;")
    return "".join(f"/{_read_segment(segment)}" for segment in path.removesuffix("/")[1:].split("/"))


def _read_segment(segment: str) -> str:
    try:
        text = unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("must be UTF-8 where it is percent-encoded") from None
    if text in {"", ".", ".."}:
        raise Refused("must not hold empty segments, . or ..")
    if _READ_OTHERWISE.search(text) or not text.isprintable():
        raise Refused("must not hold encoded separators, controls, or what is encoded twice")
    return quote(text, safe=_KEPT)
