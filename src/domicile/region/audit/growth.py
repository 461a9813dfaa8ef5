"""The tree of an account as far as a question needs it, and its checkpoints: read, extended and signed inside a transaction."""

from collections.abc import Sequence
from datetime import datetime

from domicile.infra.databases import RegionTx
from domicile.kernel.errors import conflict
from domicile.kernel.ids import AccountId
from domicile.region.audit.leaf import precise
from domicile.region.audit.store import GONE, read_leaf_hashes
from domicile.region.audit_tree import store
from domicile.region.audit_tree.domain import (
    CHECKPOINT_TYPE,
    TILE,
    Checkpoint,
    TreeView,
    make_tile,
    tiles_wanted,
)
from domicile.region.plane import RegionPlane

_TILES_AT_ONCE = 16


async def extend_tiles(tx: RegionTx, account: AccountId) -> bool:
    """Bring leaf hashes into the next whole tiles, a few at once; tells whether there is more to do.

    `audit-log-broken` if an event is missing that was there.
    """
    state = await store.read_tree(tx, account)
    begin, whole = state.tiled_size, state.size // TILE * TILE
    if begin >= whole:
        return False
    first = begin // TILE
    end = min(whole, (first + _TILES_AT_ONCE) * TILE)
    await _write(tx, account, first, begin=begin, end=end)
    return end < whole


async def cover(tx: RegionTx, account: AccountId, *, end: int) -> None:
    """Bring the leaf hashes of all events before `end` into tiles, the last of which may not be whole."""
    while await extend_tiles(tx, account):
        pass
    begin = (await store.read_tree(tx, account)).tiled_size
    if begin < end:
        await _write(tx, account, begin // TILE, begin=begin, end=end)


async def _write(tx: RegionTx, account: AccountId, first: int, *, begin: int, end: int) -> None:
    hashes = await store.read_tile(tx, account, first) if begin % TILE else ()
    fresh = await read_leaf_hashes(tx, account, begin=begin, end=end)
    _require_whole(fresh, begin)
    hashes += fresh
    parts = range(0, len(hashes), TILE)
    tiles = [make_tile(first + at // TILE, hashes[at : at + TILE]) for at in parts]
    await store.write_tiles(tx, account, tiles, tiled_size=end)


def _require_whole(hashes: Sequence[bytes], begin: int) -> None:
    """Refuse to sign, or to keep, what would hide that an event was taken out of the database."""
    if GONE in hashes:
        raise conflict(
            "audit-log-broken",
            f"Event {begin + hashes.index(GONE)} of this log is missing: it was taken out of the database.",
        )


async def read_leaves(tx: RegionTx, account: AccountId, number: int, *, size: int) -> tuple[bytes, ...]:
    """Read the leaf hashes of one tile of a tree of `size` entries, wherever they lie."""
    begin, end = number * TILE, min((number + 1) * TILE, size)
    tiled = (await store.read_tile(tx, account, number))[: end - begin]
    return tiled + await read_leaf_hashes(tx, account, begin=begin + len(tiled), end=end)


async def read_view(tx: RegionTx, account: AccountId, size: int, *places: int) -> TreeView:
    """Read of a tree of `size` entries, whose whole tiles are written, what its root and proofs about `places` need."""
    roots = await store.read_roots(tx, account, count=size // TILE)
    if len(roots) < size // TILE:
        _require_whole((GONE,), len(roots) * TILE)
    wanted = tiles_wanted(size, *places)
    leaves = {number: await read_leaves(tx, account, number, size=size) for number in wanted}
    return TreeView(size, roots, leaves)


async def sign_checkpoint(
    plane: RegionPlane, tx: RegionTx, account: AccountId, *, now: datetime
) -> Checkpoint:
    """Sign what an account's tree is now; the one that is there already if it has not grown, and its key was not withdrawn."""
    while await extend_tiles(tx, account):
        pass
    state = await store.read_tree(tx, account)
    if made := await store.find_checkpoint(tx, account, state.size):
        if plane.signer.stands_by(made.signed):
            return made
        await store.delete_checkpoint(tx, account, state.size)
    view = await read_view(tx, account, state.size)
    for number, leaves in view.leaves.items():
        _require_whole(leaves, number * TILE)
    claims = {
        "account": account,
        "region": plane.id,
        "size": state.size,
        "root": view.root().hex(),
        "time": precise(now),
    }
    signed = plane.signer.sign(claims, type_=CHECKPOINT_TYPE)
    made = Checkpoint(account, state.size, view.root(), now, signed)
    await store.insert_checkpoint(tx, made)
    return made
