"""Asking for another address, and the pages of its two links; a link changes nothing before its button is pressed."""

from litestar import Response, get, post
from litestar.params import FromPath, SkipValidation

from domicile.console.forms import Form, blank
from domicile.console.session_cookie import no_session_cookie
from domicile.console.views import View, go_to
from domicile.identity.email_change import service
from domicile.identity.passwords.service import require_fresh_factor
from domicile.identity.plane import IdentityPlane
from domicile.kernel.callers import Origin, Person
from domicile.kernel.errors import DomainError

_CHANGE = "addresses/templates/change.html"
_PROVE = "addresses/templates/prove.html"
_UNDO = "addresses/templates/undo.html"


@get("/me/email")
async def show_change(
    view: SkipValidation[View], person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> Response[str]:
    """The form that asks for the new address and the password."""
    require_fresh_factor(identity, person)
    return view.render(_CHANGE, form=blank(), error=None, email=person.email)


@post("/me/email")
async def send_change(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    form: SkipValidation[Form],
) -> Response[str]:
    """Goes on in the same way whether the address is somebody's or not."""
    try:
        await service.ask_for_email(identity, person, form.text("email"), form.secret("password"))
    except DomainError as error:
        return view.refuse(_CHANGE, error, form, email=person.email)
    return go_to("/me", done="email-asked")


@post("/me/email/cancel")
async def cancel_change(
    person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> Response[str]:
    """Takes the wish back."""
    await service.cancel_email(identity, person)
    return go_to("/me", done="email-cancelled")


@get("/email/verify/{token:str}")
async def show_proof(view: SkipValidation[View], token: FromPath[str]) -> Response[str]:
    """A button, because mail scanners follow links."""
    return view.render(_PROVE, token=token, error=None)


@post("/email/verify/{token:str}")
async def prove(
    view: SkipValidation[View],
    form: SkipValidation[Form],
    identity: SkipValidation[IdentityPlane],
    origin: SkipValidation[Origin],
    token: FromPath[str],
) -> Response[str]:
    """Puts the new address in place, once."""
    try:
        await service.prove_email(identity, token, origin)
    except DomainError as error:
        return view.refuse(_PROVE, error, form, token=token)
    return go_to("/me" if view.visitor else "/sign-in", done="email-changed")


@get("/email/undo/{token:str}")
async def show_undo(view: SkipValidation[View], token: FromPath[str]) -> Response[str]:
    """What the button does, before it does it."""
    return view.render(_UNDO, token=token, error=None)


@post("/email/undo/{token:str}")
async def undo(
    view: SkipValidation[View],
    form: SkipValidation[Form],
    identity: SkipValidation[IdentityPlane],
    origin: SkipValidation[Origin],
    token: FromPath[str],
) -> Response[str]:
    """Puts the former address back and locks everybody out until a new password is set."""
    try:
        await service.undo_email(identity, token, origin)
    except DomainError as error:
        return view.refuse(_UNDO, error, form, token=token)
    return go_to("/sign-in", done="email-undone", cookie=no_session_cookie())


ROUTES = [show_change, send_change, cancel_change, show_proof, prove, show_undo, undo]
