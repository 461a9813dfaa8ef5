"""The HTTP edge of roles."""

from litestar import Response, get
from litestar.params import FromPath, FromQuery, SkipValidation

from domicile.kernel.callers import Caller
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.region.roles import service
from domicile.region.roles.schemas import RoleBody, RolesBody, shape_role
from domicile.web.bodies import or_unset
from domicile.web.operations import Access, operation
from domicile.web.versions import etag


@get(
    "/api/roles",
    summary="List the roles of the account",
    tags=["Roles"],
    opt=operation(Access.ACCOUNT, permission="identity:role:read"),
)
async def list_roles(
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    regions: SkipValidation[Regions],
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> RolesBody:
    """In the order of their ids. Every account has `full-access` and `read-only`, which can be neither changed nor deleted."""
    scope = f"roles {caller.account_id}"
    page = await service.list_roles(plane, caller, regions.cursors.page_request(limit, cursor, scope=scope))
    shown = [shape_role(plane, caller.account_id, role) for role in page.items]
    return RolesBody(roles=shown, next=or_unset(regions.cursors.next_of(page, scope=scope)))


@get(
    "/api/roles/{role_id:str}",
    summary="Describe a role",
    tags=["Roles"],
    opt=operation(Access.ACCOUNT, permission="identity:role:read", errors=("not-found",)),
)
async def describe_role(
    role_id: FromPath[str], caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]
) -> Response[RoleBody]:
    """`serviceRoleURNs` names, service by service, the level that the role gives."""
    role = await service.describe_role(plane, caller, role_id)
    return Response(shape_role(plane, caller.account_id, role), headers={"ETag": etag(role.tag)})


ROUTES = [list_roles, describe_role]
