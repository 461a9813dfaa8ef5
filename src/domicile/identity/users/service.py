"""Use cases about a person's own profile, which is the same in every account."""

from dataclasses import dataclass

from domicile.identity.addresses.store import find_pending
from domicile.identity.events.domain import SecurityEventType, security_event
from domicile.identity.events.store import append_event
from domicile.identity.plane import IdentityPlane
from domicile.identity.users import store
from domicile.identity.users.domain import Profile, ProfileChange, User
from domicile.infra.databases import IdentityTx
from domicile.kernel.callers import Person
from domicile.kernel.errors import not_found
from domicile.kernel.versions import Precondition


@dataclass(frozen=True, slots=True)
class OwnProfile:
    """A person as they see themselves."""

    user: User
    pending_email: str | None
    """The address that they have asked for and not proved yet."""


async def describe_self(plane: IdentityPlane, person: Person) -> OwnProfile:
    """Describe the caller with what is pending."""
    now = plane.clock()

    async def work(tx: IdentityTx) -> OwnProfile:
        user = await _get(tx, person)
        pending = await find_pending(tx, person.user_id, now=now)
        return OwnProfile(user, pending.wanted.shown if pending else None)

    return await plane.database.read(work)


async def update_own_profile(
    plane: IdentityPlane, person: Person, change: ProfileChange, expected: Precondition
) -> User:
    """Change the caller's name, language or time zone; the regions of their accounts follow at once."""

    async def work(tx: IdentityTx) -> User:
        now = plane.clock()
        before = await _get(tx, person)
        expected(before.version)
        profile = change.applied_to(before)
        if not (changed := _changed_fields(before, profile)):
            return before
        details = {"fields": changed}
        event = security_event(
            person.user_id, SecurityEventType.USER_UPDATED, person.origin, now=now, details=details
        )
        await append_event(tx, event)
        return await store.update_profile(tx, person.user_id, profile, now=now)

    user = await plane.database.run_tx(work)
    await plane.tell_regions()
    return user


async def _get(tx: IdentityTx, person: Person) -> User:
    if (user := await store.find_user(tx, person.user_id)) is None:
        raise not_found("user")
    return user


def _changed_fields(before: User, profile: Profile) -> str:
    pairs = {
        "name": (before.name, profile.name),
        "locale": (before.locale, profile.locale),
        "timezone": (before.time_zone, profile.time_zone),
    }
    return ", ".join(name for name, (old, new) in pairs.items() if old != new)
