"""Use cases about purging: a region's worker deletes what is due, from wherever it was cut off, and the receipt can be read."""

import structlog
from sqlalchemy import Table

from domicile.directory.accounts.store import bury
from domicile.directory.memberships.store import forget_memberships
from domicile.directory.receipts.store import FiledReceipt, file_receipt, find_receipt_digest
from domicile.infra.databases import Database, DirectoryTx, RegionTx
from domicile.infra.delivery import error_name, is_outage
from domicile.infra.secrets import digest
from domicile.kernel.errors import DomainError, ErrorKind
from domicile.kernel.ids import AccountId, ReceiptId
from domicile.region.accounts.service import log_account_change
from domicile.region.accounts.store import find_account
from domicile.region.entering.domain import issuer_of
from domicile.region.lifecycle.store import claim_for_purge, list_due_for_purge
from domicile.region.plane import RegionPlane
from domicile.region.purging import store
from domicile.region.purging.domain import RECEIPT_TYPE, Purge, Receipt, Stage, no_receipt, receipt_claims
from domicile.region.residency.store import count_rows
from domicile.region.service_events.domain import Happening
from domicile.region.service_events.store import append_service_event
from domicile.region.service_purges.domain import ServicePurge
from domicile.region.service_purges.store import ask_services, list_of_receipt

ROWS_AT_ONCE = 1_000
"""Rows deleted in one transaction: few enough that requests beside it do not wait, many enough to come to an end."""
_PURGES_AT_ONCE = 20
_log = structlog.get_logger("domicile.purging")


class TakenElsewhereError(Exception):
    """Another worker took this purge further; what was done here is undone with its transaction."""


async def purge_due(plane: RegionPlane) -> int:
    """Purge the accounts whose time is over, and go on with what was cut off; tells how many came to their end.

    Every step is one transaction that goes on from the one before: killed anywhere it is begun again there, and of two workers
    one does each step. A purge that fails is left for the next round, and the others go on.
    """
    now = plane.clock()

    async def look(tx: RegionTx) -> tuple[tuple[AccountId, ...], tuple[Purge, ...]]:
        due = await list_due_for_purge(tx, now=now, at_most=_PURGES_AT_ONCE)
        return due, await store.list_purges(tx, at_most=_PURGES_AT_ONCE)

    due, under_way = await plane.database.read(look)
    for account in due:
        await _begin(plane, account)
    if due:
        _, under_way = await plane.database.read(look)
    return sum([await _attempt(plane, purge) for purge in under_way])


async def _begin(plane: RegionPlane, account_id: AccountId) -> None:
    async def work(tx: RegionTx) -> bool:
        account = await find_account(tx, account_id)
        if account is None or (suspension := account.suspension) is None:
            return False
        now = plane.clock()
        version = await log_account_change(plane, tx, account_id, revokes=True)
        if not await claim_for_purge(tx, account_id, version=version, now=now):
            raise TakenElsewhereError
        begun = Purge(
            account_id,
            suspension.receipt_id,
            suspended_at=suspension.since,
            begun_at=now,
            stage=Stage.DELETING,
            expected={},
            deleted={},
            account_version=version,
            version=1,
        )
        await store.insert_purge(tx, begun)
        asked = [known.name for known in plane.catalogue.told_in(plane.id)]
        await ask_services(tx, asked, suspension.receipt_id, account_id, now=now)
        await append_service_event(
            plane, tx, Happening.ACCOUNT_PURGED, account_id, suspension.receipt_id, seq=version
        )
        return True

    try:
        is_begun = await plane.database.run_tx(work)
    except TakenElsewhereError:
        return
    if is_begun:
        _log.info("purge_begun", region=plane.id, account=account_id)
        await plane.index_now(account_id)


async def _attempt(plane: RegionPlane, purge: Purge) -> bool:
    try:
        await _bring_to_its_end(plane, purge)
    except TakenElsewhereError:
        return False
    except Exception as error:  # noqa: BLE001  # the next round goes on where this one stopped
        if not is_outage(error):
            _log.error("purge_failed", region=plane.id, account=purge.account_id, error=error_name(error))
        return False
    _log.info("purge_finished", region=plane.id, account=purge.account_id)
    return True


async def _bring_to_its_end(plane: RegionPlane, purge: Purge) -> None:
    while purge.stage is Stage.DELETING:
        purge = await _delete_rows(plane, purge)
        purge = await _close(plane, purge)
    await _tell_directory(plane, purge)
    await plane.database.run_tx(lambda tx: store.strike(tx, purge))


async def _delete_rows(plane: RegionPlane, purge: Purge) -> Purge:
    if not purge.expected:
        expected = await plane.database.read(lambda tx: count_rows(tx, purge.account_id))
        purge = await plane.database.run_tx(lambda tx, p=purge: _advance(tx, p, expected=expected))
    for table in store.account_tables():
        deleted = ROWS_AT_ONCE
        while deleted == ROWS_AT_ONCE:
            purge, deleted = await plane.database.run_tx(
                lambda tx, p=purge, table=table: _delete_batch(tx, p, table)
            )
    return purge


async def _delete_batch(tx: RegionTx, purge: Purge, table: Table) -> tuple[Purge, int]:
    count = await store.delete_rows(tx, table, purge.account_id, at_most=ROWS_AT_ONCE)
    if not count:
        return purge, 0
    deleted = {**purge.deleted, table.name: purge.deleted.get(table.name, 0) + count}
    return await _advance(tx, purge, deleted=deleted), count


async def _close(plane: RegionPlane, purge: Purge) -> Purge:
    """Count every table again, from what is committed, and write the receipt if nothing is left; else there is more to delete."""

    async def work(tx: RegionTx) -> Purge:
        remaining = sum((await count_rows(tx, purge.account_id)).values())
        if remaining:
            return purge
        ended_at = plane.clock()
        asked = await list_of_receipt(tx, purge.receipt_id)
        claims = receipt_claims(
            purge,
            issuer=issuer_of(plane.region),
            region=plane.id,
            services=[each.service for each in asked],
            remaining=remaining,
            ended_at=ended_at,
        )
        signed = plane.signer.sign(claims, type_=RECEIPT_TYPE)
        await store.insert_receipt(tx, Receipt(purge.receipt_id, purge.account_id, ended_at, signed))
        return await _advance(tx, purge, stage=Stage.TELLING)

    return await plane.database.run_tx(work)


async def _advance(tx: RegionTx, purge: Purge, **changes: object) -> Purge:
    if (further := await store.advance(tx, purge, **changes)) is None:
        raise TakenElsewhereError
    return further


async def _tell_directory(plane: RegionPlane, purge: Purge) -> None:
    receipt = await plane.database.read(lambda tx: store.find_receipt(tx, purge.receipt_id))
    if receipt is None:
        raise LookupError("a purge that has a receipt to tell of has lost it")
    filed = FiledReceipt(
        receipt.id,
        plane.id,
        receipt.account_id,
        suspended_at=purge.suspended_at,
        begun_at=purge.begun_at,
        ended_at=receipt.at,
        digest=fingerprint(receipt),
    )

    async def tell(tx: DirectoryTx) -> None:
        await forget_memberships(tx, purge.account_id, plane.id)
        await bury(tx, purge.account_id, plane.id, version=purge.account_version + 1)
        await file_receipt(tx, filed)

    await plane.directory.run_tx(tell)


def fingerprint(receipt: Receipt) -> bytes:
    """Make the SHA-256 by which the directory knows a receipt."""
    return digest(receipt.signed.encode())


async def get_receipt(plane: RegionPlane, receipt: ReceiptId) -> tuple[Receipt, tuple[ServicePurge, ...]]:
    """Give a receipt, and those of services that join it, to whoever knows its id; `not-found` until the account is purged."""

    async def work(tx: RegionTx) -> tuple[Receipt, tuple[ServicePurge, ...]]:
        found = await store.find_receipt(tx, receipt)
        if found is None:
            raise no_receipt()
        return found, await list_of_receipt(tx, receipt)

    return await plane.database.read(work)


async def find_filed_digest(directory: Database[DirectoryTx], receipt: ReceiptId) -> bytes | None:
    """Find the fingerprint that the directory holds; None where it was not told yet, or cannot be reached."""
    try:
        return await directory.read(lambda tx: find_receipt_digest(tx, receipt))
    except DomainError as error:
        if error.kind is not ErrorKind.UNAVAILABLE:
            raise
        return None
