"""Where a person goes on after signing in: to a page of this console, or to a host that the operator named (OWASP ASVS 5.0, 3.7.2)."""

import re
from collections.abc import Collection
from urllib.parse import quote

HOME = "/accounts"
_LONGEST = 512
_LOCAL = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@%-][A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")
"""One slash, never two, and no backslash, white space or control character that a browser would mend into another address."""
_ELSEWHERE = re.compile(r"https://([a-z0-9.-]+)(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")
"""Scheme and host in one spelling only: no user name, no port, no capital, no backslash, nothing that is not ASCII."""


def destination(text: str | None, hosts: Collection[str]) -> str:
    """Give where to go on to: an address at one of the `hosts`, as it is written there and over TLS; else a path, as `local_path` does."""
    found = _ELSEWHERE.fullmatch(text) if text is not None and len(text) <= _LONGEST else None
    return text if text is not None and found and found[1] in hosts else local_path(text)


def is_elsewhere(target: str) -> bool:
    """Tell whether a destination leaves the console."""
    return not target.startswith("/")


def local_path(text: str | None) -> str:
    """Give a path to go on to; the list of accounts for anything that could lead elsewhere, or back to signing in."""
    if text is None or len(text) > _LONGEST or "//" in text or not _LOCAL.fullmatch(text):
        return HOME
    return HOME if text.startswith(("/sign-", "/step-up", "/api/")) else text


def with_continuing(path: str, target: str) -> str:
    """Write the address of a page that goes on to `target` in the end."""
    return path if target == HOME else f"{path}?next={quote(target, safe='/')}"
