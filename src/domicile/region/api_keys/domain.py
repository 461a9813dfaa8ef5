"""What an API key is, and what may be said and changed of it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeVar

from domicile.kernel.clock import whole_seconds
from domicile.kernel.errors import invalid
from domicile.kernel.faults import Faults
from domicile.kernel.ids import AccountId, ApiKeyId, RoleId, find_role_id
from domicile.kernel.permissions import Network
from domicile.kernel.text import Refused, check_line, check_locale, check_optional_line, check_time_zone

ValueT = TypeVar("ValueT")

LONGEST_ALIAS: Final = 100
LONGEST_DESCRIPTION: Final = 500
MOST_ENTRIES: Final = 50
"""Of addresses, and as many of networks."""
LONGEST_LIFE: Final = timedelta(days=3653)
"""Ten years, whichever leap days fall into them."""
DEFAULT_OVERLAP: Final = timedelta(days=1)
LONGEST_OVERLAP: Final = timedelta(days=7)

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})")
_NETWORK = re.compile(r"([0-9A-Fa-f:.]{2,45})/([0-9]{1,3})")
_ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_MAPPED = IPv6Network("::ffff:0:0/96")


class Never(Enum):
    """Says of an expiry that there shall be none."""

    NEVER = "never"


NEVER: Final = Never.NEVER


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A credential of one account for a program; its secret is not part of it."""

    id: ApiKeyId
    alias: str
    description: str
    """Empty: none."""
    role_id: RoleId
    locale: str
    time_zone: str
    allowed_ips: tuple[str, ...]
    """Addresses it may be used from, in canonical form."""
    allowed_cidrs: tuple[str, ...]
    """Networks it may be used from, in canonical form; with neither list: from anywhere."""
    is_enabled: bool
    expires_at: datetime | None
    created_at: datetime
    created_by: str
    """The user or the key that made it."""
    modified_at: datetime
    last_activity_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class CreatedApiKey:
    """A new key and its secret, the only time that it is shown."""

    key: ApiKey
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RotatedApiKey:
    """A key with its new secret, the only time that it is shown, and until when the former one holds."""

    key: ApiKey
    secret: str = field(repr=False)
    former_until: datetime


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """Everything by which a key is recognised and decided about."""

    account_id: AccountId
    alias: str
    role_id: RoleId
    is_enabled: bool
    expires_at: datetime | None
    networks: tuple[Network, ...]
    """Addresses and networks together; empty: it may be used from anywhere."""
    secret_hash: bytes = field(repr=False)
    former_secret_hash: bytes | None = field(repr=False)
    """Of the secret before the last rotation."""
    former_until: datetime | None
    """From this moment on the former secret is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyWish:
    """What a body says of a key, not yet read; None: left out."""

    alias: str | None = None
    description: str | None = None
    role: str | None = None
    locale: str | None = None
    time_zone: str | None = None
    allowed_ips: list[str] | None = None
    allowed_cidrs: list[str] | None = None
    is_enabled: bool | None = None
    expiry: str | Never | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiKey:
    """What is wanted of a key to be made."""

    alias: str
    role_id: RoleId
    description: str = ""
    locale: str = "en"
    time_zone: str = "UTC"
    allowed_ips: tuple[str, ...] = ()
    allowed_cidrs: tuple[str, ...] = ()
    is_enabled: bool = True
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyChange:
    """What is to change; None: stays. An empty list lifts a restriction, `NEVER` an expiry."""

    alias: str | None = None
    description: str | None = None
    role_id: RoleId | None = None
    locale: str | None = None
    time_zone: str | None = None
    allowed_ips: tuple[str, ...] | None = None
    allowed_cidrs: tuple[str, ...] | None = None
    is_enabled: bool | None = None
    expires_at: datetime | Never | None = None


LOCK_OUT: Final = ApiKeyChange(is_enabled=False)
"""The change that only takes away."""


def parse_api_key_change(wish: ApiKeyWish, *, now: datetime) -> ApiKeyChange:
    """Read what a modification asks for; `invalid-input` names every fault. Whether the role exists is seen later."""
    faults = Faults()
    expiry = wish.expiry
    change = ApiKeyChange(
        alias=faults.take("alias", partial(check_line, longest=LONGEST_ALIAS), wish.alias),
        description=faults.take(
            "description", partial(check_optional_line, longest=LONGEST_DESCRIPTION), wish.description
        ),
        role_id=faults.take("roleID", _check_role_shape, wish.role),
        locale=faults.take("locale", check_locale, wish.locale),
        time_zone=faults.take("timezone", check_time_zone, wish.time_zone),
        allowed_ips=_take_entries(faults, "allowedIPs", check_address, wish.allowed_ips),
        allowed_cidrs=_take_entries(faults, "allowedCIDRs", check_network, wish.allowed_cidrs),
        is_enabled=wish.is_enabled,
        expires_at=expiry
        if isinstance(expiry, Never)
        else faults.take("expiry", partial(check_expiry, now=now), expiry),
    )
    faults.settle()
    return change


def parse_new_api_key(wish: ApiKeyWish, *, now: datetime) -> NewApiKey:
    """Read what a creation asks for; `invalid-input` names every fault. Whether the role exists is seen later."""
    read = parse_api_key_change(wish, now=now)
    if read.alias is None or read.role_id is None:
        missing = {"alias": read.alias, "roleID": read.role_id}
        raise invalid({name: "is required" for name, value in missing.items() if value is None})
    return NewApiKey(
        alias=read.alias,
        role_id=read.role_id,
        description=read.description or "",
        locale=read.locale or "en",
        time_zone=read.time_zone or "UTC",
        allowed_ips=read.allowed_ips or (),
        allowed_cidrs=read.allowed_cidrs or (),
        is_enabled=read.is_enabled is not False,
        expires_at=None if isinstance(read.expires_at, Never) else read.expires_at,
    )


def parse_overlap(seconds: int | None) -> timedelta:
    """Read for how long the secret before a rotation goes on; a day if nothing is said."""
    if seconds is None:
        return DEFAULT_OVERLAP
    longest = int(LONGEST_OVERLAP.total_seconds())
    if not 0 <= seconds <= longest:
        raise invalid({"overlapSeconds": f"must be a whole number from 0 to {longest}"})
    return timedelta(seconds=seconds)


def parse_networks(
    ips: Sequence[str] | None, cidrs: Sequence[str] | None
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Read the two lists of a key as a modification does; `invalid-input` names every fault."""
    faults = Faults()
    read = (
        _take_entries(faults, "allowedIPs", check_address, ips),
        _take_entries(faults, "allowedCIDRs", check_network, cidrs),
    )
    faults.settle()
    return read


def check_address(text: str) -> str:
    """Accept one IPv4 or IPv6 address; gives its canonical form (RFC 5952).

    A zone identifier means something on one machine only. An IPv4 address inside IPv6 never comes to us as such.
    """
    if not _ADDRESS.fullmatch(text):
        raise Refused("must not have a zone" if "%" in text else "must be an IPv4 or IPv6 address")
    try:
        address = ip_address(text)
    except ValueError:
        raise Refused("must be an IPv4 or IPv6 address") from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        raise Refused(f"must be written as the IPv4 address {address.ipv4_mapped}")
    return str(address)


def check_network(text: str) -> str:
    """Accept one IPv4 or IPv6 network in CIDR notation (RFC 4632, RFC 4291) without host bits; gives its canonical form."""
    if not (parts := _NETWORK.fullmatch(text)):
        raise Refused("must not have a zone" if "%" in text else "must be a network such as 192.0.2.0/24")
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise Refused("must be a network such as 192.0.2.0/24 or 2001:db8::/32") from None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        raise Refused("must be written as an IPv4 network")
    if network.network_address != ip_address(parts[1]):
        raise Refused(f"has bits set beyond its prefix: the network is {network}")
    return str(network)


def check_expiry(text: str, *, now: datetime) -> datetime:
    """Accept a future moment within ten years (RFC 3339, whole seconds, `Z` or an offset); gives it in UTC."""
    if not _MOMENT.fullmatch(text):
        raise Refused("must be a moment such as 2030-01-31T12:00:00Z")
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused("must be a moment such as 2030-01-31T12:00:00Z") from None
    if moment <= now:
        raise Refused("must lie in the future")
    if moment > now + LONGEST_LIFE:
        raise Refused("must be at most ten years away")
    return moment


def networks_of(ips: list[str], cidrs: list[str]) -> tuple[Network, ...]:
    """Join both lists, in canonical form, into the networks that a decision compares with."""
    return tuple(ip_network(text) for text in (*ips, *cidrs))


def make_api_key(new: NewApiKey, key: ApiKeyId, *, creator: str, version: int, now: datetime) -> ApiKey:
    """Make a key as it is from its first moment on."""
    return ApiKey(
        id=key,
        alias=new.alias,
        description=new.description,
        role_id=new.role_id,
        locale=new.locale,
        time_zone=new.time_zone,
        allowed_ips=new.allowed_ips,
        allowed_cidrs=new.allowed_cidrs,
        is_enabled=new.is_enabled,
        expires_at=new.expires_at,
        created_at=now,
        created_by=creator,
        modified_at=now,
        last_activity_at=None,
        version=version,
    )


def apply_change(key: ApiKey, change: ApiKeyChange) -> ApiKey:
    """Make the key as a change wants it; its version and times are left."""
    expiry = key.expires_at if change.expires_at is None else change.expires_at
    return replace(
        key,
        alias=_or(change.alias, key.alias),
        description=_or(change.description, key.description),
        role_id=_or(change.role_id, key.role_id),
        locale=_or(change.locale, key.locale),
        time_zone=_or(change.time_zone, key.time_zone),
        allowed_ips=_or(change.allowed_ips, key.allowed_ips),
        allowed_cidrs=_or(change.allowed_cidrs, key.allowed_cidrs),
        is_enabled=_or(change.is_enabled, key.is_enabled),
        expires_at=None if isinstance(expiry, Never) else expiry,
    )


def differences(before: ApiKey, after: ApiKey) -> dict[str, object]:
    """Tell what differs, by its names on the wire, with the new values."""
    old, new = _told(before), _told(after)
    return {name: value for name, value in new.items() if value != old[name]}


def _told(key: ApiKey) -> dict[str, object]:
    return {
        "alias": key.alias,
        "description": key.description,
        "roleID": key.role_id,
        "locale": key.locale,
        "timezone": key.time_zone,
        "allowedIPs": list(key.allowed_ips),
        "allowedCIDRs": list(key.allowed_cidrs),
        "enabled": key.is_enabled,
        "expiry": whole_seconds(key.expires_at) if key.expires_at else None,
    }


def _or(wanted: ValueT | None, present: ValueT) -> ValueT:
    return present if wanted is None else wanted


def _check_role_shape(text: str) -> RoleId:
    if (role := find_role_id(text)) is None:
        raise Refused("there is no such role in this account")
    return role


def _take_entries(
    faults: Faults, name: str, rule: Callable[[str], str], texts: Sequence[str] | None
) -> tuple[str, ...] | None:
    """Apply a rule to each entry of a list, folding repeats; the fault names the entries by their places, from 1."""
    if texts is None:
        return None
    if len(texts) > MOST_ENTRIES:
        faults.add(name, f"must have at most {MOST_ENTRIES} entries")
        return None
    kept: dict[str, None] = {}
    refused: list[str] = []
    for place, text in enumerate(texts, start=1):
        try:
            kept[rule(text)] = None
        except Refused as reason:
            refused.append(f"entry {place} {reason}")
    if refused:
        faults.add(name, "; ".join(refused))
    return tuple(kept)
