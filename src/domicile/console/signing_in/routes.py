"""Signing in, a page for each step, and out; between the pages a cookie holds what the sign-in is known by."""

from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.params import QueryParameter, SkipValidation

from domicile.console.continuing import HOME, destination, is_elsewhere, local_path, with_continuing
from domicile.console.forms import Form, blank
from domicile.console.pages import PAGE_HEADERS, PASSKEYS, Values
from domicile.console.session_cookie import (
    PASSKEY_COOKIE,
    SIGN_IN_COOKIE,
    no_session_cookie,
    no_sign_in_cookie,
    session_cookie,
    sign_in_cookie,
)
from domicile.console.views import View, go_to
from domicile.identity.plane import IdentityPlane
from domicile.identity.sessions.service import sign_out as end_own_session
from domicile.identity.signing_in import service
from domicile.identity.signing_in.beginning import SignedIn
from domicile.identity.signing_in.domain import Step
from domicile.identity.signing_in.stages import Described
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Origin
from domicile.kernel.errors import DomainError, ErrorKind, invalid
from domicile.kernel.methods import Way
from domicile.web.requests import DomicileRequest

_ADDRESS = "signing_in/templates/address.html"
_PASSWORD = "signing_in/templates/password.html"  # noqa: S105  # the name of a page
_SECOND = "signing_in/templates/second.html"
_GOING_ON = "signing_in/templates/going_on.html"
_WITH_FORM = frozenset({ErrorKind.UNAUTHENTICATED})
_Next = Annotated[str | None, QueryParameter(name="next")]


@get("/sign-in")
async def show_sign_in(
    view: SkipValidation[View], identity: SkipValidation[IdentityPlane], target: _Next = None
) -> Response[str]:
    """The first page asks for the address alone; who is signed in goes on at once."""
    wanted = _destination(identity, target)
    if view.visitor is not None:
        return _go_on(wanted)
    return view.render(_ADDRESS, form=blank(next=wanted), error=None, **_first(identity))


@post("/sign-in")
async def begin(
    view: SkipValidation[View], form: SkipValidation[Form], identity: SkipValidation[IdentityPlane]
) -> Response[str]:
    """Goes on in the same way whether the address is somebody's or not."""
    try:
        begun = await service.begin_sign_in(identity, form.text("email"))
    except DomainError as error:
        return view.refuse(_ADDRESS, error, form, **_first(identity))
    wanted = _destination(identity, form.chosen("next"))
    return go_to(with_continuing("/sign-in/password", wanted), cookie=sign_in_cookie(begun.token))


@get("/sign-in/password")
async def show_password(
    request: DomicileRequest,
    view: SkipValidation[View],
    identity: SkipValidation[IdentityPlane],
    target: _Next = None,
) -> Response[str]:
    """The second page, with the address, which can be changed."""
    wanted = _destination(identity, target)
    described = await _describe(identity, _token_of(request))
    if described is None:
        return _begin_anew(wanted)
    if described.step is Step.SECOND:
        return go_to(with_continuing("/sign-in/second", wanted))
    return view.render(_PASSWORD, form=blank(next=wanted), error=None, **_step(_PASSWORD, described))


@post("/sign-in/password")
async def send_password(
    request: DomicileRequest,
    view: SkipValidation[View],
    form: SkipValidation[Form],
    identity: SkipValidation[IdentityPlane],
    origin: SkipValidation[Origin],
) -> Response[str]:
    """Signs in, or leads to the page of the second factor."""
    token, wanted = _token_of(request), _destination(identity, form.chosen("next"))
    try:
        shown = await service.show_password(identity, token, form.secret("password"), origin)
    except DomainError as error:
        return await _refuse(view, identity, form, token, error, template=_PASSWORD)
    if isinstance(shown, SignedIn):
        return await _signed_in(view, identity, shown, wanted)
    return go_to(with_continuing("/sign-in/second", wanted), cookie=sign_in_cookie(shown.token))


@get("/sign-in/second")
async def show_second(
    request: DomicileRequest,
    view: SkipValidation[View],
    identity: SkipValidation[IdentityPlane],
    target: _Next = None,
    way: Annotated[str | None, QueryParameter(name="way")] = None,
) -> Response[str]:
    """The third page, for who has a second factor: in the way that they choose, or the one that they use every day."""
    wanted = _destination(identity, target)
    described = await _describe(identity, _token_of(request))
    if described is None:
        return _begin_anew(wanted)
    if described.step is Step.FIRST:
        return go_to(with_continuing("/sign-in/password", wanted))
    form = blank(next=wanted, way=_chosen(way, described.ways))
    return view.render(_SECOND, form=form, error=None, **_step(_SECOND, described, form))


@post("/sign-in/second")
async def send_second(
    request: DomicileRequest,
    view: SkipValidation[View],
    form: SkipValidation[Form],
    identity: SkipValidation[IdentityPlane],
    origin: SkipValidation[Origin],
) -> Response[str]:
    """Signs in with a code of the app, or with a recovery code."""
    token, wanted = _token_of(request), _destination(identity, form.chosen("next"))
    way = Way.RECOVERY_CODE if form.text("way") == Way.RECOVERY_CODE else Way.TOTP
    try:
        made = await service.show_code(identity, token, way, form.secret("code"), origin)
    except DomainError as error:
        return await _refuse(view, identity, form, token, error, template=_SECOND)
    return await _signed_in(view, identity, made, wanted)


@post("/sign-in/passkey/options", status_code=200)
async def ask_for_passkey(identity: SkipValidation[IdentityPlane]) -> Response[dict[str, Any]]:
    """Begins a sign-in that names nobody, for the script of the first page: to look at a page writes nothing down."""
    begun = await service.begin_sign_in(identity, None)
    assert begun.passkey is not None
    asked = {"options": begun.passkey.options, "lasts": begun.passkey.lasts_seconds}
    cookie = sign_in_cookie(begun.token, name=PASSKEY_COOKIE)
    return Response(asked, headers={**PAGE_HEADERS}, cookies=[cookie])


@post("/sign-in/passkey")
async def send_passkey(
    request: DomicileRequest,
    view: SkipValidation[View],
    form: SkipValidation[Form],
    identity: SkipValidation[IdentityPlane],
    origin: SkipValidation[Origin],
) -> Response[str]:
    """Signs in with what the browser made of the page's ceremony."""
    page, wanted = form.text("page"), _destination(identity, form.chosen("next"))
    token = _token_of(request, PASSKEY_COOKIE if page == "address" else SIGN_IN_COOKIE)
    try:
        made = await service.show_passkey(identity, token, read_credential(form), origin)
    except DomainError as error:
        if page == "address":
            return view.refuse(_ADDRESS, error, blank(next=wanted), also_shown=_WITH_FORM, **_first(identity))
        template = _SECOND if page == "second" else _PASSWORD
        return await _refuse(view, identity, form, token, error, template=template)
    return await _signed_in(view, identity, made, wanted)


@get("/sign-in/continue")
async def go_elsewhere(
    view: SkipValidation[View], identity: SkipValidation[IdentityPlane], target: _Next = None
) -> Response[str]:
    """Leads on to a host that the operator named; a form of this console may not send its answer there itself."""
    wanted = _destination(identity, target)
    if not is_elsewhere(wanted):
        return go_to(wanted)
    return view.render(_GOING_ON, target=wanted)


@post("/sign-out")
async def sign_out(
    view: SkipValidation[View], form: SkipValidation[Form], identity: SkipValidation[IdentityPlane]
) -> Response[str]:
    """Ends the session at the server and takes its cookie away; again changes nothing."""
    if view.visitor is not None:
        await end_own_session(identity, view.visitor)
    target = form.chosen("next")
    if target is not None:
        return go_to(local_path(target), cookie=no_session_cookie())
    return go_to("/sign-in", done="signed-out", cookie=no_session_cookie())


def _first(identity: IdentityPlane) -> Values:
    """Give what the first page shows: a passkey may sign in there, where people can have any."""
    return {"home": HOME, "scripts": (PASSKEYS,) if identity.settings.passkeys.are_possible else ()}


def _step(template: str, described: Described, form: Form | None = None) -> Values:
    """Give what the page of a step shows, with the script for a passkey if it takes one."""
    is_asked = described.passkey is not None and (template == _PASSWORD or _is_for_passkey(form))
    return {"home": HOME, "sign_in": described, "scripts": (PASSKEYS,) if is_asked else ()}


def _is_for_passkey(form: Form | None) -> bool:
    return form is not None and form.text("way") == Way.PASSKEY


def scripts_for(form: Form) -> tuple[str, ...]:
    """Name the script of a page that shows a factor, which needs one only for a passkey."""
    return (PASSKEYS,) if _is_for_passkey(form) else ()


def read_credential(form: Form) -> dict[str, Any]:  # Any: JSON as the browser made it
    """Read what a page's script put into the form."""
    try:
        return msgspec.json.decode(form.text("credential"), type=dict[str, Any])
    except msgspec.DecodeError:
        raise invalid({"credential": "must be what the browser made"}) from None


async def _signed_in(view: View, identity: IdentityPlane, made: SignedIn, wanted: str) -> Response[str]:
    """Begin a session of its own at each sign-in, and end the one that this browser had."""
    if view.visitor is not None:
        await end_own_session(identity, view.visitor)
    return _go_on(wanted, made)


def _go_on(wanted: str, made: SignedIn | None = None) -> Response[str]:
    path = with_continuing("/sign-in/continue", wanted) if is_elsewhere(wanted) else wanted
    if made is None:
        return go_to(path)
    return go_to(path, cookie=session_cookie(made.token), other_cookie=no_sign_in_cookie())


async def _refuse(
    view: View,
    identity: IdentityPlane,
    form: Form,
    token: SecretText,
    error: DomainError,
    *,
    template: str,
) -> Response[str]:
    """Show the page of the step again, as long as the sign-in has tries left."""
    wanted = _destination(identity, form.chosen("next"))
    described = await _describe(identity, token)
    if error.code == "sign-in-over" or described is None:
        return _begin_anew(wanted)
    kept = blank(next=wanted, way=_chosen(form.chosen("way"), described.ways))
    return view.refuse(template, error, kept, also_shown=_WITH_FORM, **_step(template, described, kept))


async def _describe(identity: IdentityPlane, token: SecretText) -> Described | None:
    try:
        return await service.describe_sign_in(identity, token)
    except DomainError as error:
        if error.code != "sign-in-over":
            raise
        return None


def _begin_anew(wanted: str) -> Response[str]:
    return go_to(with_continuing("/sign-in", wanted), done="sign-in-over", cookie=no_sign_in_cookie())


def _chosen(way: str | None, ways: tuple[Way, ...]) -> str:
    """Give the way that the page shows: the one that was asked for if the person has it, else their first."""
    return way if way is not None and way in ways else next(iter(ways), Way.RECOVERY_CODE)


def _destination(identity: IdentityPlane, target: str | None) -> str:
    return destination(target, identity.settings.server.continue_hosts)


def _token_of(request: DomicileRequest, cookie: str = SIGN_IN_COOKIE) -> SecretText:
    return SecretText(request.cookies.get(cookie, ""))


ROUTES = [
    show_sign_in,
    begin,
    show_password,
    send_password,
    show_second,
    send_second,
    ask_for_passkey,
    send_passkey,
    go_elsewhere,
    sign_out,
]
