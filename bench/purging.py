"""`python -m bench.purging`: fills one account with many rows, purges it, and tells how many rows a second were deleted."""

import argparse
import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Table

from bench.seed import REGION, as_person, make_user
from domicile.apps.node import Node, open_node
from domicile.infra.databases import Database, RegionTx
from domicile.infra.settings import load_settings
from domicile.kernel.clock import utc_now
from domicile.kernel.ids import AccountId
from domicile.kernel.versions import expecting
from domicile.region.accounts.domain import NewAccount
from domicile.region.accounts.service import create_account
from domicile.region.history.store import access_history
from domicile.region.invitations.store import invitations
from domicile.region.lifecycle.service import suspend_account
from domicile.region.memberships.store import member_cards, memberships
from domicile.region.purging.service import purge_due
from domicile.region.residency.store import count_rows

_ROWS_AT_ONCE = 2_000
_AT = datetime(2026, 1, 1, tzinfo=UTC)


async def fill_account(database: Database[RegionTx], account: AccountId, *, rows: int) -> None:
    """Write so many rows of an account, of four tables, two of which refer to each other."""
    tenth = rows // 10
    plan = (
        (memberships, 2 * tenth, _membership),
        (member_cards, 2 * tenth, _card),
        (invitations, tenth, _invitation),
        (access_history, rows - 5 * tenth, _became),
    )
    for table, count, make in plan:
        for first in range(0, count, _ROWS_AT_ONCE):
            numbers = range(first, min(first + _ROWS_AT_ONCE, count))
            some = [{"account_id": account, **make(number)} for number in numbers]
            await database.run_tx(lambda tx, table=table, some=some: _insert(tx, table, some))


async def _insert(tx: RegionTx, table: Table, rows: list[dict[str, Any]]) -> None:
    await tx.execute(table.insert(), rows)


def _user(number: int) -> str:
    return f"0197a1c2-0000-7000-8000-{number:012d}"


def _membership(number: int) -> dict[str, Any]:
    stamps = {"created_at": _AT, "modified_at": _AT, "last_activity_at": None, "version": 1}
    return {"user_id": _user(number), "role_id": "read-only", "state": "enabled", **stamps}


def _card(number: int) -> dict[str, Any]:
    known = {"locale": "en", "time_zone": "UTC", "mfa_enabled": False, "epoch": 0, "card_version": 1}
    return {"user_id": _user(number), "name": f"User {number}", "email": f"u{number}@example.com", **known}


def _invitation(number: int) -> dict[str, Any]:
    address = f"invited{number}@example.com"
    by = {"created_by_kind": "user", "created_by_id": _user(0), "created_at": _AT, "modified_at": _AT}
    open_ = {"expires_at": _AT, "last_sent_at": None, "sends": 1, "token_hash": None}
    used = {"accepted_by": None, "accepted_at": None, "version": 1}
    who = {"email": address, "email_key": address, "role_id": "read-only", "state": "invited"}
    return {"invitation_id": f"{number:032X}", **who, **by, **open_, **used}


def _became(number: int) -> dict[str, Any]:
    facts = {"roleID": "read-only", "state": "enabled"}
    return {"kind": "membership", "subject_id": _user(number), "seq": number + 1, "facts": facts, "at": _AT}


class _Clock:
    """The time, a while ago until it is told otherwise."""

    behind = timedelta(days=31)

    def __call__(self) -> datetime:
        return utc_now() - self.behind


async def _measure(data: Path, config: Path | None, rows: int) -> list[str]:
    clock = _Clock()
    node = await open_node(load_settings(config, data, {}), clock)
    try:
        return await _purge(node, clock, rows)
    finally:
        await node.close()


async def _purge(node: Node, clock: _Clock, rows: int) -> list[str]:
    plane = node.doors.regions.plane(REGION)
    owner = as_person(make_user(0))
    account = (await create_account(plane, owner, NewAccount("Large", REGION, "en", "UTC"), None)).id
    await fill_account(plane.database, account, rows=rows)
    caller = await node.doors.by_region[REGION].from_person(owner, account)
    await suspend_account(plane, caller, expecting(None))
    counted = sum((await plane.database.read(lambda tx: count_rows(tx, account))).values())
    clock.behind = timedelta(0)
    began = time.perf_counter()
    if await purge_due(plane) != 1:
        raise SystemExit("the purge did not come to its end")
    seconds = time.perf_counter() - began
    left = sum((await plane.database.read(lambda tx: count_rows(tx, account))).values())
    told = f"{counted:,} rows in {seconds:.1f} s: {counted / seconds:,.0f} rows a second; {left} left"
    return [plane.database.label, told]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.purging", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--config", type=Path, help="a configuration, for PostgreSQL; default: SQLite files")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="domicile-purge-") as folder:
        for line in asyncio.run(_measure(Path(folder), wanted.config, wanted.rows)):
            print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
