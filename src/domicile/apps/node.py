"""Assembles one node: databases, planes, doors, couriers and mail, from the settings."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from domicile.apps.service_side import ServiceSide, open_service_side
from domicile.identity.handlers import identity_mail_handlers
from domicile.identity.outbox import outbox as identity_outbox
from domicile.identity.plane import IdentityPlane
from domicile.identity.signing.service import OWNER as IDENTITY
from domicile.identity.signing.service import identity_keeper
from domicile.identity.users.store import read_member_card
from domicile.infra.databases import (
    Database,
    DirectoryTx,
    IdentityTx,
    RegionTx,
    directory_database,
    identity_database,
    region_database,
)
from domicile.infra.delivery import Delivery
from domicile.infra.idempotency import IdempotencyKeys
from domicile.infra.mail.mailbox import Mailbox
from domicile.infra.mail.settings import MailSettings
from domicile.infra.mail.smtp import SmtpMailer
from domicile.infra.migrations import History, prepare
from domicile.infra.outbox import Outbox, OutboxRow
from domicile.infra.password_screen import PasswordScreen
from domicile.infra.passwords import PasswordHasher
from domicile.infra.secrets import Keyring, Sealer
from domicile.infra.settings import RegionSettings, Settings
from domicile.infra.signing import SigningKeys
from domicile.infra.signing_keys import KeyKeeper
from domicile.kernel.callers import Person
from domicile.kernel.clock import Clock
from domicile.kernel.ids import AccountId, RegionId
from domicile.kernel.regions import Region
from domicile.region.access_log.store import begin_access_log
from domicile.region.courier.service import Courier
from domicile.region.courier.store import begin_feed_cursor
from domicile.region.entering.door import Door
from domicile.region.entering.doors import Doors
from domicile.region.entering.keys import TokenKeys
from domicile.region.invitations.handlers import invitation_mail_handler
from domicile.region.lifecycle.handlers import lifecycle_mail_handlers
from domicile.region.outbox.store import INVITATION_MAIL, idempotency_keys, outbox
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.region.signing.service import region_keeper
from domicile.region.standing.service import Standings
from domicile.web.cursors import Cursors


@dataclass(frozen=True, slots=True)
class Node:
    """Everything that one process runs."""

    settings: Settings
    identity: IdentityPlane
    identity_delivery: Delivery[IdentityTx]
    doors: Doors
    couriers: dict[RegionId, Courier]
    service_side: ServiceSide
    keepers: dict[str, KeyKeeper[IdentityTx] | KeyKeeper[RegionTx]]
    """Of the signing keys: by region id, and `identity`."""
    mailbox: Mailbox | None
    """The embedded one; None where a mail server is configured."""
    wakers: dict[str, asyncio.Event] = field(default_factory=dict)
    """By region id, and `identity`: set when there is work in that plane's outbox."""

    async def close(self) -> None:
        """Let go of databases, threads and sockets."""
        self.identity.passwords.close()
        await self.identity.screen.close()
        await self.service_side.close()
        if self.mailbox is not None:
            await self.mailbox.stop()
        await self.identity.database.close()
        await self.doors.regions.directory.close()
        for door in self.doors.by_region.values():
            await door.plane.database.close()
            await door.plane.directory.close()


async def open_node(settings: Settings, clock: Clock) -> Node:
    """Assemble a node on databases that are migrated already, or are SQLite files, which are migrated here."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    keyring = settings.root_key.open()
    mailbox = await _open_mailbox(settings, clock)
    mailer = SmtpMailer(_mail_settings(settings, mailbox), clock)
    wakers = {
        name: asyncio.Event() for name in ["identity", *(entry.id for entry in settings.served_regions)]
    }
    cursors = Cursors(keyring.hasher("cursors"))

    couriers: dict[RegionId, Courier] = {}

    async def tell_regions() -> None:
        await asyncio.gather(*(courier.pull_now() for courier in couriers.values()))

    directory = directory_database(settings.identity_database)
    regions = Regions(
        settings.region_list(), {}, directory, cursors, settings.namespace, settings.public_url, clock
    )
    doors = Doors(regions, {})
    keepers: dict[str, KeyKeeper[IdentityTx] | KeyKeeper[RegionTx]] = {}
    identity = await _open_identity(
        settings,
        keyring,
        clock,
        wakers["identity"],
        cursors,
        keepers=keepers,
        tell_regions=tell_regions,
        tell_signed_out=doors.note_sign_out,
    )
    for entry in settings.served_regions:
        region = regions.get(RegionId(entry.id))
        database = await _open_region_database(entry, region.id)
        sealer = keyring.sealer(f"region {region.id}")
        keeper = keepers[region.id] = region_keeper(region.id, database, sealer, clock)
        assembly = _RegionAssembly(
            settings, region, database, keyring, sealer, keeper, clock, wakers[region.id]
        )
        has_own_role = entry.directory_database != settings.identity_database
        seen = directory_database(entry.directory_database) if has_own_role else directory
        door, courier = await assembly.open(seen, mailer)
        regions.served[region.id] = door.plane
        doors.by_region[region.id] = door
        couriers[region.id] = courier
    delivery = Delivery("identity", identity.database, identity.outbox, _by_kind(identity, mailer))
    return Node(
        settings=settings,
        identity=identity,
        identity_delivery=delivery,
        doors=doors,
        couriers=couriers,
        service_side=open_service_side(settings, doors, keyring),
        keepers=keepers,
        mailbox=mailbox,
        wakers=wakers,
    )


def _by_kind(identity: IdentityPlane, mailer: SmtpMailer):  # noqa: ANN202  # a Handle, said by the return below
    handlers = identity_mail_handlers(identity, mailer)

    async def handle(row: OutboxRow) -> None:
        await handlers[row.kind](row)

    return handle


async def _open_mailbox(settings: Settings, clock: Clock) -> Mailbox | None:
    if settings.mail is not None:
        return None
    mailbox = Mailbox(settings.data / "mail", clock=clock)
    await mailbox.start()
    return mailbox


def _mail_settings(settings: Settings, mailbox: Mailbox | None) -> MailSettings:
    if settings.mail is not None:
        return settings.mail
    if mailbox is None:
        raise ValueError("without a mail server there is the embedded mailbox")
    return MailSettings(host="127.0.0.1", port=mailbox.port, tls="none")


async def _open_identity(
    settings: Settings,
    keyring: Keyring,
    clock: Clock,
    waker: asyncio.Event,
    cursors: Cursors,
    *,
    keepers: dict[str, KeyKeeper[IdentityTx] | KeyKeeper[RegionTx]],
    tell_regions: Callable[[], Awaitable[None]],
    tell_signed_out: Callable[[Person], Awaitable[None]],
) -> IdentityPlane:
    database = identity_database(settings.identity_database)
    await prepare(database.engine, History.GLOBAL)
    hasher = PasswordHasher(threads=settings.passwords.hash_threads, queue=settings.passwords.hash_queue)
    sealer = keyring.sealer(IDENTITY)
    keeper = keepers[IDENTITY] = identity_keeper(database, sealer, clock)
    return IdentityPlane(
        settings=settings,
        database=database,
        clock=clock,
        outbox=Outbox(identity_outbox, clock, park_after=settings.courier.park_after, wake=waker.set),
        passwords=hasher,
        screen=PasswordScreen(hasher, settings.passwords),
        token_hash=keyring.hasher("identity links"),
        session_hash=keyring.hasher("identity sessions"),
        code_hash=keyring.hasher("identity codes"),
        attempt_hash=keyring.hasher("identity attempts"),
        sealer=sealer,
        cursors=cursors,
        signer=await open_keys(keeper, settings),
        tell_regions=tell_regions,
        tell_signed_out=tell_signed_out,
    )


async def _open_region_database(entry: RegionSettings, region: RegionId) -> Database[RegionTx]:
    database = region_database(entry.database, region)
    await prepare(database.engine, History.REGION)

    async def begin(tx: RegionTx) -> None:
        await begin_access_log(tx)
        await begin_feed_cursor(tx)

    await database.run_tx(begin)
    return database


@dataclass(frozen=True, slots=True)
class _RegionAssembly:
    settings: Settings
    region: Region
    database: Database[RegionTx]
    keyring: Keyring
    sealer: Sealer
    keeper: KeyKeeper[RegionTx]
    clock: Clock
    waker: asyncio.Event

    async def open(self, directory: Database[DirectoryTx], mailer: SmtpMailer) -> tuple[Door, Courier]:
        catalogue = self.settings.catalogue()
        standings = Standings(self.region.id, self.database, catalogue)
        couriers: list[Courier] = []

        async def index_now(account: AccountId) -> None:
            await couriers[0].index_now(account)

        plane = RegionPlane(
            region=self.region,
            settings=self.settings,
            catalogue=catalogue,
            database=self.database,
            directory=directory,
            clock=self.clock,
            outbox=Outbox(
                outbox, self.clock, park_after=self.settings.courier.park_after, wake=self.waker.set
            ),
            idempotency=IdempotencyKeys(idempotency_keys, self.sealer, self.clock),
            bump_access_log=standings.bump,
            index_now=index_now,
            key_hash=self.keyring.hasher(f"api keys {self.region.id}"),
            link_hash=self.keyring.hasher(f"links {self.region.id}"),
            sealer=self.sealer,
            signer=await open_keys(self.keeper, self.settings),
        )
        handlers = {INVITATION_MAIL: invitation_mail_handler(plane, mailer)} | lifecycle_mail_handlers(
            plane, mailer
        )
        couriers.append(Courier(plane, read_member_card, handlers))
        keys = TokenKeys(
            self.region, self.settings.namespace, plane.signer, look_again=self.keeper.look_again
        )
        return Door(plane, standings, keys), couriers[0]


async def open_keys(keeper: KeyKeeper[IdentityTx] | KeyKeeper[RegionTx], settings: Settings) -> SigningKeys:
    """Open the signing keys of one plane; ValueError that explains it where the root key is not theirs."""
    try:
        return await keeper.open()
    except ValueError:
        raise ValueError(
            f"{settings.root_key.name} does not hold the root key that the database of {keeper.owner} was begun with; "
            "with another one its signing key cannot be opened, and no API key, link or session would work"
        ) from None
