"""A person's own page: profile, password, and where they are signed in."""

from functools import cache
from zoneinfo import available_timezones

from litestar import Response, get, post
from litestar.params import FromPath, SkipValidation

from domicile.console.forms import Form, blank
from domicile.console.new_password import new_password
from domicile.console.pages import Values
from domicile.console.session_cookie import no_session_cookie
from domicile.console.views import View, go_to
from domicile.identity.devices import device_name
from domicile.identity.plane import IdentityPlane
from domicile.identity.recovery.service import change_password
from domicile.identity.sessions.service import end_other_sessions, end_session, list_own_sessions
from domicile.identity.users.domain import LONGEST_NAME, parse_profile_change
from domicile.identity.users.service import describe_self, update_own_profile
from domicile.kernel.callers import Person
from domicile.kernel.errors import DomainError
from domicile.kernel.paging import LARGEST_LIMIT, PageRequest
from domicile.kernel.text import LOCALES
from domicile.kernel.versions import expecting

_ME = "profile/templates/me.html"
_ALL = PageRequest(LARGEST_LIMIT, None)
_TONGUES = {"en": "English", "ja": "日本語", "de": "Deutsch"}


@get("/me")
async def show_me(
    view: SkipValidation[View], person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> Response[str]:
    """The person's profile, the same in every account."""
    return view.render(_ME, refused=None, form=blank(), error=None, **await _gather(identity, person))


@post("/me")
async def change_profile(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    form: SkipValidation[Form],
) -> Response[str]:
    """Changes name, language and time zone, of the version that was looked at."""
    try:
        change = parse_profile_change(form.text("name"), form.text("locale"), form.text("timezone"))
        await update_own_profile(identity, person, change, expecting((form.text("version"),)))
    except DomainError as error:
        return view.refuse(_ME, error, form, refused="profile", **await _gather(identity, person))
    return go_to("/me", done="profile-changed")


@post("/me/password")
async def change_own_password(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    form: SkipValidation[Form],
) -> Response[str]:
    """Sets another password, for who knows the present one; other sessions end, this one goes on."""
    try:
        await change_password(identity, person, form.secret("currentPassword"), form.secret("newPassword"))
    except DomainError as error:
        return view.refuse(_ME, error, form, refused="password", **await _gather(identity, person))
    return go_to("/me", done="password-changed")


@post("/me/sessions/{session_id:str}/end")
async def end_own_session(
    person: SkipValidation[Person], identity: SkipValidation[IdentityPlane], session_id: FromPath[str]
) -> Response[str]:
    """Signs the person out there; ending this very session signs out here."""
    await end_session(identity, person, session_id)
    if session_id == person.session_id:
        return go_to("/sign-in", done="signed-out", cookie=no_session_cookie())
    return go_to("/me", done="session-closed")


@post("/me/sessions/end-others")
async def end_own_other_sessions(
    person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> Response[str]:
    """Signs the person out everywhere but here."""
    await end_other_sessions(identity, person)
    return go_to("/me", done="sessions-closed")


async def _gather(identity: IdentityPlane, person: Person) -> Values:
    own = await describe_self(identity, person)
    sessions = await list_own_sessions(identity, person, _ALL)
    return {
        "user": own.user,
        "pending_email": own.pending_email,
        "sessions": sessions.items,
        "current_id": person.session_id,
        "device": device_name,
        "tongues": {locale: _TONGUES.get(locale, locale) for locale in LOCALES},
        "zones": _zones(),
        **new_password(identity, own.user),
        "longest": LONGEST_NAME,
    }


@cache
def _zones() -> dict[str, list[str]]:
    """Group the IANA time zones by the first part of their names, for a list that one can find one's way in."""
    groups: dict[str, list[str]] = {"": ["UTC"]}
    for zone in sorted(available_timezones()):
        area, slash, _ = zone.partition("/")
        if slash and area not in {"Etc", "SystemV", "US", "posix", "right"}:
            groups.setdefault(area, []).append(zone)
    return groups


ROUTES = [show_me, change_profile, change_own_password, end_own_session, end_own_other_sessions]
