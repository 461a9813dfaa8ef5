"""The export of a person on the wire; the format carries a version, which grows when something in it changes its meaning."""

from collections.abc import Mapping
from typing import ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.identity.events.schemas import SecurityEventBody
from domicile.identity.export.domain import ExportedPerson
from domicile.identity.factors.schemas import FactorsBody, shape_factors
from domicile.identity.sessions.schemas import SessionBody, shape_session
from domicile.identity.users.schemas import ProfileBody, shape_profile
from domicile.kernel.clock import whole_seconds
from domicile.kernel.ids import RegionId
from domicile.web.bodies import Wire, or_unset

FORMAT = "domicile-person-export"
FORMAT_VERSION = 1


class ExportRequestBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The present password."""

    example: ClassVar[dict[str, object]] = {"password": "correct horse battery staple"}

    password: str

    def __repr__(self) -> str:
        return "ExportRequestBody(…)"


class ExportedMembershipBody(Wire, frozen=True):
    """One of the person's accounts, as the directory knows it."""

    example: ClassVar[dict[str, object]] = {
        "accountID": "004217730956",
        "region": "de-1",
        "state": "enabled",
        "roleID": "full-access",
    }

    account_id: str = field(name="accountID")
    region: str
    state: str
    role_id: str | UnsetType = field(default=UNSET, name="roleID")


class RegionPartBody(Wire, frozen=True):
    """Where a region's own part of the export is fetched."""

    example: ClassVar[dict[str, object]] = {
        "region": "de-1",
        "baseURL": "http://localhost:8800",
        "href": "/api/me/export/regions/de-1",
    }

    region: str
    base_url: str = field(name="baseURL")
    href: str


class PersonExportBody(Wire, frozen=True):
    """Everything that identity and the directory know of the caller."""

    example: ClassVar[dict[str, object]] = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "produced": "2026-05-01T08:00:00Z",
        "profile": ProfileBody.example,
        "sessions": [SessionBody.example],
        "secondFactors": FactorsBody.example,
        "memberships": [ExportedMembershipBody.example],
        "regions": [RegionPartBody.example],
        "events": [SecurityEventBody.example],
        "signed": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImRvbWljaWxlLWV4cG9ydCtqd3QifQ.e30.c2ln",
    }

    format: str
    version: int
    produced: str
    profile: ProfileBody
    sessions: list[SessionBody]
    second_factors: FactorsBody
    """Without their secrets, and of recovery codes how many are left."""
    memberships: list[ExportedMembershipBody]
    regions: list[RegionPartBody]
    events: list[SecurityEventBody]
    signed: str
    """Identity's statement (JWS) over everything before it, by which it is verified offline."""


def shape_head(
    exported: ExportedPerson, *, session_id: str, base_urls: Mapping[RegionId, str]
) -> dict[str, object]:
    """Write all of an export but the events."""
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "produced": whole_seconds(exported.produced_at),
        "profile": shape_profile(exported.user, pending_email=exported.pending_email),
        "sessions": [shape_session(session, current_id=session_id) for session in exported.sessions],
        "secondFactors": shape_factors(exported.factors),
        "memberships": [
            ExportedMembershipBody(
                account_id=place.account_id,
                region=place.region_id,
                state=place.state,
                role_id=or_unset(place.role_id),
            )
            for place in exported.memberships
        ],
        "regions": [
            RegionPartBody(region=region, base_url=base_urls[region], href=f"/api/me/export/regions/{region}")
            for region in exported.regions
            if region in base_urls
        ],
    }
