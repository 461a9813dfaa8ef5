"""What the use cases of one region need, gathered once by the composition root."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from domicile.infra.databases import Database, DirectoryTx, RegionTx
from domicile.infra.idempotency import IdempotencyKeys
from domicile.infra.outbox import Outbox
from domicile.infra.secrets import KeyedHash, Sealer
from domicile.infra.settings import Settings
from domicile.infra.signing import SigningKeys
from domicile.infra.waiting import News
from domicile.kernel.clock import Clock
from domicile.kernel.ids import AccountId, RegionId
from domicile.kernel.regions import Region
from domicile.kernel.roles import Catalogue
from domicile.kernel.urn import UrnMaker


@dataclass(frozen=True, slots=True)
class RegionPlane:
    """One region: its database, its way into the directory, its keys. No field leads into another region."""

    region: Region
    settings: Settings
    catalogue: Catalogue
    """The services of the platform, from which roles are made."""
    database: Database[RegionTx]
    directory: Database[DirectoryTx]
    clock: Clock
    outbox: Outbox
    idempotency: IdempotencyKeys
    bump_access_log: Callable[[], None]
    """Tells the copies of accesses in this process that the access log has grown."""
    index_now: Callable[[AccountId], Awaitable[None]]
    """Brings the directory up to date about an account without waiting for the courier's next round; never fails."""
    key_hash: KeyedHash
    """For the secrets of API keys."""
    link_hash: KeyedHash
    """For the secrets in invitation links."""
    sealer: Sealer
    """For what is kept sealed."""
    signer: SigningKeys
    """The region's own keys: one signs its tokens, checkpoints and receipts."""
    item_news: News = field(default_factory=News)
    """Told when an item of an account changed in this process."""

    @property
    def id(self) -> RegionId:
        """Name the region."""
        return self.region.id

    def urns(self, account: AccountId) -> UrnMaker:
        """Make names of an account's things."""
        return UrnMaker(self.settings.namespace, self.region.id, account)
