"""What the identity plane forgets: things past their time, whose secrets and personal data are kept no longer."""

from domicile.identity.departure.service import forget_old_departures
from domicile.identity.email_change.service import forget_old_changes
from domicile.identity.events.service import forget_old_events
from domicile.identity.passkeys.service import forget_expired_challenges
from domicile.identity.plane import IdentityPlane
from domicile.identity.recovery.service import forget_expired_resets
from domicile.identity.registration.service import forget_expired_sign_ups
from domicile.identity.sessions.service import forget_ended_sessions
from domicile.identity.signing_in.service import forget_old_sign_ins
from domicile.identity.throttling.service import forget_old_attempts
from domicile.identity.totp_enrolment.service import forget_pending_apps


async def forget_expired(plane: IdentityPlane) -> None:
    """Delete expired sign-ups, resets, sign-ins, sessions, enrolments and challenges, settled changes and departures, old attempts, and events past their retention; once an hour will do."""
    await forget_expired_sign_ups(plane)
    await forget_expired_resets(plane)
    await forget_ended_sessions(plane)
    await forget_old_sign_ins(plane)
    await forget_pending_apps(plane)
    await forget_expired_challenges(plane)
    await forget_old_events(plane)
    await forget_old_changes(plane)
    await forget_old_departures(plane)
    await forget_old_attempts(plane)
