"""Use case of a person who takes their data along (GDPR, articles 15 and 20): what identity and the directory have, piece by piece."""

from collections.abc import AsyncIterator
from datetime import datetime

from domicile.directory.departures.store import list_regions_to_ask
from domicile.directory.memberships.store import list_places_of
from domicile.identity.addresses.store import find_pending
from domicile.identity.events.domain import RecordedSecurityEvent, SecurityEventType, security_event
from domicile.identity.events.store import append_event, list_events
from domicile.identity.export.domain import ExportedMembership, ExportedPerson
from domicile.identity.factors.service import read_factors
from domicile.identity.passwords.service import confirm_password, password_wrong
from domicile.identity.plane import IdentityPlane
from domicile.identity.sessions.service import limits_of
from domicile.identity.sessions.store import list_live_sessions, renew_authentication
from domicile.identity.users.store import find_user
from domicile.infra.databases import IdentityTx
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Person
from domicile.kernel.ids import RegionId
from domicile.kernel.paging import LARGEST_LIMIT, PageRequest

_EVENTS_AT_ONCE = 1000


async def begin_export(plane: IdentityPlane, person: Person, password: SecretText) -> ExportedPerson:
    """Check the caller's password and read what is known of them; for ten minutes their session may fetch the regions' parts.

    `password-wrong`. That it was asked for is an event of its own.
    """
    act, now = SecurityEventType.DATA_EXPORTED, plane.clock()
    await confirm_password(plane, person, password, field="password", act=act)

    async def note(tx: IdentityTx) -> None:
        # A password alone makes nobody fresh who has more than that; they showed their second factor a moment ago.
        if not person.mfa_enabled and not await renew_authentication(
            tx, person.user_id, person.session_id, now=now
        ):
            raise password_wrong()
        await append_event(tx, security_event(person.user_id, act, person.origin, now=now))

    await plane.database.run_tx(note)
    return await plane.database.read(lambda tx: _read(plane, tx, person, now))


async def list_own_regions(plane: IdentityPlane, person: Person) -> tuple[RegionId, ...]:
    """List the regions that may know something of the caller."""
    return await plane.database.read(lambda tx: list_regions_to_ask(tx, person.user_id))


async def list_all_events(
    plane: IdentityPlane, person: Person
) -> AsyncIterator[tuple[RecordedSecurityEvent, ...]]:
    """Give the caller's events page by page, newest first; each page is read when it is asked for."""
    request = PageRequest(_EVENTS_AT_ONCE, None)
    while True:
        page = await plane.database.read(lambda tx, request=request: list_events(tx, person.user_id, request))
        yield page.items
        if page.next_after is None:
            return
        request = PageRequest(_EVENTS_AT_ONCE, page.next_after)


async def _read(plane: IdentityPlane, tx: IdentityTx, person: Person, now: datetime) -> ExportedPerson:
    user = await find_user(tx, person.user_id)
    assert user is not None
    pending = await find_pending(tx, user.id, now=now)
    sessions = await list_live_sessions(
        tx, user.id, PageRequest(LARGEST_LIMIT, None), limits_of(plane), now=now
    )
    return ExportedPerson(
        user,
        pending.wanted.shown if pending else None,
        sessions.items,
        await read_factors(tx, user.id),
        tuple(
            ExportedMembership(place.account_id, place.region_id, place.state, place.role_id)
            for place in await list_places_of(tx, user.id)
        ),
        await list_regions_to_ask(tx, user.id),
        now,
    )
