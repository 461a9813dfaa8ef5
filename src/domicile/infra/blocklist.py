"""The operator's own list of passwords that nobody may choose, kept as digests: sixteen bytes or so for each."""

import threading
import unicodedata
from array import array
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import structlog

LARGEST_FILE_BYTES = 16 * 1024 * 1024
_DIGEST_BYTES = 8
"""Two different texts have the same digest once in 10^13 questions to a million lines."""
_log = structlog.get_logger("domicile.passwords")


class Blocklist:
    """Reads its file at the first question, once; asked from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._digests: _Digests | None = None

    def has(self, password: str) -> bool:
        """Tell whether a password is on the list, whatever its case and the width of its letters.

        A list that can be read no more, though it could when the server started, is logged as an error and refuses nothing.
        """
        digests = self._load()
        return digests is not None and _digest(password) in digests

    def _load(self) -> "_Digests | None":
        with self._lock:
            if self._digests is None:
                try:
                    self._digests = _read(self._path)
                except (OSError, ValueError) as error:
                    _log.error("blocklist_unreadable", error=type(error).__name__)
            return self._digests


def file_fault(path: Path) -> str | None:
    """Explain why a file cannot serve as a list; None: it can."""
    try:
        if (size := path.stat().st_size) > LARGEST_FILE_BYTES:
            return f"{path} has {size:,} bytes; {LARGEST_FILE_BYTES:,} at most"
        if not any(True for _ in _lines(path)):
            return f"{path} has no line with a password"
        for _ in _lines(path):
            pass
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        return f"{path} is not UTF-8: one password a line, without anything else"
    return None


class _Digests:
    """A set of 64-bit numbers in one block of memory (open addressing); zero marks an empty place."""

    def __init__(self, capacity: int) -> None:
        self._places = array("Q", bytes(_DIGEST_BYTES * (capacity * 3 // 2 + 8)))

    def add(self, digest: int) -> None:
        self._places[self._place_of(digest)] = digest

    def __contains__(self, digest: int) -> bool:
        return self._places[self._place_of(digest)] == digest

    def _place_of(self, digest: int) -> int:
        place = digest % len(self._places)
        while self._places[place] not in {0, digest}:
            place = (place + 1) % len(self._places)
        return place


def _read(path: Path) -> _Digests:
    if path.stat().st_size > LARGEST_FILE_BYTES:
        raise ValueError("the list has grown too large")
    digests = _Digests(sum(1 for _ in _lines(path)))
    for line in _lines(path):
        digests.add(_digest(line))
    return digests


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for line in file:
            if password := line.rstrip("\r\n"):
                yield password


def _digest(password: str) -> int:
    folded = unicodedata.normalize("NFKC", password).casefold()
    return int.from_bytes(blake2b(folded.encode(), digest_size=_DIGEST_BYTES).digest()) or 1
