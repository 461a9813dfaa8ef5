"""The HTTP edge of invitations, for those who invite."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation

from domicile.infra.idempotency import RequestKey
from domicile.kernel.callers import Caller
from domicile.kernel.errors import not_found
from domicile.kernel.ids import InvitationId, find_invitation_id
from domicile.kernel.versions import Precondition
from domicile.region.invitations import service
from domicile.region.invitations.bulk import invite_members
from domicile.region.invitations.domain import Handed, parse_state
from domicile.region.invitations.schemas import (
    BulkBody,
    BulkResultsBody,
    InvitationBody,
    InvitationChangeBody,
    InvitationsBody,
    NewInvitationBody,
    SendBody,
    read_bulk,
    read_delivery,
    read_new_invitation,
    read_offered_role,
    shape_invitation,
    shape_results,
)
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.web.bodies import or_unset
from domicile.web.operations import Access, operation
from domicile.web.versions import etag

_BY_MAIL: Final = SendBody()


@get(
    "/api/invitations",
    summary="List the invitations of the account",
    tags=["Invitations"],
    opt=operation(Access.ACCOUNT, permission="identity:invitation:read"),
)
async def list_invitations(
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    regions: SkipValidation[Regions],
    *,
    only: Annotated[
        str | None, QueryParameter(name="state", description="Only invitations in this state.")
    ] = None,
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> InvitationsBody:
    """In the order in which they were made; `state` leaves only those in that state."""
    wanted = parse_state(only) if only is not None else None
    scope = f"invitations {caller.account_id} {wanted or ''}"
    request = regions.cursors.page_request(limit, cursor, scope=scope)
    page = await service.list_invitations(plane, caller, request, state=wanted)
    shown = [shape_invitation(plane, caller.account_id, invitation) for invitation in page.items]
    return InvitationsBody(invitations=shown, next=or_unset(regions.cursors.next_of(page, scope=scope)))


@post(
    "/api/invitations",
    summary="Invite an address into the account",
    tags=["Invitations"],
    opt=operation(
        Access.ACCOUNT,
        permission="identity:invitation:create",
        errors=(
            "above-your-role",
            "already-member",
            "invitation-open",
            "reauthentication-required",
            "too-many-invitations",
        ),
        is_creation=True,
    ),
)
async def invite_user(
    data: JSONBody[NewInvitationBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    request_key: SkipValidation[RequestKey | None],
) -> Response[InvitationBody]:
    """A mail with a link follows, or with `delivery` `link` the answer holds the link, this once: a repeated request is answered without it.

    Whoever accepts must be signed in with that address, and becomes a user with that role.
    """
    made = await service.invite_member(plane, caller, read_new_invitation(data), request_key)
    location = {"Location": f"/api/invitations/{made.invitation.id}"}
    return _answer(plane, caller, made, status_code=201, headers=location)


@post(
    "/api/invitations/bulk",
    status_code=200,
    summary="Invite many addresses into the account",
    tags=["Invitations"],
    opt=operation(
        Access.ACCOUNT,
        permission="identity:invitation:create",
        errors=("reauthentication-required",),
        is_creation=True,
    ),
)
async def invite_users(
    data: JSONBody[BulkBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    request_key: SkipValidation[RequestKey | None],
) -> Response[BulkResultsBody]:
    """At most 1000. The good ones are made and the others told, each with the problem that it would have been alone.

    `results` is in the order of the request. Repeated under its key after a broken connection, the request goes on where it ended.
    """
    outcomes = await invite_members(plane, caller, read_bulk(data), request_key)
    return Response(shape_results(plane, caller.account_id, outcomes))


@get(
    "/api/invitations/{invitation_id:str}",
    summary="Describe an invitation",
    tags=["Invitations"],
    opt=operation(Access.ACCOUNT, permission="identity:invitation:read", errors=("not-found",)),
)
async def describe_invitation(
    invitation_id: FromPath[str], caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]
) -> Response[InvitationBody]:
    """To whom, as what, and where it stands; never its link."""
    invitation = await service.get_invitation(plane, caller, _invitation_id(invitation_id))
    return _answer(plane, caller, Handed(invitation))


@post(
    "/api/invitations/{invitation_id:str}",
    status_code=200,
    summary="Offer another role",
    tags=["Invitations"],
    opt=operation(
        Access.ACCOUNT,
        permission="identity:invitation:create",
        errors=(
            "not-found",
            "above-your-role",
            "invitation-closed",
            "reauthentication-required",
            "stale-version",
        ),
    ),
)
async def modify_invitation(
    invitation_id: FromPath[str],
    data: JSONBody[InvitationChangeBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> Response[InvitationBody]:
    """Before it is accepted; the link that was sent stays good."""
    target = _invitation_id(invitation_id)
    invitation = await service.change_offered_role(plane, caller, target, read_offered_role(data), expected)
    return _answer(plane, caller, Handed(invitation))


@post(
    "/api/invitations/{invitation_id:str}/send",
    status_code=200,
    summary="Send an invitation again",
    tags=["Invitations"],
    opt=operation(
        Access.ACCOUNT,
        permission="identity:invitation:create",
        errors=(
            "not-found",
            "above-your-role",
            "already-member",
            "invitation-closed",
            "invitation-sent-too-often",
            "reauthentication-required",
            "stale-version",
        ),
    ),
)
async def send_invitation(
    invitation_id: FromPath[str],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    *,
    expected: SkipValidation[Precondition],
    data: JSONBody[SendBody] = _BY_MAIL,
) -> Response[InvitationBody]:
    """With a fresh link, good for the full time again, also when it had expired. The link before is dead at once.

    With `delivery` `link` no mail is sent, and the answer holds the link, this once.
    """
    sent = await service.resend_invitation(
        plane, caller, _invitation_id(invitation_id), read_delivery(data), expected
    )
    return _answer(plane, caller, sent)


@delete(
    "/api/invitations/{invitation_id:str}",
    status_code=204,
    summary="Revoke an invitation",
    tags=["Invitations"],
    opt=operation(
        Access.ACCOUNT,
        permission="identity:invitation:delete",
        errors=("not-found", "invitation-closed", "stale-version"),
    ),
)
async def revoke_invitation(
    invitation_id: FromPath[str],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> None:
    """Its link is dead at once. The invitation stays in the list, as `revoked`."""
    await service.revoke_invitation(plane, caller, _invitation_id(invitation_id), expected)


def _invitation_id(text: str) -> InvitationId:
    if (invitation := find_invitation_id(text)) is None:
        raise not_found("invitation")
    return invitation


def _answer(
    plane: RegionPlane,
    caller: Caller,
    handed: Handed,
    *,
    status_code: int = 200,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Response[InvitationBody]:
    body = shape_invitation(plane, caller.account_id, handed.invitation, handed.token)
    tagged = {**headers, "ETag": etag(handed.invitation.version)}
    return Response(body, status_code=status_code, headers=tagged)


ROUTES = [
    list_invitations,
    invite_user,
    invite_users,
    describe_invitation,
    modify_invitation,
    send_invitation,
    revoke_invitation,
]
