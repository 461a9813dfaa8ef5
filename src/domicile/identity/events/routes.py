"""The HTTP edge of a person's own security events."""

from litestar import get
from litestar.params import FromQuery, SkipValidation

from domicile.identity.events import service
from domicile.identity.events.schemas import SecurityEventsBody, shape_event
from domicile.identity.plane import IdentityPlane
from domicile.kernel.callers import Person
from domicile.web.bodies import or_unset
from domicile.web.operations import Access, operation


@get("/api/me/events", summary="List my security events", tags=["Me"], opt=operation(Access.PERSON))
async def list_my_events(
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> SecurityEventsBody:
    """Sign-ins, refused ones too, and every change of password, session and profile, newest first."""
    scope = f"events {person.user_id}"
    page = await service.list_own_events(
        identity, person, identity.cursors.page_request(limit, cursor, scope=scope)
    )
    shown = [shape_event(recorded) for recorded in page.items]
    return SecurityEventsBody(events=shown, next=or_unset(identity.cursors.next_of(page, scope=scope)))


ROUTES = [list_my_events]
