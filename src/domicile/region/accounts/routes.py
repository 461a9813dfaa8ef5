"""The HTTP edge of accounts."""

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from domicile.infra.idempotency import RequestKey
from domicile.kernel.callers import Caller, Person
from domicile.kernel.ids import RegionId
from domicile.kernel.versions import Precondition
from domicile.region.accounts import service
from domicile.region.accounts.domain import parse_account_change, parse_new_account
from domicile.region.accounts.schemas import (
    AccountBody,
    AccountChangeBody,
    AccountsBody,
    NewAccountBody,
    shape_account,
    shape_my_account,
)
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.web.bodies import given, or_unset
from domicile.web.operations import Access, operation
from domicile.web.versions import etag


@get(
    "/api/accounts",
    summary="List my accounts, in all regions",
    tags=["Accounts"],
    opt=operation(Access.PERSON),
)
async def list_accounts(
    person: SkipValidation[Person],
    regions: SkipValidation[Regions],
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> AccountsBody:
    """The accounts of which the signed-in person is a user, oldest first, each with role and state; suspended ones too."""
    scope = f"accounts {person.user_id}"
    request = regions.cursors.page_request(limit, cursor, scope=scope)
    page = await service.list_my_accounts(regions.directory, person.user_id, request)
    now = regions.clock()
    shown = [
        shape_my_account(
            entry, namespace=regions.namespace, base_url=regions.get(entry.region_id).base_url, now=now
        )
        for entry in page.items
    ]
    return AccountsBody(accounts=shown, next=or_unset(regions.cursors.next_of(page, scope=scope)))


@post(
    "/api/accounts",
    summary="Create an account in a region, for ever",
    tags=["Accounts"],
    opt=operation(Access.PERSON, errors=("wrong-region",), is_creation=True),
)
async def create_account(
    data: JSONBody[NewAccountBody],
    person: SkipValidation[Person],
    regions: SkipValidation[Regions],
    request_key: SkipValidation[RequestKey | None],
) -> Response[AccountBody]:
    """The creator gets full access. The region can never be changed afterwards; where its services act is another matter."""
    new = parse_new_account(
        data.alias, data.region, given(data.locale), given(data.timezone), open_regions=regions.open_ids()
    )
    plane = regions.plane(RegionId(new.region))
    account = await service.create_account(plane, person, new, request_key)
    headers = {"Location": f"/api/accounts/{account.id}", "ETag": etag(account.version)}
    return Response(shape_account(plane, account), status_code=201, headers=headers)


@get(
    "/api/accounts/{account_id:str}",
    summary="Describe an account",
    tags=["Accounts"],
    opt=operation(Access.MEMBER, permission="identity:account:read"),
)
async def describe_account(
    account_id: FromPath[str], caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]
) -> Response[AccountBody]:
    """Alias, region, state and settings of an account that the caller can enter."""
    account = await service.describe_account(plane, caller)
    return Response(shape_account(plane, account), headers={"ETag": etag(account.version)})


@post(
    "/api/accounts/{account_id:str}",
    status_code=200,
    summary="Modify an account",
    tags=["Accounts"],
    opt=operation(
        Access.MEMBER,
        permission="identity:account:update",
        errors=("stale-version", "reauthentication-required", "mfa-locks-everyone-out"),
    ),
)
async def modify_account(
    account_id: FromPath[str],
    data: JSONBody[AccountChangeBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> Response[AccountBody]:
    """Alias, locale and time zone can change, and whether everybody needs a second factor, from the next request on; the region never does."""
    change = parse_account_change(
        given(data.alias), given(data.locale), given(data.timezone), mfa_required=given(data.mfa_required)
    )
    account = await service.modify_account(plane, caller, change, expected)
    return Response(shape_account(plane, account), headers={"ETag": etag(account.version)})


ROUTES = [list_accounts, create_account, describe_account, modify_account]
