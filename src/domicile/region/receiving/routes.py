"""The HTTP edge of the invited person; a link is followed by POST only, so that scanners of mail which open links use nothing up."""

from litestar import get, post
from litestar.params import FromPath, JSONBody, SkipValidation

from domicile.kernel.callers import Person
from domicile.region.invitations.domain import parse_link, parse_reference
from domicile.region.receiving import service
from domicile.region.receiving.gathering import gather_my_invitations, plane_of
from domicile.region.receiving.schemas import (
    ElsewhereBody,
    JoinedBody,
    MyInvitationsBody,
    OfferBody,
    TokenBody,
    shape_joined,
    shape_my_invitation,
    shape_offer,
)
from domicile.region.regions import Regions
from domicile.web.operations import Access, operation

_OF_A_LINK = ("invitation-invalid", "invitation-used", "invitation-for-another-address", "wrong-region")
_OF_A_REFERENCE = ("not-found", "invitation-invalid", "invitation-used", "wrong-region")


@post(
    "/api/invitations/preview",
    status_code=200,
    summary="See what an invitation link offers",
    tags=["Invitations"],
    opt=operation(Access.ANYONE, errors=("invitation-invalid", "invitation-used", "wrong-region")),
)
async def preview_invitation(data: JSONBody[TokenBody], regions: SkipValidation[Regions]) -> OfferBody:
    """For whoever holds the link, signed in or not. It uses nothing up, and does not say which address it is for."""
    link = parse_link(data.token)
    plane = plane_of(regions, link)
    return shape_offer(plane, await service.preview_invitation(plane, link))


@post(
    "/api/invitations/accept",
    status_code=200,
    summary="Accept an invitation",
    tags=["Invitations"],
    opt=operation(Access.PERSON, errors=(*_OF_A_LINK, "already-member")),
)
async def accept_invitation(
    data: JSONBody[TokenBody], person: SkipValidation[Person], regions: SkipValidation[Regions]
) -> JoinedBody:
    """For the signed-in person whose address was invited; works once. `baseURL` is where the account is reached."""
    link = parse_link(data.token)
    plane = plane_of(regions, link)
    return shape_joined(plane, await service.accept_invitation(plane, person, link))


@post(
    "/api/invitations/decline",
    status_code=204,
    summary="Decline an invitation",
    tags=["Invitations"],
    opt=operation(Access.PERSON, errors=_OF_A_LINK),
)
async def decline_invitation(
    data: JSONBody[TokenBody], person: SkipValidation[Person], regions: SkipValidation[Regions]
) -> None:
    """For the signed-in person whose address was invited. The link is dead, and whoever invited sees the invitation as `declined`."""
    link = parse_link(data.token)
    await service.decline_invitation(plane_of(regions, link), person, link)


@get(
    "/api/me/invitations",
    summary="List my open invitations",
    tags=["Me"],
    opt=operation(Access.PERSON),
)
async def list_my_invitations(
    person: SkipValidation[Person], regions: SkipValidation[Regions]
) -> MyInvitationsBody:
    """Those to the caller's address that can be accepted now, at most 100 of a region. `elsewhere` names the regions that were not asked."""
    gathered = await gather_my_invitations(regions, person)
    return MyInvitationsBody(
        invitations=[shape_my_invitation(region, offer) for region, offer in gathered.offers],
        elsewhere=[ElsewhereBody(region=each.id, base_url=each.base_url) for each in gathered.elsewhere],
    )


@post(
    "/api/me/invitations/{ref:str}/accept",
    status_code=200,
    summary="Accept one of my invitations",
    tags=["Me"],
    opt=operation(Access.PERSON, errors=(*_OF_A_REFERENCE, "already-member")),
)
async def accept_my_invitation(
    ref: FromPath[str], person: SkipValidation[Person], regions: SkipValidation[Regions]
) -> JoinedBody:
    """Without a link: what counts is the caller's verified address."""
    reference = parse_reference(ref)
    plane = plane_of(regions, reference)
    return shape_joined(plane, await service.accept_invitation(plane, person, reference))


@post(
    "/api/me/invitations/{ref:str}/decline",
    status_code=204,
    summary="Decline one of my invitations",
    tags=["Me"],
    opt=operation(Access.PERSON, errors=_OF_A_REFERENCE),
)
async def decline_my_invitation(
    ref: FromPath[str], person: SkipValidation[Person], regions: SkipValidation[Regions]
) -> None:
    """Its link is dead, and whoever invited sees the invitation as `declined`."""
    reference = parse_reference(ref)
    await service.decline_invitation(plane_of(regions, reference), person, reference)


ROUTES = [
    preview_invitation,
    accept_invitation,
    decline_invitation,
    list_my_invitations,
    accept_my_invitation,
    decline_my_invitation,
]
