"""The HTTP edge of the revocation feed."""

from litestar import get
from litestar.params import FromQuery, SkipValidation

from domicile.region.revocations.domain import READ_FEED, parse_since, parse_wait
from domicile.region.revocations.schemas import RevocationsBody, shape_revocations
from domicile.region.revocations.service import Recognise, RevocationFeeds
from domicile.web.operations import Access, operation


@get(
    "/api/revocations",
    summary="What no longer counts, for services that verify offline",
    tags=["Access"],
    opt=operation(Access.ACCOUNT_OR_SERVICE, permission=READ_FEED, errors=("not-found",)),
)
async def list_revocations(
    feeds: SkipValidation[RevocationFeeds],
    recognise_reader: SkipValidation[Recognise],
    *,
    since: FromQuery[str | None] = None,
    wait: FromQuery[str | None] = None,
    region: FromQuery[str | None] = None,
) -> RevocationsBody:
    """Rows after `since`, in order; with `wait` (seconds, at most 30) the answer comes when there is news. Without `since` it begins.

    A service of the platform sees every account of the region, and names the `region`; an API key or a user see their own account.
    """
    found = await feeds.read(recognise_reader, region, parse_since(since), wait_seconds=parse_wait(wait))
    return shape_revocations(found)


ROUTES = [list_revocations]
