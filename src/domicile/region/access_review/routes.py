"""The HTTP edge of the review."""

from typing import Annotated, cast

from litestar import Response, get
from litestar.params import FromQuery, QueryParameter, SkipValidation
from litestar.response import Stream

from domicile.kernel.callers import Caller
from domicile.kernel.clock import whole_seconds
from domicile.kernel.errors import invalid
from domicile.region.access_review import service
from domicile.region.access_review.domain import REVIEW, parse_moment
from domicile.region.access_review.schemas import AccessReviewBody, shape_reviewed, write_csv
from domicile.region.access_review.service import Review
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.web.bodies import or_unset
from domicile.web.operations import Access, operation
from domicile.web.spreadsheets import CSV


@get(
    "/api/access/review",
    summary="Everyone and everything that can enter, and why",
    tags=["Access"],
    opt=operation(Access.ACCOUNT, permission=REVIEW),
)
async def review_access(
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    regions: SkipValidation[Regions],
    *,
    at: Annotated[
        str | None, QueryParameter(description="Who had access at this moment (RFC 3339) instead of now.")
    ] = None,
    form: Annotated[
        str | None, QueryParameter(name="format", description="`json`, or `csv` for all of it in one file.")
    ] = None,
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Response[AccessReviewBody]:
    """Users, then API keys, then pending invitations; an audit event of its own. At a past moment without invitations."""
    moment = None if at is None else parse_moment(at, now=plane.clock())
    if (form or "json") not in {"json", "csv"} or form == "":
        raise invalid({"format": "must be json or csv"})
    if form == "csv":
        if limit is not None or cursor is not None:
            raise invalid({"format": "csv has everything: leave limit and cursor out"})
        return _as_csv(plane, caller, await service.begin_review(plane, caller, moment, form="csv"))
    # Bound to who asks: whoever has the cursor of a later page has asked for the first, which was written down.
    scope = f"review {caller.account_id} {caller.principal.kind}/{caller.principal.id} {at or ''}"
    request = regions.cursors.page_request(limit, cursor, scope=scope)
    review = (
        await service.begin_review(plane, caller, moment, form="json")
        if cursor is None
        else service.resume_review(plane, caller, moment)
    )
    page = await review.list_page(request)
    shown = [shape_reviewed(plane, reviewed) for reviewed in page.items]
    return Response(
        AccessReviewBody(entries=shown, next=or_unset(regions.cursors.next_of(page, scope=scope)))
    )


def _as_csv(plane: RegionPlane, caller: Caller, review: Review) -> Response[AccessReviewBody]:
    day = whole_seconds(review.at or plane.clock())[:10]
    name = f"access-{caller.account_id}-{day}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    rows = write_csv(plane, review.every_page())
    return cast("Response[AccessReviewBody]", Stream(rows, media_type=CSV, headers=headers))


ROUTES = [review_access]
