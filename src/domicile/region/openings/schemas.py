"""What services exchange, on the wire."""

from typing import ClassVar

from msgspec import field

from domicile.kernel.clock import whole_seconds
from domicile.region.entering.schemas import AccountTokenBody, shape_account_token
from domicile.region.openings.domain import Admitted
from domicile.region.plane import RegionPlane
from domicile.web.bodies import Wire


class CodeBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The code with which a person came."""

    example: ClassVar[dict[str, object]] = {"code": "dsc_de-1_N91xnhf6GMs0sfNCSvYWQw_" + "0" * 49}

    code: str


class HandleBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The newest handle."""

    example: ClassVar[dict[str, object]] = {"handle": "dsh_de-1_N91xnhf6GMs0sfNCSvYWQw_" + "0" * 49}

    handle: str


class AdmittedBody(Wire, frozen=True):
    """An account token of the person, and the handle for the next one."""

    example: ClassVar[dict[str, object]] = {
        **AccountTokenBody.example,
        **HandleBody.example,
        "handleExpires": "2026-05-01T09:00:00Z",
    }

    token: str
    token_type: str
    expires: str
    account_id: str = field(name="accountID")
    region: str
    base_url: str = field(name="baseURL")
    role_id: str = field(name="roleID")
    handle: str
    handle_expires: str


def shape_admitted(plane: RegionPlane, admitted: Admitted) -> AdmittedBody:
    """Write what a service is given for a person."""
    made = shape_account_token(plane, admitted.token)
    return AdmittedBody(
        token=made.token,
        token_type=made.token_type,
        expires=made.expires,
        account_id=made.account_id,
        region=made.region,
        base_url=made.base_url,
        role_id=made.role_id,
        handle=admitted.handle,
        handle_expires=whole_seconds(admitted.handle_expires_at),
    )
