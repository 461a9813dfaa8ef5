"""The token endpoint, at which a service gets an access token for one region (RFC 6749, section 4.4)."""

from typing import Any

from litestar import Request, Response, post
from litestar.params import SkipValidation

from domicile.region.service_identity.service import ServiceIdentities

TOKEN_PATH = "/oauth/token"  # noqa: S105  # an address, no secret


@post(TOKEN_PATH, status_code=200, include_in_schema=False)
async def issue_service_token(
    request: Request[Any, Any, Any], identities: SkipValidation[ServiceIdentities]
) -> Response[dict[str, Any]]:
    """Its form, and that of its errors, is the one of the RFC, and not of this API."""
    given = {name.title(): value for name, value in request.headers.items()}
    answer = identities.answer_token_request(await request.body(), given)
    return Response(dict(answer.body), status_code=answer.status, headers=dict(answer.headers))


ROUTES = [issue_service_token]
