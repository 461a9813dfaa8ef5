"""Purging: everything goes, wherever the worker is killed, and the receipt says so."""

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Table, text
from structlog.testing import capture_logs

from domicile.apps.tables import REGION_METADATA
from domicile.directory.accounts.store import PURGED, reserve_id
from domicile.infra.databases import DirectoryTx
from domicile.infra.outbox import OutboxRow
from domicile.infra.signing import read_signed
from domicile.kernel.errors import DomainError
from domicile.kernel.ids import AccountId, ReceiptId, new_receipt_id
from domicile.kernel.paging import PageRequest
from domicile.region.access_log.store import access_log
from domicile.region.accounts.service import list_my_accounts
from domicile.region.lifecycle.service import restore_account
from domicile.region.outbox.store import ACCOUNT_INDEX, MEMBERSHIP_INDEX
from domicile.region.plane import RegionPlane
from domicile.region.purging import service
from domicile.region.purging.domain import RECEIPT_TYPE, Purge, Receipt, Stage
from domicile.region.purging.service import get_receipt
from domicile.region.purging.store import account_tables, deletion_receipts, list_purges, purges
from tests.support.crossing import Fate, Killed
from tests.support.databases import DatabaseEngine, borrower, history_of
from tests.support.ending import Ending, ending_accounts

_EVENTS = 25
_ROWS_AT_ONCE = 10
"""Few, so that an account of some events takes several batches."""


@pytest.fixture
async def ending(
    make_database: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Ending]:
    monkeypatch.setattr(service, "ROWS_AT_ONCE", _ROWS_AT_ONCE)
    async with ending_accounts(make_database, tmp_path) as opened:
        yield opened


async def _suspended(ending: Ending) -> tuple[AccountId, ReceiptId]:
    """Make an account whose time is over; gives its receipt's id too."""
    account = await ending.create(events=_EVENTS)
    suspended = await ending.suspend(account)
    await ending.carry()
    ending.clock.advance(days=30)
    assert suspended.suspension
    return account, suspended.suspension.receipt_id


async def _receipts(ending: Ending) -> list[Receipt]:
    rows = await ending.region.all(deletion_receipts)
    return [Receipt(row.receipt_id, row.account_id, row.at, row.signed) for row in rows]


async def _check_end(ending: Ending, account: AccountId) -> dict[str, Any]:
    """Find nothing left of an account but what its receipt says; gives what that says."""
    assert not any((await ending.rows(account)).values())
    assert await ending.region.all(purges) == []
    entry = await ending.entry(account)
    assert (entry.state, entry.alias, entry.creator_id, entry.purge_after) == (PURGED, None, "", None)
    assert await ending.index(account) == []
    (receipt,) = await _receipts(ending)
    (filed,) = await ending.filed()
    assert filed.digest == hashlib.sha256(receipt.signed.encode()).digest()
    assert (filed.receipt_id, filed.account_id, filed.region_id) == (receipt.id, account, ending.region.id)
    claims = read_signed(ending.plane.signer.jwks(), receipt.signed, type_=RECEIPT_TYPE)
    assert claims is not None
    assert (claims["account"], claims["jti"], claims["remaining"]) == (account, receipt.id, 0)
    assert claims["rows"] == sum(claims["deleted"].values())
    return claims


async def test_a_purge_deletes_every_row_and_leaves_a_receipt_that_says_which(ending: Ending) -> None:
    other = await ending.create(events=_EVENTS)
    account, _ = await _suspended(ending)
    before, of_other = await ending.rows(account), await ending.rows(other)

    assert await ending.purge() == 1

    claims = await _check_end(ending, account)
    counted = {name: rows for name, rows in claims["deleted"].items() if name != "outbox"}
    assert counted == {name: rows for name, rows in before.items() if rows and name != "outbox"}
    assert claims["suspended"] < claims["begun"] <= claims["ended"]
    assert await ending.rows(other) == of_other
    assert await ending.index(other) == [ending.owner]


async def test_what_a_purge_keeps_is_what_the_receipt_says_is_kept(ending: Ending) -> None:
    account, _ = await _suspended(ending)
    await ending.purge()

    claims = await _check_end(ending, account)
    named = {name for kept in claims["kept"] for name in kept["what"].split(", ")}
    naming: set[str] = set()
    for table in REGION_METADATA.tables.values():
        if "account_id" in table.columns:
            rows = await ending.region.all(table)
            naming |= {table.name for row in rows if account in tuple(row)}
    assert naming <= named
    assert access_log.name in naming
    assert claims["services"] == []


async def test_an_account_is_not_purged_before_its_time(ending: Ending) -> None:
    account = await ending.create()
    await ending.suspend(account)
    ending.clock.advance(days=29, hours=23, minutes=59, seconds=59)

    assert await ending.purge() == 0
    assert (await ending.rows(account))["accounts"] == 1


@pytest.mark.once("postgresql")
async def test_killed_at_every_step_a_purge_comes_to_the_same_end(ending: Ending) -> None:
    steps = 0
    for moment in ("before", "inside", "after"):
        call = 0
        while True:
            call += 1
            account, _ = await _suspended(ending)
            fate = Fate(call, moment)
            try:
                await ending.purge(fate)
            except Killed:
                steps += 1
            await ending.purge()
            claims = await _check_last(ending, account)
            assert claims["deleted"]["audit_events"] == _EVENTS + 2
            if fate.calls < call:
                break
    assert steps > 30


async def _check_last(ending: Ending, account: AccountId) -> dict[str, Any]:
    assert not any((await ending.rows(account)).values())
    assert await ending.region.all(purges) == []
    assert (await ending.entry(account)).state == PURGED
    (receipt,) = [each for each in await _receipts(ending) if each.account_id == account]
    (filed,) = [each for each in await ending.filed() if each.account_id == account]
    assert filed.digest == hashlib.sha256(receipt.signed.encode()).digest()
    claims = read_signed(ending.plane.signer.jwks(), receipt.signed, type_=RECEIPT_TYPE)
    assert claims is not None
    return claims


async def test_two_workers_at_once_count_every_row_once(ending: Ending) -> None:
    account, _ = await _suspended(ending)

    await asyncio.gather(*(ending.purge() for _ in range(4)))
    while await ending.region.all(purges):
        await ending.purge()

    claims = await _check_end(ending, account)
    assert claims["deleted"]["audit_events"] == _EVENTS + 2


async def test_a_restore_and_a_purge_at_the_same_instant_leave_one_of_the_two(ending: Ending) -> None:
    for offset in (-1, 0, 1):
        account = await ending.create()
        suspended = await ending.suspend(account)
        assert suspended.suspension
        caller = await ending.caller(account)
        ending.clock.now = suspended.suspension.purge_after
        ending.clock.advance(microseconds=offset)

        restored, _ = await asyncio.gather(
            restore_account(ending.plane, caller), ending.purge(), return_exceptions=True
        )

        is_there = (await ending.rows(account))["accounts"] == 1
        assert is_there == (not isinstance(restored, BaseException)) == (offset < 0)
        if not is_there:
            assert isinstance(restored, DomainError)
            assert restored.code in {"restore-too-late", "not-found"}


async def test_while_the_directory_is_dark_a_purge_waits_and_then_tells_it(ending: Ending) -> None:
    account, _ = await _suspended(ending)
    with capture_logs() as logs:
        await ending.purge(Fate(is_directory_dark=True))

    assert not [each for each in logs if each["event"] == "purge_failed"]
    (purge,) = await ending.plane.database.read(lambda tx: list_purges(tx, at_most=10))
    assert purge.stage is Stage.TELLING
    assert not any((await ending.rows(account)).values())
    ending.clock.advance(hours=1)

    assert await ending.purge() == 1
    await _check_end(ending, account)


async def test_a_purge_that_fails_does_not_hold_up_the_others(
    ending: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, _ = await _suspended(ending)
    account = await ending.create()
    await ending.suspend(account)
    ending.clock.advance(days=30)
    close = service._close

    async def fail(plane: RegionPlane, purge: Purge) -> Purge:
        if purge.account_id == stuck:
            raise RuntimeError("something that nobody foresaw")
        return await close(plane, purge)

    monkeypatch.setattr(service, "_close", fail)
    with capture_logs() as logs:
        assert await ending.purge() == 1

    assert [each["error"] for each in logs if each["event"] == "purge_failed"] == ["RuntimeError"]
    assert not any((await ending.rows(account)).values())
    monkeypatch.undo()
    assert await ending.purge() == 1
    assert not any((await ending.rows(stuck)).values())


async def test_rows_that_come_while_it_runs_go_too_before_the_receipt_is_written(
    ending: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, _ = await _suspended(ending)
    close, late = service._close, [3]

    async def close_late(plane: RegionPlane, purge: Purge) -> Purge:
        if late:
            await ending.fill(account, late.pop())
        return await close(plane, purge)

    monkeypatch.setattr(service, "_close", close_late)
    assert await ending.purge() == 1

    claims = await _check_end(ending, account)
    assert claims["deleted"]["audit_events"] == _EVENTS + 2 + 3


async def test_a_courier_that_has_read_a_membership_before_does_not_bring_the_index_back(
    ending: Ending,
) -> None:
    account, _ = await _suspended(ending)
    courier = ending.region.courier()
    courier.plane = replace(courier.plane, directory=cast("Any", PurgedMeanwhile(ending)))
    for kind, subject in ((MEMBERSHIP_INDEX, ending.owner), (ACCOUNT_INDEX, account)):
        await courier._handle(OutboxRow("1", account, kind, subject, 1, 0, None, ""))

    assert await ending.index(account) == []
    assert (await ending.entry(account)).state == PURGED


@dataclass
class PurgedMeanwhile:
    """The directory, which a courier reaches only after the account that it has read of was purged."""

    ending: Ending

    async def run_tx(self, work: Callable[[DirectoryTx], Awaitable[object]]) -> object:
        await self.ending.purge()
        return await self.ending.plane.directory.run_tx(work)


async def test_an_id_is_never_given_out_again(ending: Ending) -> None:
    account, _ = await _suspended(ending)
    await ending.purge()

    given = await ending.platform.identity.run_tx(
        lambda tx: reserve_id(
            tx, account, ending.region.id, creator=ending.owner, now=ending.clock(), mark=None
        )
    )

    assert given is False
    assert (await ending.entry(account)).state == PURGED


async def test_a_purged_account_is_in_nobodys_list_and_others_are(ending: Ending) -> None:
    other = await ending.create()
    account, _ = await _suspended(ending)
    page = PageRequest(25, None)
    directory = ending.plane.directory
    before = await list_my_accounts(directory, ending.owner, page)
    await ending.purge()
    after = await list_my_accounts(directory, ending.owner, page)

    assert {each.account_id: each.state for each in before.items} == {other: "active", account: "suspended"}
    assert [each.account_id for each in after.items] == [other]


async def test_a_receipt_is_given_to_who_knows_its_id_once_the_account_is_gone(ending: Ending) -> None:
    account, receipt_id = await _suspended(ending)
    with pytest.raises(DomainError, match="not-found"):
        await get_receipt(ending.plane, receipt_id)
    await ending.purge()

    assert (await get_receipt(ending.plane, receipt_id))[0].account_id == account
    with pytest.raises(DomainError, match="not-found"):
        await get_receipt(ending.plane, new_receipt_id(ending.region.id))


async def test_a_receipt_holds_nothing_of_what_was_deleted(ending: Ending) -> None:
    await _suspended(ending)
    await ending.purge()

    (receipt,) = await _receipts(ending)
    claims = str(ending.plane.signer.read(receipt.signed, type_=RECEIPT_TYPE))
    for personal in ("Example Labs", "user1@example.com", "User 1", ending.owner):
        assert personal not in claims


@pytest.fixture
def make_file(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Makes an empty, migrated file by a name, and gives its URL."""
    borrow = borrower(DatabaseEngine.SQLITE, request, ExitStack())
    return lambda name: borrow(history_of(name), tmp_path / f"{name}.db")


async def test_on_sqlite_nothing_of_a_purged_account_is_left_in_the_files(
    make_file: Callable[[str], str], tmp_path: Path
) -> None:
    async with ending_accounts(make_file, tmp_path) as ending:
        account = await ending.create(alias="Canary Heron")
        await ending.fill(account, _EVENTS, word="canary-event")
        places = {ending.region.id: ending.plane.database, "identity": ending.platform.identity}
        assert all(b"Canary Heron" in _bytes_of(tmp_path, name) for name in places)
        await ending.suspend(account)
        await ending.carry()
        ending.clock.advance(days=30)
        await ending.purge()

        for name, database in places.items():
            await database.read(lambda tx: tx.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")))
            assert b"Canary Heron" not in _bytes_of(tmp_path, name)
            assert b"canary-event" not in _bytes_of(tmp_path, name)


def _bytes_of(folder: Path, name: str) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.glob(f"{name}.db*")))


@pytest.mark.parametrize("table", account_tables(), ids=lambda table: table.name)
def test_every_table_of_accounts_is_found_and_comes_before_what_it_refers_to(table: Table) -> None:
    order = [each.name for each in account_tables()]

    assert all(order.index(table.name) <= order.index(key.column.table.name) for key in table.foreign_keys)
    assert next(iter(table.primary_key.columns)).name == "account_id"


def test_a_worker_knows_every_table_that_a_region_has() -> None:
    program = (
        "import domicile.apps.node, domicile.apps.worker, domicile.apps.routes; "
        "from domicile.infra.planes import REGION; print(*sorted(REGION.tables))"
    )
    known = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert known.stdout.split() == sorted(REGION_METADATA.tables)
