"""The HTTP edge of items."""

from litestar import Response, delete, get, post
from litestar.di import Provide
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from domicile.kernel.callers import Caller
from domicile.kernel.labels import parse_selector
from domicile.kernel.versions import Precondition
from domicile.region.items import service
from domicile.region.items.domain import Wanted
from domicile.region.items.schemas import (
    ItemBody,
    ItemChangeBody,
    ItemsBody,
    NewItemBody,
    read_change,
    shape_item,
)
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.web.bodies import or_unset
from domicile.web.operations import Access, operation
from domicile.web.requests import DryRun, read_flag
from domicile.web.versions import etag

_KIND = "/api/services/{service_name:str}/{kind:str}"
ITEM_PATH = _KIND + "/{item_name:str}"
"""Where an item is."""


async def provide_wanted(service_name: FromPath[str], kind: FromPath[str]) -> Wanted:
    """Give handlers the kind of items that their address names."""
    return Wanted(service_name, kind)


WANTED = {"wanted": Provide(provide_wanted)}


@get(
    _KIND,
    summary="List items",
    tags=["Services"],
    dependencies=WANTED,
    opt=operation(Access.ACCOUNT, permission="{service}:{kind}:read", errors=("not-found",)),
)
async def list_items(
    *,
    wanted: SkipValidation[Wanted],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    regions: SkipValidation[Regions],
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    selector: FromQuery[str | None] = None,
) -> ItemsBody:
    """Those of one kind (`kind` is its plural), in the order of their names.

    `selector` chooses by labels: `stage=live`, `stage!=live`, `stage`, `!stage`, `stage in (a,b)`, `stage notin (a,b)`,
    and several of them, with commas between, which must all hold.
    """
    chosen = parse_selector(selector)
    scope = f"items {caller.account_id} {wanted.service} {wanted.plural} {selector or ''}"
    request = regions.cursors.page_request(limit, cursor, scope=scope)
    page = await service.list_items(plane, caller, wanted, chosen, request)
    shown = [shape_item(item) for item in page.items]
    return ItemsBody(items=shown, next=or_unset(regions.cursors.next_of(page, scope=scope)))


@post(
    _KIND,
    summary="Make an item",
    tags=["Services"],
    dependencies=WANTED,
    opt=operation(
        Access.ACCOUNT,
        permission="{service}:{kind}:create",
        errors=("not-found", "item-exists", "too-many-items"),
    ),
)
async def create_item(
    *,
    wanted: SkipValidation[Wanted],
    data: JSONBody[NewItemBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    dry_run: DryRun = None,
) -> Response[ItemBody]:
    """Checked by the schema of its kind; each fault is named by a JSON pointer into the body (RFC 6901).

    A name that was used before goes on from the versions of the item that was deleted. With `dryRun=true` everything is checked,
    the answer says what would be, and nothing is kept.
    """
    made = await service.create_item(
        plane, caller, wanted, data.name, read_change(data), dry_run=read_flag("dryRun", dry_run)
    )
    headers = {
        "Location": f"/api/services/{wanted.service}/{wanted.plural}/{made.name}",
        "ETag": etag(made.version),
    }
    return Response(shape_item(made), status_code=201, headers=headers)


@get(
    ITEM_PATH,
    summary="Describe an item",
    tags=["Services"],
    dependencies=WANTED,
    opt=operation(Access.ACCOUNT, permission="{service}:{kind}:read", errors=("not-found",)),
)
async def describe_item(
    *,
    wanted: SkipValidation[Wanted],
    item_name: FromPath[str],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
) -> Response[ItemBody]:
    """With the version that a change can name in `If-Match`."""
    item = await service.describe_item(plane, caller, wanted, item_name)
    return Response(shape_item(item), headers={"ETag": etag(item.version)})


@post(
    ITEM_PATH,
    status_code=200,
    summary="Change an item",
    tags=["Services"],
    dependencies=WANTED,
    opt=operation(
        Access.ACCOUNT, permission="{service}:{kind}:update", errors=("not-found", "stale-version")
    ),
)
async def change_item(
    *,
    wanted: SkipValidation[Wanted],
    item_name: FromPath[str],
    data: JSONBody[ItemChangeBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
    dry_run: DryRun = None,
) -> Response[ItemBody]:
    """`spec`, `labels` and `target` are each replaced as a whole; a change that changes nothing makes no version.

    With `dryRun=true` nothing is kept.
    """
    changed = await service.change_item(
        plane,
        caller,
        wanted,
        item_name,
        read_change(data),
        expected=expected,
        dry_run=read_flag("dryRun", dry_run),
    )
    return Response(shape_item(changed), headers={"ETag": etag(changed.version)})


@delete(
    ITEM_PATH,
    status_code=204,
    summary="Delete an item",
    tags=["Services"],
    dependencies=WANTED,
    opt=operation(
        Access.ACCOUNT,
        permission="{service}:{kind}:delete",
        errors=("not-found", "stale-version", "item-in-use"),
    ),
)
async def delete_item(
    *,
    wanted: SkipValidation[Wanted],
    item_name: FromPath[str],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
    dry_run: DryRun = None,
) -> None:
    """Refused while another item names it. Its name is free again, and its versions stay: a roll-back brings it back.

    With `dryRun=true` nothing is kept.
    """
    await service.delete_item(
        plane, caller, wanted, item_name, expected=expected, dry_run=read_flag("dryRun", dry_run)
    )


ROUTES = [list_items, create_item, describe_item, change_item, delete_item]
