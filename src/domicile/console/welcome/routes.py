"""The first page: what this is, for who is not signed in."""

from litestar import Response, get
from litestar.params import SkipValidation

from domicile.console.continuing import HOME
from domicile.console.views import View, go_to
from domicile.region.regions import Regions


@get("/")
async def show_welcome(view: SkipValidation[View], regions: SkipValidation[Regions]) -> Response[str]:
    """Leads who is signed in to their accounts."""
    if view.visitor is not None:
        return go_to(HOME)
    return view.render("welcome/templates/welcome.html", regions=regions.all)


ROUTES = [show_welcome]
