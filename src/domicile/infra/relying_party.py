"""Who passkeys are made for: the relying party and its origins, as an operator says them (WebAuthn Level 3, sections 5.4.2 and 13.4.9)."""

import re
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_THIS_MACHINE = "localhost"


class PasskeySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For which domain passkeys are made, and on which pages they can be used."""

    rp_id: str = ""
    """Domain that passkeys belong to; default: the host of `server.public_url`. Empty where that is an IP address: there are no passkeys then."""
    rp_name: Annotated[str, Meta(min_length=1, max_length=64)] = "Domicile"
    """The name under which browsers and authenticators show the platform."""
    origins: tuple[str, ...] = ()
    """Origins of the pages that may use passkeys; default: that of `server.public_url`."""

    @property
    def are_possible(self) -> bool:
        """Tell whether there is a domain to make passkeys for."""
        return bool(self.rp_id)


def complete_passkeys(read: PasskeySettings, public_url: str) -> PasskeySettings:
    """Fill in what follows from the public address; WebAuthn knows domains only, so that an IP address leaves `rp_id` empty."""
    host = _host_of(public_url)
    return msgspec.structs.replace(
        read,
        rp_id=read.rp_id or ("" if _is_address(host) else host),
        origins=read.origins or (_origin_of(public_url),),
    )


def passkey_faults(settings: PasskeySettings, public_url: str) -> list[str]:
    """Explain what a browser would refuse, one sentence each, or what would let passkeys out of this platform's hands."""
    if not settings.rp_id:
        return []
    host = _host_of(public_url)
    faults: list[str] = []
    if _is_address(settings.rp_id) or not _DOMAIN.fullmatch(settings.rp_id):
        faults.append("passkeys.rp_id: must be a domain in small ASCII letters, without scheme and port")
    elif "." not in settings.rp_id and settings.rp_id != _THIS_MACHINE:
        faults.append("passkeys.rp_id: must be a domain of your own, not a whole top-level domain")
    elif not _is_within(host, settings.rp_id):
        faults.append(
            f"passkeys.rp_id: must be the host of server.public_url ({host}) or a parent domain of it, never a customer's domain"
        )
    for origin in settings.origins:
        faults += _origin_faults(origin, settings.rp_id)
    return faults


def _origin_faults(origin: str, rp_id: str) -> list[str]:
    if not origin or origin != _origin_of(origin):
        return [
            f"passkeys.origins: {origin!r} must be scheme, host and port alone, such as https://id.example.com"
        ]
    scheme, host = origin.partition(":")[0], _host_of(origin)
    if scheme != "https" and not (scheme == "http" and host == _THIS_MACHINE):
        return [f"passkeys.origins: {origin!r} must begin with https:// (or http://localhost)"]
    if not _is_within(host, rp_id):
        return [f"passkeys.origins: {origin!r} is not within the domain {rp_id}"]
    return []


def _origin_of(url: str) -> str:
    """Write the origin of an address as browsers do: small letters, and no port that goes without saying (RFC 6454, section 6.2); empty for what is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    shown = f"[{host}]" if ":" in host else host
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return f"{parts.scheme}://{shown}" if port in {None, default} else f"{parts.scheme}://{shown}:{port}"


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_within(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
