"""Where a person goes on after signing in: only ever to a page of this console (OWASP ASVS 5.0, 3.7.2)."""

import re
from urllib.parse import quote

HOME = "/accounts"
_LONGEST = 512
_LOCAL = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@%-][A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")
"""One slash, never two, and no backslash, white space or control character that a browser would mend into another address."""


def local_path(text: str | None) -> str:
    """Give a path to go on to; the list of accounts for anything that could lead elsewhere, or back to signing in."""
    if text is None or len(text) > _LONGEST or "//" in text or not _LOCAL.fullmatch(text):
        return HOME
    return HOME if text.startswith(("/sign-", "/api/")) else text


def with_continuing(path: str, target: str) -> str:
    """Write the address of a page that goes on to `target` in the end."""
    return path if target == HOME else f"{path}?next={quote(target, safe='/')}"
