"""What a service knows of itself: its manifest, by which the levels in a token become permissions."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from domicile_sdk.exchange import Fields

_PERMISSION = re.compile(r"[a-z0-9-]{1,40}:[a-z0-9-]{1,40}:[a-z0-9-]{1,40}")


class ManifestFault(ValueError):
    """The manifest cannot be used; the text says why. `domicile service check` says everything that is wrong."""


class UnknownPermission(ValueError):
    """The program asks for a permission that no level of its manifest holds: most likely a slip of the pen."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A service as it registers with the platform, as far as the service itself needs it."""

    name: str
    """The first part of its permissions, and its name in a token's levels."""
    title: str
    version: int
    levels: Mapping[str, frozenset[str]]
    """Level → permissions (`service:object:verb`)."""
    permissions: frozenset[str] = field(init=False)
    """Those of all levels."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", MappingProxyType(dict(self.levels)))
        object.__setattr__(self, "permissions", frozenset[str]().union(*self.levels.values()))

    def granted_by(self, levels: Mapping[str, str]) -> frozenset[str]:
        """Give what service → level grants in this service: nothing for a level that this manifest does not have."""
        return self.levels.get(levels.get(self.name, ""), frozenset())

    def check_known(self, permission: str) -> None:
        """Raise `UnknownPermission` for what no level grants."""
        if permission not in self.permissions:
            raise UnknownPermission(f"No level of the service {self.name!r} holds {permission!r}.")


def read_manifest(path: Path | str) -> Manifest:
    """Read a service's manifest (form 1); `ManifestFault` for one that cannot be used."""
    try:
        raw = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ManifestFault(f"{path} cannot be read: {error}") from None
    try:
        return _manifest_of(Fields(raw))
    except ValueError as fault:
        raise ManifestFault(f"{path}: {fault}") from None


def _manifest_of(raw: Fields) -> Manifest:
    if raw.whole("form") != 1:
        raise ValueError("form must be 1, the only one that there is")
    name, named = raw.text("name"), raw.inner("levels")
    levels = {level: frozenset(named.texts(level)) for level in named.members}
    for permission in frozenset[str]().union(*levels.values()):
        if not _PERMISSION.fullmatch(permission) or not permission.startswith(f"{name}:"):
            raise ValueError(f"{permission!r} is no permission {name}:object:verb")
    return Manifest(name, raw.text("title"), raw.whole("version"), levels)
