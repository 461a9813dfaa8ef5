"""Account tokens on the wire."""

from typing import ClassVar

from msgspec import field

from domicile.kernel.clock import whole_seconds
from domicile.region.entering.domain import AccountToken
from domicile.region.plane import RegionPlane
from domicile.web.bodies import Wire


class AccountTokenBody(Wire, frozen=True):
    """A token for one account; send it as `Authorization: Bearer` to `baseURL`."""

    example: ClassVar[dict[str, object]] = {
        "token": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2ln",
        "tokenType": "Bearer",
        "expires": "2026-05-01T08:10:00Z",
        "accountID": "004217730956",
        "region": "de-1",
        "baseURL": "http://localhost:8800",
        "roleID": "full-access",
    }

    token: str
    token_type: str
    expires: str
    account_id: str = field(name="accountID")
    region: str
    base_url: str = field(name="baseURL")
    role_id: str = field(name="roleID")


def shape_account_token(plane: RegionPlane, made: AccountToken) -> AccountTokenBody:
    """Write an account token for the wire."""
    return AccountTokenBody(
        token=made.token,
        token_type="Bearer",  # noqa: S106  # the scheme's name
        expires=whole_seconds(made.expires_at),
        account_id=made.account_id,
        region=plane.id,
        base_url=plane.region.base_url,
        role_id=made.role_id,
    )
