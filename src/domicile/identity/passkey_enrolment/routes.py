"""The HTTP edge of enrolling a passkey."""

from litestar import Response, post
from litestar.params import JSONBody, SkipValidation
from msgspec import UNSET

from domicile.identity.factors.schemas import shape_factor
from domicile.identity.passkey_enrolment import service
from domicile.identity.passkey_enrolment.schemas import (
    EnrolledPasskeyBody,
    NewPasskeyBody,
    PasskeyOptionsBody,
)
from domicile.identity.plane import IdentityPlane
from domicile.kernel.callers import Person
from domicile.kernel.clock import whole_seconds
from domicile.web.bodies import given
from domicile.web.operations import Access, operation


@post(
    "/api/me/factors/passkeys/options",
    summary="Ask what key to make for a passkey",
    tags=["Me"],
    opt=operation(Access.PERSON, errors=("passkeys-unavailable", "reauthentication-required")),
)
async def begin_my_passkey(
    person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> Response[PasskeyOptionsBody]:
    """For `navigator.credentials.create`, on a page of this platform. The answer is taken from the same session, once, within five minutes."""
    asked = await service.begin_passkey(identity, person)
    body = PasskeyOptionsBody(
        challenge=asked.challenge_id, expires=whole_seconds(asked.expires_at), passkey=asked.options
    )
    return Response(body, status_code=201, headers={"Cache-Control": "no-store"})


@post(
    "/api/me/factors/passkeys",
    summary="Add a passkey",
    tags=["Me"],
    opt=operation(
        Access.PERSON,
        errors=(
            "passkey-known",
            "passkey-refused",
            "passkeys-unavailable",
            "reauthentication-required",
            "too-many-factors",
        ),
    ),
)
async def add_my_passkey(
    data: JSONBody[NewPasskeyBody],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
) -> Response[EnrolledPasskeyBody]:
    """From then on every sign-in asks for a second factor, or for this passkey alone. The session has used it, and goes on with the token in the answer."""
    wanted = service.NewPasskey(data.challenge, data.credential, given(data.name), given(data.replaces))
    made = await service.enrol_passkey(identity, person, wanted)
    headers = {"Location": f"/api/me/factors/{made.factor.id}", "Cache-Control": "no-store"}
    return Response(_shape_enrolled(made), status_code=201, headers=headers)


def _shape_enrolled(made: service.Enrolled) -> EnrolledPasskeyBody:
    codes = made.codes
    return EnrolledPasskeyBody(
        factor=shape_factor(made.factor),
        token=made.lifted.token.reveal(),
        expires=whole_seconds(made.lifted.session.expires_at),
        other_sessions=made.other_sessions,
        recovery_codes=[code.reveal() for code in codes.codes] if codes else UNSET,
    )


ROUTES = [begin_my_passkey, add_my_passkey]
"""Enrolling a passkey on the wire."""
