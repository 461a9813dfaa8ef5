"""Use cases about the audit events of an account: reading, proving, exporting."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from domicile.infra.databases import RegionTx
from domicile.kernel.callers import Caller
from domicile.kernel.errors import DomainError, invalid, not_found
from domicile.kernel.hash_tree import consistency_proof, peaks_of
from domicile.kernel.ids import AccountId
from domicile.kernel.paging import Page, PageRequest
from domicile.region.audit import store
from domicile.region.audit.domain import (
    EVERYTHING,
    ConsistencyProof,
    Filters,
    InclusionProof,
    RecordedEvent,
    by_caller,
)
from domicile.region.audit.growth import extend_tiles, read_leaves, read_view, sign_checkpoint
from domicile.region.audit_tree.domain import TILE, Checkpoint, TreeView
from domicile.region.audit_tree.store import find_checkpoint, list_checkpoints, read_tree
from domicile.region.plane import RegionPlane

_PERMISSION = "audit:log:read"
_EXPORTED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported: fixed at its beginning, whatever is written meanwhile."""

    account_id: AccountId
    filters: Filters
    checkpoint: Checkpoint
    """Of the tree whose events are exported."""
    begin: int
    """The place of the first event that is still kept."""
    peaks: tuple[bytes, ...]
    """What is left of the events before it."""
    count: int
    view: TreeView


@dataclass(frozen=True, slots=True)
class ExportedEvent:
    """An event with what proves it beside its own hash."""

    recorded: RecordedEvent
    proof: tuple[bytes, ...] | None
    """That it is in the tree; None where the whole tree is exported."""


async def list_events(
    plane: RegionPlane, caller: Caller, page: PageRequest, filters: Filters = EVERYTHING
) -> Page[RecordedEvent]:
    """List what happened in the caller's account, newest first."""
    caller.require(_PERMISSION)
    return await plane.database.read(lambda tx: store.list_events(tx, caller.account_id, page, filters))


async def get_checkpoint(plane: RegionPlane, caller: Caller) -> Checkpoint:
    """Give the latest checkpoint of the caller's account, signed now if the tree has grown."""
    caller.require(_PERMISSION)
    return await bring_checkpoint(plane, caller.account_id)


async def bring_checkpoint(plane: RegionPlane, account: AccountId) -> Checkpoint:
    """Give the checkpoint of all that an account's tree holds now, signing it if there is none."""

    async def find(tx: RegionTx) -> Checkpoint | None:
        return await find_checkpoint(tx, account, (await read_tree(tx, account)).size)

    found = await plane.database.read(find)
    if found and plane.signer.stands_by(found.signed):
        return found
    while await plane.database.run_tx(lambda tx: extend_tiles(tx, account)):
        pass
    return await plane.database.run_tx(lambda tx: sign_checkpoint(plane, tx, account, now=plane.clock()))


async def list_signed(plane: RegionPlane, caller: Caller, page: PageRequest) -> Page[Checkpoint]:
    """List the checkpoints of the caller's account, the latest first."""
    caller.require(_PERMISSION)
    return await plane.database.read(lambda tx: list_checkpoints(tx, caller.account_id, page))


async def prove_inclusion(
    plane: RegionPlane, caller: Caller, event_id: str, size: int | None
) -> InclusionProof:
    """Prove that an event is in the tree of a size, by itself the present one.

    `not-found` for an event that the account has not, or no longer; `invalid-input` for a size that is too small or too large.
    """
    caller.require(_PERMISSION)
    account, present = caller.account_id, await bring_checkpoint(plane, caller.account_id)
    wanted = present.size if size is None else size

    async def prove(tx: RegionTx) -> InclusionProof:
        if (found := await store.find_seq(tx, account, event_id)) is None:
            raise not_found("audit event")
        seq, leaf_hash = found
        if not seq < wanted <= present.size:
            raise invalid({"size": f"must be from {seq + 1} to {present.size}"})
        view = await read_view(tx, account, wanted, seq)
        path = view.prove(seq, view.leaves[seq // TILE])
        return InclusionProof(event_id, seq, leaf_hash, wanted, view.root(), path)

    return await plane.database.read(prove)


async def prove_consistency(
    plane: RegionPlane, caller: Caller, former: int, size: int | None
) -> ConsistencyProof:
    """Prove that the tree of a size, by itself the present one, begins with an earlier one; `invalid-input` for sizes that are not."""
    caller.require(_PERMISSION)
    account, present = caller.account_id, await bring_checkpoint(plane, caller.account_id)
    wanted = present.size if size is None else size
    if wanted > present.size:
        raise invalid({"to": f"must be at most {present.size}"})
    if former > wanted:
        raise invalid({"from": f"must be at most {wanted}"})

    async def prove(tx: RegionTx) -> ConsistencyProof:
        view = await read_view(tx, account, wanted, former)
        former_root = view.hash_of(0, former) if former else TreeView(0, (), {}).root()
        path = consistency_proof(former, wanted, view.hash_of)
        return ConsistencyProof(former, former_root, wanted, view.root(), path)

    return await plane.database.read(prove)


async def begin_export(plane: RegionPlane, caller: Caller, filters: Filters, *, form: str) -> Export:
    """Fix what is exported, and record that it is: an export that breaks off was one all the same."""
    caller.require(_PERMISSION)
    account = caller.account_id
    checkpoint = await _bring_some_checkpoint(plane, account)

    async def fix(tx: RegionTx) -> Export:
        begin = (await read_tree(tx, account)).pruned_size
        view = await read_view(tx, account, checkpoint.size, begin)
        count = checkpoint.size - begin
        if not filters.is_everything:
            count = await store.count_events(tx, account, filters, end=checkpoint.size)
        return Export(account, filters, checkpoint, begin, peaks_of(begin, view.hash_of), count, view)

    export = await plane.database.read(fix)
    details = {
        "format": form,
        "filters": filters.told(),
        "count": export.count,
        "size": checkpoint.size,
    }
    event = by_caller(caller, "audit.log_exported.v1", details, now=plane.clock())
    await plane.database.run_tx(lambda tx: store.append_audit(tx, event))
    return export


async def _bring_some_checkpoint(plane: RegionPlane, account: AccountId) -> Checkpoint:
    """Give the checkpoint to export by: of a log in which an event is missing the latest that was signed before."""
    try:
        return await bring_checkpoint(plane, account)
    except DomainError as refused:
        if refused.code != "audit-log-broken":
            raise
        state = await plane.database.read(lambda tx: read_tree(tx, account))
        signed = await plane.database.read(lambda tx: find_checkpoint(tx, account, state.checkpoint_size))
        if signed is None:
            raise
        return signed


async def read_export(plane: RegionPlane, export: Export) -> AsyncGenerator[list[ExportedEvent]]:
    """Give the exported events, oldest first, a page at a time, each read by itself; those that aged away meanwhile are missing."""
    begin, end = export.begin, export.checkpoint.size
    while begin < end:
        page = await plane.database.read(lambda tx, begin=begin: _read_page(tx, export, begin))
        if page:
            yield page
        if len(page) < _EXPORTED_AT_ONCE:
            return
        begin = page[-1].recorded.seq + 1


async def _read_page(tx: RegionTx, export: Export, begin: int) -> list[ExportedEvent]:
    account, size = export.account_id, export.checkpoint.size
    found = await store.list_in_order(
        tx, account, export.filters, begin=begin, end=size, at_most=_EXPORTED_AT_ONCE
    )
    if export.filters.is_everything:
        return [ExportedEvent(recorded, None) for recorded in found]
    tiles = {
        number: await read_leaves(tx, account, number, size=size)
        for number in sorted({recorded.seq // TILE for recorded in found})
    }
    return [
        ExportedEvent(recorded, export.view.prove(recorded.seq, tiles[recorded.seq // TILE]))
        for recorded in found
    ]
