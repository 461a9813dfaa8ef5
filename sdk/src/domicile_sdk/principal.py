"""Who is calling, in which account, and what they may do in this service."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domicile_sdk.manifest import Manifest
from domicile_sdk.refusal import FreshSignInRequired, NotPermitted, SecondFactorRequired

_MFA = "mfa"


class PrincipalKind(StrEnum):
    """What acts."""

    USER = "user"
    API_KEY = "apikey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Whoever is acting, authenticated."""

    kind: PrincipalKind
    urn: str
    id: str
    """Of the user or the API key: the last part of the URN."""
    account: str
    region: str
    role: str
    levels: Mapping[str, str] = field(hash=False)
    """Service → the level that the role gives there."""
    amr: tuple[str, ...] = ()
    """In which ways the person showed who they are (RFC 8176); empty for an API key."""
    auth_time: int | None = None
    """When they last did, in seconds since 1970; None for an API key."""
    manifest: Manifest = field(repr=False, compare=False)
    now: Callable[[], float] = field(default=time.time, repr=False, compare=False)
    permissions: frozenset[str] = field(init=False, repr=False, compare=False)
    """What the role's level grants in this service, by its manifest."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "permissions", self.manifest.granted_by(self.levels))

    @property
    def used_mfa(self) -> bool:
        """Whether a second factor was used in the session behind the token."""
        return _MFA in self.amr

    def signed_in_within(self, seconds: float) -> bool:
        """Tell whether the person showed who they are at most so long ago; never of an API key."""
        return self.auth_time is not None and self.now() - self.auth_time <= seconds

    def allows(self, permission: str) -> bool:
        """Tell whether the role grants a permission of this service; `UnknownPermission` for one that its manifest does not have."""
        self.manifest.check_known(permission)
        return permission in self.permissions

    def require(self, permission: str) -> None:
        """Refuse with 403 whoever does not have the permission."""
        if not self.allows(permission):
            raise NotPermitted(f"Your role does not allow {permission}.", permission=permission)

    def require_second_factor(self) -> None:
        """Refuse with 403 whoever used no second factor, which every API key is."""
        if not self.used_mfa:
            raise SecondFactorRequired("This asks for a session in which a second factor was used.")

    def require_sign_in_within(self, seconds: float) -> None:
        """Refuse with 403 whoever has not shown within so many seconds who they are, which every API key is."""
        if not self.signed_in_within(seconds):
            raise FreshSignInRequired(
                "Show again who you are (POST /api/me/step-up), enter the account again, and repeat this with the new token."
            )
