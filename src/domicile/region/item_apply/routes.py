"""The HTTP edge of changing many items at once."""

from litestar import post
from litestar.params import JSONBody, SkipValidation

from domicile.kernel.callers import Caller
from domicile.region.item_apply import service
from domicile.region.item_apply.schemas import AppliedItemsBody, ApplyBody, read_wish, shape_applied
from domicile.region.plane import RegionPlane
from domicile.web.operations import Access, operation
from domicile.web.requests import DryRun, read_flag


@post(
    "/api/items/apply",
    status_code=200,
    summary="Change many items at once",
    tags=["Services"],
    opt=operation(
        Access.ACCOUNT, permission="{service}:{kind}:update", errors=("stale-version", "too-many-items")
    ),
)
async def apply_items(
    *,
    data: JSONBody[ApplyBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    dry_run: DryRun = None,
) -> AppliedItemsBody:
    """All of them, or none: items are made that are not there, and hold afterwards what is said, and nothing else.

    They may name each other in any order. With `dryRun=true` the answer is the plan, and nothing is kept; a wish with a
    `version` holds only if that is still the item's, so that what was planned is what is done.
    """
    wishes = [read_wish(each) for each in data.items]
    applied = await service.apply_items(plane, caller, wishes, dry_run=read_flag("dryRun", dry_run))
    return AppliedItemsBody([shape_applied(each) for each in applied])


ROUTES = [apply_items]
