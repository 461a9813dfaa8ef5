"""API keys on the wire."""

from datetime import datetime
from typing import Any, ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.kernel.clock import whole_seconds
from domicile.kernel.ids import AccountId
from domicile.region.api_keys.domain import NEVER, ApiKey, ApiKeyWish, CreatedApiKey, RotatedApiKey
from domicile.region.plane import RegionPlane
from domicile.web.bodies import Wire, given

_ID = "dom_de-1_4hC0Yp9sJdW2mQxT7bLnVe"
_EXAMPLE: dict[str, object] = {
    "id": _ID,
    "alias": "Deployment",
    "description": "Used by the build server",
    "roleID": "full-access",
    "locale": "en",
    "timezone": "Europe/Paris",
    "allowedIPs": ["192.0.2.17"],
    "allowedCIDRs": ["198.51.100.0/24", "2001:db8::/32"],
    "enabled": True,
    "created": "2026-03-02T10:15:00Z",
    "lastModified": "2026-03-02T10:15:00Z",
    "urn": f"urn:domicile:identity:de-1:004217730956:apikey/{_ID}",
    "expiry": "2027-03-02T00:00:00Z",
}
_SECRET = "0QW3nq8m4VZ1kRr6TtYbUuXc2Aa5Ss7Dd9FfGgHhJjKk3xPz1L"  # noqa: S105  # made up, of the right shape


class ApiKeyBody(Wire, frozen=True):
    """An API key, without its secret; what is not set is absent."""

    example: ClassVar[dict[str, object]] = {**_EXAMPLE, "lastActivity": "2026-05-01T08:00:00Z"}

    id: str
    alias: str
    role_id: str = field(name="roleID")
    locale: str
    timezone: str
    enabled: bool
    created: str
    last_modified: str
    urn: str
    description: str | UnsetType = UNSET
    allowed_ips: list[str] | UnsetType = field(default=UNSET, name="allowedIPs")
    """Addresses it may be used from; without this and `allowedCIDRs`: from anywhere."""
    allowed_cidrs: list[str] | UnsetType = field(default=UNSET, name="allowedCIDRs")
    """Networks it may be used from."""
    last_activity: str | UnsetType = UNSET
    expiry: str | UnsetType = UNSET
    """From this moment on the key is refused; absent: it does not expire."""


class CreatedApiKeyBody(ApiKeyBody, frozen=True, kw_only=True):
    """A new API key with its secret, which is shown now and never again."""

    example: ClassVar[dict[str, object]] = {**_EXAMPLE, "secret": _SECRET}

    secret: str


class RotatedApiKeyBody(ApiKeyBody, frozen=True, kw_only=True):
    """An API key with its new secret, which is shown now and never again."""

    example: ClassVar[dict[str, object]] = {
        **ApiKeyBody.example,
        "lastModified": "2026-05-02T08:00:00Z",
        "secret": _SECRET,
        "formerSecretExpiry": "2026-05-03T08:00:00Z",
    }

    secret: str
    former_secret_expiry: str
    """From this moment on the secret before this one is refused."""


class ApiKeysBody(Wire, frozen=True):
    """A page of API keys; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"apikeys": [ApiKeyBody.example]}

    apikeys: list[ApiKeyBody]
    next: str | UnsetType = UNSET


class NewApiKeyBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What an API key is created from; its role grants at most what its maker holds."""

    example: ClassVar[dict[str, object]] = {
        "alias": "Deployment",
        "roleID": "full-access",
        "description": "Used by the build server",
        "allowedCIDRs": ["198.51.100.0/24", "2001:db8::/32"],
        "expiry": "2027-03-02T00:00:00Z",
    }

    alias: str
    role_id: str = field(name="roleID")
    description: str | UnsetType = UNSET
    locale: str | UnsetType = UNSET
    timezone: str | UnsetType = UNSET
    allowed_ips: list[str] | UnsetType = field(default=UNSET, name="allowedIPs")
    allowed_cidrs: list[str] | UnsetType = field(default=UNSET, name="allowedCIDRs")
    enabled: bool | UnsetType = UNSET
    expiry: str | UnsetType | None = UNSET


class ApiKeyChangeBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What to change of an API key: `"enabled": false` locks it out, an empty list or `"expiry": null` lifts a limit."""

    example: ClassVar[dict[str, object]] = {"enabled": False}

    alias: str | UnsetType = UNSET
    role_id: str | UnsetType = field(default=UNSET, name="roleID")
    description: str | UnsetType = UNSET
    locale: str | UnsetType = UNSET
    timezone: str | UnsetType = UNSET
    allowed_ips: list[str] | UnsetType = field(default=UNSET, name="allowedIPs")
    allowed_cidrs: list[str] | UnsetType = field(default=UNSET, name="allowedCIDRs")
    enabled: bool | UnsetType = UNSET
    expiry: str | UnsetType | None = UNSET


class RotationBody(Wire, frozen=True, forbid_unknown_fields=True):
    """How to rotate an API key; may be left out altogether."""

    example: ClassVar[dict[str, object]] = {"overlapSeconds": 86400}

    overlap_seconds: int | UnsetType = UNSET
    """For how long the present secret goes on, from 0 to 604800; a day if nothing is said."""


def read_wish(body: NewApiKeyBody | ApiKeyChangeBody) -> ApiKeyWish:
    """Take what a body says of a key."""
    return ApiKeyWish(
        alias=given(body.alias),
        description=given(body.description),
        role=given(body.role_id),
        locale=given(body.locale),
        time_zone=given(body.timezone),
        allowed_ips=given(body.allowed_ips),
        allowed_cidrs=given(body.allowed_cidrs),
        is_enabled=given(body.enabled),
        expiry=NEVER if body.expiry is None else given(body.expiry),
    )


def shape_api_key(plane: RegionPlane, account: AccountId, key: ApiKey) -> ApiKeyBody:
    """Write a key for the wire."""
    return ApiKeyBody(**_facts(plane, account, key))


def shape_created(plane: RegionPlane, account: AccountId, created: CreatedApiKey) -> CreatedApiKeyBody:
    """Write a new key with its secret for the wire."""
    return CreatedApiKeyBody(**_facts(plane, account, created.key), secret=created.secret)


def shape_rotated(plane: RegionPlane, account: AccountId, rotated: RotatedApiKey) -> RotatedApiKeyBody:
    """Write a key with its new secret for the wire."""
    return RotatedApiKeyBody(
        **_facts(plane, account, rotated.key),
        secret=rotated.secret,
        former_secret_expiry=whole_seconds(rotated.former_until),
    )


def _facts(
    plane: RegionPlane, account: AccountId, key: ApiKey
) -> dict[str, Any]:  # of one struct and its two heirs
    return {
        "id": key.id,
        "alias": key.alias,
        "description": key.description or UNSET,
        "role_id": key.role_id,
        "locale": key.locale,
        "timezone": key.time_zone,
        "allowed_ips": list(key.allowed_ips) or UNSET,
        "allowed_cidrs": list(key.allowed_cidrs) or UNSET,
        "enabled": key.is_enabled,
        "created": whole_seconds(key.created_at),
        "last_modified": whole_seconds(key.modified_at),
        "last_activity": _moment(key.last_activity_at),
        "expiry": _moment(key.expires_at),
        "urn": plane.urns(account).make("apikey", key.id),
    }


def _moment(moment: datetime | None) -> str | UnsetType:
    return UNSET if moment is None else whole_seconds(moment)
