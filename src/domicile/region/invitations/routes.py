"""The HTTP edge of invitations; a link is followed by POST only, so that scanners of mail which open links use nothing up."""

from typing import Annotated

from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation

from domicile.infra.idempotency import RequestKey
from domicile.kernel.callers import Caller, Person
from domicile.kernel.errors import not_found
from domicile.kernel.ids import InvitationId, find_invitation_id
from domicile.kernel.versions import Precondition
from domicile.region.invitations import service
from domicile.region.invitations.domain import (
    Invitation,
    InvitationLink,
    link_invalid,
    parse_link,
    parse_state,
)
from domicile.region.invitations.schemas import (
    InvitationBody,
    InvitationChangeBody,
    InvitationsBody,
    JoinedBody,
    NewInvitationBody,
    OfferBody,
    TokenBody,
    read_new_invitation,
    read_offered_role,
    shape_invitation,
    shape_joined,
    shape_offer,
)
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.web.bodies import or_unset
from domicile.web.operations import Access, operation
from domicile.web.versions import etag


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
        errors=("above-your-role", "already-member", "invitation-open", "too-many-invitations"),
        is_creation=True,
    ),
)
async def invite_user(
    data: JSONBody[NewInvitationBody],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    request_key: SkipValidation[RequestKey | None],
) -> Response[InvitationBody]:
    """A mail with a link follows. Whoever accepts must be signed in with that address, and becomes a user with that role."""
    invitation = await service.invite_member(plane, caller, read_new_invitation(data), request_key)
    body = shape_invitation(plane, caller.account_id, invitation)
    headers = {"Location": f"/api/invitations/{invitation.id}", "ETag": etag(invitation.version)}
    return Response(body, status_code=201, headers=headers)


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
    return _answer(plane, caller, invitation)


@post(
    "/api/invitations/{invitation_id:str}",
    status_code=200,
    summary="Offer another role",
    tags=["Invitations"],
    opt=operation(
        Access.ACCOUNT,
        permission="identity:invitation:create",
        errors=("not-found", "above-your-role", "invitation-closed", "stale-version"),
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
    return _answer(plane, caller, invitation)


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
            "invitation-closed",
            "invitation-sent-too-often",
            "stale-version",
        ),
    ),
)
async def send_invitation(
    invitation_id: FromPath[str],
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    expected: SkipValidation[Precondition],
) -> Response[InvitationBody]:
    """With a fresh link, good for the full time again, also when it had expired. The link sent before is dead at once."""
    invitation = await service.resend_invitation(plane, caller, _invitation_id(invitation_id), expected)
    return _answer(plane, caller, invitation)


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


@post(
    "/api/invitations/preview",
    status_code=200,
    summary="See what an invitation link offers",
    tags=["Invitations"],
    opt=operation(Access.ANYONE, errors=("invitation-invalid", "invitation-used", "wrong-region")),
)
async def preview_invitation(data: JSONBody[TokenBody], regions: SkipValidation[Regions]) -> OfferBody:
    """For whoever holds the link, signed in or not. It uses nothing up."""
    link = parse_link(data.token)
    plane = _plane_of(link, regions)
    return shape_offer(plane, await service.preview_invitation(plane, link))


@post(
    "/api/invitations/accept",
    status_code=200,
    summary="Accept an invitation",
    tags=["Invitations"],
    opt=operation(
        Access.PERSON,
        errors=(
            "invitation-invalid",
            "invitation-used",
            "invitation-for-another-address",
            "already-member",
            "wrong-region",
        ),
    ),
)
async def accept_invitation(
    data: JSONBody[TokenBody], person: SkipValidation[Person], regions: SkipValidation[Regions]
) -> JoinedBody:
    """For the signed-in person whose address was invited; works once. `baseURL` is where the account is reached."""
    link = parse_link(data.token)
    plane = _plane_of(link, regions)
    return shape_joined(plane, await service.accept_invitation(plane, person, link))


def _plane_of(link: InvitationLink, regions: Regions) -> RegionPlane:
    if all(region.id != link.region for region in regions.all):
        raise link_invalid()
    return regions.plane(link.region)


def _invitation_id(text: str) -> InvitationId:
    if (invitation := find_invitation_id(text)) is None:
        raise not_found("invitation")
    return invitation


def _answer(plane: RegionPlane, caller: Caller, invitation: Invitation) -> Response[InvitationBody]:
    body = shape_invitation(plane, caller.account_id, invitation)
    return Response(body, headers={"ETag": etag(invitation.version)})


ROUTES = [
    list_invitations,
    invite_user,
    describe_invitation,
    modify_invitation,
    send_invitation,
    revoke_invitation,
    preview_invitation,
    accept_invitation,
]
