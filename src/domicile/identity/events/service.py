"""Use cases about a person's security events."""

from datetime import timedelta

from domicile.identity.events import store
from domicile.identity.events.domain import RecordedSecurityEvent
from domicile.identity.plane import IdentityPlane
from domicile.kernel.callers import Person
from domicile.kernel.paging import Page, PageRequest

_RETENTION = timedelta(days=365)
_RETENTION_OF_NOBODY = timedelta(days=30)


async def list_own_events(
    plane: IdentityPlane, person: Person, page: PageRequest
) -> Page[RecordedSecurityEvent]:
    """List what happened to the caller's own credentials, sessions and profile, newest first."""
    return await plane.database.read(lambda tx: store.list_events(tx, person.user_id, page))


async def forget_old_events(plane: IdentityPlane) -> None:
    """Delete events after a year, and those about no known person after thirty days."""
    now = plane.clock()
    before, of_nobody = now - _RETENTION, now - _RETENTION_OF_NOBODY
    await plane.database.run_tx(lambda tx: store.forget_events(tx, before=before, of_nobody_before=of_nobody))
