"""What a node has for the services of the platform: who they are, what they follow, what they are told."""

from dataclasses import dataclass
from ipaddress import ip_network

from domicile.infra.outbound import Outbound
from domicile.infra.secrets import Keyring
from domicile.infra.settings import Settings
from domicile.infra.webhooks import webhook_secret
from domicile.kernel.ids import RegionId
from domicile.region.entering.doors import Doors
from domicile.region.item_watch.service import ItemFeeds
from domicile.region.plane import RegionPlane
from domicile.region.revocations.service import RevocationFeeds
from domicile.region.service_identity.service import ServiceIdentities
from domicile.region.webhooks.handlers import Webhooks


@dataclass(frozen=True, slots=True)
class ServiceSide:
    """One node's."""

    identities: ServiceIdentities
    revocations: RevocationFeeds
    items: ItemFeeds
    webhooks: dict[RegionId, list[Webhooks]]
    """One for each service of a region that asked to be told."""
    outbound: Outbound

    def let_nobody_wait(self) -> None:
        """Give every answer that waits for news at once: the node is about to end."""
        self.revocations.stop()
        self.items.stop()

    async def close(self) -> None:
        """Let go of sockets."""
        await self.outbound.close()


def open_service_side(settings: Settings, doors: Doors, keyring: Keyring) -> ServiceSide:
    """Assemble it for the regions that the node serves."""
    outbound = Outbound([ip_network(each) for each in settings.webhooks.allowed_networks])
    served = doors.regions.served
    return ServiceSide(
        identities=ServiceIdentities(doors.regions, settings.services, doors.regions.clock),
        revocations=RevocationFeeds(doors),
        items=ItemFeeds(),
        webhooks={region: _webhooks_of(plane, outbound, keyring) for region, plane in served.items()},
        outbound=outbound,
    )


def _webhooks_of(plane: RegionPlane, outbound: Outbound, keyring: Keyring) -> list[Webhooks]:
    return [
        Webhooks(plane, known, outbound, webhook_secret(keyring, known.name, plane.id))
        for known in plane.catalogue.told_in(plane.id)
    ]
