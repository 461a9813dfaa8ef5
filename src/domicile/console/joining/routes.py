"""The page that an invitation leads to; looking at it uses nothing up, whoever or whatever followed the link."""

from dataclasses import dataclass

from litestar import Response, get, post
from litestar.params import FromPath, SkipValidation

from domicile.console.views import View, go_to
from domicile.infra.email_address import parse_email_address
from domicile.kernel.callers import Person
from domicile.kernel.errors import DomainError, ErrorKind
from domicile.kernel.regions import Region
from domicile.kernel.roles import Role
from domicile.region.invitations import service
from domicile.region.invitations.domain import (
    InvitationLink,
    Offer,
    check_addressee,
    link_invalid,
    parse_link,
)
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions

_JOIN = "joining/templates/join.html"
_CLOSED = "joining/templates/closed.html"


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the page says of an offer."""

    offer: Offer
    region: Region
    role: Role
    is_for_visitor: bool


@get("/join/{token:str}")
async def show_join(
    view: SkipValidation[View], regions: SkipValidation[Regions], token: FromPath[str]
) -> Response[str]:
    """Which account, where, as what, by whom; and the one next step for this visitor."""
    try:
        shown = await _preview(regions, token, view.visitor)
    except DomainError as error:
        return _closed(view, error)
    return view.render(_JOIN, shown=shown, token=token, error=None)


@post("/join/{token:str}")
async def join(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    regions: SkipValidation[Regions],
    token: FromPath[str],
) -> Response[str]:
    """Makes the invited person a user of the account, once."""
    try:
        plane, link = _find_plane(regions, token)
        joined = await service.accept_invitation(plane, person, link)
    except DomainError as error:
        return _closed(view, error)
    return go_to(f"/accounts/{joined.account_id}", done="joined")


async def _preview(regions: Regions, token: str, visitor: Person | None) -> _Shown:
    plane, link = _find_plane(regions, token)
    offer = await service.preview_invitation(plane, link)
    return _Shown(offer, plane.region, offer.role, _is_for(offer, visitor))


def _find_plane(regions: Regions, token: str) -> tuple[RegionPlane, InvitationLink]:
    link = parse_link(token)
    try:
        return regions.plane(link.region), link
    except DomainError as error:
        raise (link_invalid() if error.kind is ErrorKind.NOT_FOUND else error) from None


def _is_for(offer: Offer, visitor: Person | None) -> bool:
    if visitor is None:
        return False
    try:
        check_addressee(offer, parse_email_address(visitor.email).key)
    except DomainError:
        return False
    return True


def _closed(view: View, error: DomainError) -> Response[str]:
    """Say what is wrong with a link; anything that is not about the link goes on."""
    if error.kind not in {ErrorKind.NOT_FOUND, ErrorKind.CONFLICT, ErrorKind.FORBIDDEN}:
        raise error
    statuses = {ErrorKind.NOT_FOUND: 404, ErrorKind.CONFLICT: 409, ErrorKind.FORBIDDEN: 403}
    return view.render(_CLOSED, status_code=statuses[error.kind], error=error)


ROUTES = [show_join, join]
