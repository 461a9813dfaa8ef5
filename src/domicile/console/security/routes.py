"""Second factors of the person who looks: see them, add, rename, replace and remove them, and make recovery codes."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter, SkipValidation
from markupsafe import Markup

from domicile.console.continuing import HOME, local_path, with_continuing
from domicile.console.forms import Form, blank
from domicile.console.pages import PASSKEYS, Values
from domicile.console.session_cookie import session_cookie
from domicile.console.signing_in.routes import read_credential
from domicile.console.views import LEADING_ON, View, go_to
from domicile.identity.factors.domain import LONGEST_NAME, Factor, FactorKind, is_factor_id
from domicile.identity.factors.service import list_own_factors, remove_factor, rename_factor
from domicile.identity.passkey_enrolment import service as passkeys
from domicile.identity.passkeys.service import are_possible
from domicile.identity.plane import IdentityPlane
from domicile.identity.recovery_codes.service import NewCodes, renew_recovery_codes
from domicile.identity.sessions.service import LiftedSession
from domicile.identity.totp_enrolment import service as apps
from domicile.kernel.callers import Person
from domicile.kernel.errors import DomainError, ErrorKind, not_found

_OVERVIEW = "security/templates/security.html"
_ADD_APP = "security/templates/add_app.html"
_CONFIRM_APP = "security/templates/confirm_app.html"
_ADD_PASSKEY = "security/templates/add_passkey.html"
_CODES = "security/templates/codes.html"
_FACTOR = "security/templates/factor.html"
_OWN = "/me/security"
_APP = f"{_OWN}/app"
_PASSKEY = f"{_OWN}/passkey"
_KINDS = {FactorKind.TOTP: "Authenticator app", FactorKind.PASSKEY: "Passkey"}

_Next = Annotated[str | None, QueryParameter(name="next")]


@get(_OWN)
async def show_security(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    target: _Next = None,
) -> Response[str]:
    """What the person shows beside their password; who was led here goes on to where they came from."""
    own = await list_own_factors(identity, person)
    return view.render(
        _OVERVIEW,
        factors=own.factors,
        kinds=_KINDS,
        codes_left=own.codes.left if own.codes else 0,
        is_led_here=target is not None and not own.factors,
        next=local_path(target),
        adding_app=with_continuing(_APP, local_path(target)),
        adding_passkey=with_continuing(_PASSKEY, local_path(target)) if are_possible(identity) else "",
    )


@get(_APP)
async def show_add_app(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    target: _Next = None,
    replaces: Annotated[str | None, QueryParameter(name="replaces")] = None,
) -> Response[str]:
    """The form that asks what to call a new app; who must first show who they are is led there before they type anything."""
    person.require_fresh(identity.clock())
    form = blank(next=local_path(target), replaces=replaces or "")
    return view.render(_ADD_APP, form=form, error=None, **_adding(form))


@post(_APP)
async def add_app(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    form: SkipValidation[Form],
) -> Response[str]:
    """Shows the new app's secret, this once, as a picture and as text."""
    try:
        made = await apps.enrol_totp(identity, person, form.text("name"), replaces=form.chosen("replaces"))
    except DomainError as error:
        return view.refuse(_ADD_APP, error, form, **_adding(form))
    secret, qr = made.secret.reveal(), Markup(made.qr.reveal())  # noqa: S704  # made by us, with nothing that anybody typed
    shown: Values = {"secret": secret, "qr": qr, "factor_id": made.factor.id}
    return view.render(_CONFIRM_APP, form=form, error=None, **_adding(form), **shown)


@post(f"{_APP}/{{enrolment_id:str}}")
async def confirm_app(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    form: SkipValidation[Form],
    enrolment_id: FromPath[str],
) -> Response[str]:
    """Lets the app count, and goes on in the session that it lifted; who has no recovery codes yet is shown them first."""
    target = local_path(form.chosen("next"))
    try:
        confirmed = await apps.confirm_totp(identity, person, _checked(enrolment_id), form.secret("code"))
    except DomainError as error:
        if error.code != "factor-wrong" or not error.facts.get("triesLeft"):
            return view.refuse(_ADD_APP, error, form, **_adding(form))
        shown: Values = {"secret": "", "qr": "", "factor_id": enrolment_id}
        return view.refuse(_CONFIRM_APP, error, form, **_adding(form), **shown)
    return go_on_with(view, confirmed.lifted, confirmed.codes, target)


@get(_PASSKEY)
async def show_add_passkey(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    target: _Next = None,
    replaces: Annotated[str | None, QueryParameter(name="replaces")] = None,
) -> Response[str]:
    """What to call a new passkey, and the button that has the browser make it; what it cannot replace is told before there is one."""
    person.require_fresh(identity.clock())
    if replaces:
        await _check_is_own_passkey(identity, person, replaces)
    form = blank(next=local_path(target), replaces=replaces or "")
    return view.render(_ADD_PASSKEY, form=form, error=None, **await _making_passkey(identity, person, form))


@post(_PASSKEY)
async def add_passkey(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    form: SkipValidation[Form],
) -> Response[str]:
    """Lets what the browser made count, and goes on in the session that it lifted; who has no recovery codes is shown them first."""
    try:
        wanted = passkeys.NewPasskey(
            challenge_id=form.text("challenge"),
            credential=read_credential(form),
            name=form.text("name").strip() or None,
            replaces=form.chosen("replaces"),
        )
        made = await passkeys.enrol_passkey(identity, person, wanted)
    except DomainError as error:
        if error.code in LEADING_ON:
            raise
        return view.refuse(_ADD_PASSKEY, error, form, **await _making_passkey(identity, person, form))
    return go_on_with(view, made.lifted, made.codes, local_path(form.chosen("next")))


@get(f"{_OWN}/factors/{{factor_id:str}}")
async def show_factor(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    factor_id: FromPath[str],
) -> Response[str]:
    """One factor, with what can be done about it."""
    return view.render(_FACTOR, form=blank(), error=None, **await _describe(identity, person, factor_id))


@post(f"{_OWN}/factors/{{factor_id:str}}")
async def rename(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    form: SkipValidation[Form],
    factor_id: FromPath[str],
) -> Response[str]:
    """Calls a factor something else."""
    try:
        await rename_factor(identity, person, _checked(factor_id), form.text("name"))
    except DomainError as error:
        return view.refuse(_FACTOR, error, form, **await _describe(identity, person, factor_id))
    return go_to(_OWN, done="factor-renamed")


@post(f"{_OWN}/factors/{{factor_id:str}}/remove")
async def remove(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    form: SkipValidation[Form],
    factor_id: FromPath[str],
) -> Response[str]:
    """Takes a factor away; other sessions go on, and the next page offers to end them."""
    try:
        removal = await remove_factor(identity, person, _checked(factor_id))
    except DomainError as error:
        if error.kind is not ErrorKind.CONFLICT:
            raise
        return view.refuse(_FACTOR, error, form, **await _describe(identity, person, factor_id))
    return go_to("/me" if removal.other_sessions else _OWN, done="factor-removed")


@post(f"{_OWN}/codes")
async def make_codes(
    view: SkipValidation[View], person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> Response[str]:
    """A new set, shown this once; the former one no longer works."""
    made = await renew_recovery_codes(identity, person)
    return view.render(_CODES, codes=[code.reveal() for code in made.codes], next=_OWN)


def go_on_with(view: View, lifted: LiftedSession, codes: NewCodes | None, target: str) -> Response[str]:
    """Go on in the session that a new factor lifted, by way of the recovery codes for who had none."""
    cookie = session_cookie(lifted.token)
    if codes is None:
        return go_to(_OWN if target == HOME else target, done="factor-added", cookie=cookie)
    shown = [code.reveal() for code in codes.codes]
    answer = view.render(_CODES, codes=shown, next=_OWN if target == HOME else target)
    answer.set_cookie(cookie)
    return answer


def _checked(factor_id: str) -> str:
    if not is_factor_id(factor_id):
        raise not_found("factor")
    return factor_id


def _adding(form: Form) -> Values:
    return {
        "next": local_path(form.chosen("next")),
        "replaces": form.chosen("replaces"),
        "home": HOME,
        "longest": LONGEST_NAME,
    }


async def _check_is_own_passkey(identity: IdentityPlane, person: Person, factor_id: str) -> None:
    own = await list_own_factors(identity, person)
    if not any(each.id == factor_id and each.kind is FactorKind.PASSKEY for each in own.factors):
        raise not_found("factor")


async def _making_passkey(identity: IdentityPlane, person: Person, form: Form) -> Values:
    """Give the form of a new passkey with a ceremony of its own, for each is answered once."""
    asked = await passkeys.begin_passkey(identity, person)
    return {**_adding(form), "asked": asked, "scripts": (PASSKEYS,)}


async def _describe(identity: IdentityPlane, person: Person, factor_id: str) -> Values:
    own = await list_own_factors(identity, person)
    found = [factor for factor in own.factors if factor.id == factor_id]
    if not found:
        raise not_found("factor")
    return {
        "factor": found[0],
        "kind": _KINDS[found[0].kind],
        "is_last": len(own.factors) == 1,
        "replacing": _replacing(found[0]),
        "longest": LONGEST_NAME,
    }


def _replacing(factor: Factor) -> str:
    adding = {FactorKind.TOTP: _APP, FactorKind.PASSKEY: _PASSKEY}
    return f"{adding[factor.kind]}?replaces={factor.id}"


ROUTES = [
    show_security,
    show_add_app,
    add_app,
    confirm_app,
    show_add_passkey,
    add_passkey,
    show_factor,
    rename,
    remove,
    make_codes,
]
