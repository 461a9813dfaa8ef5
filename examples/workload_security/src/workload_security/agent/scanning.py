"""Looks at the files that a policy names, and compares two looks."""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

MOST_FILES: Final = 10_000
"""Below one path of a policy; the others are not looked at."""
_LONGEST_PATH = 4096
_PIECE_BYTES = 1024 * 1024
_EVERYTHING_BELOW = "/**"


@dataclass(frozen=True, slots=True)
class FileState:
    """A file at one moment."""

    sha256: str
    """Of what it holds, or of where a link leads; empty for what cannot be read."""
    size: int
    mode: str
    modified: float


Look = dict[str, FileState]
"""Path → state, below one path of a policy."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What happened to a file between two looks."""

    path: str
    change: str
    """`created`, `changed` or `deleted`."""
    before: FileState | None
    after: FileState | None

    def body(self) -> dict[str, object]:
        """Write it as it is told; of a name that is no text, the bytes are shown."""
        states = {"before": self.before, "after": self.after}
        told = {name: asdict(state) for name, state in states.items() if state}
        path = os.fsencode(self.path).decode(errors="backslashreplace")
        return {"path": path[:_LONGEST_PATH], "change": self.change, **told}


def look_at(policy_path: str) -> Look:
    """Look at a file, at the files in a folder, or, with `/**` at the end, at all below it."""
    found: Look = {}
    for path in _files(policy_path):
        if len(found) >= MOST_FILES:
            break
        state = _state(path)
        if state is not None:
            found[str(path)] = state
    return found


def compare(before: Mapping[str, FileState], after: Mapping[str, FileState]) -> list[Difference]:
    """Say what happened between two looks, by path."""
    changes = {(True, False): "deleted", (False, True): "created", (True, True): "changed"}
    return [
        Difference(path, changes[path in before, path in after], before.get(path), after.get(path))
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
    ]


def _files(policy_path: str) -> Iterator[Path]:
    path = Path(policy_path.removesuffix(_EVERYTHING_BELOW))
    if policy_path.endswith(_EVERYTHING_BELOW):
        for folder, folders, names in os.walk(path):
            folders.sort()
            yield from (Path(folder, name) for name in sorted(names))
    elif path.is_dir():
        yield from sorted(each for each in path.iterdir() if each.is_symlink() or not each.is_dir())
    else:
        yield path


def _state(path: Path) -> FileState | None:
    """Look at one file, without following a link; None if it is not there."""
    try:
        told = path.lstat()
        digest = (
            hashlib.sha256(os.fsencode(path.readlink())).hexdigest()
            if path.is_symlink()
            else _digest(path, told)
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    return FileState(digest, told.st_size, stat.filemode(told.st_mode), told.st_mtime)


def _digest(path: Path, told: os.stat_result) -> str:
    if not stat.S_ISREG(told.st_mode):
        return ""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            digest = hashlib.sha256()
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
            return digest.hexdigest()
    except FileNotFoundError:
        raise
    except OSError:
        return ""
