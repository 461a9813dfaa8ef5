"""What an operator does beside serving: migrating, and looking after the courier and the purges."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime

from domicile.apps.node import Node, open_node
from domicile.identity.outbox import outbox as identity_outbox
from domicile.infra.databases import Database, IdentityTx, RegionTx, identity_database, region_database
from domicile.infra.migrations import History, head_of, upgrade
from domicile.infra.outbox import Outbox, OutboxRow
from domicile.infra.settings import Settings
from domicile.kernel.clock import utc_now, whole_seconds
from domicile.kernel.ids import RegionId
from domicile.region.courier.store import list_parked
from domicile.region.outbox.store import outbox
from domicile.region.purging.domain import Purge
from domicile.region.purging.store import account_tables, list_purges
from domicile.region.roles.store import list_roles_giving
from domicile.region.service_events.store import list_untold, send_again
from domicile.region.service_purges.store import list_owed

_MOST_SHOWN = 500


async def migrate(settings: Settings) -> list[str]:
    """Bring every database of the configuration up to this release; tells what was done, a line each."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    done = [await _migrate(identity_database(settings.identity_database), "identity", History.GLOBAL)]
    regions = [
        (entry.id, region_database(entry.database, RegionId(entry.id))) for entry in settings.served_regions
    ]
    return done + [await _migrate(database, name, History.REGION) for name, database in regions]


async def _migrate(database: Database[IdentityTx] | Database[RegionTx], name: str, history: History) -> str:
    try:
        changed = await upgrade(database.engine, history)
    finally:
        await database.close()
    return f"{name}: {'brought to' if changed else 'already at'} {history} {head_of(history)}"


async def purges_status(settings: Settings) -> list[dict[str, str | int]]:
    """List the purges under way in every region: how many rows are deleted, how many are left, and of which table next."""
    rows: list[dict[str, str | int]] = []
    for entry in settings.served_regions:
        async with _region(settings, entry.id, entry.database) as (database, _box):
            under_way = await database.read(lambda tx: list_purges(tx, at_most=_MOST_SHOWN))
        rows += [_purge_row(entry.id, purge) for purge in under_way]
    return rows


def _purge_row(region: str, purge: Purge) -> dict[str, str | int]:
    left = {name: max(0, rows - purge.deleted.get(name, 0)) for name, rows in purge.expected.items()}
    table = next((each.name for each in account_tables() if left.get(each.name)), "")
    return {
        "region": region,
        "account": purge.account_id,
        "stage": purge.stage,
        "table": table,
        "deleted": sum(purge.deleted.values()),
        "left": sum(left.values()),
        "begun": whole_seconds(purge.begun_at),
    }


async def roles_giving(settings: Settings, service: str, levels: frozenset[str]) -> list[dict[str, str]]:
    """List the roles of accounts, in every region served, that give one of these levels of a service."""
    found: list[dict[str, str]] = []
    for entry in settings.served_regions:
        async with _region(settings, entry.id, entry.database) as (database, _box):
            giving = await database.read(lambda tx: list_roles_giving(tx, service, levels))
        found += [
            {"region": entry.id, "account": account, "role": role, "level": level}
            for account, role, level in giving
        ]
    return found


async def owed_receipts(settings: Settings) -> list[dict[str, str]]:
    """List the purge receipts that services owe, in every region, and since when."""
    rows: list[dict[str, str]] = []
    for entry in settings.served_regions:
        async with _region(settings, entry.id, entry.database) as (database, _box):
            owed = await database.read(lambda tx: list_owed(tx, at_most=_MOST_SHOWN))
        rows += [
            {
                "region": entry.id,
                "service": each.service,
                "account": each.account_id,
                "state": each.state(utc_now()),
                "asked": whole_seconds(each.asked_at),
            }
            for each in owed
        ]
    return rows


async def webhooks_status(settings: Settings) -> list[dict[str, str | int]]:
    """List the events that services have not taken yet, though they were tried, in every region."""
    rows: list[dict[str, str | int]] = []
    for entry in settings.served_regions:
        async with _region(settings, entry.id, entry.database) as (database, _box):
            untold = await database.read(lambda tx: list_untold(tx, at_most=_MOST_SHOWN))
        rows += [
            {
                "region": entry.id,
                "service": each.service,
                "id": each.id,
                "type": each.happening,
                "account": each.account_id,
                "happened": whole_seconds(each.at),
                "state": each.state,
                "attempts": each.attempts,
                "error": each.last_error,
            }
            for each in untold
        ]
    return rows


async def webhooks_send(
    settings: Settings, service: str, region: str | None, *, since: datetime | None, id_: str | None
) -> int:
    """Make events for a service due again: those given up, all since a moment, or one; tells how many."""
    count = 0
    for entry in settings.served_regions:
        if region in {None, entry.id}:
            async with _region(settings, entry.id, entry.database) as (database, _box):
                count += await database.run_tx(lambda tx: send_again(tx, service, since=since, id_=id_))
    return count


async def courier_status(settings: Settings) -> list[dict[str, str | int]]:
    """List the rows that have failed, parked or still being tried, of identity and of every region."""
    rows: list[dict[str, str | int]] = []
    async with _identity(settings) as (database, box):
        rows += [
            _row("identity", row)
            for row in await database.read(lambda tx: box.list_waiting(tx, at_most=_MOST_SHOWN))
        ]
    for entry in settings.served_regions:
        async with _region(settings, entry.id, entry.database) as (database, box):
            waiting = await database.read(lambda tx, box=box: box.list_waiting(tx, at_most=_MOST_SHOWN))
            parked = await database.read(lambda tx: list_parked(tx, at_most=_MOST_SHOWN))
        rows += [_row(entry.id, row) for row in waiting]
        rows += [
            {
                "plane": entry.id,
                "id": f"feed-{r.seq}",
                "kind": r.kind,
                "state": "parked",
                "attempts": 0,
                "error": "",
            }
            for r in parked
        ]
    return rows


async def courier_retry(settings: Settings, region: str | None, row_id: str | None) -> int:
    """Set parked rows going again: all, those of one plane (`identity` or a region), or one; tells how many.

    `feed-<number>` is a row of the directory's feed, which each region numbers for itself.
    """
    count = 0
    if region in {None, "identity"}:
        async with _identity(settings) as (database, box):
            count += await database.run_tx(lambda tx: box.retry_parked(tx, row_id))
    for entry in settings.served_regions:
        if region in {None, entry.id}:
            async with _region(settings, entry.id, entry.database) as (database, box):
                count += await database.run_tx(lambda tx, box=box: box.retry_parked(tx, row_id))
    seq = (row_id or "").removeprefix("feed-")
    if row_id is None or (row_id.startswith("feed-") and seq.isdecimal()):
        count += await _retry_feed(settings, region, int(seq) if seq else None)
    return count


async def _retry_feed(settings: Settings, region: str | None, seq: int | None) -> int:
    async with opened_node(settings) as node:
        wanted = [courier for name, courier in node.couriers.items() if region in {None, name}]
        return sum([await courier.retry_parked_feed(seq) for courier in wanted])


@asynccontextmanager
async def opened_node(settings: Settings) -> AsyncGenerator[Node]:
    """Open everything that the configuration names, without serving it."""
    node = await open_node(settings, utc_now)
    try:
        yield node
    finally:
        await node.close()


@asynccontextmanager
async def _identity(settings: Settings) -> AsyncGenerator[tuple[Database[IdentityTx], Outbox]]:
    database = identity_database(settings.identity_database)
    try:
        yield database, Outbox(identity_outbox, utc_now, park_after=settings.courier.park_after, wake=_nobody)
    finally:
        await database.close()


@asynccontextmanager
async def _region(
    settings: Settings, name: str, url: str
) -> AsyncGenerator[tuple[Database[RegionTx], Outbox]]:
    database = region_database(url, RegionId(name))
    try:
        yield database, Outbox(outbox, utc_now, park_after=settings.courier.park_after, wake=_nobody)
    finally:
        await database.close()


def _nobody() -> None:
    """Wake nobody: the server's worker finds the rows in its next round."""


def _row(plane: str, row: OutboxRow) -> dict[str, str | int]:
    state = f"parked {whole_seconds(row.parked_at)}" if row.parked_at else "trying"
    return {
        "plane": plane,
        "id": row.id,
        "kind": row.kind,
        "state": state,
        "attempts": row.attempts,
        "error": row.last_error,
    }
