"""A platform on which accounts come to their end: what tests of suspending, restoring and purging do again and again."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select

from domicile.directory.accounts.store import accounts as entries
from domicile.directory.memberships.store import memberships as index
from domicile.directory.receipts.store import receipts as filed
from domicile.infra.databases import RegionTx
from domicile.infra.outbox import OutboxRow
from domicile.kernel.callers import Caller
from domicile.kernel.ids import AccountId, UserId
from domicile.kernel.permissions import (
    AccountStanding,
    AccountState,
    Circumstances,
    MembershipStanding,
    MemberState,
    Standing,
)
from domicile.kernel.roles import FULL_ACCESS, PREDEFINED_ROLES
from domicile.kernel.urn import Principal
from domicile.kernel.versions import expecting
from domicile.region.accounts.domain import Account, NewAccount
from domicile.region.accounts.service import create_account
from domicile.region.accounts.store import find_account
from domicile.region.audit.domain import by_system
from domicile.region.audit.store import append_audit
from domicile.region.courier.service import Courier
from domicile.region.lifecycle.service import restore_account, suspend_account
from domicile.region.outbox.store import PURGE_WARNING_MAIL, SUSPENSION_MAIL
from domicile.region.plane import RegionPlane
from domicile.region.purging.service import purge_due
from domicile.region.residency.store import count_rows
from tests.support.crossing import DISCREET, NOBODYS_ORIGIN, OPEN, Fate, LiveRegion, Platform, platform
from tests.support.people import FrozenClock

ANY_VERSION = expecting(None)


async def _unsent(_row: OutboxRow) -> None:
    """Send nothing."""


@dataclass
class Ending:
    """The platform, one of its regions, and accounts in it."""

    platform: Platform
    region: LiveRegion

    @property
    def plane(self) -> RegionPlane:
        return self.region.plane

    @property
    def clock(self) -> FrozenClock:
        return self.platform.clock

    @property
    def owner(self) -> UserId:
        return self.platform.people[0]

    async def create(self, *, events: int = 0, alias: str = "Example Labs") -> AccountId:
        """Make an account of the first person's, with events in its log, and let the directory know of it."""
        person = await self.platform.person(self.owner)
        new = NewAccount(alias, self.region.id, "en", "UTC")
        account = (await create_account(self.plane, person, new, None)).id
        await self.fill(account, events)
        await self.carry()
        return account

    async def carry(self) -> None:
        """Let a courier carry everything that waits; mails are struck unsent, there is no mail server here."""
        courier = Courier(
            self.plane, self.region.read_card, dict.fromkeys((SUSPENSION_MAIL, PURGE_WARNING_MAIL), _unsent)
        )
        while await courier.deliver_outbox():
            pass
        await courier.pull_feed()

    async def fill(self, account: AccountId, events: int, *, word: str = "") -> None:
        """Write events into the account's log."""

        async def work(tx: RegionTx) -> None:
            for number in range(events):
                details = {"number": number, "word": word}
                event = by_system(account, "audit.account_updated.v1", details, now=self.clock())
                await append_audit(tx, event)

        await self.plane.database.run_tx(work)

    async def caller(self, account: AccountId, user: UserId | None = None) -> Caller:
        """Somebody with full access, with the account as it is now."""
        found = await self.find(account)
        suspension = found.suspension if found else None
        state = found.state if found else AccountState.ACTIVE
        holder = AccountStanding(
            account, self.region.id, state, purge_after=suspension.purge_after if suspension else None
        )
        role = PREDEFINED_ROLES[FULL_ACCESS]
        place = MembershipStanding(MemberState.ENABLED, role, epoch=0)
        standing = Standing(Principal.user(user or self.owner), holder, place)
        moment = Circumstances(self.clock(), None)
        return Caller(
            standing,
            moment,
            role,
            "Ann",
            "user1@example.com",
            "session",
            NOBODYS_ORIGIN,
            authenticated_at=moment.now,
        )

    async def find(self, account: AccountId) -> Account | None:
        return await self.plane.database.read(lambda tx: find_account(tx, account))

    async def suspend(self, account: AccountId) -> Account:
        return await suspend_account(self.plane, await self.caller(account), ANY_VERSION)

    async def restore(self, account: AccountId) -> Account:
        return await restore_account(self.plane, await self.caller(account))

    async def purge(self, fate: Fate | None = None) -> int:
        """One round of a worker, which may be killed in it."""
        return await purge_due(self.region.plane_of(fate or Fate()))

    async def rows(self, account: AccountId) -> Mapping[str, int]:
        """Count what there is of an account, table by table."""
        return await self.plane.database.read(lambda tx: count_rows(tx, account))

    async def entry(self, account: AccountId) -> Row[Any]:
        """The directory's entry of an account."""
        query = select(entries).where(entries.c.account_id == account)
        (row,) = await self.platform.identity.read(lambda tx: tx.all(query))
        return row

    async def index(self, account: AccountId) -> list[UserId]:
        """The people whom the directory has in an account."""
        query = select(index.c.user_id).where(index.c.account_id == account)
        return [row.user_id for row in await self.platform.identity.read(lambda tx: tx.all(query))]

    async def filed(self) -> list[Row[Any]]:
        """What the directory has of receipts."""
        return list(await self.platform.identity.read(lambda tx: tx.all(select(filed))))


@asynccontextmanager
async def ending_accounts(make_database: Callable[[str], str], folder: Path) -> AsyncGenerator[Ending]:
    """Open a platform with two people."""
    urls = {name: make_database(name) for name in ("identity", OPEN, DISCREET)}
    regions = {name: urls[name] for name in (OPEN, DISCREET)}
    async with platform(urls["identity"], regions, folder) as opened:
        await opened.add_person()
        await opened.add_person()
        yield Ending(opened, opened.regions[OPEN])
