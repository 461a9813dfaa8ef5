"""The HTTP edge of deleting oneself."""

from litestar import Response, delete, get
from litestar.params import JSONBody, SkipValidation

from domicile.identity.departure import service
from domicile.identity.departure.domain import DepartureState
from domicile.identity.departure.schemas import DeletionBody, DepartureBody, shape_departure
from domicile.identity.plane import IdentityPlane
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Person
from domicile.web.operations import Access, operation


@delete(
    "/api/me",
    status_code=200,
    summary="Delete my user",
    tags=["Me"],
    opt=operation(
        Access.PERSON,
        errors=(
            "password-wrong",
            "reauthentication-required",
            "too-many-attempts",
            "too-busy",
            "last-full-access-user",
        ),
    ),
)
async def delete_me(
    data: JSONBody[DeletionBody], leaver: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> Response[DepartureBody]:
    """Ends every session and every place in an account, for good; 202 while a region has not answered. Refused, with the accounts, for the last user with full access of any."""
    status = await service.delete_myself(identity, leaver, SecretText(data.password))
    is_under_way = status.state is DepartureState.LEAVING
    headers = {"Location": "/api/me/deletion"} if is_under_way else {}
    return Response(shape_departure(status), status_code=202 if is_under_way else 200, headers=headers)


@get(
    "/api/me/deletion",
    summary="How far my deletion is",
    tags=["Me"],
    opt=operation(Access.PERSON),
)
async def describe_my_deletion(
    leaver: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> DepartureBody:
    """Which regions have not answered yet, or for which accounts it was refused. Once the user is gone the session is, too: 401."""
    return shape_departure(await service.find_departure(identity, leaver))


@delete(
    "/api/me/deletion",
    summary="Cancel my deletion",
    tags=["Me"],
    opt=operation(Access.PERSON, errors=("not-found",)),
)
async def cancel_my_deletion(leaver: SkipValidation[Person], identity: SkipValidation[IdentityPlane]) -> None:
    """While a region has not answered; everything is as before."""
    await service.cancel_departure(identity, leaver)


ROUTES = [delete_me, describe_my_deletion, cancel_my_deletion]
