"""The page that an invitation leads to; looking at it uses nothing up, whoever or whatever followed the link."""

from dataclasses import dataclass

from litestar import Response, get, post
from litestar.params import FromPath, SkipValidation

from domicile.console.new_password import new_password
from domicile.console.views import View, go_to
from domicile.identity.plane import IdentityPlane
from domicile.infra.email_address import parse_email_address
from domicile.kernel.callers import Person
from domicile.kernel.errors import DomainError, ErrorKind
from domicile.kernel.regions import Region
from domicile.region.invitations.domain import Offer, check_addressee, parse_link, parse_reference
from domicile.region.receiving import service
from domicile.region.receiving.gathering import plane_of
from domicile.region.regions import Regions

_JOIN = "joining/templates/join.html"
_CLOSED = "joining/templates/closed.html"


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the page says of an offer; not the address that it is for, unless that is the visitor's own."""

    offer: Offer
    region: Region
    is_for_visitor: bool


@get("/join/{token:str}")
async def show_join(
    view: SkipValidation[View],
    regions: SkipValidation[Regions],
    identity: SkipValidation[IdentityPlane],
    token: FromPath[str],
) -> Response[str]:
    """Which account, where, as what, by whom; and the one next step for this visitor."""
    try:
        shown = await _preview(regions, token, view.visitor)
    except DomainError as error:
        return _closed(view, error)
    newcomers = {} if view.visitor else new_password(identity)
    return view.render(_JOIN, shown=shown, token=token, error=None, **newcomers)


@post("/join/{token:str}")
async def join(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    regions: SkipValidation[Regions],
    token: FromPath[str],
) -> Response[str]:
    """Makes the invited person a user of the account, once."""
    try:
        link = parse_link(token)
        joined = await service.accept_invitation(plane_of(regions, link), person, link)
    except DomainError as error:
        return _closed(view, error)
    return go_to(f"/accounts/{joined.account_id}", done="joined")


@post("/join/{token:str}/decline")
async def decline(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    regions: SkipValidation[Regions],
    token: FromPath[str],
) -> Response[str]:
    """Ends the offer; whoever invited sees so."""
    try:
        link = parse_link(token)
        await service.decline_invitation(plane_of(regions, link), person, link)
    except DomainError as error:
        return _closed(view, error)
    return go_to("/accounts", done="declined")


@post("/invited/{ref:str}/accept")
async def join_listed(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    regions: SkipValidation[Regions],
    ref: FromPath[str],
) -> Response[str]:
    """Accepts one of the invitations that the list of accounts shows."""
    try:
        reference = parse_reference(ref)
        joined = await service.accept_invitation(plane_of(regions, reference), person, reference)
    except DomainError as error:
        return _closed(view, error)
    return go_to(f"/accounts/{joined.account_id}", done="joined")


@post("/invited/{ref:str}/decline")
async def decline_listed(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    regions: SkipValidation[Regions],
    ref: FromPath[str],
) -> Response[str]:
    """Declines one of the invitations that the list of accounts shows."""
    try:
        reference = parse_reference(ref)
        await service.decline_invitation(plane_of(regions, reference), person, reference)
    except DomainError as error:
        return _closed(view, error)
    return go_to("/accounts", done="declined")


async def _preview(regions: Regions, token: str, visitor: Person | None) -> _Shown:
    link = parse_link(token)
    plane = plane_of(regions, link)
    offer = await service.preview_invitation(plane, link)
    return _Shown(offer, plane.region, _is_for(offer, visitor))


def _is_for(offer: Offer, visitor: Person | None) -> bool:
    if visitor is None:
        return False
    try:
        check_addressee(offer, parse_email_address(visitor.email).key, visitor.address_since)
    except DomainError:
        return False
    return True


def _closed(view: View, error: DomainError) -> Response[str]:
    """Say what is wrong with a link; anything that is not about the link goes on."""
    if error.kind not in {ErrorKind.NOT_FOUND, ErrorKind.CONFLICT, ErrorKind.FORBIDDEN}:
        raise error
    statuses = {ErrorKind.NOT_FOUND: 404, ErrorKind.CONFLICT: 409, ErrorKind.FORBIDDEN: 403}
    return view.render(_CLOSED, status_code=statuses[error.kind], error=error)


ROUTES = [show_join, join, decline, join_listed, decline_listed]
