"""What a password must be, as an operator says it."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from domicile.infra.blocklist import file_fault


class PasswordSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a password must be, and what hashing may cost."""

    min_length: Annotated[int, Meta(ge=8, le=64)] = 15
    """In code points; 15 for a password that stands alone (NIST SP 800-63B-4, section 3.1.1.2)."""
    min_length_with_factor: Annotated[int, Meta(ge=8, le=64)] = 8
    """In code points, for who has a second factor when they set it."""
    blocklist_file: str = ""
    """Passwords that nobody may choose, one a line, in UTF-8; none by default."""
    breached_url: str = ""
    """Where passwords that became known are looked up by the beginning of their hash; nowhere by default."""
    hash_threads: Annotated[int, Meta(ge=1, le=64)] = 2
    hash_queue: Annotated[int, Meta(ge=1, le=10_000)] = 64
    """Callers that may wait for a thread; the next one is told to come back (429)."""


def password_faults(settings: PasswordSettings) -> list[str]:
    """Explain each fault in the section, also in the file that it names."""
    faults: list[str] = []
    if settings.min_length_with_factor > settings.min_length:
        faults.append(
            "passwords.min_length_with_factor: must not be more than passwords.min_length, which is for who has no second factor"
        )
    if settings.blocklist_file and (fault := file_fault(Path(settings.blocklist_file))):
        faults.append(f"passwords.blocklist_file: {fault}")
    if settings.breached_url and not _can_be_asked(settings.breached_url):
        faults.append(
            "passwords.breached_url: must begin with https:// (or http:// on this machine), without a query; five hexadecimal digits are put behind it"
        )
    return faults


def _can_be_asked(url: str) -> bool:
    parts = urlsplit(url)
    is_here = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    is_plain = not (parts.query or parts.fragment or parts.username or "?" in url or "#" in url)
    return (
        bool(parts.hostname)
        and is_plain
        and (parts.scheme == "https" or (parts.scheme == "http" and is_here))
    )
