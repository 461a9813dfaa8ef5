"""Reads the lines of an exported log, each by itself: its form, its own hash, what it commits to, its signature (RFC 7515)."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from domicile.infra.signing import read_signed
from domicile.kernel.signing_keys import KeyState
from domicile.region.audit.leaf import EXPORT_FORM, FORM, canonical, commit, hash_of_leaf
from domicile.region.audit_tree.domain import CHECKPOINT_TYPE

Json = dict[str, Any]
Lines = Callable[[], Iterable[bytes]]
"""Gives the lines of the file from the first, as often as it is asked."""

_EVENT = {"kind", "leaf", "leafHash", "salt", "personal"}
_HEADER = {"kind", "form", "accountID", "region", "size", "begin", "peaks", "isWhole", "filters", "count"}


class Fault(StrEnum):
    """What can be wrong with a log."""

    CHANGED = "changed"
    MISSING = "missing"
    OUT_OF_ORDER = "out-of-order"
    DOUBLED = "doubled"
    CUT_OFF = "cut-off"
    FOREIGN_ACCOUNT = "foreign-account"
    WRONG_ROOT = "wrong-root"
    WRONG_SIGNATURE = "wrong-signature"
    UNTRUSTED_KEY = "untrusted-key"
    NOT_COMPARABLE = "not-comparable"
    """A kept checkpoint of which this file can say nothing."""


class NotALogError(Exception):
    """The file is no exported log of this form; says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing that is wrong."""

    fault: Fault
    line: int | None
    """From 1; None: not in the file, but in a kept checkpoint."""
    event_id: str | None
    message: str


class BadLogError(Exception):
    """The log is not as it was signed."""

    def __init__(self, fault: Fault, line: int | None, message: str, *, event_id: str | None = None) -> None:
        super().__init__(message)
        self.finding = Finding(fault, line, event_id, message)


@dataclass(frozen=True, slots=True)
class Header:
    """What the first line says of the file."""

    account_id: str
    region: str
    size: int
    begin: int
    peaks: tuple[bytes, ...]
    is_whole: bool
    count: int


@dataclass(frozen=True, slots=True)
class Signed:
    """What a checkpoint says, once its signature has been verified."""

    account_id: str
    region: str
    size: int
    root: bytes
    time: str
    key_id: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of a log, good by itself."""

    line: int
    event_id: str
    account_id: str
    seq: int
    leaf_hash: bytes
    proof: tuple[bytes, ...] | None
    """In a filtered log alone."""
    is_erased: bool

    def fault(self, fault: Fault, message: str) -> BadLogError:
        """Say what is wrong with it among the others."""
        return BadLogError(fault, self.line, message, event_id=self.event_id)


def read_checkpoint(text: object, keys: Mapping[str, Any], *, line: int | None) -> Signed:
    """Verify the signature of a checkpoint with a key set (RFC 7517); BadLogError, with its line, for one that is not good."""
    key_id = _key_id(text)
    listed = keys.get("keys")
    known = cast("list[Any]", listed) if isinstance(listed, list) else []
    usable: list[Json] = [cast("Json", key) for key in known if isinstance(key, dict)]
    if key_id is None:
        raise BadLogError(Fault.WRONG_SIGNATURE, line, "The checkpoint is not a signed statement.")
    if key_id not in [key.get("kid") for key in usable]:
        raise BadLogError(
            Fault.UNTRUSTED_KEY, line, f"The checkpoint is signed by {key_id}, which is not in the keys."
        )
    if any(key.get("kid") == key_id and key.get("state") == KeyState.WITHDRAWN for key in usable):
        raise BadLogError(
            Fault.UNTRUSTED_KEY, line, f"The checkpoint is signed by {key_id}, which was withdrawn since."
        )
    claims = read_signed({"keys": usable}, str(text), type_=CHECKPOINT_TYPE)
    read = _claims(claims or {}, key_id)
    if read is None:
        raise BadLogError(
            Fault.WRONG_SIGNATURE, line, "The checkpoint was not signed by the key that it names."
        )
    return read


def _claims(claims: Json, key_id: str) -> Signed | None:
    match claims:
        case {
            "account": str(account),
            "region": str(region),
            "size": int(size),
            "root": str(root),
            "time": str(time),
        }:
            hashes = read_hashes([root])
            return Signed(account, region, size, hashes[0], time, key_id) if hashes else None
        case _:
            return None


def _key_id(text: object) -> str | None:
    if not isinstance(text, str) or text.count(".") != 2:
        return None
    head = text.partition(".")[0]
    try:
        found = parse_line(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, ValueError):
        return None
    key_id = found.get("kid") if found else None
    return key_id if isinstance(key_id, str) else None


def read_header(lines: Lines) -> Header:
    """Read the first line; NotALogError if the file is something else, BadLogError if the line contradicts itself."""
    first = parse_line(next(iter(lines()), b""))
    if first is None or first.get("kind") != "header" or first.get("form") != EXPORT_FORM:
        raise NotALogError(f"The first line is not that of an exported log ({EXPORT_FORM}).")
    peaks = read_hashes(first.get("peaks"))
    match first:
        case {
            "accountID": str(account),
            "region": str(region),
            "size": int(size),
            "begin": int(begin),
            "isWhole": bool(is_whole),
            "filters": dict(),
            "count": int(count),
        } if set(first) == _HEADER and peaks is not None:
            fits = (
                0 <= begin <= size
                and len(peaks) == begin.bit_count()
                and is_whole == (first["filters"] == {})
            )
            if fits and (not is_whole or count == size - begin):
                return Header(account, region, size, begin, peaks, is_whole, count)
        case _:
            pass
    raise BadLogError(Fault.CHANGED, 1, "The first line contradicts itself: it was changed.")


def read_trailer(lines: Lines) -> tuple[int, Json | None]:
    """Find the number of the last line, and what the two last say; None if they are not checkpoint and keys."""
    number, before, last = 0, b"", b""
    for raw in lines():
        number, before, last = number + 1, last, raw
    checkpoint, keys = parse_line(before), parse_line(last)
    if not checkpoint or not keys or (checkpoint.get("kind"), keys.get("kind")) != ("checkpoint", "keys"):
        return number, None
    return number, {"signed": checkpoint.get("signed"), "keys": keys.get("keys")}


def read_entry(found: Json, line: int, *, has_proof: bool) -> Entry:
    """Read an entry and check it by itself."""
    leaf = found.get("leaf")
    told = cast("Json", leaf) if isinstance(leaf, dict) else {}
    event_id = str(told.get("eventID", ""))
    hashes, proof = read_hashes([found.get("leafHash")]), read_hashes(found.get("proof"))
    wanted = _EVENT | {"proof"} if has_proof else _EVENT
    if set(found) != wanted or hashes is None or not _is_leaf(told) or has_proof != (proof is not None):
        raise BadLogError(Fault.CHANGED, line, "The entry has not the form of one.", event_id=event_id)
    if _hash_of(told) != hashes[0]:
        raise BadLogError(Fault.CHANGED, line, "The entry does not give its own hash.", event_id=event_id)
    if not _keeps_commitment(found, told["commitment"]):
        message = "The personal part is not the one that the entry commits to."
        raise BadLogError(Fault.CHANGED, line, message, event_id=event_id)
    return Entry(
        line=line,
        event_id=event_id,
        account_id=told["accountID"],
        seq=told["seq"],
        leaf_hash=hashes[0],
        proof=proof,
        is_erased=found["personal"] is None,
    )


def _is_leaf(leaf: Json) -> bool:
    seq = leaf.get("seq")
    is_numbered = isinstance(seq, int) and not isinstance(seq, bool) and seq >= 0
    texts = (leaf.get("eventID"), leaf.get("accountID"), leaf.get("commitment"))
    return is_numbered and leaf.get("form") == FORM and all(isinstance(text, str) for text in texts)


def _hash_of(leaf: Json) -> bytes | None:
    try:
        return hash_of_leaf(leaf)
    except (ValueError, RecursionError):
        return None


def _keeps_commitment(found: Json, commitment: str) -> bool:
    """Check the personal part; one that was erased, with its salt, keeps every commitment."""
    salt, personal = found["salt"], found["personal"]
    if salt is None and personal is None:
        return True
    salts = read_hashes([salt])
    if salts is None:
        return False
    try:
        return commit(salts[0], canonical(personal)).hex() == commitment
    except (ValueError, RecursionError):
        return False


def read_hashes(told: object) -> tuple[bytes, ...] | None:
    """Read hashes in lower-case hexadecimal digits; None if one of them is something else."""
    if not isinstance(told, list):
        return None
    read: list[bytes] = []
    for text in cast("list[object]", told):
        if not isinstance(text, str) or len(text) != 64 or not set(text) <= set("0123456789abcdef"):
            return None
        read.append(bytes.fromhex(text))
    return tuple(read)


def parse_line(raw: bytes) -> Json | None:
    """Read one line; None for what is not a JSON object, or says something twice (RFC 7493, section 2.3)."""
    try:
        found = json.loads(raw, object_pairs_hook=_refuse_repeats)
    except (ValueError, RecursionError):
        return None
    return cast("Json", found) if isinstance(found, dict) else None


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a member is there twice")
    return found
