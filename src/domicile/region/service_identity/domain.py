"""Who a service is when it calls."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domicile.kernel.errors import DomainError, not_found, unauthenticated
from domicile.kernel.ids import RegionId

TOKEN_TYPE: Final = "domicile-service+jwt"  # noqa: S105  # a media type, no secret
"""In the header of a service's access token (RFC 8725, section 3.11): it never passes for an account token."""
LIFETIME: Final = timedelta(minutes=10)
"""How long a service's access token lasts."""


@dataclass(frozen=True, slots=True)
class ServiceCaller:
    """A service of the platform that calls; in each of its regions it reaches what accounts there keep in it, and nothing else."""

    name: str
    regions: frozenset[RegionId]
    """For which its credential, or its token, is good."""

    def require_region(self, region: RegionId) -> None:
        """Refuse (`not-found`) what is in a region for which the credential is not good."""
        if region not in self.regions:
            raise not_found("region")


def no_service() -> DomainError:
    """Make the one answer for a credential that is none of a service."""
    return unauthenticated("credential-refused", "This credential is not, or no longer, valid here.")
