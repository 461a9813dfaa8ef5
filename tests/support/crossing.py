"""Identity and two regions on real databases, with couriers that can be killed at any call, and a directory that can go dark."""

import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast
from uuid import uuid4

import msgspec
from sqlalchemy import Row, Table, select, update

from domicile.directory.accounts.store import RESERVED
from domicile.directory.accounts.store import accounts as entries
from domicile.directory.memberships.store import memberships as index
from domicile.identity.users import store as users_store
from domicile.identity.users.domain import Profile, User, UserState
from domicile.identity.users.store import insert_user, raise_epoch, read_member_card, update_profile, users
from domicile.infra.databases import (
    Database,
    RegionTx,
    Tx,
    directory_database,
    identity_database,
    region_database,
)
from domicile.infra.idempotency import IdempotencyKeys
from domicile.infra.outbox import Outbox
from domicile.infra.secrets import Keyring
from domicile.infra.settings import Settings, load_settings
from domicile.infra.signing import new_signer, only_key
from domicile.kernel.callers import Caller, Origin, Person
from domicile.kernel.errors import DomainError, ErrorKind
from domicile.kernel.ids import AccountId, RegionId, RoleId, UserId
from domicile.kernel.permissions import (
    AccountStanding,
    AccountState,
    Circumstances,
    MembershipStanding,
    MemberState,
    Standing,
)
from domicile.kernel.regions import Region
from domicile.kernel.roles import FULL_ACCESS, PREDEFINED_ROLES
from domicile.kernel.urn import Principal
from domicile.region.access_log.store import begin_access_log
from domicile.region.accounts.store import accounts
from domicile.region.courier.service import CardSource, Courier
from domicile.region.courier.store import begin_feed_cursor, list_parked
from domicile.region.history.domain import member_facts
from domicile.region.memberships.service import log_membership_change
from domicile.region.memberships.store import insert_member, member_cards, memberships
from domicile.region.outbox.store import idempotency_keys, outbox
from domicile.region.plane import RegionPlane
from domicile.region.standing.service import Standings
from tests.support.people import FrozenClock

OPEN, DISCREET = RegionId("de-1"), RegionId("jp-1")
REGIONS = (OPEN, DISCREET)
NOBODYS_ORIGIN = Origin("request-1", None)
PARK_AFTER = 3


class Killed(BaseException):
    """The process died here; nothing in it may catch this."""


@dataclass
class Fate:
    """When a process dies: at its n-th call to a database, before it, just before the commit, or just after it."""

    call: int = 10**9
    moment: str = "before"
    calls: int = 0
    is_directory_dark: bool = False

    def count(self) -> str | None:
        self.calls += 1
        return self.moment if self.calls == self.call else None


ResultT = TypeVar("ResultT")


class Mortal:
    """A database as a process sees it that may die at any call."""

    def __init__(self, database: Database[Any], fate: Fate) -> None:
        self._database = database
        self._fate = fate

    async def run_tx(self, work: Callable[[Any], Awaitable[ResultT]]) -> ResultT:
        return await self._call(self._database.run_tx, work)

    async def read(self, work: Callable[[Any], Awaitable[ResultT]]) -> ResultT:
        return await self._call(self._database.read, work)

    async def _call(
        self, begin: Callable[..., Awaitable[ResultT]], work: Callable[[Any], Awaitable[ResultT]]
    ) -> ResultT:
        if self._fate.is_directory_dark and self._database._name == "directory":
            raise DomainError(ErrorKind.UNAVAILABLE, "database-unavailable", "Dark.")
        moment = self._fate.count()
        if moment == "before":
            raise Killed

        async def doomed(tx: Tx) -> ResultT:
            result = await work(tx)
            if moment == "inside":
                raise Killed
            return result

        result = await begin(doomed)
        if moment == "after":
            raise Killed
        return result


@dataclass
class LiveRegion:
    """One region."""

    plane: RegionPlane
    read_card: CardSource = read_member_card

    @property
    def id(self) -> RegionId:
        return self.plane.id

    def plane_of(self, fate: Fate) -> RegionPlane:
        """The plane as a mortal process sees it."""
        return replace(
            self.plane,
            database=cast("Database[RegionTx]", Mortal(self.plane.database, fate)),
            directory=cast("Database[Any]", Mortal(self.plane.directory, fate)),
        )

    def courier(self, fate: Fate | None = None) -> Courier:
        """Another courier of this region, as another process would run it."""
        return Courier(self.plane_of(fate or Fate()), self.read_card, {})

    async def carry(self, fate: Fate | None = None) -> None:
        """One round of a courier; whether it comes to its end is for its fate to say."""
        courier = self.courier(fate)
        while await courier.deliver_outbox():
            pass
        await courier.pull_feed()

    async def all(self, table: Table) -> list[Row[Any]]:
        return list(await self.plane.database.read(lambda tx: tx.all(select(table))))

    async def parked_feed(self) -> list[int]:
        return [row.seq for row in await self.plane.database.read(lambda tx: list_parked(tx, at_most=100))]


@dataclass
class Platform:
    """Everything."""

    identity: Database[Any]
    regions: dict[RegionId, LiveRegion]
    clock: FrozenClock
    people: list[UserId] = field(default_factory=list)

    async def add_person(self) -> UserId:
        number = len(self.people) + 1
        user = User(
            id=UserId(f"0197a1c2-0000-7000-8000-{number:012d}"),
            email=f"user{number}@example.com",
            email_key=f"user{number}@example.com",
            name=f"User {number}",
            locale="en",
            time_zone="UTC",
            state=UserState.ENABLED,
            epoch=0,
            version=1,
            created_at=self.clock(),
            modified_at=self.clock(),
        )
        await self.identity.run_tx(lambda tx: insert_user(tx, user))
        self.people.append(user.id)
        return user.id

    async def person(self, user: UserId) -> Person:
        """Somebody as their session tells of them now."""
        found = await self.identity.read(lambda tx: users_store.find_user(tx, user))
        assert found
        return Person(
            user_id=found.id,
            email=found.email,
            name=found.name,
            locale=found.locale,
            time_zone=found.time_zone,
            epoch=found.epoch,
            version=found.version,
            session_id="session-1",
            first_session_id="session-1",
            authenticated_at=self.clock(),
            methods=("pwd",),
            mfa_enabled=found.mfa_enabled,
            origin=NOBODYS_ORIGIN,
        )

    async def rename(self, user: UserId, name: str) -> None:
        profile = Profile(name, "de", "Europe/Berlin")
        await self.identity.run_tx(lambda tx: update_profile(tx, user, profile, now=self.clock()))

    async def raise_epoch(self, user: UserId) -> None:
        await self.identity.run_tx(lambda tx: raise_epoch(tx, user, now=self.clock()))

    def owner(self, region: LiveRegion, account: AccountId, user: UserId) -> Caller:
        """Somebody with full access, as the door would let them in."""
        role = PREDEFINED_ROLES[FULL_ACCESS]
        standing = Standing(
            Principal.user(user),
            AccountStanding(account, region.id, AccountState.ACTIVE),
            MembershipStanding(MemberState.ENABLED, role, epoch=0),
        )
        now = Circumstances(self.clock(), None)
        return Caller(standing, now, role, "", "", "account-token", NOBODYS_ORIGIN, authenticated_at=now.now)

    async def join(self, region: LiveRegion, account: AccountId, person: Person, role: RoleId) -> None:
        """Make somebody a member as accepting an invitation does."""

        async def work(tx: RegionTx) -> None:
            version = await log_membership_change(
                region.plane, tx, account, person.user_id, member_facts(role, MemberState.ENABLED)
            )
            if not await insert_member(
                tx, account, person.card(), role=role, version=version, now=self.clock()
            ):
                raise DomainError(ErrorKind.CONFLICT, "already-member", "Already.")

        await region.plane.database.run_tx(work)

    async def disturb_outbox(self, region: LiveRegion, seed: int) -> None:
        """Deliver rows twice, and in another order: copies under other ids, all at shuffled times."""
        dice = random.Random(seed)  # noqa: S311  # no secret: the order of rows

        async def work(tx: RegionTx) -> None:
            for row in await tx.all(select(outbox)):
                if dice.random() < 0.5:
                    copy = dict(row._mapping) | {"id": str(uuid4())}
                    copy["owner_id"] = copy.pop("account_id", copy.get("owner_id"))
                    await tx.execute(tx.insert(outbox).values(**copy))
            for row in await tx.all(select(outbox.c.id)):
                due_at = self.clock.now.replace(microsecond=dice.randrange(10**6))
                change = update(outbox).where(outbox.c.id == row.id, outbox.c.due_at <= self.clock())
                await tx.execute(change.values(due_at=due_at.replace(year=2025)))

        await region.plane.database.run_tx(work)

    async def settle(self) -> None:
        """Let couriers that live carry everything to its end."""
        for _ in range(4):
            self.clock.advance(hours=1)
            for region in self.regions.values():
                await region.carry()

    async def differences(self) -> list[str]:
        """What the two sides still tell differently, a line each."""
        found: list[str] = []
        people = {row.user_id: row for row in await self.identity.read(lambda tx: tx.all(select(users)))}
        for region in self.regions.values():
            found += await self._index_differences(region)
            found += await self._card_differences(region, people)
            found += [f"{region.id} outbox: {row.kind}" for row in await region.all(outbox)]
            found += [f"{region.id} parked: {seq}" for seq in await region.parked_feed()]
        return found

    async def _index_differences(self, region: LiveRegion) -> list[str]:
        def shown(value: str) -> str | None:
            return None if region.plane.region.is_discreet else value

        mine = select(index).where(index.c.region_id == region.id)
        told = {
            (row.account_id, row.user_id): (row.state, row.role_id, row.version)
            for row in await self.identity.read(lambda tx: tx.all(mine))
        }
        true = {
            (row.account_id, row.user_id): (row.state, shown(row.role_id), row.version)
            for row in await region.all(memberships)
        }
        own = select(entries).where(entries.c.region_id == region.id, entries.c.state != RESERVED)
        told_accounts = {
            row.account_id: (row.state, row.alias, row.version)
            for row in await self.identity.read(lambda tx: tx.all(own))
        }
        true_accounts = {
            row.account_id: (row.state, shown(row.alias), row.version) for row in await region.all(accounts)
        }
        pairs = ((told, true), (told_accounts, true_accounts))
        return [f"{region.id}: {a} is told, {b} is true" for a, b in pairs if a != b]

    async def _card_differences(self, region: LiveRegion, people: dict[str, Row[Any]]) -> list[str]:
        cards = {(row.account_id, row.user_id): row for row in await region.all(member_cards)}
        members = {
            (row.account_id, row.user_id)
            for row in await region.all(memberships)
            if row.state != MemberState.REMOVED
        }
        found = [] if set(cards) == members else [f"{region.id}: cards of {set(cards) ^ members}"]
        for (_, user), card in cards.items():
            person = people[user]
            copy = (card.name, card.email, card.locale, card.time_zone, card.epoch, card.card_version)
            true = (
                person.name,
                person.email,
                person.locale,
                person.time_zone,
                person.epoch,
                person.version,
            )
            if copy != true:
                found.append(f"{region.id}: card {copy}, person {true}")
        return found


@asynccontextmanager
async def platform(
    identity_url: str,
    region_urls: dict[RegionId, str],
    folder: Path,
    *,
    directory_urls: dict[RegionId, str] | None = None,
) -> AsyncGenerator[Platform]:
    """Open a platform on migrated, empty databases; a region may have a way of its own into the directory."""
    clock = FrozenClock()
    settings = _parking_early(load_settings(None, folder, {}))
    identity = identity_database(identity_url)
    directories = {
        name: directory_database((directory_urls or {}).get(name, identity_url)) for name in region_urls
    }
    regions = {
        name: LiveRegion(_plane(name, url, directories[name], settings, clock))
        for name, url in region_urls.items()
    }
    try:
        for region in regions.values():
            await region.plane.database.run_tx(_begin)
        yield Platform(identity, regions, clock)
    finally:
        for database in (
            identity,
            *directories.values(),
            *(region.plane.database for region in regions.values()),
        ):
            await database.close()


def _parking_early(settings: Settings) -> Settings:
    """Park after few failures."""
    courier = msgspec.structs.replace(settings.courier, park_after=PARK_AFTER)
    return msgspec.structs.replace(settings, courier=courier)


async def _begin(tx: RegionTx) -> None:
    await begin_access_log(tx)
    await begin_feed_cursor(tx)


def _plane(
    name: RegionId, url: str, directory: Database[Any], settings: Settings, clock: FrozenClock
) -> RegionPlane:
    keyring = Keyring(bytes(range(32)))
    database = region_database(url, name)
    sealer = keyring.sealer(f"region {name}")

    async def index_now(_account: AccountId) -> None:
        """The couriers of these tests come when they are called."""

    return RegionPlane(
        region=Region(name, name, "http://localhost:8800", is_open=True, is_discreet=name == DISCREET),
        settings=settings,
        catalogue=settings.catalogue(),
        database=database,
        directory=directory,
        clock=clock,
        outbox=Outbox(outbox, clock, park_after=PARK_AFTER, wake=lambda: None),
        idempotency=IdempotencyKeys(idempotency_keys, sealer, clock),
        bump_access_log=Standings(name, database, settings.catalogue()).bump,
        index_now=index_now,
        key_hash=keyring.hasher(f"api keys {name}"),
        link_hash=keyring.hasher(f"links {name}"),
        sealer=sealer,
        signer=only_key(new_signer(name), now=clock()),
    )
