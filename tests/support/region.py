"""One region on a real database, with a clock that stands still, an account, and people and keys that call."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from sqlalchemy import event

from domicile.directory.accounts.store import reserve_id
from domicile.infra.databases import DirectoryTx, RegionTx, directory_database, region_database
from domicile.infra.idempotency import IdempotencyKeys
from domicile.infra.outbox import Outbox
from domicile.infra.planes import DIRECTORY, REGION
from domicile.infra.secrets import Keyring
from domicile.infra.settings import load_settings
from domicile.infra.signing_keys import KeyKeeper
from domicile.kernel.callers import Caller, MemberCard, Origin
from domicile.kernel.ids import AccountId, ApiKeyId, RegionId, UserId
from domicile.kernel.paging import PageRequest
from domicile.kernel.permissions import (
    AccountStanding,
    AccountState,
    Circumstances,
    MembershipStanding,
    MemberState,
    Standing,
)
from domicile.kernel.roles import FULL_ACCESS, PREDEFINED_ROLES, Role
from domicile.kernel.urn import Principal
from domicile.region.access_log.store import Changed, append_access_log, begin_access_log
from domicile.region.accounts.domain import NewAccount
from domicile.region.accounts.store import insert_account
from domicile.region.audit.domain import AuditEvent
from domicile.region.audit.store import list_events
from domicile.region.entering.door import Door
from domicile.region.entering.keys import TokenKeys
from domicile.region.memberships.store import insert_member
from domicile.region.outbox.store import idempotency_keys, outbox
from domicile.region.plane import RegionPlane
from domicile.region.signing.service import region_keeper
from domicile.region.standing.service import Standings

ACCOUNT = AccountId("004217730956")
OTHER_ACCOUNT = AccountId("700000000001")
OWNER = UserId("0197a1c2-0000-7000-8000-000000000001")
ADDRESS = ip_address("192.0.2.17")


class FrozenClock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class LiveRegion:
    """The region under test, and what tests do with it again and again."""

    plane: RegionPlane
    clock: FrozenClock
    door: Door
    keeper: KeyKeeper[RegionTx]
    """Of the region's signing keys, as a node has it."""

    def person(
        self,
        role: Role = PREDEFINED_ROLES[FULL_ACCESS],
        *,
        account: AccountId = ACCOUNT,
        user: UserId = OWNER,
    ) -> Caller:
        """A person who has entered an account."""
        holder = AccountStanding(account, self.plane.id, AccountState.ACTIVE)
        standing = Standing(
            Principal.user(user), holder, MembershipStanding(MemberState.ENABLED, role, epoch=0)
        )
        origin = Origin("request-1", ADDRESS, "tests/1.0")
        circumstances = Circumstances(self.clock(), ADDRESS)
        return Caller(
            standing,
            circumstances,
            role,
            "Ada Owner",
            "ada@example.com",
            "account-token",
            origin,
            authenticated_at=self.clock(),
        )

    async def key_caller(self, key: ApiKeyId, secret: str, *, address: str = str(ADDRESS)) -> Caller:
        """The key as the region's door recognises it; raises what the door answers."""
        return await self.door.from_api_key(
            key, secret, Origin("request-2", ip_address(address), "tests/1.0")
        )

    async def events(self, account: AccountId = ACCOUNT) -> list[AuditEvent]:
        """The account's audit events, oldest first."""
        page = await self.plane.database.read(lambda tx: list_events(tx, account, PageRequest(250, None)))
        return [recorded.event for recorded in reversed(page.items)]

    @asynccontextmanager
    async def counting_queries(self) -> AsyncGenerator[list[str]]:
        """The statements that reach the database inside."""
        seen: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if not statement.startswith("BEGIN"):
                seen.append(statement)

        engine = self.plane.database.engine.sync_engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(engine, "before_cursor_execute", note)


@asynccontextmanager
async def live_region(url: str, folder: Path) -> AsyncGenerator[LiveRegion]:
    """Open a region on an empty database, with two accounts that one person owns."""
    clock, keyring = FrozenClock(), Keyring(bytes(range(32)))
    settings = load_settings(None, folder, {})
    region = next(region for region in settings.region_list() if region.id == "de-1")
    database = region_database(url, region.id)
    directory = directory_database(f"sqlite+aiosqlite:///{folder / 'directory.db'}")
    standings, sealer = Standings(region.id, database, settings.catalogue()), keyring.sealer("region de-1")

    async def index_now(_account: AccountId) -> None:
        """There is no courier in this node: the outbox keeps what is to be carried."""

    async with database.engine.begin() as connection:
        await connection.run_sync(REGION.create_all)
    async with directory.engine.begin() as connection:
        await connection.run_sync(DIRECTORY.create_all)
    keeper = region_keeper(region.id, database, sealer, clock)
    plane = RegionPlane(
        region=region,
        settings=settings,
        catalogue=settings.catalogue(),
        database=database,
        directory=directory,
        clock=clock,
        outbox=Outbox(outbox, clock, park_after=8, wake=lambda: None),
        idempotency=IdempotencyKeys(idempotency_keys, sealer, clock),
        bump_access_log=standings.bump,
        index_now=index_now,
        key_hash=keyring.hasher("api keys de-1"),
        link_hash=keyring.hasher("links de-1"),
        sealer=sealer,
        signer=await keeper.open(),
    )
    try:
        await database.run_tx(lambda tx: _settle(tx, clock()))
        await directory.run_tx(lambda tx: _reserve(tx, region.id, clock()))
        keys = TokenKeys(region, settings.namespace, plane.signer, look_again=keeper.look_again)
        yield LiveRegion(plane, clock, Door(plane, standings, keys), keeper)
    finally:
        await database.close()
        await directory.close()


async def _settle(tx: RegionTx, now: datetime) -> None:
    await begin_access_log(tx)
    card = MemberCard(
        user_id=OWNER,
        name="Ada Owner",
        email="ada@example.com",
        locale="en",
        time_zone="UTC",
        mfa_enabled=False,
        epoch=0,
        version=1,
    )
    for account in (ACCOUNT, OTHER_ACCOUNT):
        seq = await append_access_log(
            tx, Changed.ACCOUNT, account, account, now=now, bump=lambda: None, revokes=False
        )
        new = NewAccount("Example Labs", tx.region, "en", "UTC")
        await insert_account(tx, account, new, creator=OWNER, version=seq, now=now)
        await insert_member(tx, account, card, role=FULL_ACCESS, version=seq, now=now)


async def _reserve(tx: DirectoryTx, region: RegionId, now: datetime) -> None:
    for account in (ACCOUNT, OTHER_ACCOUNT):
        await reserve_id(tx, account, region, creator=OWNER, now=now, mark=None)


def role_with(*permissions: str) -> Role:
    """A role of one's own that grants these permissions and nothing else."""
    return replace(PREDEFINED_ROLES[FULL_ACCESS], id="key-keeper", permissions=frozenset(permissions))
