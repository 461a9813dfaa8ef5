"""The HTTP edge of services and their items."""

from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from domicile.region.item_watch import service as use_cases
from domicile.region.item_watch.schemas import (
    ChangesBody,
    KeptItemsBody,
    OutcomesBody,
    ReportsBody,
    read_report,
    shape_changes,
    shape_kept,
    shape_outcome,
)
from domicile.region.item_watch.service import ItemFeeds
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.region.revocations.domain import parse_since, parse_wait
from domicile.region.service_identity.domain import ServiceCaller
from domicile.web.bodies import or_unset
from domicile.web.operations import Access, operation

_SERVING = "/api/serving/{region:str}"


@get(
    _SERVING + "/items",
    summary="List the items of all accounts, for their service",
    tags=["Serving"],
    opt=operation(Access.SERVICE),
)
async def list_kept_items(
    *,
    region: FromPath[str],
    service: SkipValidation[ServiceCaller],
    service_plane: SkipValidation[RegionPlane],
    regions: SkipValidation[Regions],
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> KeptItemsBody:
    """What accounts of the region keep in the service that calls, in the order of accounts, kinds and names."""
    scope = f"serving {service.name} {region}"
    request = regions.cursors.page_request(limit, cursor, scope=scope)
    found = await use_cases.list_kept(service_plane, service, request)
    following = regions.cursors.next_of(found.page, scope=scope)
    return KeptItemsBody([shape_kept(each) for each in found.page.items], found.head, or_unset(following))


@get(
    _SERVING + "/changes",
    summary="Follow the items of all accounts, for their service",
    tags=["Serving"],
    opt=operation(Access.SERVICE),
)
async def follow_items(
    *,
    service: SkipValidation[ServiceCaller],
    service_plane: SkipValidation[RegionPlane],
    item_feeds: SkipValidation[ItemFeeds],
    since: FromQuery[str | None] = None,
    wait: FromQuery[str | None] = None,
) -> ChangesBody:
    """Changes after `since`, in order; with `wait` (seconds, at most 30) the answer comes when there is news.

    Without `since`, and with a number that the log has not reached, the answer has `reset`: list all items, and go on from the
    `head` of the first page. Changes of accounts that were purged are gone; that of the account is a lifecycle event.
    """
    found = await item_feeds.follow(service_plane, service, parse_since(since), wait_seconds=parse_wait(wait))
    return shape_changes(found)


@post(
    _SERVING + "/statuses",
    status_code=200,
    summary="Say what became of items, as their service",
    tags=["Serving"],
    opt=operation(Access.SERVICE),
)
async def report_statuses(
    *,
    data: JSONBody[ReportsBody],
    service: SkipValidation[ServiceCaller],
    service_plane: SkipValidation[RegionPlane],
) -> OutcomesBody:
    """The `status` that people see at an item; nobody else can write it. What comes again, or late, changes nothing."""
    reports = [read_report(each) for each in data.statuses]
    outcomes = await use_cases.report(service_plane, service, reports)
    return OutcomesBody([shape_outcome(*pair) for pair in zip(reports, outcomes, strict=True)])


ROUTES = [list_kept_items, follow_items, report_statuses]
