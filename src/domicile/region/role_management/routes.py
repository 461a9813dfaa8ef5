"""The HTTP edge of an account's own roles."""

from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody, SkipValidation

from domicile.infra.idempotency import RequestKey
from domicile.kernel.callers import Caller
from domicile.kernel.errors import not_found
from domicile.kernel.ids import RoleId, find_role_id
from domicile.kernel.versions import Precondition
from domicile.region.plane import RegionPlane
from domicile.region.role_management import service
from domicile.region.role_management.schemas import (
    NewRoleBody,
    RoleChangeBody,
    RoleMatrixBody,
    read_role_wish,
    shape_matrix,
)
from domicile.region.roles.schemas import RoleBody, shape_role
from domicile.web.operations import Access, operation
from domicile.web.versions import etag


@post(
    "/api/roles",
    summary="Make a role",
    tags=["Roles"],
    opt=operation(
        Access.ACCOUNT,
        permission="identity:role:create",
        errors=("above-your-role", "role-exists", "too-many-roles"),
        is_creation=True,
    ),
)
async def create_role(
    data: JSONBody[NewRoleBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    request_key: SkipValidation[RequestKey | None],
) -> Response[RoleBody]:
    """A bundle of service roles, at most one level of each service; nobody makes one that grants more than they hold."""
    made = await service.create_role(plane, caller, data.id, read_role_wish(data), request=request_key)
    headers = {"Location": f"/api/roles/{made.role.id}", "ETag": etag(made.tag)}
    return Response(shape_role(plane, caller.account_id, made), status_code=201, headers=headers)


@post(
    "/api/roles/{role_id:str}",
    status_code=200,
    summary="Change a role",
    tags=["Roles"],
    opt=operation(
        Access.ACCOUNT,
        permission="identity:role:update",
        errors=(
            "not-found",
            "above-your-role",
            "reauthentication-required",
            "role-predefined",
            "stale-version",
        ),
    ),
)
async def modify_role(
    role_id: FromPath[str],
    data: JSONBody[RoleChangeBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> Response[RoleBody]:
    """Holds from the next request on, for every user, key and token that has the role."""
    wish = read_role_wish(data)
    changed = await service.change_role(plane, caller, _role_id(role_id), wish, expected)
    return Response(shape_role(plane, caller.account_id, changed), headers={"ETag": etag(changed.tag)})


@delete(
    "/api/roles/{role_id:str}",
    status_code=204,
    summary="Delete a role",
    tags=["Roles"],
    opt=operation(
        Access.ACCOUNT,
        permission="identity:role:delete",
        errors=("not-found", "above-your-role", "role-in-use", "role-predefined", "stale-version"),
    ),
)
async def delete_role(
    role_id: FromPath[str],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> None:
    """Only while nobody holds it and no invitation offers it; `usedBy` names who does."""
    await service.delete_role(plane, caller, _role_id(role_id), expected)


@get(
    "/api/role-matrix",
    summary="What each role grants",
    tags=["Roles"],
    opt=operation(Access.ACCOUNT, permission="identity:role:read"),
)
async def show_matrix(caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]) -> RoleMatrixBody:
    """Every service with its levels and the permissions behind them, and every role with what follows from its bundle."""
    return shape_matrix(plane.catalogue, await service.list_matrix(plane, caller))


def _role_id(text: str) -> RoleId:
    if (role := find_role_id(text)) is None:
        raise not_found("role")
    return role


ROUTES = [create_role, modify_role, delete_role, show_matrix]
