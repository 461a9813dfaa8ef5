"""Taking one's data along, and deleting one's user."""

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath, SkipValidation

from domicile.console.forms import Form, blank
from domicile.console.pages import Values
from domicile.console.session_cookie import no_session_cookie
from domicile.console.views import View, go_to
from domicile.identity.departure import service as departure
from domicile.identity.departure.domain import DepartureState
from domicile.identity.export.routes import answer_export
from domicile.identity.export.service import list_own_regions
from domicile.identity.passwords.service import require_fresh_factor
from domicile.identity.plane import IdentityPlane
from domicile.kernel.callers import Person
from domicile.kernel.errors import DomainError, unauthenticated
from domicile.kernel.faults import Faults
from domicile.kernel.ids import RegionId
from domicile.region.export.routes import answer_region_export
from domicile.region.regions import Regions

_DATA = "own_data/templates/data.html"
_DELETE = "own_data/templates/delete.html"
_LEAVING = "own_data/templates/leaving.html"


@get("/me/data")
async def show_data(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    regions: SkipValidation[Regions],
) -> Response[str]:
    """What can be taken along, and from where."""
    return view.render(_DATA, form=blank(), error=None, **await _parts(identity, person, regions))


@post("/me/data")
async def export_person(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    regions: SkipValidation[Regions],
    form: SkipValidation[Form],
) -> Response[Any]:  # Any: a page, or a document
    """The document of identity and directory; the regions' parts can be fetched for ten minutes from then on."""
    try:
        return await answer_export(identity, person, form.secret("password"))
    except DomainError as error:
        return view.refuse(_DATA, error, form, **await _parts(identity, person, regions))


@get("/me/data/{region:str}")
async def export_part(
    person: SkipValidation[Person], regions: SkipValidation[Regions], region: FromPath[str]
) -> Response[Any]:  # Any: a document
    """A region's own document; who showed too long ago who they are does so again on the way."""
    return await answer_region_export(regions.plane(RegionId(region)), person)


@get("/me/delete")
async def show_delete(
    view: SkipValidation[View], person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> Response[str]:
    """What deleting means, and the form that asks for address and password."""
    require_fresh_factor(identity, person)
    return view.render(_DELETE, form=blank(), error=None, email=person.email)


@post("/me/delete")
async def delete_me(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    form: SkipValidation[Form],
) -> Response[str]:
    """Deletes the user, or says which accounts need another owner first."""
    try:
        _check_meant(form, person)
        status = await departure.delete_myself(identity, person, form.secret("password"))
    except DomainError as error:
        return view.refuse(_DELETE, error, form, email=person.email)
    if status.state is DepartureState.DELETED:
        return go_to("/sign-in", done="user-deleted", cookie=no_session_cookie())
    return go_to("/me/deletion")


@get("/me/deletion")
async def show_deletion(
    view: SkipValidation[View], identity: SkipValidation[IdentityPlane], regions: SkipValidation[Regions]
) -> Response[str]:
    """Which regions are awaited; to be looked at again."""
    visitor = _require_visitor(view)
    status = await departure.find_departure(identity, visitor)
    match status.state:
        case DepartureState.DELETED:
            return go_to("/sign-in", done="user-deleted", cookie=no_session_cookie())
        case DepartureState.NONE:
            return go_to("/me")
        case DepartureState.LEAVING | DepartureState.REFUSED:
            names = {region.id: region.name for region in regions.all}
            return view.render(_LEAVING, status=status, names=names)


@post("/me/deletion/cancel")
async def cancel_deletion(
    view: SkipValidation[View], identity: SkipValidation[IdentityPlane]
) -> Response[str]:
    """Everything is as before."""
    await departure.cancel_departure(identity, _require_visitor(view))
    return go_to("/me", done="deletion-cancelled")


def _require_visitor(view: View) -> Person:
    """Give who is signed in, also who is leaving."""
    if view.visitor is None:
        raise unauthenticated("not-authenticated", "Sign in to go on.")
    return view.visitor


def _check_meant(form: Form, person: Person) -> None:
    faults = Faults()
    if form.text("address").strip().casefold() != person.email.casefold():
        faults.add("address", "must be your e-mail address, as it stands above")
    faults.settle()


async def _parts(identity: IdentityPlane, person: Person, regions: Regions) -> Values:
    mine = await list_own_regions(identity, person)
    return {"parts": [(known, known.id in regions.served) for known in regions.all if known.id in mine]}


ROUTES = [
    show_data,
    export_person,
    export_part,
    show_delete,
    delete_me,
    show_deletion,
    cancel_deletion,
]
