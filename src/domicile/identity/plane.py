"""What the use cases of the identity plane need, gathered once by the composition root."""

from collections.abc import Callable
from dataclasses import dataclass

from domicile.infra.databases import Database, IdentityTx
from domicile.infra.outbox import Outbox
from domicile.infra.passwords import PasswordHasher
from domicile.infra.secrets import KeyedHash
from domicile.infra.settings import Settings
from domicile.kernel.clock import Clock
from domicile.web.cursors import Cursors


@dataclass(frozen=True, slots=True)
class IdentityPlane:
    """Identity: its database, which holds the directory too, and its keys. No field leads into a region."""

    settings: Settings
    database: Database[IdentityTx]
    clock: Clock
    outbox: Outbox
    passwords: PasswordHasher
    token_hash: KeyedHash
    """For the secrets in links of mails."""
    session_hash: KeyedHash
    """For session tokens."""
    cursors: Cursors
    wake_regions: Callable[[], None] = lambda: None
    """Tells the workers of the regions in this process that the feed has grown; other processes look every second."""
