"""The HTTP edge of a person's second factors of every kind."""

from litestar import delete, get, post
from litestar.params import FromPath, JSONBody, SkipValidation

from domicile.identity.factors import service
from domicile.identity.factors.domain import is_factor_id
from domicile.identity.factors.schemas import (
    FactorBody,
    FactorNameBody,
    FactorsBody,
    RemovedFactorBody,
    shape_factor,
    shape_factors,
    shape_removal,
)
from domicile.identity.plane import IdentityPlane
from domicile.kernel.callers import Person
from domicile.kernel.errors import not_found
from domicile.web.operations import Access, operation


@get("/api/me/factors", summary="List my second factors", tags=["Me"], opt=operation(Access.PERSON))
async def list_my_factors(
    person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> FactorsBody:
    """Those that count, oldest first, and how many recovery codes are left."""
    return shape_factors(await service.list_own_factors(identity, person))


@post(
    "/api/me/factors/{factor_id:str}",
    status_code=200,
    summary="Rename one of my second factors",
    tags=["Me"],
    opt=operation(Access.PERSON, errors=("not-found",)),
)
async def rename_my_factor(
    factor_id: FromPath[str],
    data: JSONBody[FactorNameBody],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
) -> FactorBody:
    """Two may have the same name."""
    return shape_factor(await service.rename_factor(identity, person, _checked(factor_id), data.name))


@delete(
    "/api/me/factors/{factor_id:str}",
    status_code=200,
    summary="Remove one of my second factors",
    tags=["Me"],
    opt=operation(Access.PERSON, errors=("not-found", "reauthentication-required")),
)
async def remove_my_factor(
    factor_id: FromPath[str], person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> RemovedFactorBody:
    """It works no more, and a mail says so. With the last one the recovery codes go, too. Other sessions go on until they are ended."""
    return shape_removal(await service.remove_factor(identity, person, _checked(factor_id)))


def _checked(factor_id: str) -> str:
    if not is_factor_id(factor_id):
        raise not_found("factor")
    return factor_id


ROUTES = [list_my_factors, rename_my_factor, remove_my_factor]
