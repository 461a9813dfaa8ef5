"""What a service has to be told to know its callers: itself, its region, and where Domicile is."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from domicile_sdk.clock import Clock
from domicile_sdk.manifest import Manifest

_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service in one region; one that serves several regions has one of these for each."""

    manifest: Manifest
    region: str
    url: str
    """Of Domicile, where `/.well-known/domicile` is."""
    token: str = field(repr=False)
    """The service's own credential (`domicile service token`), good for the revocation feed, and for what the service says as itself."""
    namespace: str = "domicile"
    """The second part of the platform's URNs, a setting of its operator."""
    leeway_seconds: float = 5.0
    """How far this machine's time of day may be from Domicile's: a token counts so much longer, and so much earlier."""
    clock: Clock = field(default=Clock(), repr=False)

    def __post_init__(self) -> None:
        check_address(self.url)
        if not (self.token and self.token.isascii() and self.token.isprintable()):
            raise ValueError("token cannot be sent in a header")
        if not 0 <= self.leeway_seconds <= 60:
            raise ValueError("leeway_seconds must be from 0 to 60")

    @property
    def audience(self) -> str:
        """The `aud` of tokens for services of this region."""
        return f"urn:{self.namespace}:region:{self.region}"


def check_address(url: str) -> None:
    """Raise `ValueError` where credentials and keys would cross a network in the clear."""
    parts = urlsplit(url)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)
    if not is_safe or not parts.hostname or parts.username is not None:
        raise ValueError(f"{url} must begin with https:// (or http:// on this machine), and hold no user")
