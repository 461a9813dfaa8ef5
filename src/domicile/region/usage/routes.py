"""The HTTP edge of usage."""

from litestar import get, post
from litestar.params import FromQuery, JSONBody, SkipValidation

from domicile.kernel.callers import Caller
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.region.service_identity.domain import ServiceCaller
from domicile.region.usage import service as use_cases
from domicile.region.usage.domain import LARGEST_PAGE, READ_USAGE
from domicile.region.usage.schemas import (
    RecordOutcomesBody,
    RecordsBody,
    UsagePageBody,
    read_record,
    shape_outcome,
    shape_usage,
)
from domicile.web.bodies import or_unset
from domicile.web.operations import Access, operation


@post(
    "/api/serving/{region:str}/usage",
    status_code=200,
    summary="Report what accounts used, as their service",
    tags=["Serving"],
    opt=operation(Access.SERVICE),
)
async def report_usage(
    data: JSONBody[RecordsBody],
    service: SkipValidation[ServiceCaller],
    service_plane: SkipValidation[RegionPlane],
) -> RecordOutcomesBody:
    """Each record counts once, however often it is reported; all of them are checked before any is counted."""
    said = [read_record(each) for each in data.records]
    outcomes = await use_cases.report_usage(service_plane, service, said)
    return RecordOutcomesBody([shape_outcome(*pair) for pair in zip(said, outcomes, strict=True)])


@get(
    "/api/usage",
    summary="List what was used",
    tags=["Services"],
    opt=operation(Access.ACCOUNT, permission=READ_USAGE),
)
async def list_usage(
    *,
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    regions: SkipValidation[Regions],
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> UsagePageBody:
    """Records of all services, the newest first, 25 at most on a page."""
    scope = f"usage {caller.account_id}"
    request = regions.cursors.page_request(limit, cursor, scope=scope, largest=LARGEST_PAGE)
    page = await use_cases.list_usage(plane, caller, request)
    following = or_unset(regions.cursors.next_of(page, scope=scope))
    return UsagePageBody([shape_usage(each) for each in page.items], following)


ROUTES = [report_usage, list_usage]
