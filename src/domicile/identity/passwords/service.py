"""Re-authentication: a signed-in person shows again that they know their password (OWASP ASVS 5.0, 7.5.1)."""

from domicile.identity.events.domain import Outcome, SecurityEventType, security_event
from domicile.identity.events.store import append_event
from domicile.identity.passwords.domain import normalise_password
from domicile.identity.passwords.store import find_hash
from domicile.identity.plane import IdentityPlane
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Person
from domicile.kernel.errors import DomainError, forbidden
from domicile.kernel.faults import Faults


async def confirm_password(
    plane: IdentityPlane, person: Person, typed: SecretText, *, field: str, act: SecurityEventType
) -> str:
    """Check the caller's present password before an act of theirs; gives the hash that it was checked against.

    `password-wrong` if it is another; the refused act is written down. What follows must see, in its own transaction, that the hash
    is still theirs.
    """
    faults = Faults()
    password = faults.take(field, normalise_password, typed.reveal())
    faults.settle()
    kept = await plane.database.read(lambda tx: find_hash(tx, person.user_id))
    if not await plane.passwords.verify(SecretText(password or ""), kept) or kept is None:
        event = security_event(person.user_id, act, person.origin, now=plane.clock(), outcome=Outcome.REFUSED)
        await plane.database.run_tx(lambda tx: append_event(tx, event))
        raise password_wrong()
    return kept


def password_wrong() -> DomainError:
    """Make the refusal of a password that is not, or no longer, the caller's."""
    return forbidden("password-wrong", "That is not your present password.")
