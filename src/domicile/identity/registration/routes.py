"""The HTTP edge of registration."""

from litestar import post
from litestar.params import JSONBody, SkipValidation

from domicile.identity.plane import IdentityPlane
from domicile.identity.registration import service
from domicile.identity.registration.schemas import (
    SignUpAcceptedBody,
    SignUpBody,
    VerificationBody,
    VerifiedBody,
)
from domicile.identity.users.schemas import shape_profile
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Origin
from domicile.web.bodies import given
from domicile.web.operations import Access, operation


@post(
    "/api/signup",
    status_code=202,
    summary="Sign up",
    tags=["Registration"],
    opt=operation(Access.ANYONE, errors=("too-busy",)),
)
async def sign_up(data: JSONBody[SignUpBody], identity: SkipValidation[IdentityPlane]) -> SignUpAcceptedBody:
    """A mail to the address says how to go on. The answer does not tell whether the address is known."""
    wanted = service.WantedSignUp(
        data.email, data.name, SecretText(data.password), given(data.locale), given(data.timezone)
    )
    await service.sign_up(identity, wanted)
    return SignUpAcceptedBody()


@post(
    "/api/signup/verify",
    status_code=200,
    summary="Prove an address with the link in the mail",
    tags=["Registration"],
    opt=operation(Access.ANYONE, errors=("link-invalid", "too-many-attempts")),
)
async def verify_sign_up(
    data: JSONBody[VerificationBody], identity: SkipValidation[IdentityPlane], origin: SkipValidation[Origin]
) -> VerifiedBody:
    """Makes the user. A link works once; sign in afterwards with the password that was chosen at sign-up."""
    return VerifiedBody(user=shape_profile(await service.verify_sign_up(identity, data.token, origin)))


ROUTES = [sign_up, verify_sign_up]
