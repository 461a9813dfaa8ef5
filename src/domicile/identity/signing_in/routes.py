"""The HTTP edge of signing in: at once, or step by step."""

from typing import Any

from litestar import Response, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, SkipValidation

from domicile.identity.plane import IdentityPlane
from domicile.identity.signing_in import service
from domicile.identity.signing_in.beginning import SignedIn
from domicile.identity.signing_in.schemas import (
    BeginBody,
    CodeStepBody,
    PasskeyStepBody,
    PasswordStepBody,
    SignedInBody,
    SignInBody,
    UnderWayBody,
    shape_signed_in,
    shape_under_way,
)
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Origin
from domicile.kernel.methods import Way
from domicile.web.bodies import given
from domicile.web.operations import Access, operation

_NO_STORE = {"Cache-Control": "no-store"}
_STEP = ("sign-in-failed", "sign-in-over", "too-many-attempts")


@post(
    "/api/sessions",
    summary="Sign in at once",
    tags=["Sessions"],
    opt=operation(
        Access.ANYONE, errors=("sign-in-failed", "second-factor-required", "too-many-attempts", "too-busy")
    ),
)
async def sign_in(
    data: JSONBody[SignInBody], identity: SkipValidation[IdentityPlane], origin: SkipValidation[Origin]
) -> Response[SignedInBody]:
    """Every refusal is one answer: it does not tell whether the address is known. Who knows their password, and has a second factor, is told that it is missing, with what to go on with."""
    typed = given(data.code)
    code = SecretText(typed) if typed is not None else None
    made = await service.sign_in(identity, data.email, SecretText(data.password), origin, code=code)
    return _signed_in(made)


@post(
    "/api/sign-in",
    status_code=201,
    summary="Begin to sign in",
    tags=["Sessions"],
    opt=operation(Access.ANYONE, errors=("passkeys-unavailable",)),
)
async def begin(data: JSONBody[BeginBody], identity: SkipValidation[IdentityPlane]) -> Response[UnderWayBody]:
    """The answer is the same for every address: nobody looks whose it is. Ten minutes are left for all steps together."""
    begun = await service.begin_sign_in(identity, given(data.email))
    return Response(shape_under_way(begun), status_code=201, headers=_NO_STORE)


@post(
    "/api/sign-in/password",
    status_code=201,
    responses={200: ResponseSpec(UnderWayBody, generate_examples=False, description="What to show next")},
    summary="Sign in: the password",
    tags=["Sessions"],
    opt=operation(Access.ANYONE, errors=(*_STEP, "too-busy")),
)
async def show_password(
    data: JSONBody[PasswordStepBody], identity: SkipValidation[IdentityPlane], origin: SkipValidation[Origin]
) -> Response[SignedInBody]:
    """A session, 201; or 200 with a new token and the ways of the next step, for who has a second factor. Each token takes one step."""
    shown = await service.show_password(identity, SecretText(data.sign_in), SecretText(data.password), origin)
    if isinstance(shown, SignedIn):
        return _signed_in(shown)
    going_on: Response[Any] = Response(
        shape_under_way(shown), status_code=200, headers=_NO_STORE
    )  # Any: `responses` says which
    return going_on


@post(
    "/api/sign-in/code",
    status_code=201,
    summary="Sign in: a code of an app",
    tags=["Sessions"],
    opt=operation(Access.ANYONE, errors=_STEP),
)
async def show_code(
    data: JSONBody[CodeStepBody], identity: SkipValidation[IdentityPlane], origin: SkipValidation[Origin]
) -> Response[SignedInBody]:
    """The second step, by an authenticator app. A code works once."""
    token, code = SecretText(data.sign_in), SecretText(data.code)
    return _signed_in(await service.show_code(identity, token, Way.TOTP, code, origin))


@post(
    "/api/sign-in/recovery-code",
    status_code=201,
    summary="Sign in: a recovery code",
    tags=["Sessions"],
    opt=operation(Access.ANYONE, errors=_STEP),
)
async def show_recovery_code(
    data: JSONBody[CodeStepBody], identity: SkipValidation[IdentityPlane], origin: SkipValidation[Origin]
) -> Response[SignedInBody]:
    """The second step, for who does not have their other factors with them. A code works once, and its use is mailed to the person."""
    token, code = SecretText(data.sign_in), SecretText(data.code)
    return _signed_in(await service.show_code(identity, token, Way.RECOVERY_CODE, code, origin))


@post(
    "/api/sign-in/passkey",
    status_code=201,
    summary="Sign in: a passkey",
    tags=["Sessions"],
    opt=operation(Access.ANYONE, errors=_STEP),
)
async def show_passkey(
    data: JSONBody[PasskeyStepBody], identity: SkipValidation[IdentityPlane], origin: SkipValidation[Origin]
) -> Response[SignedInBody]:
    """Alone, for a passkey that verified its user and says who it is; or the second step, after the password."""
    made = await service.show_passkey(identity, SecretText(data.sign_in), data.credential, origin)
    return _signed_in(made)


def _signed_in(made: SignedIn) -> Response[SignedInBody]:
    headers = {"Location": "/api/sessions/current", **_NO_STORE}
    return Response(shape_signed_in(made), status_code=201, headers=headers)


ROUTES = [sign_in, begin, show_password, show_code, show_recovery_code, show_passkey]
