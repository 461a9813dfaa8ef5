"""The HTTP edge of the users of an account."""

from typing import Annotated

from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation

from domicile.kernel.callers import Caller
from domicile.kernel.errors import not_found
from domicile.kernel.ids import UserId, find_user_id
from domicile.kernel.versions import Precondition
from domicile.region.memberships import service
from domicile.region.memberships.schemas import (
    UserBody,
    UserChangeBody,
    UsersBody,
    read_member_change,
    shape_member,
)
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.region.roles.domain import parse_role_id
from domicile.web.bodies import or_unset
from domicile.web.operations import Access, operation
from domicile.web.versions import etag


@get(
    "/api/users",
    summary="List the users of the account",
    tags=["Users"],
    opt=operation(Access.ACCOUNT, permission="identity:user:read"),
)
async def list_users(
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    regions: SkipValidation[Regions],
    *,
    role: Annotated[
        str | None, QueryParameter(name="roleID", description="Only users with this role.")
    ] = None,
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> UsersBody:
    """In the order in which they joined; `roleID` leaves only those with that role."""
    wanted = parse_role_id(role) if role is not None else None
    scope = f"users {caller.account_id} {wanted or ''}"
    request = regions.cursors.page_request(limit, cursor, scope=scope)
    page = await service.list_members(plane, caller, request, role=wanted)
    shown = [shape_member(plane, caller.account_id, member) for member in page.items]
    return UsersBody(users=shown, next=or_unset(regions.cursors.next_of(page, scope=scope)))


@get(
    "/api/users/{user_id:str}",
    summary="Describe a user of the account",
    tags=["Users"],
    opt=operation(Access.ACCOUNT, permission="identity:user:read", errors=("not-found",)),
)
async def describe_user(
    user_id: FromPath[str], caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]
) -> Response[UserBody]:
    """Name, address and settings are the person's own; role and state are theirs in this account."""
    member = await service.get_member(plane, caller, _user_id(user_id))
    return Response(shape_member(plane, caller.account_id, member), headers={"ETag": etag(member.tag)})


@post(
    "/api/users/{user_id:str}",
    status_code=200,
    summary="Change a user's role or state in the account",
    tags=["Users"],
    opt=operation(
        Access.ACCOUNT,
        permission="identity:user:update",
        errors=(
            "not-found",
            "above-your-role",
            "last-full-access-user",
            "reauthentication-required",
            "stale-version",
        ),
    ),
)
async def modify_user(
    user_id: FromPath[str],
    data: JSONBody[UserChangeBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> Response[UserBody]:
    """Works at once, on every token that the user holds for this account; other accounts are untouched."""
    target = _user_id(user_id)
    member = await service.change_member(plane, caller, target, read_member_change(data), expected)
    return Response(shape_member(plane, caller.account_id, member), headers={"ETag": etag(member.tag)})


@delete(
    "/api/users/{user_id:str}",
    status_code=204,
    summary="Remove a user from the account",
    tags=["Users"],
    opt=operation(
        Access.ACCOUNT,
        permission="identity:user:delete",
        errors=("not-found", "last-full-access-user", "reauthentication-required", "stale-version"),
    ),
)
async def remove_user(
    user_id: FromPath[str],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> None:
    """Ends the membership, never the person: they keep their sign-in and their other accounts."""
    await service.remove_member(plane, caller, _user_id(user_id), expected)


def _user_id(text: str) -> UserId:
    if (user := find_user_id(text)) is None:
        raise not_found("user")
    return user


ROUTES = [list_users, describe_user, modify_user, remove_user]
