"""The HTTP edge of entering an account, and of the keys by which its tokens are verified."""

from litestar import Response, get, post
from litestar.params import FromPath, SkipValidation

from domicile.kernel.callers import Person
from domicile.kernel.errors import not_found
from domicile.kernel.ids import RegionId
from domicile.region.entering.doors import Doors
from domicile.region.entering.schemas import AccountTokenBody, shape_account_token
from domicile.web.operations import Access, operation


@post(
    "/api/accounts/{account_id:str}/token",
    summary="Enter an account",
    tags=["Accounts"],
    opt=operation(Access.PERSON, errors=("not-found", "account-suspended", "wrong-region")),
)
async def enter_account(
    account_id: FromPath[str], person: SkipValidation[Person], doors: SkipValidation[Doors]
) -> Response[AccountTokenBody]:
    """A person's session becomes an access token for this account, signed by the account's region, good for ten minutes."""
    door, account = await doors.door_for(person, account_id)
    made = await door.enter(person, account)
    body = shape_account_token(door.plane, made)
    return Response(body, status_code=201, headers={"Cache-Control": "no-store"})


@get(
    "/.well-known/domicile/{region:str}/jwks.json",
    summary="The public keys of a region's tokens",
    tags=["Discovery"],
    opt=operation(Access.ANYONE, errors=("not-found",)),
)
async def list_signing_keys(
    region: FromPath[str], doors: SkipValidation[Doors]
) -> Response[dict[str, object]]:
    """A JSON Web Key Set (RFC 7517) for whoever verifies the region's account tokens offline."""
    if (door := doors.by_region.get(RegionId(region))) is None:
        raise not_found("region")
    return Response(door.keys.jwks(), headers={"Cache-Control": "public, max-age=300"})


ROUTES = [enter_account, list_signing_keys]
