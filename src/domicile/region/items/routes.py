"""The HTTP edge of items."""

from litestar import Response, delete, get, post
from litestar.di import Provide
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from domicile.kernel.callers import Caller
from domicile.kernel.versions import Precondition
from domicile.region.items import service
from domicile.region.items.domain import Wanted
from domicile.region.items.schemas import ItemBody, ItemChangeBody, ItemsBody, NewItemBody, shape_item
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.web.bodies import given, or_unset
from domicile.web.operations import Access, operation
from domicile.web.versions import etag

_KIND = "/api/services/{service_name:str}/{kind:str}"
_ITEM = _KIND + "/{item_name:str}"


async def provide_wanted(service_name: FromPath[str], kind: FromPath[str]) -> Wanted:
    """Give handlers the kind of items that their address names."""
    return Wanted(service_name, kind)


_WANTED = {"wanted": Provide(provide_wanted)}


@get(
    _KIND,
    summary="List items",
    tags=["Services"],
    dependencies=_WANTED,
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
) -> ItemsBody:
    """Those of one kind (`kind` is its plural), in the order of their names."""
    scope = f"items {caller.account_id} {wanted.service} {wanted.plural}"
    request = regions.cursors.page_request(limit, cursor, scope=scope)
    page = await service.list_items(plane, caller, wanted, request)
    shown = [shape_item(item) for item in page.items]
    return ItemsBody(items=shown, next=or_unset(regions.cursors.next_of(page, scope=scope)))


@post(
    _KIND,
    summary="Make an item",
    tags=["Services"],
    dependencies=_WANTED,
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
) -> Response[ItemBody]:
    """Checked by the schema of its kind; each fault is named by a JSON pointer into the body (RFC 6901)."""
    made = await service.create_item(
        plane, caller, wanted, name=data.name, labels=given(data.labels) or {}, spec=data.spec
    )
    headers = {
        "Location": f"/api/services/{wanted.service}/{wanted.plural}/{made.name}",
        "ETag": etag(made.version),
    }
    return Response(shape_item(made), status_code=201, headers=headers)


@get(
    _ITEM,
    summary="Describe an item",
    tags=["Services"],
    dependencies=_WANTED,
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
    _ITEM,
    status_code=200,
    summary="Change an item",
    tags=["Services"],
    dependencies=_WANTED,
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
) -> Response[ItemBody]:
    """`spec` and `labels` are replaced as a whole; a change that changes nothing makes no version."""
    changed = await service.change_item(
        plane,
        caller,
        wanted,
        item_name,
        labels=given(data.labels),
        spec=given(data.spec),
        expected=expected,
    )
    return Response(shape_item(changed), headers={"ETag": etag(changed.version)})


@delete(
    _ITEM,
    status_code=204,
    summary="Delete an item",
    tags=["Services"],
    dependencies=_WANTED,
    opt=operation(
        Access.ACCOUNT, permission="{service}:{kind}:delete", errors=("not-found", "stale-version")
    ),
)
async def delete_item(
    *,
    wanted: SkipValidation[Wanted],
    item_name: FromPath[str],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> None:
    """Its name is free again."""
    await service.delete_item(plane, caller, wanted, item_name, expected)


ROUTES = [list_items, create_item, describe_item, change_item, delete_item]
