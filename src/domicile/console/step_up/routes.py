"""Showing again who one is, on the way to something dangerous."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import QueryParameter, SkipValidation

from domicile.console.continuing import HOME, local_path
from domicile.console.forms import Form, blank
from domicile.console.pages import Values
from domicile.console.session_cookie import session_cookie
from domicile.console.signing_in.routes import read_credential, scripts_for
from domicile.console.views import View, go_to
from domicile.identity.plane import IdentityPlane
from domicile.identity.sessions.service import LiftedSession
from domicile.identity.step_up import service
from domicile.kernel.callers import Person
from domicile.kernel.errors import DomainError
from domicile.kernel.methods import Way

_STEP_UP = "step_up/templates/step_up.html"


@get("/step-up")
async def show_step_up(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    target: Annotated[str | None, QueryParameter(name="next")] = None,
    way: Annotated[str | None, QueryParameter(name="way")] = None,
) -> Response[str]:
    """The form, in the way that the person chooses among those that they have."""
    options = await service.begin_step_up(identity, person)
    form = blank(next=local_path(target), way=_chosen(way, options.ways))
    shown: Values = {"options": options, "email": person.email, "scripts": scripts_for(form)}
    return view.render(_STEP_UP, form=form, error=None, home=HOME, **shown)


@post("/step-up")
async def step_up(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    form: SkipValidation[Form],
) -> Response[str]:
    """Gives the session a new id and a new cookie, and leads on to where the person was."""
    try:
        lifted = await _show(identity, person, form)
    except DomainError as error:
        options = await service.begin_step_up(identity, person)
        kept = blank(next=local_path(form.chosen("next")), way=_chosen(form.chosen("way"), options.ways))
        shown: Values = {"options": options, "email": person.email, "scripts": scripts_for(kept)}
        return view.refuse(_STEP_UP, error, kept, home=HOME, **shown)
    return go_to(local_path(form.chosen("next")), cookie=session_cookie(lifted.token))


async def _show(identity: IdentityPlane, person: Person, form: Form) -> LiftedSession:
    match form.text("way"):
        case Way.TOTP:
            return await service.show_code(identity, person, Way.TOTP, form.secret("code"))
        case Way.RECOVERY_CODE:
            return await service.show_code(identity, person, Way.RECOVERY_CODE, form.secret("code"))
        case Way.PASSKEY:
            return await service.show_passkey(identity, person, form.text("challenge"), read_credential(form))
        case _:
            return await service.show_password(identity, person, form.secret("password"))


def _chosen(way: str | None, ways: tuple[Way, ...]) -> str:
    return way if way is not None and way in ways else next(iter(ways), Way.PASSWORD)


ROUTES = [show_step_up, step_up]
