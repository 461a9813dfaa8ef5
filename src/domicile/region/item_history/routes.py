"""The HTTP edge of former versions of items."""

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from domicile.kernel.callers import Caller
from domicile.kernel.versions import Precondition
from domicile.region.item_history import service
from domicile.region.item_history.domain import parse_side, parse_version, require_version
from domicile.region.item_history.schemas import (
    DifferenceBody,
    RollBackBody,
    VersionDescriptionBody,
    VersionsBody,
    shape_difference,
    shape_version,
    shape_version_whole,
)
from domicile.region.items.domain import Wanted
from domicile.region.items.routes import ITEM_PATH, WANTED
from domicile.region.items.schemas import ItemBody, shape_item
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.web.bodies import or_unset
from domicile.web.operations import Access, operation
from domicile.web.requests import DryRun, read_flag
from domicile.web.versions import etag

_READ = "{service}:{kind}:read"


@get(
    ITEM_PATH + "/versions",
    summary="List the versions of an item",
    tags=["Services"],
    dependencies=WANTED,
    opt=operation(Access.ACCOUNT, permission=_READ, errors=("not-found",)),
)
async def list_item_versions(
    *,
    wanted: SkipValidation[Wanted],
    item_name: FromPath[str],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    regions: SkipValidation[Regions],
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> VersionsBody:
    """The newest first, with who made each; of an item that was deleted too."""
    scope = f"versions {caller.account_id} {wanted.service} {wanted.plural} {item_name}"
    request = regions.cursors.page_request(limit, cursor, scope=scope)
    page = await service.list_item_versions(plane, caller, wanted, item_name, request)
    urns = plane.urns(caller.account_id)
    shown = [shape_version(version, urns) for version in page.items]
    return VersionsBody(versions=shown, next=or_unset(regions.cursors.next_of(page, scope=scope)))


@get(
    ITEM_PATH + "/versions/{version:str}",
    summary="Describe a version of an item",
    tags=["Services"],
    dependencies=WANTED,
    opt=operation(Access.ACCOUNT, permission=_READ, errors=("not-found",)),
)
async def describe_item_version(
    *,
    wanted: SkipValidation[Wanted],
    item_name: FromPath[str],
    version: FromPath[str],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
) -> VersionDescriptionBody:
    """With what the item held then."""
    found = await service.describe_version(plane, caller, wanted, item_name, parse_version(version))
    return shape_version_whole(found, plane.urns(caller.account_id))


@get(
    ITEM_PATH + "/diff",
    summary="Compare two versions of an item",
    tags=["Services"],
    dependencies=WANTED,
    opt=operation(Access.ACCOUNT, permission=_READ, errors=("not-found",)),
)
async def compare_item_versions(
    *,
    wanted: SkipValidation[Wanted],
    item_name: FromPath[str],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    before: FromQuery[str | None] = None,
    after: FromQuery[str | None] = None,
) -> DifferenceBody:
    """As a JSON Patch (RFC 6902). Without `after` the newest version is meant, without `before` the one before it."""
    sides = parse_side("before", before), parse_side("after", after)
    found = await service.compare_versions(plane, caller, wanted, item_name, before=sides[0], after=sides[1])
    return shape_difference(found)


@post(
    ITEM_PATH + "/rollback",
    status_code=200,
    summary="Take an item back to a former version",
    tags=["Services"],
    dependencies=WANTED,
    opt=operation(
        Access.ACCOUNT,
        permission="{service}:{kind}:update",
        errors=("not-found", "stale-version", "too-many-items"),
    ),
)
async def roll_back_item(
    *,
    wanted: SkipValidation[Wanted],
    item_name: FromPath[str],
    data: JSONBody[RollBackBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
    dry_run: DryRun = None,
) -> Response[ItemBody]:
    """As a new version, which the schema of today has to let in. One that was deleted is made again: that needs the permission to create.

    With `dryRun=true` nothing is kept.
    """
    restored = await service.roll_back(
        plane,
        caller,
        wanted,
        item_name,
        require_version(data.version),
        expected=expected,
        dry_run=read_flag("dryRun", dry_run),
    )
    return Response(shape_item(restored), headers={"ETag": etag(restored.version)})


ROUTES = [list_item_versions, describe_item_version, compare_item_versions, roll_back_item]
