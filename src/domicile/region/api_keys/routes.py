"""The HTTP edge of API keys."""

from typing import Annotated

from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation

from domicile.infra.idempotency import RequestKey
from domicile.kernel.callers import Caller
from domicile.kernel.errors import not_found
from domicile.kernel.ids import ApiKeyId, find_api_key_id
from domicile.kernel.versions import Precondition
from domicile.region.api_keys import service
from domicile.region.api_keys.domain import ApiKey, parse_api_key_change, parse_new_api_key, parse_overlap
from domicile.region.api_keys.schemas import (
    ApiKeyBody,
    ApiKeyChangeBody,
    ApiKeysBody,
    CreatedApiKeyBody,
    NewApiKeyBody,
    RotatedApiKeyBody,
    RotationBody,
    read_wish,
    shape_api_key,
    shape_created,
    shape_rotated,
)
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.region.roles.domain import parse_role_id
from domicile.web.bodies import given, or_unset
from domicile.web.operations import Access, operation
from domicile.web.versions import etag

_NOTHING_SAID = RotationBody()


def _read_id(text: str) -> ApiKeyId:
    if (key := find_api_key_id(text)) is None:
        raise not_found("API key")
    return key


@get(
    "/api/apikeys",
    summary="List the account's API keys",
    tags=["API keys"],
    opt=operation(Access.ACCOUNT, permission="identity:apikey:read"),
)
async def list_api_keys(
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    regions: SkipValidation[Regions],
    *,
    role: Annotated[
        str | None, QueryParameter(name="roleID", description="Only keys with this role.")
    ] = None,
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> ApiKeysBody:
    """Oldest first, without secrets."""
    wanted = None if role is None else parse_role_id(role)
    scope = f"apikeys {caller.account_id} {wanted or ''}"
    page = await service.list_api_keys(
        plane, caller, regions.cursors.page_request(limit, cursor, scope=scope), role=wanted
    )
    shown = [shape_api_key(plane, caller.account_id, key) for key in page.items]
    return ApiKeysBody(apikeys=shown, next=or_unset(regions.cursors.next_of(page, scope=scope)))


@post(
    "/api/apikeys",
    summary="Create an API key",
    tags=["API keys"],
    opt=operation(
        Access.ACCOUNT,
        permission="identity:apikey:create",
        errors=("above-your-role", "reauthentication-required"),
        is_creation=True,
    ),
)
async def create_api_key(
    data: JSONBody[NewApiKeyBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    request_key: SkipValidation[RequestKey | None],
) -> Response[CreatedApiKeyBody]:
    """The answer holds the secret, the only time that it is shown. A key never has more rights than its maker."""
    new = parse_new_api_key(read_wish(data), now=plane.clock())
    created = await service.create_api_key(plane, caller, new, request_key)
    headers = {"Location": f"/api/apikeys/{created.key.id}", **_headers(created.key)}
    return Response(shape_created(plane, caller.account_id, created), status_code=201, headers=headers)


@get(
    "/api/apikeys/current",
    summary="Describe the API key that calls",
    tags=["API keys"],
    opt=operation(Access.ACCOUNT, errors=("not-found",)),
)
async def describe_current_api_key(
    caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]
) -> Response[ApiKeyBody]:
    """A key describes itself without knowing its id; its `urn` tells region and account. For a person there is none."""
    return _answer(plane, caller, await service.get_current_api_key(plane, caller))


@get(
    "/api/apikeys/{key_id:str}",
    summary="Describe an API key",
    tags=["API keys"],
    opt=operation(Access.ACCOUNT, permission="identity:apikey:read", errors=("not-found",)),
)
async def describe_api_key(
    key_id: FromPath[str], caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]
) -> Response[ApiKeyBody]:
    """A key may always describe itself, whatever its role: its `urn` tells region and account."""
    return _answer(plane, caller, await service.get_api_key(plane, caller, _read_id(key_id)))


@post(
    "/api/apikeys/{key_id:str}",
    status_code=200,
    summary="Modify an API key, or lock it out",
    tags=["API keys"],
    opt=operation(
        Access.ACCOUNT,
        permission="identity:apikey:update",
        errors=("not-found", "above-your-role", "reauthentication-required", "stale-version"),
    ),
)
async def modify_api_key(
    key_id: FromPath[str],
    data: JSONBody[ApiKeyChangeBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> Response[ApiKeyBody]:
    """With `"enabled": false` the key is refused from its next request on, until it is enabled again."""
    change = parse_api_key_change(read_wish(data), now=plane.clock())
    return _answer(
        plane, caller, await service.change_api_key(plane, caller, _read_id(key_id), change, expected)
    )


@post(
    "/api/apikeys/{key_id:str}/rotate",
    status_code=200,
    summary="Give an API key a new secret",
    tags=["API keys"],
    opt=operation(
        Access.ACCOUNT,
        permission="identity:apikey:update",
        errors=("not-found", "above-your-role", "reauthentication-required", "stale-version"),
        is_creation=True,
    ),
)
async def rotate_api_key(
    key_id: FromPath[str],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    *,
    expected: SkipValidation[Precondition],
    request_key: SkipValidation[RequestKey | None],
    data: JSONBody[RotationBody] = _NOTHING_SAID,
) -> Response[RotatedApiKeyBody]:
    """The answer holds the new secret, the only time that it is shown; the present one goes on for the overlap."""
    overlap = parse_overlap(given(data.overlap_seconds))
    rotated = await service.rotate_api_key(
        plane, caller, _read_id(key_id), overlap, expected, request=request_key
    )
    body = shape_rotated(plane, caller.account_id, rotated)
    return Response(body, headers=_headers(rotated.key))


@delete(
    "/api/apikeys/{key_id:str}",
    summary="Delete an API key",
    tags=["API keys"],
    opt=operation(Access.ACCOUNT, permission="identity:apikey:delete", errors=("not-found", "stale-version")),
)
async def delete_api_key(
    key_id: FromPath[str],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> None:
    """The key is refused from its next request on, for good."""
    await service.delete_api_key(plane, caller, _read_id(key_id), expected)


def _answer(plane: RegionPlane, caller: Caller, key: ApiKey) -> Response[ApiKeyBody]:
    return Response(shape_api_key(plane, caller.account_id, key), headers=_headers(key))


def _headers(key: ApiKey) -> dict[str, str]:
    return {"ETag": etag(key.version)}


ROUTES = [
    list_api_keys,
    create_api_key,
    describe_current_api_key,
    describe_api_key,
    modify_api_key,
    rotate_api_key,
    delete_api_key,
]
