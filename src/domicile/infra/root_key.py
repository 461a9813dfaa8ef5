"""Where the root key comes from: a file, the environment, or a command that asks a safe for it; what it is, is never told."""

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domicile.infra.secrets import Keyring, SecretText, load_root_key, read_root_key

VARIABLE: Final = "DOMICILE_SECRET_KEY"
_COMMAND_SECONDS: Final = 10.0
_MOST_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class RootKeySource:
    """The one place that the root key comes from."""

    file: Path
    """Made at the first start, if neither of the others is given."""
    command: tuple[str, ...] = ()
    """Run once at the start, without a shell; writes the key."""
    key: SecretText | None = None
    """The key itself, from the environment."""

    def __repr__(self) -> str:
        return f"RootKeySource({self.name})"

    @property
    def name(self) -> str:
        """Name the place, as an operator knows it."""
        if self.key is not None:
            return VARIABLE
        return "secret_key_command" if self.command else str(self.file)

    def open(self) -> Keyring:
        """Fetch the root key; a file that is not there yet is made.

        ValueError, or OSError for a file, says which place is at fault and why, and nothing of what it gave.
        """
        if self.key is not None:
            return read_root_key(self.key.reveal().strip(), source=self.name)
        if self.command:
            return read_root_key(_run(self.command).reveal(), source=self.name)
        return load_root_key(self.file)

    def faults(self) -> list[str]:
        """Try the place, without making a key where there is none yet; tells what is wrong, a sentence each."""
        if self.key is None and not self.command and not self.file.exists():
            return _folder_faults(self.file)
        try:
            self.open()
        except OSError as error:
            return [f"{self.name} cannot be read: {error.strerror}"]
        except ValueError as error:
            return [str(error)]
        return []


def root_key_source(
    default: Path, file: str, command: tuple[str, ...], environ: Mapping[str, str]
) -> tuple[RootKeySource, list[str]]:
    """Choose among what the configuration and the environment say; two sources at once are a fault, and so is what cannot be a key."""
    given = environ.get(VARIABLE)
    source = RootKeySource(Path(file) if file else default, command, SecretText(given) if given else None)
    named = {"secret_key_file": bool(file), "secret_key_command": bool(command), VARIABLE: bool(given)}
    sources = [name for name, is_given in named.items() if is_given]
    faults: list[str] = []
    if len(sources) > 1:
        faults.append(f"the root key has {len(sources)} sources, {' and '.join(sources)}: give exactly one")
    if command and not command[0].startswith("/"):
        faults.append("secret_key_command: name the program by its whole path; it is run without a shell")
    if source.key is not None:
        faults += source.faults()
    return source, faults


def _folder_faults(path: Path) -> list[str]:
    """Tell whether the file could be made at the first start."""
    folder = next(each for each in path.absolute().parents if each.exists())
    if folder.is_dir() and os.access(folder, os.W_OK):
        return []
    return [f"{path} is not there, and cannot be made in {folder}"]


def _run(command: tuple[str, ...]) -> SecretText:
    """Run the command, without a shell, and read what it writes; what it complains of is thrown away, since it may quote the key."""
    try:
        process = subprocess.Popen(  # the operator's own command, from the configuration
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise ValueError(f"secret_key_command: {command[0]} cannot be run: {error.strerror}") from None
    try:
        written, _ = process.communicate(timeout=_COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        raise ValueError(
            f"secret_key_command: {command[0]} did not end within {_COMMAND_SECONDS:.0f} seconds"
        ) from None
    finally:
        _end(process)
    if process.returncode != 0:
        raise ValueError(f"secret_key_command: {command[0]} ended with status {process.returncode}")
    if len(written) > _MOST_BYTES or not written.isascii():
        raise ValueError(f"secret_key_command: {command[0]} wrote something else than a key")
    return SecretText(written.decode().strip())


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command together with whatever it has started, which may hold the pipe open."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
