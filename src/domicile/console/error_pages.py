"""Errors as people see them: a page that says what happened and how to go on, or the way to signing in."""

import re

import structlog
from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, NotFoundException

from domicile.console.continuing import HOME, local_path, with_continuing
from domicile.console.pages import Pages
from domicile.console.session_cookie import no_session_cookie
from domicile.console.views import LEADING_ON, Surroundings, go_to, view_of
from domicile.kernel.errors import DomainError, ErrorKind, not_found
from domicile.web.problems import problem_headers, respond_to_framework, status_of

_TEMPLATE = "templates/error.html"
_HEADINGS = {
    400: "That cannot be understood",
    403: "This is not open to you",
    404: "There is no such page",
    405: "That is not possible here",
    409: "That does not fit the present state",
    412: "It was changed meanwhile",
    413: "That is too large",
    421: "This account is served elsewhere",
    429: "Too much at once",
    500: "Something went wrong on our side",
    503: "Not available at present",
}
_MESSAGES = {
    404: "It may never have been there, or it is not yours to see. Both look the same, so that nobody can find out.",
    500: "It was not your doing. The number below helps the operators of this installation to find out.",
}
_PAGES = {"/me/password": "/me"}
_log = structlog.get_logger("domicile.console")

_STEP_UP = "/step-up"
_ENROL = "/me/security"
_WITHOUT_PAGE = re.compile(
    r"(?P<account>/accounts/\d{12})/(?:rename|invitations(?:/[^/]+/[a-z]+)?)"
    r"|(?P<services>/accounts/\d{12}/services)/[^/]+/open"
    r"|(?P<own>/me/security)/(?:codes|app/[^/]+|factors/[^/]+/remove)"
)
"""Forms that are sent to addresses of their own, with the page that they are on."""
_OPENING = re.compile(r"/services/[^/]+/open")
_RESTORING = re.compile(r"/accounts/\d{12}/restore")

_Request = Request[object, object, State]


class ErrorPages:
    """Answers errors with pages, where pages are what the caller came for."""

    def __init__(self, pages: Pages, surroundings: Surroundings) -> None:
        self._pages = pages
        self._surroundings = surroundings

    def respond(self, request: _Request, error: DomainError) -> Response[str]:
        """Answer an error of a use case."""
        if error.kind is ErrorKind.UNAUTHENTICATED:
            return self._to_sign_in(request, error)
        if error.code == "user-leaving":
            return go_to("/me/deletion")
        if error.code in LEADING_ON:
            return self._to_showing_again(request, error)
        return self._page(request, status_of(error), error.message, problem_headers(status_of(error), error))

    def respond_to_framework(self, request: _Request, error: HTTPException) -> Response[str]:
        """Answer where the framework refused before any handler ran."""
        if error.status_code >= 500:
            return self.respond_to_bug(request, error)
        message = "Go back and try again." if error.status_code != 404 else ""
        return self._page(request, error.status_code, message, dict(error.headers or {}))

    def respond_to_bug(self, request: _Request, error: Exception) -> Response[str]:
        """Answer an error that nobody foresaw: logged with its place in the code, told as nothing but a number."""
        _log.error("unforeseen", error=type(error).__name__, method=request.method, exc_info=error)
        return self._page(request, 500, "", {})

    def respond_to_unrouted(self, request: _Request, error: HTTPException) -> Response[str] | Response[bytes]:
        """Answer for an address that no route has: with a page for who asked for one, else with a problem."""
        wants_page = "text/html" in request.headers.get("accept", "")
        if request.url.path.startswith("/api/") or not wants_page:
            return respond_to_framework(request, error)
        if isinstance(error, NotFoundException):
            return self.respond(request, not_found("page"))
        return self.respond_to_framework(request, error)

    def _to_sign_in(self, request: _Request, error: DomainError) -> Response[str]:
        target = local_path(_asked_of(request) if request.method == "GET" else None)
        done = "sign-in-first" if error.code == "not-authenticated" else "session-ended"
        return go_to(with_continuing("/sign-in", target), done=done, cookie=no_session_cookie())

    def _to_showing_again(self, request: _Request, error: DomainError) -> Response[str]:
        """Lead to where a person shows who they are, or adds what they have not got, and from there back to where they were."""
        if error.code == "reauthentication-required":
            way, done = _STEP_UP, "show-again"
        elif error.facts.get("enrolled"):
            way, done = _STEP_UP, "second-factor-asked"
        else:
            way, done = _ENROL, "second-factor-missing"
        return go_to(with_continuing(way, local_path(_page_of(request))), done=done)

    def _page(self, request: _Request, status: int, message: str, headers: dict[str, str]) -> Response[str]:
        state = request.scope.get("state", {})
        view = view_of(state, self._pages, self._surroundings, request.url.path)
        return self._pages.render(
            _TEMPLATE,
            status_code=status,
            headers=headers,
            view=view,
            heading=_HEADINGS.get(status, "That did not work"),
            message=_MESSAGES.get(status, message),
            request_id=state.get("request_id") if status >= 500 else None,
        )


def _asked_of(request: _Request) -> str:
    """Name the page that a stranger asked for; with what a service asked for, where one sent them."""
    return _page_of(request) if _OPENING.fullmatch(request.url.path) else request.url.path


def _page_of(request: _Request) -> str:
    """Name the page that a person was on: the one asked for, or the one with the form that was sent."""
    path = request.url.path
    if request.method == "GET":
        return f"{path}?{request.url.query}" if request.url.query else path
    if _RESTORING.fullmatch(path):
        return HOME
    found = _WITHOUT_PAGE.fullmatch(path)
    return found["account"] or found["services"] or found["own"] if found else _PAGES.get(path, path)
