"""Background work on audit events: checkpoints of what has grown, and the end of what is too old."""

from datetime import datetime, timedelta

import structlog

from domicile.infra.databases import RegionTx
from domicile.kernel.errors import DomainError
from domicile.kernel.ids import AccountId
from domicile.region.audit import store
from domicile.region.audit.growth import cover
from domicile.region.audit.service import bring_checkpoint
from domicile.region.audit_tree.store import (
    forget_checkpoints,
    list_aged,
    list_grown,
    note_looked_at,
    note_pruned,
    read_tree,
)
from domicile.region.plane import RegionPlane

_log = structlog.get_logger("domicile.audit")
_ACCOUNTS_AT_ONCE = 100
_EVENTS_AT_ONCE = 500
_MARK_MEMORY = timedelta(hours=25)
"""Longer than any session lasts, so that a sign-in is not told twice."""


async def sign_checkpoints(plane: RegionPlane) -> int:
    """Sign a checkpoint for every account whose tree has grown since its latest; tells for how many."""
    count, after = 0, None
    while True:
        grown = await plane.database.read(
            lambda tx, after=after: list_grown(tx, after=after, at_most=_ACCOUNTS_AT_ONCE)
        )
        for account in grown:
            await _bring(plane, account)
        count += len(grown)
        if len(grown) < _ACCOUNTS_AT_ONCE:
            return count
        after = grown[-1]


async def delete_aged_events(plane: RegionPlane) -> int:
    """Delete the events, and the checkpoints, that are older than is configured; tells how many events.

    A checkpoint is signed before, and the hashes of what is deleted are kept: the tree stays what it was.
    """
    before = plane.clock() - timedelta(days=plane.settings.audit.retention_days)
    count = 0
    while aged := await plane.database.read(
        lambda tx: list_aged(tx, before=before, at_most=_ACCOUNTS_AT_ONCE)
    ):
        for account in aged:
            count += await _delete_aged(plane, account, before)
    return count


async def _bring(plane: RegionPlane, account: AccountId) -> bool:
    """Sign a checkpoint; a log that is broken is told of, and does not keep the others waiting."""
    try:
        await bring_checkpoint(plane, account)
    except DomainError as refused:
        if refused.code != "audit-log-broken":
            raise
        _log.error("audit_log_broken", account=account)
        return False
    return True


async def _delete_aged(plane: RegionPlane, account: AccountId, before: datetime) -> int:
    if not await _bring(plane, account):
        # What is left is evidence: it is kept until somebody has looked at it.
        await plane.database.run_tx(lambda tx: note_looked_at(tx, account, now=plane.clock()))
        return 0
    count = 0
    while deleted := await plane.database.run_tx(lambda tx: _delete_some(tx, account, before)):
        count += deleted
    await plane.database.run_tx(lambda tx: forget_checkpoints(tx, account, before=before))
    return count


async def _delete_some(tx: RegionTx, account: AccountId, before: datetime) -> int:
    """Delete the oldest events up to the first that is not too old: a tree loses its beginning and nothing else."""
    begin = (await read_tree(tx, account)).pruned_size
    moments = await store.list_moments(tx, account, begin=begin, at_most=_EVENTS_AT_ONCE + 1)
    kept = next(((seq, at) for seq, at in moments[:_EVENTS_AT_ONCE] if at >= before), None)
    if kept is None and len(moments) > _EVENTS_AT_ONCE:
        kept = moments[_EVENTS_AT_ONCE]
    end, oldest_at = kept or (begin + len(moments), None)
    await cover(tx, account, end=end)
    await note_pruned(tx, account, pruned_size=end, oldest_at=oldest_at)
    return await store.delete_events(tx, account, end=end)


async def forget_marks(plane: RegionPlane) -> int:
    """Delete what was noted so as not to be recorded again, once it can be recorded again anyway."""
    before = plane.clock() - _MARK_MEMORY
    return await plane.database.run_tx(lambda tx: store.forget_marks(tx, before=before))
