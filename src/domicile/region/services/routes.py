"""The HTTP edge of services."""

from litestar import get
from litestar.params import FromPath, SkipValidation

from domicile.kernel.callers import Caller
from domicile.region.plane import RegionPlane
from domicile.region.services import service
from domicile.region.services.schemas import (
    ServiceDescriptionBody,
    ServicesBody,
    shape_description,
    shape_service,
)
from domicile.web.operations import Access, operation


@get(
    "/api/services",
    summary="List the services of the account",
    tags=["Services"],
    opt=operation(Access.ACCOUNT, permission="identity:self:read"),
)
async def list_services(caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]) -> ServicesBody:
    """Those that run in the account's region, whatever the caller may do in them."""
    return ServicesBody(services=[shape_service(each) for each in service.list_services(plane, caller)])


@get(
    "/api/services/{service_name:str}",
    summary="Describe a service",
    tags=["Services"],
    opt=operation(Access.ACCOUNT, permission="identity:self:read", errors=("not-found",)),
)
async def describe_service(
    service_name: FromPath[str], caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]
) -> ServiceDescriptionBody:
    """The levels that roles can give, the kinds of items with their schemas, and what is metered."""
    return shape_description(service.describe_service(plane, caller, service_name))


ROUTES = [list_services, describe_service]
