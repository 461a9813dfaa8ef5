"""The HTTP edge of signing out, and of a person's sessions."""

from litestar import delete, get
from litestar.params import FromPath, FromQuery, SkipValidation

from domicile.identity.plane import IdentityPlane
from domicile.identity.sessions import service
from domicile.identity.sessions.domain import is_session_id
from domicile.identity.sessions.schemas import EndedBody, SessionsBody, shape_session
from domicile.kernel.callers import Person
from domicile.kernel.errors import not_found
from domicile.web.bodies import or_unset
from domicile.web.operations import Access, operation


@delete("/api/sessions/current", summary="Sign out", tags=["Sessions"], opt=operation(Access.PERSON))
async def sign_out(person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]) -> None:
    """The token of this request is worth nothing afterwards."""
    await service.sign_out(identity, person)


@get("/api/me/sessions", summary="List my sessions", tags=["Me"], opt=operation(Access.PERSON))
async def list_my_sessions(
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> SessionsBody:
    """Where the person is signed in, newest first."""
    scope = f"sessions {person.user_id}"
    request = identity.cursors.page_request(limit, cursor, scope=scope)
    page = await service.list_own_sessions(identity, person, request)
    shown = [shape_session(session, current_id=person.session_id) for session in page.items]
    return SessionsBody(sessions=shown, next=or_unset(identity.cursors.next_of(page, scope=scope)))


@delete(
    "/api/me/sessions/{session_id:str}",
    summary="End one of my sessions",
    tags=["Me"],
    opt=operation(Access.PERSON, errors=("not-found",)),
)
async def end_my_session(
    session_id: FromPath[str], person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> None:
    """Signs the person out on another device, or on this one. Every account token of theirs ends with it; their other sessions enter accounts anew."""
    if not is_session_id(session_id):
        raise not_found("session")
    await service.end_session(identity, person, session_id)


@delete(
    "/api/me/sessions",
    status_code=200,
    summary="End all my other sessions",
    tags=["Me"],
    opt=operation(Access.PERSON),
)
async def end_my_other_sessions(
    person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> EndedBody:
    """This session goes on. Every account token of the person ends at once, those made in this session too: enter accounts anew."""
    return EndedBody(ended=await service.end_other_sessions(identity, person))


ROUTES = [sign_out, list_my_sessions, end_my_session, end_my_other_sessions]
