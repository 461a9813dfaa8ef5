"""The HTTP edge of an account's contacts."""

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, SkipValidation

from domicile.kernel.callers import Caller
from domicile.kernel.versions import Precondition
from domicile.region.contacts import service
from domicile.region.contacts.schemas import (
    ContactsBody,
    ContactsChangeBody,
    read_contacts_change,
    shape_contacts,
)
from domicile.region.plane import RegionPlane
from domicile.web.operations import Access, operation
from domicile.web.versions import etag


@get(
    "/api/accounts/{account_id:str}/contacts",
    summary="Describe an account's contacts",
    tags=["Accounts"],
    opt=operation(Access.MEMBER, permission="identity:account:read"),
)
async def describe_contacts(
    account_id: FromPath[str], caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]
) -> Response[ContactsBody]:
    """Whom to write to: about billing, about operations, about everything else. Each list begins with the creator's address."""
    found = await service.describe_contacts(plane, caller)
    return Response(shape_contacts(found), headers={"ETag": etag(found.version)})


@post(
    "/api/accounts/{account_id:str}/contacts",
    status_code=200,
    summary="Replace an account's contacts",
    tags=["Accounts"],
    opt=operation(Access.MEMBER, permission="identity:account:update", errors=("stale-version",)),
)
async def change_contacts(
    account_id: FromPath[str],
    data: JSONBody[ContactsChangeBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> Response[ContactsBody]:
    """Each list that is given takes the place of the present one. Addresses need not be those of users, and are not verified."""
    changed = await service.change_contacts(plane, caller, read_contacts_change(data), expected)
    return Response(shape_contacts(changed), headers={"ETag": etag(changed.version)})


ROUTES = [describe_contacts, change_contacts]
