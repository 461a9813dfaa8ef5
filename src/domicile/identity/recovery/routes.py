"""The HTTP edge of changed and forgotten passwords."""

from litestar import post
from litestar.params import JSONBody, SkipValidation

from domicile.identity.plane import IdentityPlane
from domicile.identity.recovery import service
from domicile.identity.recovery.schemas import (
    ForgotPasswordAcceptedBody,
    ForgotPasswordBody,
    PasswordChangeBody,
    PasswordResetBody,
)
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Origin, Person
from domicile.web.operations import Access, operation


@post(
    "/api/me/password",
    status_code=204,
    summary="Change my password",
    tags=["Me"],
    opt=operation(
        Access.PERSON, errors=("password-wrong", "reauthentication-required", "too-many-attempts", "too-busy")
    ),
)
async def change_my_password(
    data: JSONBody[PasswordChangeBody],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
) -> None:
    """Ends the person's other sessions and every account token; this session goes on."""
    current, new = SecretText(data.current_password), SecretText(data.new_password)
    await service.change_password(identity, person, current, new)


@post(
    "/api/password/forgot",
    status_code=202,
    summary="Ask for a new password",
    tags=["Registration"],
    opt=operation(Access.ANYONE),
)
async def forgot_password(
    data: JSONBody[ForgotPasswordBody],
    identity: SkipValidation[IdentityPlane],
    origin: SkipValidation[Origin],
) -> ForgotPasswordAcceptedBody:
    """A mail to the address holds a link. The answer does not tell whether the address is known."""
    await service.forgot_password(identity, data.email, origin)
    return ForgotPasswordAcceptedBody()


@post(
    "/api/password/reset",
    status_code=204,
    summary="Set a new password with the link in the mail",
    tags=["Registration"],
    opt=operation(Access.ANYONE, errors=("link-invalid", "too-many-attempts", "too-busy")),
)
async def reset_password(
    data: JSONBody[PasswordResetBody], identity: SkipValidation[IdentityPlane], origin: SkipValidation[Origin]
) -> None:
    """Ends every session and account token of the person. A link works once."""
    await service.reset_password(identity, data.token, SecretText(data.password), origin)


ROUTES = [change_my_password, forgot_password, reset_password]
