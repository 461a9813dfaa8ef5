"""Signing up and proving the address; a link in a mail uses nothing up before its button is pressed."""

from litestar import Response, get, post
from litestar.params import FromPath, SkipValidation

from domicile.console.forms import Form, blank
from domicile.console.new_password import new_password
from domicile.console.views import View, go_to
from domicile.identity.plane import IdentityPlane
from domicile.identity.registration.service import WantedSignUp, sign_up, verify_sign_up
from domicile.kernel.callers import Origin
from domicile.kernel.errors import DomainError

_SIGN_UP = "registration/templates/sign_up.html"
_VERIFY = "registration/templates/verify.html"


@get("/sign-up")
async def show_sign_up(view: SkipValidation[View], identity: SkipValidation[IdentityPlane]) -> Response[str]:
    """The form of a newcomer."""
    return view.render(_SIGN_UP, form=blank(), error=None, **new_password(identity))


@post("/sign-up")
async def send_sign_up(
    view: SkipValidation[View], form: SkipValidation[Form], identity: SkipValidation[IdentityPlane]
) -> Response[str]:
    """Goes on in the same way whether the address is known or not."""
    wanted = WantedSignUp(form.text("email"), form.text("name"), form.secret("password"), None, None)
    try:
        await sign_up(identity, wanted)
    except DomainError as error:
        return view.refuse(_SIGN_UP, error, form, **new_password(identity))
    return go_to("/sign-up/sent")


@get("/sign-up/sent")
async def show_sign_up_sent(
    view: SkipValidation[View], identity: SkipValidation[IdentityPlane]
) -> Response[str]:
    """What comes next: the mail."""
    return view.render("registration/templates/sent.html", hours=identity.settings.links.verify_hours)


@get("/verify/{token:str}")
async def show_verify(view: SkipValidation[View], token: FromPath[str]) -> Response[str]:
    """A button, because mail scanners follow links."""
    return view.render(_VERIFY, token=token, error=None)


@post("/verify/{token:str}")
async def verify(
    view: SkipValidation[View],
    form: SkipValidation[Form],
    identity: SkipValidation[IdentityPlane],
    origin: SkipValidation[Origin],
    token: FromPath[str],
) -> Response[str]:
    """Makes the user, once."""
    try:
        await verify_sign_up(identity, token, origin)
    except DomainError as error:
        return view.refuse(_VERIFY, error, form, token=token)
    return go_to("/sign-in", done="verified")


ROUTES = [show_sign_up, send_sign_up, show_sign_up_sent, show_verify, verify]
