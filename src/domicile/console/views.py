"""Shapes answers for whoever is looking: pages with their frame, refused forms, and the way on after a change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from litestar import Response
from litestar.datastructures import Cookie
from litestar.params import QueryParameter, SkipValidation
from markupsafe import Markup

from domicile.console.forms import Form
from domicile.console.notices import find_notice, noticing
from domicile.console.pages import PAGE_HEADERS, Pages
from domicile.console.session_cookie import SESSION_COOKIE
from domicile.console.wording import day_in, moment_in
from domicile.identity.plane import IdentityPlane
from domicile.identity.sessions.service import authenticate_session
from domicile.kernel.callers import Person, user_leaving
from domicile.kernel.errors import DomainError, ErrorKind, unauthenticated
from domicile.web.problems import problem_headers, status_of
from domicile.web.requests import DomicileRequest, origin_of

_SHOWN_WITH_FORM = {
    ErrorKind.INVALID,
    ErrorKind.FORBIDDEN,
    ErrorKind.CONFLICT,
    ErrorKind.STALE,
    ErrorKind.OVERLOADED,
}


LEADING_ON: Final = frozenset({"mfa-required", "reauthentication-required"})
"""What no form mends: the way on is another page, on which people show who they are, and then back."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every page's frame shows of the installation."""

    has_mailbox: bool
    """Whether mails are caught by the embedded mailbox, and can be read at `/mailbox`."""


@dataclass(frozen=True, slots=True)
class View:
    """Renders pages for the visitor of this request."""

    pages: Pages
    surroundings: Surroundings
    visitor: Person | None
    path: str
    notice: str | None

    def render(self, template: str, *, status_code: int = 200, **values: Any) -> Response[str]:
        """Render a page in the visitor's frame."""
        return self.pages.render(template, status_code=status_code, view=self, **values)

    def refuse(
        self,
        template: str,
        error: DomainError,
        form: Form,
        *,
        also_shown: frozenset[ErrorKind] = frozenset(),
        **values: Any,
    ) -> Response[str]:
        """Show a form again with what was typed and what is wrong with it; an error that is not about the form goes on."""
        if error.kind not in _SHOWN_WITH_FORM | also_shown or error.code in LEADING_ON:
            raise error
        status = status_of(error)
        headers = problem_headers(status, error) if error.kind is ErrorKind.OVERLOADED else {}
        return self.pages.render(
            template, status_code=status, headers=headers, view=self, form=form, error=error, **values
        )

    def moment(self, at: datetime) -> Markup:
        """Write a moment in the visitor's time zone."""
        return _time(at, moment_in(at, self._zone()))

    def day(self, at: datetime) -> Markup:
        """Write the day of a moment in the visitor's time zone; to the minute where the pointer rests on it."""
        return _time(at, day_in(at, self._zone()), title=moment_in(at, self._zone()))

    def _zone(self) -> str:
        return self.visitor.time_zone if self.visitor else "UTC"


def _time(at: datetime, shown: str, *, title: str = "") -> Markup:
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(), title or shown, shown)


def go_to(
    path: str, *, done: str | None = None, cookie: Cookie | None = None, other_cookie: Cookie | None = None
) -> Response[str]:
    """Answer a POST with the page to look at next (RFC 9110, 303), which says what was done."""
    headers = {**PAGE_HEADERS, "Location": noticing(path, done) if done else path}
    cookies = [each for each in (cookie, other_cookie) if each]
    return Response("", media_type="text/plain", status_code=303, headers=headers, cookies=cookies)


async def provide_visitor(request: DomicileRequest, identity: SkipValidation[IdentityPlane]) -> Person | None:
    """Recognise who is looking by the session cookie; None for a stranger, and for whoever's session has ended."""
    token = request.cookies.get(SESSION_COOKIE)
    if not token:
        return None
    try:
        visitor = await authenticate_session(identity, token, origin_of(request.scope))
    except DomainError as error:
        if error.kind is not ErrorKind.UNAUTHENTICATED:
            raise
        return None
    # For the frame of an error page, which is made outside the handler.
    request.scope["state"]["visitor"] = visitor
    return visitor


async def provide_person(request: DomicileRequest, visitor: SkipValidation[Person | None]) -> Person:
    """Give the signed-in person; whoever is not is led to signing in by the error's page, and who is leaving is told so."""
    if visitor is not None and visitor.is_leaving:
        raise user_leaving()
    if visitor is not None:
        return visitor
    if request.cookies.get(SESSION_COOKIE):
        raise unauthenticated("session-ended", "Your session has ended: sign in again.")
    raise unauthenticated("not-authenticated", "Sign in to go on.")


def provide_view(
    request: DomicileRequest,
    visitor: SkipValidation[Person | None],
    pages: SkipValidation[Pages],
    surroundings: SkipValidation[Surroundings],
    done: Annotated[str | None, QueryParameter(name="done")] = None,
) -> View:
    """Make the view of a request."""
    return View(pages, surroundings, visitor, request.url.path, find_notice(done))


def view_of(scope_state: Mapping[str, object], pages: Pages, surroundings: Surroundings, path: str) -> View:
    """Make a view outside a handler, for whoever was recognised before it failed."""
    visitor = scope_state.get("visitor")
    return View(pages, surroundings, visitor if isinstance(visitor, Person) else None, path, None)
