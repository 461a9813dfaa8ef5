"""The HTTP edge of audit events."""

from litestar import get
from litestar.params import FromQuery, SkipValidation

from domicile.kernel.callers import Caller
from domicile.region.audit import service
from domicile.region.audit.schemas import LogsBody, shape_event
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.web.bodies import or_unset
from domicile.web.operations import Access, operation


@get(
    "/api/logs",
    summary="List what happened in the account",
    tags=["Audit"],
    opt=operation(Access.ACCOUNT, permission="audit:log:read"),
)
async def list_logs(
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    regions: SkipValidation[Regions],
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> LogsBody:
    """Newest first: who did what, when and from where. What a person does outside any account is not here."""
    scope = f"logs {caller.account_id}"
    request = regions.cursors.page_request(limit, cursor, scope=scope)
    page = await service.list_events(plane, caller, request)
    shown = [shape_event(plane, recorded) for recorded in page.items]
    return LogsBody(logs=shown, next=or_unset(regions.cursors.next_of(page, scope=scope)))


ROUTES = [list_logs]
