"""The HTTP edge of signing in and out, and of a person's sessions."""

from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from domicile.identity.plane import IdentityPlane
from domicile.identity.sessions import service
from domicile.identity.sessions.domain import is_session_id
from domicile.identity.sessions.schemas import SessionsBody, SignedInBody, SignInBody, shape_session
from domicile.identity.users.schemas import shape_profile
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Origin, Person
from domicile.kernel.clock import whole_seconds
from domicile.kernel.errors import not_found
from domicile.web.bodies import or_unset
from domicile.web.operations import Access, operation


@post(
    "/api/sessions",
    summary="Sign in",
    tags=["Sessions"],
    opt=operation(Access.ANYONE, errors=("sign-in-failed", "too-busy")),
)
async def sign_in(
    data: JSONBody[SignInBody], identity: SkipValidation[IdentityPlane], origin: SkipValidation[Origin]
) -> Response[SignedInBody]:
    """Every refusal is one answer: it does not tell whether the address is known."""
    made = await service.sign_in(identity, data.email, SecretText(data.password), origin)
    expires = whole_seconds(made.session.expires_at)
    body = SignedInBody(token=made.token.reveal(), expires=expires, user=shape_profile(made.user))
    headers = {"Location": "/api/sessions/current", "Cache-Control": "no-store"}
    return Response(body, status_code=201, headers=headers)


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
    """Signs the person out on another device, or on this one."""
    if not is_session_id(session_id):
        raise not_found("session")
    await service.end_session(identity, person, session_id)


ROUTES = [sign_in, sign_out, list_my_sessions, end_my_session]
