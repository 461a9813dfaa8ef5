"""The HTTP edge of the end of an account."""

from litestar import Response, delete, post
from litestar.di import Provide
from litestar.params import FromPath, SkipValidation

from domicile.kernel.callers import Caller, Person
from domicile.kernel.permissions import RESTORE
from domicile.kernel.versions import Precondition
from domicile.region.accounts.schemas import AccountBody, shape_account
from domicile.region.entering.doors import Doors
from domicile.region.lifecycle import service
from domicile.region.plane import RegionPlane
from domicile.web.operations import Access, operation
from domicile.web.versions import etag


async def provide_restorer(
    account_id: FromPath[str], anyone: SkipValidation[Person | Caller], doors: SkipValidation[Doors]
) -> Caller:
    """Recognise who comes to restore an account: a person by their session, though nobody can enter it."""
    if isinstance(anyone, Caller):
        doors.check_scope(anyone, account_id)
        return anyone
    door, account = await doors.door_for(anyone, account_id)
    return await door.from_person(anyone, account, to=RESTORE)


@delete(
    "/api/accounts/{account_id:str}",
    status_code=200,
    summary="Delete an account: suspend it, and purge it later",
    tags=["Accounts"],
    opt=operation(
        Access.MEMBER,
        permission="identity:account:delete",
        errors=("person-required", "reauthentication-required", "stale-version"),
    ),
)
async def delete_account(
    account_id: FromPath[str],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> Response[AccountBody]:
    """From the next request on nobody enters it and its keys stop; until `purgeAfter` it can be restored, then its data is deleted.

    For people alone: an API key deletes no account. Its users stay, with their other accounts. `receiptID` is for reading the deletion receipt afterwards: keep it.
    """
    account = await service.suspend_account(plane, caller, expected)
    return Response(shape_account(plane, account), headers={"ETag": etag(account.version)})


@post(
    "/api/accounts/{account_id:str}/restore",
    status_code=200,
    summary="Restore a suspended account",
    tags=["Accounts"],
    opt=operation(Access.MEMBER, permission=RESTORE, errors=("account-not-suspended", "restore-too-late")),
    dependencies={"caller": Provide(provide_restorer)},
)
async def restore_account(
    account_id: FromPath[str], caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]
) -> Response[AccountBody]:
    """For a user with full access, with their session: keys and account tokens of a suspended account do not work. All is as it was."""
    account = await service.restore_account(plane, caller)
    return Response(shape_account(plane, account), headers={"ETag": etag(account.version)})


ROUTES = [delete_account, restore_account]
