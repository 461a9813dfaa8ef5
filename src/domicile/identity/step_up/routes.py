"""The HTTP edge of step-up."""

from litestar import Response, post
from litestar.params import JSONBody, SkipValidation

from domicile.identity.plane import IdentityPlane
from domicile.identity.sessions.service import LiftedSession
from domicile.identity.step_up import service
from domicile.identity.step_up.schemas import (
    SteppedUpBody,
    StepUpBody,
    StepUpOptionsBody,
    shape_options,
    shape_stepped_up,
)
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Person
from domicile.kernel.errors import invalid
from domicile.kernel.methods import Way
from domicile.web.bodies import given
from domicile.web.operations import Access, operation


@post(
    "/api/me/step-up/options",
    status_code=200,
    summary="How I can show again who I am",
    tags=["Me"],
    opt=operation(Access.PERSON),
)
async def begin_step_up(
    person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> StepUpOptionsBody:
    """The ways that step-up takes of the caller and, for who has a passkey, what to ask it for; that is good for five minutes, in this session."""
    return shape_options(await service.begin_step_up(identity, person))


@post(
    "/api/me/step-up",
    status_code=201,
    summary="Show again who I am",
    tags=["Me"],
    opt=operation(
        Access.PERSON,
        errors=("password-wrong", "factor-wrong", "second-factor-required", "too-many-attempts", "too-busy"),
    ),
)
async def step_up(
    data: JSONBody[StepUpBody], person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> Response[SteppedUpBody]:
    """For ten minutes the session may do then what is dangerous. It goes on under a new id and a new token, until its former end. Who has a second factor shows that, which also makes a session one in which it was used."""
    lifted = await _show(identity, person, data)
    headers = {"Location": "/api/sessions/current", "Cache-Control": "no-store"}
    return Response(shape_stepped_up(lifted), status_code=201, headers=headers)


async def _show(identity: IdentityPlane, person: Person, data: StepUpBody) -> LiftedSession:
    password, code, recovery = given(data.password), given(data.code), given(data.recovery_code)
    credential, challenge = given(data.credential), given(data.challenge)
    if [password, code, recovery, credential].count(None) != 3 or (credential is None) != (challenge is None):
        raise invalid({"body": "must hold one of password, code, recoveryCode, or credential with challenge"})
    if password is not None:
        return await service.show_password(identity, person, SecretText(password))
    if code is not None:
        return await service.show_code(identity, person, Way.TOTP, SecretText(code))
    if recovery is not None:
        return await service.show_code(identity, person, Way.RECOVERY_CODE, SecretText(recovery))
    assert credential is not None
    assert challenge is not None
    return await service.show_passkey(identity, person, challenge, credential)


ROUTES = [begin_step_up, step_up]
