"""A region's part of a person's export on the wire; the version grows when something in it changes its meaning."""

from typing import ClassVar

from msgspec import field

from domicile.kernel.clock import whole_seconds
from domicile.region.api_keys.schemas import ApiKeyBody, shape_api_key
from domicile.region.audit.schemas import LogBody
from domicile.region.export.domain import ExportedRegion
from domicile.region.invitations.schemas import InvitationBody, shape_invitation
from domicile.region.memberships.schemas import UserBody, shape_member
from domicile.region.plane import RegionPlane
from domicile.web.bodies import Wire

FORMAT = "domicile-region-export"
FORMAT_VERSION = 1


class ExportedPlaceBody(Wire, frozen=True):
    """What the person is in one account, and what they made there; keys without secrets."""

    example: ClassVar[dict[str, object]] = {
        "accountID": "004217730956",
        "alias": "Example Labs",
        "membership": UserBody.example,
        "invitations": [InvitationBody.example],
        "apikeys": [ApiKeyBody.example],
    }

    account_id: str = field(name="accountID")
    alias: str
    membership: UserBody
    invitations: list[InvitationBody]
    apikeys: list[ApiKeyBody]


class RegionExportBody(Wire, frozen=True):
    """Everything that one region knows of the caller."""

    example: ClassVar[dict[str, object]] = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "region": "de-1",
        "produced": "2026-05-01T08:00:00Z",
        "accounts": [ExportedPlaceBody.example],
        "invited": [InvitationBody.example],
        "logs": [LogBody.example],
    }

    format: str
    version: int
    region: str
    produced: str
    accounts: list[ExportedPlaceBody]
    invited: list[InvitationBody]
    """The invitations to the person."""
    logs: list[LogBody]
    """What the person did in these accounts."""


def shape_region_head(plane: RegionPlane, exported: ExportedRegion) -> dict[str, object]:
    """Write all of a region's part but the events."""
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "region": exported.region_id,
        "produced": whole_seconds(exported.produced_at),
        "accounts": [
            ExportedPlaceBody(
                account_id=place.account_id,
                alias=place.alias,
                membership=shape_member(plane, place.account_id, place.member),
                invitations=[
                    shape_invitation(plane, place.account_id, one.as_of(exported.produced_at))
                    for one in place.invited_by_me
                ],
                apikeys=[shape_api_key(plane, place.account_id, key) for key in place.keys_made_by_me],
            )
            for place in exported.places
        ],
        "invited": [shape_invitation(plane, account, one) for account, one in exported.invited],
    }
