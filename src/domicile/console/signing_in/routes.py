"""Signing in and out."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import QueryParameter, SkipValidation

from domicile.console.continuing import HOME, local_path
from domicile.console.forms import Form, blank
from domicile.console.session_cookie import no_session_cookie, session_cookie
from domicile.console.views import View, go_to
from domicile.identity.plane import IdentityPlane
from domicile.identity.sessions import service
from domicile.kernel.callers import Origin
from domicile.kernel.errors import DomainError, ErrorKind

_SIGN_IN = "signing_in/templates/sign_in.html"
_WITH_FORM = frozenset({ErrorKind.UNAUTHENTICATED})


@get("/sign-in")
async def show_sign_in(
    view: SkipValidation[View], target: Annotated[str | None, QueryParameter(name="next")] = None
) -> Response[str]:
    """The form; who is signed in goes on at once."""
    if view.visitor is not None:
        return go_to(local_path(target))
    return view.render(_SIGN_IN, form=blank(next=local_path(target)), error=None, home=HOME)


@post("/sign-in")
async def sign_in(
    view: SkipValidation[View],
    form: SkipValidation[Form],
    identity: SkipValidation[IdentityPlane],
    origin: SkipValidation[Origin],
) -> Response[str]:
    """Begins a session of its own at each sign-in, and ends the one that this browser had."""
    try:
        made = await service.sign_in(identity, form.text("email"), form.secret("password"), origin)
    except DomainError as error:
        return view.refuse(_SIGN_IN, error, form, also_shown=_WITH_FORM, home=HOME)
    if view.visitor is not None:
        await service.sign_out(identity, view.visitor)
    return go_to(local_path(form.chosen("next")), cookie=session_cookie(made.token))


@post("/sign-out")
async def sign_out(
    view: SkipValidation[View], form: SkipValidation[Form], identity: SkipValidation[IdentityPlane]
) -> Response[str]:
    """Ends the session at the server and takes its cookie away; again changes nothing."""
    if view.visitor is not None:
        await service.sign_out(identity, view.visitor)
    target = form.chosen("next")
    if target is not None:
        return go_to(local_path(target), cookie=no_session_cookie())
    return go_to("/sign-in", done="signed-out", cookie=no_session_cookie())


ROUTES = [show_sign_in, sign_in, sign_out]
