"""What the agent remembers between two rounds, and across restarts: in one folder that only its user can read."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workload_security.agent.scanning import FileState, Look


@dataclass
class Memory:
    """Policy, baseline, and what is still to be told; kept as one, so that nothing is told wrongly after a crash."""

    etag: str = ""
    policy: dict[str, Any] = field(default_factory=dict)
    baseline: dict[str, Look] = field(default_factory=dict)
    """Path of the policy → how it was at the last look."""
    unsent: list[dict[str, object]] = field(default_factory=list)


class Home:
    """The agent's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept = ""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def credential(self) -> str | None:
        """Read the credential; None before the agent has enrolled."""
        return self._read("credential")

    def keep_credential(self, credential: str) -> None:
        """Keep the credential."""
        self._write("credential", credential)

    def remember(self) -> Memory:
        """Read the memory, which is empty at first."""
        text = self._read("memory.json")
        if text is None:
            return Memory()
        kept = json.loads(text)
        kept["baseline"] = {
            path: {name: FileState(**state) for name, state in look.items()}
            for path, look in kept["baseline"].items()
        }
        return Memory(**kept)

    def keep(self, memory: Memory) -> None:
        """Keep the memory in place of the one before, if it is another."""
        text = json.dumps(asdict(memory))
        if text != self._kept:
            self._write("memory.json", text)
            self._kept = text

    def _read(self, name: str) -> str | None:
        try:
            return (self._folder / name).read_text()
        except FileNotFoundError:
            return None

    def _write(self, name: str, text: str) -> None:
        """Write a file that only its user can read, at once or not at all."""
        new = self._folder / f"{name}.new"
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._folder / name)
