"""The HTTP edge of entering an account, and of the keys by which its tokens are verified."""

from litestar import Response, get, post
from litestar.params import FromPath, SkipValidation

from domicile.kernel.callers import Person
from domicile.kernel.errors import not_found
from domicile.kernel.ids import RegionId
from domicile.kernel.signing_keys import KEYS_KEPT_SECONDS
from domicile.region.entering.door import Door
from domicile.region.entering.doors import Doors
from domicile.region.entering.schemas import AccountTokenBody, shape_account_token
from domicile.web.operations import Access, operation


@post(
    "/api/accounts/{account_id:str}/token",
    summary="Enter an account",
    tags=["Accounts"],
    opt=operation(Access.PERSON, errors=("not-found", "account-suspended", "mfa-required", "wrong-region")),
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
    """A JSON Web Key Set (RFC 7517) for whoever verifies the region's account tokens offline: fetch it again after five minutes, and for a key that is not in it.

    In it are the key that signs, the one that will next, and those of which a token may still be alive.
    """
    door = _door_of(region, doors)
    return _answer(door.keys.jwks(now=door.plane.clock()))


@get(
    "/.well-known/domicile/{region:str}/statement-keys.json",
    summary="Every public key that a region has signed with",
    tags=["Discovery"],
    opt=operation(Access.ANYONE, errors=("not-found",)),
)
async def list_statement_keys(
    region: FromPath[str], doors: SkipValidation[Doors]
) -> Response[dict[str, object]]:
    """A JSON Web Key Set (RFC 7517) for whoever verifies a deletion receipt or a checkpoint that was kept: each key with its life, for ever. Believe no token by it."""
    return _answer(_door_of(region, doors).plane.signer.jwks())


def _door_of(region: str, doors: Doors) -> Door:
    if (door := doors.by_region.get(RegionId(region))) is None:
        raise not_found("region")
    return door


def _answer(keys: dict[str, object]) -> Response[dict[str, object]]:
    return Response(keys, headers={"Cache-Control": f"public, max-age={KEYS_KEPT_SECONDS}"})


ROUTES = [enter_account, list_signing_keys, list_statement_keys]
