"""What the use cases of the identity plane need, gathered once by the composition root."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from domicile.identity.under_way import UnderWay
from domicile.infra.databases import Database, IdentityTx
from domicile.infra.outbox import Outbox
from domicile.infra.password_screen import PasswordScreen
from domicile.infra.passwords import PasswordHasher
from domicile.infra.secrets import KeyedHash, Sealer
from domicile.infra.settings import Settings
from domicile.infra.signing import SigningKeys
from domicile.kernel.callers import Person
from domicile.kernel.clock import Clock
from domicile.web.cursors import Cursors


async def _tell_nobody() -> None:
    """Tell no region: there is none in this process."""


async def _tell_no_account(_person: Person) -> None:
    """Tell no account: there is no region in this process."""


@dataclass(frozen=True, slots=True)
class IdentityPlane:
    """Identity: its database, which holds the directory too, and its keys. No field leads into a region."""

    settings: Settings
    database: Database[IdentityTx]
    clock: Clock
    outbox: Outbox
    passwords: PasswordHasher
    screen: PasswordScreen
    token_hash: KeyedHash
    """For the secrets in links of mails."""
    session_hash: KeyedHash
    """For session tokens."""
    code_hash: KeyedHash
    """For recovery codes, and for what a sign-in under way is known by."""
    sealer: Sealer
    """For the secrets of second factors."""
    attempt_hash: KeyedHash
    """For what failed attempts are counted by: whose they are, and from which network."""
    cursors: Cursors
    signer: SigningKeys
    """Identity's own keys: one signs what it says of a person."""
    under_way: UnderWay = field(default_factory=UnderWay)
    """The attempts that this process verifies at present."""
    tell_regions: Callable[[], Awaitable[None]] = _tell_nobody
    """Lets the regions in this process follow a change before its request is answered; never fails. Other processes look every second."""
    tell_signed_out: Callable[[Person], Awaitable[None]] = _tell_no_account
    """Lets the regions in this process write a sign-out down in the accounts that the session had entered; never fails."""
