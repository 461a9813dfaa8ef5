"""Use cases of the operator who brings people over: rehearse one, import one; the command line alone calls them."""

from dataclasses import dataclass
from typing import Final

from uuid_utils import uuid7

from domicile.identity.addresses.store import find_release
from domicile.identity.events.domain import SYSTEM_ORIGIN, SecurityEventType, security_event
from domicile.identity.events.store import append_event
from domicile.identity.passwords.domain import NewHash
from domicile.identity.passwords.store import put_hash
from domicile.identity.people_import.domain import Imported, ImportResult, Newcomer, user_from
from domicile.identity.plane import IdentityPlane
from domicile.identity.registration.store import close_sign_ups
from domicile.identity.users.domain import take_profile
from domicile.identity.users.store import find_user_by_email, insert_user
from domicile.infra.databases import IdentityTx
from domicile.infra.email_address import parse_email_address
from domicile.infra.imported_hashes import accept_hash
from domicile.infra.secrets import SecretText
from domicile.kernel.faults import Faults
from domicile.kernel.ids import UserId

_DETAILS: Final = {"source": "import"}


@dataclass(frozen=True, slots=True)
class WantedPerson:
    """A person as another system knew them; None: it did not say."""

    email: str
    name: str
    locale: str | None
    time_zone: str | None
    password_hash: SecretText | None


async def rehearse_import(plane: IdentityPlane, wanted: WantedPerson) -> Imported:
    """Tell what would come of a person, and change nothing; `invalid-input` as `import_person`."""
    newcomer = _parse(wanted)
    known = await plane.database.read(lambda tx: find_user_by_email(tx, newcomer.email.key))
    return Imported(ImportResult.KNOWN if known else ImportResult.CREATED, known.id if known else None)


async def import_person(plane: IdentityPlane, wanted: WantedPerson) -> Imported:
    """Make a user of a person whose address the operator vouches for; nothing is mailed.

    Whoever has the address already stays as they are, password and all, so that doing it again changes nothing. Sign-ups for the address
    that wait for their link end, as they do when one of them is verified. `invalid-input` names every fault, also a hash that is not
    taken over.
    """
    newcomer, now, user_id = _parse(wanted), plane.clock(), UserId(str(uuid7()))

    async def work(tx: IdentityTx) -> Imported:
        if known := await find_user_by_email(tx, newcomer.email.key):
            return Imported(ImportResult.KNOWN, known.id)
        since = await find_release(tx, plane.token_hash, newcomer.email.key)
        if not await insert_user(tx, user_from(newcomer, user_id, address_since=since, now=now)):
            return Imported(ImportResult.KNOWN, None)
        if newcomer.kept_hash is not None:
            # How long the password is shows when it is typed; until then nobody is signed in who could give up a factor.
            await put_hash(tx, user_id, NewHash(newcomer.kept_hash, is_short=False), now=now)
        await close_sign_ups(tx, newcomer.email.key, now=now)
        event = security_event(
            user_id, SecurityEventType.USER_CREATED, SYSTEM_ORIGIN, now=now, details=_DETAILS
        )
        await append_event(tx, event)
        return Imported(ImportResult.CREATED, user_id)

    return await plane.database.run_tx(work)


def _parse(wanted: WantedPerson) -> Newcomer:
    faults = Faults()
    email = faults.take("email", parse_email_address, wanted.email)
    profile = take_profile(faults, wanted.name, wanted.locale, wanted.time_zone)
    hashed = wanted.password_hash.reveal() if wanted.password_hash else None
    kept_hash = faults.take("passwordHash", accept_hash, hashed)
    faults.settle()
    assert email is not None
    return Newcomer(email, profile, kept_hash)
