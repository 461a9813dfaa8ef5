"""The sessions that a person keeps on this machine, in one file that only they can read."""

import fcntl
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

import msgspec

from domicile.apps.cli.exits import CommandError, Exit


class StoredEntry(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """An account token kept until it expires, and where it is good."""

    token: str
    expires: datetime
    base_url: str

    def __repr__(self) -> str:
        """Show no token."""
        return f"StoredEntry(expires={self.expires:%Y-%m-%dT%H:%M:%SZ})"


class StoredSession(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A session at one server."""

    token: str
    email: str
    account: str | None = None
    """The account in use, where a command does not name one."""
    entries: dict[str, StoredEntry] = {}
    """Account id → the token for it."""

    def __repr__(self) -> str:
        """Show no token."""
        return f"StoredSession(email={self.email!r})"


Sessions = dict[str, StoredSession]
"""Address of a server → the session there."""


def credentials_path(environ: Mapping[str, str], home: Path) -> Path:
    """Say where the sessions are kept (XDG Base Directory Specification)."""
    configured = environ.get("XDG_CONFIG_HOME", "")
    # The specification: a relative path in the variable is to be ignored.
    base = Path(configured) if configured.startswith("/") else home / ".config"
    return base / "domicile" / "credentials.json"


class CredentialStore:
    """The file of sessions; it is replaced whole, so that a crash leaves the old or the new one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def find(self, base_url: str) -> StoredSession | None:
        """Return the session at a server, if there is one."""
        return self._read().get(base_url)

    def keep(self, base_url: str, session: StoredSession) -> None:
        """Remember a session in place of any earlier one at that server."""
        self._change(lambda sessions: {**sessions, base_url: session})

    def forget(self, base_url: str) -> None:
        """Forget the session at a server."""
        self._change(lambda sessions: {url: kept for url, kept in sessions.items() if url != base_url})

    def revise(self, base_url: str, revision: Callable[[StoredSession], StoredSession]) -> None:
        """Change the session at a server as it is now; a session that has gone meanwhile stays gone."""

        def revised(sessions: Sessions) -> Sessions:
            if base_url not in sessions:
                return sessions
            return {**sessions, base_url: revision(sessions[base_url])}

        self._change(revised)

    def _read(self) -> Sessions:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Sessions)
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError):
            raise CommandError(
                Exit.NOT_SIGNED_IN,
                f"{self._path} cannot be read. Remove it and sign in again: domicile login",
            ) from None

    def _change(self, change: Callable[[Sessions], Sessions]) -> None:
        try:
            with self._lock():
                self._write(change(self._read()))
        except OSError as error:
            raise CommandError(Exit.REFUSED, f"{self._path} cannot be written: {error.strerror}.") from None

    def _write(self, sessions: Sessions) -> None:
        # A temporary file has mode 0600 from its first byte on.
        with NamedTemporaryFile(dir=self._path.parent, delete=False) as file:
            file.write(msgspec.json.encode(sessions))
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(self._path)

    @contextmanager
    def _lock(self) -> Generator[None]:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
