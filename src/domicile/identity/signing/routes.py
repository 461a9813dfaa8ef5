"""The HTTP edge of identity's public keys."""

from litestar import Response, get
from litestar.params import SkipValidation

from domicile.identity.plane import IdentityPlane
from domicile.kernel.signing_keys import KEYS_KEPT_SECONDS
from domicile.web.operations import Access, operation


@get(
    "/.well-known/domicile/identity/jwks.json",
    summary="The public keys with which identity signs",
    tags=["Discovery"],
    opt=operation(Access.ANYONE),
)
async def list_identity_keys(identity: SkipValidation[IdentityPlane]) -> Response[dict[str, object]]:
    """A JSON Web Key Set (RFC 7517): the key that signs, the one that will next, and those that have until just now."""
    keys = identity.signer.token_jwks(identity.clock())
    return Response(keys, headers={"Cache-Control": f"public, max-age={KEYS_KEPT_SECONDS}"})


@get(
    "/.well-known/domicile/identity/statement-keys.json",
    summary="Every public key that identity has signed with",
    tags=["Discovery"],
    opt=operation(Access.ANYONE),
)
async def list_identity_statement_keys(
    identity: SkipValidation[IdentityPlane],
) -> Response[dict[str, object]]:
    """A JSON Web Key Set (RFC 7517) for whoever verifies a statement that was kept: each key with its life, for ever."""
    keys = identity.signer.jwks()
    return Response(keys, headers={"Cache-Control": f"public, max-age={KEYS_KEPT_SECONDS}"})


ROUTES = [list_identity_keys, list_identity_statement_keys]
