"""A tree of hashes over a list that only grows: roots, proofs and their verification (RFC 9162, section 2.1, with SHA-256)."""

from collections.abc import Callable, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""The root over nothing."""
RangeHash = Callable[[int, int], bytes]
"""Gives the hash over the entries from the first number up to, and without, the second, in RFC 9162 `MTH(D[begin:end])`."""


def hash_leaf(entry: bytes) -> bytes:
    """Hash an entry; the leading byte keeps it from passing for an inner node."""
    return sha256(b"\x00" + entry).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into the one above them."""
    return sha256(b"\x01" + left + right).digest()


def split_of(size: int) -> int:
    """Find where a tree of more than one entry parts: the largest power of two that is smaller than `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Hash a list of leaf hashes, or of equally high whole subtrees with maybe a lower last one, into their root."""
    level = list(hashes)
    while len(level) > 1:
        paired = [hash_children(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        # An odd one out is the right edge of the tree and rises as it is, which is where RFC 9162 puts it.
        level = paired + level[len(paired) * 2 :]
    return level[0] if level else EMPTY_ROOT


def ranges_over(hashes: Sequence[bytes]) -> RangeHash:
    """Make the hashes of ranges out of a whole list of leaf hashes."""
    return lambda begin, end: root_of(hashes[begin:end])


def inclusion_proof(index: int, size: int, hash_of: RangeHash) -> tuple[bytes, ...]:
    """Prove that entry `index` is in the tree of the first `size` entries (section 2.1.3.1); the lowest hash comes first."""
    if not 0 <= index < size:
        raise ValueError("an entry beyond the tree has no proof")
    begin, end = 0, size
    path: list[bytes] = []
    while end - begin > 1:
        middle = begin + split_of(end - begin)
        if index < middle:
            path.append(hash_of(middle, end))
            end = middle
        else:
            path.append(hash_of(begin, middle))
            begin = middle
    return tuple(reversed(path))


def root_by_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """Compute the root that an inclusion proof leads to (section 2.1.3.2); None for a proof of the wrong length."""
    if not 0 <= index < size:
        return None
    node, last, root = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            return None
        if node & 1 or node == last:
            root = hash_children(sibling, root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            root = hash_children(root, sibling)
        node, last = node >> 1, last >> 1
    return root if last == 0 else None


def consistency_proof(former: int, size: int, hash_of: RangeHash) -> tuple[bytes, ...]:
    """Prove that the tree of `size` entries begins with the tree of the first `former` (section 2.1.4.1).

    Empty for a tree and itself, and for the empty tree, with which every tree begins.
    """
    if not 0 <= former <= size:
        raise ValueError("a tree does not extend a larger one")
    if former in {0, size}:
        return ()
    begin, end, is_whole = 0, size, True
    path: list[bytes] = []
    while former != end:
        middle = begin + split_of(end - begin)
        if former <= middle:
            path.append(hash_of(middle, end))
            end = middle
        else:
            path.append(hash_of(begin, middle))
            begin, is_whole = middle, False
    # The verifier has the former root itself, so that it is sent only where it is a part of a larger left subtree.
    return tuple(reversed(path if is_whole else [*path, hash_of(begin, end)]))


def is_consistent(former: int, former_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Verify that the tree with `root` begins with the one with `former_root` (section 2.1.4.2)."""
    if former == size:
        return not proof and former_root == root
    if former == 0:
        return not proof and former_root == EMPTY_ROOT
    if not 0 < former < size:
        return False
    path = [former_root, *proof] if former & (former - 1) == 0 else list(proof)
    if not path:
        return False
    return _roots_by_consistency(former, size, path) == (former_root, root)


def _roots_by_consistency(former: int, size: int, path: list[bytes]) -> tuple[bytes, bytes] | None:
    """Compute the two roots that a proof leads to; None for a proof of the wrong length."""
    node, last = former - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    former_root = root = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if node & 1 or node == last:
            former_root, root = hash_children(sibling, former_root), hash_children(sibling, root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            root = hash_children(root, sibling)
        node, last = node >> 1, last >> 1
    return (former_root, root) if last == 0 else None


class CompactRange:
    """A growing tree of which only the peaks are held: the roots of its whole subtrees, the largest first.

    With the size and the peaks of a tree whose entries are gone, everything that comes after can still be added.
    """

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """Go on from a tree of `size` entries; ValueError if so many entries have another number of peaks."""
        if size < 0 or len(peaks) != size.bit_count():
            raise ValueError("the peaks do not fit the size")
        self.size = size
        self._peaks = list(peaks)

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """The peaks, one for each bit that is set in the size."""
        return tuple(self._peaks)

    def append(self, leaf_hash: bytes) -> None:
        """Add an entry."""
        merged, below = leaf_hash, self.size
        while below & 1:
            merged, below = hash_children(self._peaks.pop(), merged), below >> 1
        self._peaks.append(merged)
        self.size += 1

    def root(self) -> bytes:
        """Compute the root of what has been added up to now."""
        if not self._peaks:
            return EMPTY_ROOT
        *others, root = self._peaks
        for peak in reversed(others):
            root = hash_children(peak, root)
        return root


def peaks_of(size: int, hash_of: RangeHash) -> tuple[bytes, ...]:
    """Compute the peaks of the tree of the first `size` entries."""
    begin = 0
    peaks: list[bytes] = []
    for bit in reversed(range(size.bit_length())):
        if size >> bit & 1:
            peaks.append(hash_of(begin, begin + (1 << bit)))
            begin += 1 << bit
    return tuple(peaks)
