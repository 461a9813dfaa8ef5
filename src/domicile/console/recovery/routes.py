"""The way back in for who forgot the password."""

from litestar import Response, get, post
from litestar.params import FromPath, SkipValidation

from domicile.console.forms import Form, blank
from domicile.console.new_password import new_password
from domicile.console.pages import Values
from domicile.console.session_cookie import no_session_cookie
from domicile.console.views import View, go_to
from domicile.identity.plane import IdentityPlane
from domicile.identity.recovery import service
from domicile.kernel.callers import Origin
from domicile.kernel.errors import DomainError

_FORGOT = "recovery/templates/forgot.html"
_RESET = "recovery/templates/reset.html"


@get("/forgot")
async def show_forgot(view: SkipValidation[View]) -> Response[str]:
    """The form that asks for the address."""
    return view.render(_FORGOT, form=blank(), error=None)


@post("/forgot")
async def send_forgot(
    view: SkipValidation[View],
    form: SkipValidation[Form],
    identity: SkipValidation[IdentityPlane],
    origin: SkipValidation[Origin],
) -> Response[str]:
    """Goes on in the same way whether the address is known or not."""
    try:
        await service.forgot_password(identity, form.text("email"), origin)
    except DomainError as error:
        return view.refuse(_FORGOT, error, form)
    return go_to("/forgot/sent")


@get("/forgot/sent")
async def show_forgot_sent(
    view: SkipValidation[View], identity: SkipValidation[IdentityPlane]
) -> Response[str]:
    """What comes next: the mail."""
    return view.render("recovery/templates/sent.html", minutes=identity.settings.links.reset_minutes)


@get("/reset/{token:str}")
async def show_reset(
    view: SkipValidation[View], identity: SkipValidation[IdentityPlane], token: FromPath[str]
) -> Response[str]:
    """The form for the new password; looking at it uses nothing up."""
    return view.render(_RESET, form=blank(), error=None, token=token, **await _asked_of(identity, token))


@post("/reset/{token:str}")
async def reset(
    view: SkipValidation[View],
    form: SkipValidation[Form],
    identity: SkipValidation[IdentityPlane],
    origin: SkipValidation[Origin],
    token: FromPath[str],
) -> Response[str]:
    """Sets the password and ends every session of the person."""
    try:
        await service.reset_password(identity, token, form.secret("password"), origin)
    except DomainError as error:
        asked = {} if error.code == "link-invalid" else await _asked_of(identity, token)
        return view.refuse(_RESET, error, form, token=token, **asked)
    return go_to("/sign-in", done="password-reset", cookie=no_session_cookie())


async def _asked_of(identity: IdentityPlane, token: str) -> Values:
    return new_password(identity, await service.find_user_of_link(identity, token))


ROUTES = [show_forgot, send_forgot, show_forgot_sent, show_reset, reset]
