"""The tree of an account in tiles: what of it has to be read to prove anything about it (RFC 9162, section 2.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from domicile.kernel.hash_tree import (
    EMPTY_ROOT,
    HASH_BYTES,
    hash_children,
    inclusion_proof,
    ranges_over,
    root_of,
    split_of,
)
from domicile.kernel.ids import AccountId

CHECKPOINT_TYPE = "domicile-checkpoint+jwt"
"""The media type by which a checkpoint is told from other signed statements."""
TILE = 256
"""Leaf hashes in a whole tile; a power of two, so that a whole tile is a whole subtree."""


@dataclass(frozen=True, slots=True)
class TreeState:
    """How far the tree of an account has come; every number counts events from the first ever."""

    size: int
    tiled_size: int
    """So many leaf hashes are in tiles; those of later events lie beside the events."""
    pruned_size: int
    """So many events were deleted for their age; their leaf hashes are in tiles."""
    checkpoint_size: int
    """The size of the latest checkpoint."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What an account's tree was at a moment, as its region signed it."""

    account_id: AccountId
    size: int
    root: bytes
    at: datetime
    signed: str
    """A compact JWS."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Leaf hashes of up to 256 events that follow each other; the hash over them once they are all there."""

    number: int
    hashes: tuple[bytes, ...]
    root: bytes | None


def make_tile(number: int, hashes: Sequence[bytes]) -> Tile:
    """Make a tile out of its leaf hashes."""
    return Tile(number, tuple(hashes), root_of(hashes) if len(hashes) == TILE else None)


def parted(joined: bytes) -> tuple[bytes, ...]:
    """Part hashes that were written one after the other."""
    return tuple(joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES))


@dataclass(frozen=True, slots=True)
class TreeView:
    """As much of a tree of `size` entries as was read to answer a question."""

    size: int
    roots: tuple[bytes, ...]
    """Of the whole tiles, from the first."""
    leaves: Mapping[int, tuple[bytes, ...]]
    """Leaf hashes by the number of their tile: of the last one if it is not whole, and of those in question."""
    _known: dict[tuple[int, int], bytes] = field(default_factory=dict[tuple[int, int], bytes])

    def hash_of(self, begin: int, end: int) -> bytes:
        """Hash a range that RFC 9162 asks for; KeyError for one in a tile that was not read."""
        number = begin // TILE
        if end <= (number + 1) * TILE and end - begin < TILE:
            return ranges_over(self.leaves[number])(begin - number * TILE, end - number * TILE)
        if (found := self._known.get((begin, end))) is None:
            found = self._known[begin, end] = self._compute(begin, end)
        return found

    def _compute(self, begin: int, end: int) -> bytes:
        if end - begin == TILE:
            return self.roots[begin // TILE]
        middle = begin + split_of(end - begin)
        return hash_children(self.hash_of(begin, middle), self.hash_of(middle, end))

    def root(self) -> bytes:
        """Compute the root."""
        return self.hash_of(0, self.size) if self.size else EMPTY_ROOT

    def prove_tile(self, number: int) -> tuple[bytes, ...]:
        """Prove that the hash over a tile is in the tree, of which the tiles' hashes are leaves as it were."""

        def hash_of(begin: int, end: int) -> bytes:
            return self.hash_of(begin * TILE, min(end * TILE, self.size))

        return inclusion_proof(number, tiles_of(self.size), hash_of)

    def prove(self, place: int, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
        """Prove that an entry is in the tree, given the leaf hashes of its tile up to the size."""
        number = place // TILE
        inside = inclusion_proof(place - number * TILE, len(leaves), ranges_over(leaves))
        return inside + self.prove_tile(number)


def tiles_of(size: int) -> int:
    """Count the tiles of a tree, with the last one if it is not whole."""
    return -(-size // TILE)


def tiles_wanted(size: int, *places: int) -> frozenset[int]:
    """Name the tiles whose leaf hashes are needed for a root, or for proofs about certain places, in a tree of `size`."""
    last = {size // TILE} if size % TILE else set[int]()
    return frozenset(last | {place // TILE for place in places if place < size})
