"""The HTTP edge of a person's recovery codes."""

from litestar import Response, get, post
from litestar.params import SkipValidation

from domicile.identity.plane import IdentityPlane
from domicile.identity.recovery_codes import service
from domicile.identity.recovery_codes.schemas import (
    NewRecoveryCodesBody,
    RecoveryCodesBody,
    shape_codes,
)
from domicile.kernel.callers import Person
from domicile.kernel.clock import whole_seconds
from domicile.web.operations import Access, operation

_PATH = "/api/me/recovery-codes"


@get(_PATH, summary="Describe my recovery codes", tags=["Me"], opt=operation(Access.PERSON))
async def describe_my_codes(
    person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> RecoveryCodesBody:
    """How many are left, and since when there are any; never the codes."""
    return shape_codes(await service.describe_recovery_codes(identity, person))


@post(
    _PATH,
    summary="Make new recovery codes",
    tags=["Me"],
    opt=operation(Access.PERSON, errors=("reauthentication-required", "no-second-factor")),
)
async def renew_my_codes(
    person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> Response[NewRecoveryCodesBody]:
    """Shown this once; the former ones are worth nothing from then on, and a mail says so."""
    made = await service.renew_recovery_codes(identity, person)
    headers = {"Location": _PATH, "Cache-Control": "no-store"}
    return Response(_shape(made), status_code=201, headers=headers)


def _shape(made: service.NewCodes) -> NewRecoveryCodesBody:
    return NewRecoveryCodesBody(
        codes=[code.reveal() for code in made.codes],
        left=len(made.codes),
        created=whole_seconds(made.created_at),
    )


ROUTES = [describe_my_codes, renew_my_codes]
