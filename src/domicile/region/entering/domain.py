"""What an account token says (RFC 7519, RFC 9068), and who its issuer and audience are."""

from dataclasses import dataclass
from datetime import datetime

from domicile.kernel.ids import AccountId, RegionId, RoleId, UserId
from domicile.kernel.regions import Region
from domicile.kernel.signing_keys import LONGEST_TOKEN

LIFETIME = LONGEST_TOKEN
"""How long an account token lasts; a person's session gets a new one at any time."""
TOKEN_TYPE = "at+jwt"  # noqa: S105  # the media type of RFC 9068, no secret


@dataclass(frozen=True, slots=True)
class AccountToken:
    """A token for one account, shown to the person who entered it."""

    token: str
    expires_at: datetime
    account_id: AccountId
    role_id: RoleId


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What of a verified token the request is decided on; role and state are looked up, never believed."""

    account_id: AccountId
    user_id: UserId
    epoch: int
    mfa_used: bool
    """Whether a second factor was used in the session behind it (`amr`, RFC 8176)."""
    authenticated_at: datetime
    """When the person last showed who they are (`auth_time`), to the second."""
    expires_at: float
    """Seconds since 1970."""


def issuer_of(region: Region) -> str:
    """Name the issuer of a region's tokens."""
    return f"{region.base_url}/regions/{region.id}"


def audience_of(namespace: str, region: RegionId) -> str:
    """Name the audience of a region's tokens: its API and its services, and no other region's."""
    return f"urn:{namespace}:region:{region}"
