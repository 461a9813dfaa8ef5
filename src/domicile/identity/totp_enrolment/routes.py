"""The HTTP edge of enrolling an authenticator app."""

from litestar import Response, post
from litestar.params import FromPath, JSONBody, SkipValidation
from msgspec import UNSET

from domicile.identity.factors.domain import is_factor_id
from domicile.identity.factors.schemas import shape_factor
from domicile.identity.plane import IdentityPlane
from domicile.identity.totp_enrolment import service
from domicile.identity.totp_enrolment.schemas import (
    ConfirmedTotpBody,
    NewTotpBody,
    TotpCodeBody,
    TotpEnrolmentBody,
)
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Person
from domicile.kernel.clock import whole_seconds
from domicile.kernel.errors import not_found
from domicile.web.bodies import given
from domicile.web.operations import Access, operation


@post(
    "/api/me/factors/totp",
    summary="Begin to add an authenticator app",
    tags=["Me"],
    opt=operation(Access.PERSON, errors=("reauthentication-required", "too-many-factors")),
)
async def enrol_my_app(
    data: JSONBody[TotpEnrolmentBody],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
) -> Response[NewTotpBody]:
    """The secret is shown this once, and counts after its first code, within an hour. Whoever begins again makes the one before worthless."""
    made = await service.enrol_totp(identity, person, data.name, replaces=given(data.replaces))
    headers = {"Location": f"/api/me/factors/{made.factor.id}", "Cache-Control": "no-store"}
    return Response(_shape_enrolment(made), status_code=201, headers=headers)


@post(
    "/api/me/factors/totp/{enrolment_id:str}/confirm",
    status_code=200,
    summary="Confirm an authenticator app",
    tags=["Me"],
    opt=operation(Access.PERSON, errors=("not-found", "reauthentication-required", "factor-wrong")),
)
async def confirm_my_app(
    enrolment_id: FromPath[str],
    data: JSONBody[TotpCodeBody],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
) -> Response[ConfirmedTotpBody]:
    """From then on every sign-in asks for a second factor. The session has used one, and goes on with the token in the answer."""
    if not is_factor_id(enrolment_id):
        raise not_found("enrolment")
    confirmed = await service.confirm_totp(identity, person, enrolment_id, SecretText(data.code))
    return Response(_shape_confirmed(confirmed), headers={"Cache-Control": "no-store"})


def _shape_enrolment(enrolment: service.Enrolment) -> NewTotpBody:
    return NewTotpBody(
        id=enrolment.factor.id,
        name=enrolment.factor.name,
        secret=enrolment.secret.reveal(),
        uri=enrolment.uri.reveal(),
        qr=enrolment.qr.reveal(),
        confirm_until=whole_seconds(enrolment.confirm_until),
    )


def _shape_confirmed(confirmed: service.Confirmed) -> ConfirmedTotpBody:
    codes = confirmed.codes
    return ConfirmedTotpBody(
        factor=shape_factor(confirmed.factor),
        token=confirmed.lifted.token.reveal(),
        expires=whole_seconds(confirmed.lifted.session.expires_at),
        other_sessions=confirmed.other_sessions,
        recovery_codes=[code.reveal() for code in codes.codes] if codes else UNSET,
    )


ROUTES = [enrol_my_app, confirm_my_app]
