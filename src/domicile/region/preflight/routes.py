"""The HTTP edge of the preflight."""

from litestar import post
from litestar.params import JSONBody, SkipValidation

from domicile.kernel.callers import Caller
from domicile.region.access_review.domain import REVIEW
from domicile.region.plane import RegionPlane
from domicile.region.preflight import service
from domicile.region.preflight.schemas import ForetoldBody, PreflightBody, read_proposal, shape_foretold
from domicile.web.operations import Access, operation


@post(
    "/api/access/preflight",
    status_code=200,
    summary="What would break if",
    tags=["Access"],
    opt=operation(Access.ACCOUNT, permission=REVIEW, errors=("not-found", "role-predefined")),
)
async def foretell_change(
    data: JSONBody[PreflightBody], caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]
) -> ForetoldBody:
    """Who would lose and gain what by a change, decided by the function that enforces; nothing is changed. To see needs no more."""
    wish = read_proposal(data)
    return shape_foretold(plane, caller.account_id, wish.kind, await service.foretell(plane, caller, wish))


ROUTES = [foretell_change]
