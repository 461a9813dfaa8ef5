"""The HTTP edge of services and the accounts that they were to delete."""

from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.region.service_identity.domain import ServiceCaller
from domicile.region.service_purges import service as use_cases
from domicile.region.service_purges.schemas import (
    AcknowledgementBody,
    ServicePurgeBody,
    ServicePurgesBody,
    shape_service_purge,
)
from domicile.web.bodies import or_unset
from domicile.web.operations import Access, operation

_PURGES = "/api/serving/{region:str}/purges"


@get(
    _PURGES,
    summary="List the purge receipts that a service owes",
    tags=["Serving"],
    opt=operation(Access.SERVICE),
)
async def list_owed_purges(
    *,
    region: FromPath[str],
    service: SkipValidation[ServiceCaller],
    service_plane: SkipValidation[RegionPlane],
    regions: SkipValidation[Regions],
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> ServicePurgesBody:
    """Accounts that it was asked to delete, and has given no receipt for: for a service that missed the event."""
    scope = f"purges {service.name} {region}"
    request = regions.cursors.page_request(limit, cursor, scope=scope)
    page = await use_cases.list_owed(service_plane, service, request)
    following = or_unset(regions.cursors.next_of(page, scope=scope))
    return ServicePurgesBody([shape_service_purge(each) for each in page.items], following)


@get(
    _PURGES + "/{account_id:str}",
    summary="Read a service's purge receipt back",
    tags=["Serving"],
    opt=operation(Access.SERVICE),
)
async def describe_service_purge(
    account_id: FromPath[str],
    service: SkipValidation[ServiceCaller],
    service_plane: SkipValidation[RegionPlane],
) -> ServicePurgeBody:
    """Whether it is owed or was taken, and what the region signed."""
    return shape_service_purge(await use_cases.describe_purge(service_plane, service, account_id))


@post(
    _PURGES + "/{account_id:str}",
    status_code=200,
    summary="Give a purge receipt, as a service",
    tags=["Serving"],
    opt=operation(Access.SERVICE),
)
async def acknowledge_service_purge(
    *,
    account_id: FromPath[str],
    data: JSONBody[AcknowledgementBody],
    service: SkipValidation[ServiceCaller],
    service_plane: SkipValidation[RegionPlane],
) -> ServicePurgeBody:
    """Says that nothing of the account remains; the region signs it, and it joins the account's deletion receipt.

    The first one counts: what comes again changes nothing, and is answered with that.
    """
    purge = await use_cases.acknowledge_purge(
        service_plane, service, account_id, deleted=data.deleted, remaining=data.remaining
    )
    return shape_service_purge(purge)


ROUTES = [list_owed_purges, describe_service_purge, acknowledge_service_purge]
