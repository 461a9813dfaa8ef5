"""Verifies an exported log offline: every entry, the tree over them (RFC 9162), and the signature of the region."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from domicile.kernel.hash_tree import CompactRange, root_by_inclusion, root_of
from domicile.region.audit.exported import (
    BadLogError,
    Entry,
    Fault,
    Finding,
    Header,
    Json,
    Lines,
    Signed,
    parse_line,
    read_checkpoint,
    read_entry,
    read_hashes,
    read_header,
    read_trailer,
)
from domicile.region.audit_tree.domain import TILE, tiles_of

_KINDS = ["event", "tile", "checkpoint", "keys"]
"""Of lines after the first; a list, because a line can say anything."""


@dataclass(frozen=True, slots=True)
class Report:
    """How a verification ended."""

    header: Header | None
    """None for one that contradicts itself."""
    finding: Finding | None
    """None: everything is as it was signed."""
    signed: Signed | None = None
    events: int = 0
    erased: int = 0
    """Events whose personal part was taken out."""
    kept: tuple[Signed, ...] = ()
    """Earlier checkpoints that the log extends."""


def verify_log(lines: Lines, *, keys: Json | None, kept: Sequence[str] = ()) -> Report:
    """Verify an exported log; the report names the first bad line.

    `keys` is the key set to trust; without it that in the file is used, which shows accidents and no forgery. `kept` are
    checkpoints from elsewhere that the log has to extend. NotALogError if the first line is not that of an exported log.
    """
    try:
        header = read_header(lines)
    except BadLogError as bad:
        return Report(None, bad.finding)
    check = _Check(header)
    try:
        signed = check.run(lines, keys, kept)
    except BadLogError as bad:
        return Report(header, bad.finding, None, check.events, check.erased)
    return Report(header, None, signed, check.events, check.erased, tuple(check.extended))


@dataclass(slots=True)
class _Check:
    """One walk over the lines of a file."""

    header: Header
    events: int = 0
    erased: int = 0
    extended: list[Signed] = field(default_factory=list[Signed])
    _tree: CompactRange = field(default_factory=CompactRange)
    _expected: int = 0
    _tile: list[bytes] = field(default_factory=list[bytes])
    _tile_line: int = 0
    """Where the tile that is being read begins."""
    _is_tile_due: bool = False
    _doubt: BadLogError | None = None
    """A tile whose proof does not lead to the signed root: whether it or its proof was changed, the root tells."""
    _roots: dict[int, bytes] = field(default_factory=dict[int, bytes])

    def run(self, lines: Lines, keys: Json | None, kept: Sequence[str]) -> Signed:
        last_line, trailer = read_trailer(lines)
        signed, why_not = self._try_signature(last_line, trailer, keys)
        if signed is not None:
            self._compare_header(signed)
        earlier = [] if why_not else [self._read_kept(text, keys or trailer, signed) for text in kept]
        self._begin({each.size for each in earlier})
        self._walk(lines, last_line, signed, has_end=trailer is not None)
        if why_not is not None:
            raise why_not
        assert signed is not None
        self._compare_root(signed, last_line - 1)
        for each in earlier:
            self._compare_kept(each, signed)
        return signed

    # ------------------------------------------------------------ signatures

    def _try_signature(
        self, last_line: int, trailer: Json | None, keys: Json | None
    ) -> tuple[Signed | None, BadLogError | None]:
        """Read the checkpoint at the end; what is wrong with it is told only if nothing before it is."""
        if trailer is None:
            message = (
                "The file does not end with the signed checkpoint and the keys: it was cut off, or added to."
            )
            return None, BadLogError(Fault.CUT_OFF, last_line, message)
        try:
            return read_checkpoint(trailer["signed"], keys or trailer, line=last_line - 1), None
        except BadLogError as bad:
            return None, bad

    def _compare_header(self, signed: Signed) -> None:
        header = self.header
        if header.account_id != signed.account_id:
            message = f"The checkpoint is of account {signed.account_id}, the file says {header.account_id}."
            raise BadLogError(Fault.FOREIGN_ACCOUNT, 1, message)
        if (header.region, header.size) != (signed.region, signed.size):
            message = "The first line was changed: its region or size is not that of the signed checkpoint."
            raise BadLogError(Fault.CHANGED, 1, message)

    def _read_kept(self, text: str, keys: Json | None, signed: Signed | None) -> Signed:
        each = read_checkpoint(text, keys or {}, line=None)
        header = self.header
        if each.account_id != header.account_id or (signed is not None and each.region != signed.region):
            message = f"The kept checkpoint is of account {each.account_id}, in {each.region}."
            raise BadLogError(Fault.FOREIGN_ACCOUNT, None, message)
        if each.size > header.size:
            message = (
                f"The kept checkpoint is over {each.size} entries and this log over {header.size}: "
                "entries were cut off its end, or the file is the older of the two."
            )
            raise BadLogError(Fault.CUT_OFF, None, message)
        if each.size < header.begin or (not header.is_whole and each.size != header.size):
            message = (
                f"Of the first {each.size} entries not enough is in this file to compare them with the kept checkpoint: "
                f"ask the server, GET /api/logs/proof?from={each.size}&to={header.size}."
            )
            raise BadLogError(Fault.NOT_COMPARABLE, None, message)
        return each

    def _compare_root(self, signed: Signed, line: int) -> None:
        if not self.header.is_whole:
            return
        if self._tree.root() == signed.root:
            if self._doubt is not None:
                raise BadLogError(
                    Fault.CHANGED, self._doubt.finding.line, "The proof of this tile was changed."
                )
            return
        if self._doubt is not None:
            raise self._doubt
        message = "The peaks in the first line and the entries do not give the signed root together."
        raise BadLogError(Fault.WRONG_ROOT, 1 if self.header.begin else line, message)

    def _compare_kept(self, each: Signed, signed: Signed) -> None:
        root = signed.root if each.size == signed.size else self._roots[each.size]
        if root != each.root:
            message = f"The first {each.size} entries are not those of the kept checkpoint of {each.time}."
            raise BadLogError(Fault.WRONG_ROOT, None, message)
        self.extended.append(each)

    # ------------------------------------------------------------ entries

    def _begin(self, sizes: set[int]) -> None:
        header = self.header
        self._tree, self._expected = CompactRange(header.begin, header.peaks), header.begin
        self._roots = dict.fromkeys(sizes, b"")
        self._note_root()

    def _note_root(self) -> None:
        if self._tree.size in self._roots:
            self._roots[self._tree.size] = self._tree.root()

    def _walk(self, lines: Lines, last_line: int, signed: Signed | None, *, has_end: bool) -> None:
        for number, raw in enumerate(lines(), 1):
            if number == 1:
                continue
            found = parse_line(raw)
            kind = found.get("kind") if found else None
            if found is None or kind not in _KINDS:
                message = "The line is not one of an exported log: it was changed or cut off."
                is_last = number == last_line
                raise BadLogError(Fault.CUT_OFF if is_last else Fault.CHANGED, number, message)
            if kind == "event":
                self._take_event(read_entry(found, number, has_proof=not self.header.is_whole), lines, signed)
            elif kind == "tile":
                self._take_tile(found, number, signed)
            elif has_end:
                self._take_end(found, number, last_line)
        if self.header.is_whole and self._expected < self.header.size:
            self._refuse_end(last_line)

    def _take_end(self, found: Json, number: int, last_line: int) -> None:
        """Take the checkpoint or the keys, which stand at the end and nowhere else."""
        if number != last_line - (found["kind"] == "checkpoint"):
            raise BadLogError(Fault.OUT_OF_ORDER, number, f"The {found['kind']} stand before the end.")
        members = {"kind", "signed"} if found["kind"] == "checkpoint" else {"kind", "keys"}
        if set(found) != members:
            raise BadLogError(Fault.CHANGED, number, "The line has other members than it was written with.")
        self._require_tile_line(number)
        if self.header.is_whole and self._expected < self.header.size:
            self._refuse_end(number)
        if self.events != self.header.count:
            message = f"The file holds {self.events} entries, and its first line says {self.header.count}."
            raise BadLogError(Fault.CUT_OFF, number, message)

    def _refuse_end(self, line: int) -> None:
        message = f"The log is cut off: it ends after {self._expected} of {self.header.size} entries."
        raise BadLogError(Fault.CUT_OFF, line, message)

    def _take_event(self, entry: Entry, lines: Lines, signed: Signed | None) -> None:
        if entry.account_id != self.header.account_id:
            raise entry.fault(Fault.FOREIGN_ACCOUNT, f"The entry is one of account {entry.account_id}.")
        if entry.proof is None:
            self._require_tile_line(entry.line)
            self._check_order(entry, lines)
            self._add(entry.leaf_hash, entry.line)
        else:
            self._check_selected(entry, entry.proof, signed)
        self._expected = entry.seq + 1
        self.events += 1
        self.erased += entry.is_erased

    def _check_order(self, entry: Entry, lines: Lines) -> None:
        seq, expected, size = entry.seq, self._expected, self.header.size
        if seq == expected and seq < size:
            return
        if self.header.begin <= seq < expected:
            raise entry.fault(Fault.DOUBLED, f"Entry {seq} is there already.")
        if seq < expected or seq >= size:
            message = f"Entry {seq} does not belong here: the log holds {self.header.begin} to {size - 1}."
            raise entry.fault(Fault.OUT_OF_ORDER, message)
        if _is_anywhere(expected, lines, after=entry.line):
            message = f"Entry {seq} stands where entry {expected} belongs, which comes later."
            raise entry.fault(Fault.OUT_OF_ORDER, message)
        gone = f"Entry {expected} is" if seq == expected + 1 else f"Entries {expected} to {seq - 1} are"
        raise entry.fault(Fault.MISSING, f"{gone} missing before this line, entry {seq}.")

    def _add(self, leaf_hash: bytes, number: int) -> None:
        place = self._tree.size
        if place % TILE == 0 or not self._tile_line:
            self._tile, self._tile_line = [], number
        self._tile.append(leaf_hash)
        self._tree.append(leaf_hash)
        self._note_root()
        is_end = self._tree.size % TILE == 0 or self._tree.size == self.header.size
        self._is_tile_due = is_end and place // TILE * TILE >= self.header.begin

    def _require_tile_line(self, number: int) -> None:
        if self._is_tile_due:
            message = f"The proof of tile {(self._tree.size - 1) // TILE} is missing before this line."
            raise BadLogError(Fault.MISSING, number, message)

    def _take_tile(self, found: Json, number: int, signed: Signed | None) -> None:
        if not self._is_tile_due:
            raise BadLogError(Fault.OUT_OF_ORDER, number, "There is no tile that ends before this line.")
        self._is_tile_due = False
        tile = (self._tree.size - 1) // TILE
        proof = read_hashes(found.get("proof"))
        told = found.get("number")
        is_it = told == tile and not isinstance(told, bool)
        if set(found) != {"kind", "number", "proof"} or not is_it or proof is None:
            raise BadLogError(Fault.CHANGED, number, f"This is not the proof of tile {tile}.")
        root = root_by_inclusion(root_of(self._tile), tile, tiles_of(self.header.size), proof)
        if signed is not None and root != signed.root and self._doubt is None:
            message = (
                f"Between the lines {self._tile_line} and {number} an entry was changed together with its own hash: "
                "they do not lead to the signed root."
            )
            self._doubt = BadLogError(Fault.CHANGED, number, message)

    def _check_selected(self, entry: Entry, proof: Sequence[bytes], signed: Signed | None) -> None:
        """Check an entry of a filtered log by its own proof; that others were left out is what a filter is for."""
        if entry.seq < self._expected:
            fault = Fault.DOUBLED if entry.seq == self._expected - 1 else Fault.OUT_OF_ORDER
            raise entry.fault(fault, f"Entry {entry.seq} comes after entry {self._expected - 1}.")
        root = root_by_inclusion(entry.leaf_hash, entry.seq, self.header.size, proof)
        if root is None or (signed is not None and root != signed.root):
            message = (
                "The entry, with its proof, does not lead to the signed root: one of the two was changed."
            )
            raise entry.fault(Fault.CHANGED, message)


def _is_anywhere(seq: int, lines: Lines, *, after: int) -> bool:
    for number, raw in enumerate(lines(), 1):
        found = parse_line(raw) if number > after else None
        leaf = found.get("leaf") if found else None
        if isinstance(leaf, dict) and cast("Json", leaf).get("seq") == seq:
            return True
    return False
