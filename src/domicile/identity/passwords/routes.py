"""The HTTP edge of rating passwords."""

from litestar import post
from litestar.params import JSONBody, SkipValidation

from domicile.identity.passwords import service
from domicile.identity.passwords.schemas import PasswordCheckBody, PasswordRatingBody
from domicile.identity.plane import IdentityPlane
from domicile.infra.secrets import SecretText
from domicile.web.bodies import given, or_unset
from domicile.web.operations import Access, operation


@post(
    "/api/password/check",
    status_code=200,
    summary="Rate a password while it is typed",
    tags=["Registration"],
    opt=operation(Access.ANYONE, errors=("too-busy",)),
)
async def check_password(
    data: JSONBody[PasswordCheckBody], identity: SkipValidation[IdentityPlane]
) -> PasswordRatingBody:
    """For a password alone or, with `mfaEnabled`, beside a second factor. Nothing of it is kept, logged or asked of anybody else."""
    email, name = given(data.email) or "", given(data.name) or ""
    rating = await service.rate_password(
        identity, SecretText(data.password), email=email, name=name, mfa_enabled=data.mfa_enabled
    )
    return PasswordRatingBody(
        score=rating.score,
        acceptable=rating.reason is None,
        why=or_unset(rating.reason),
        suggestions=list(rating.suggestions),
    )


ROUTES = [check_password]
