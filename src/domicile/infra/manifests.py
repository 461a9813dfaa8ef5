"""Reads the manifest of a service: a TOML file, with the schemas of its kinds as JSON files beside it."""

import json
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from domicile.infra.json_schemas import schema_faults
from domicile.infra.loopback import is_this_machine
from domicile.infra.toml_reading import read_section
from domicile.kernel.guards import METHODS, Guard
from domicile.kernel.ids import RegionId
from domicile.kernel.services import Category, Kind, Meter, Reference, Service, service_faults

_LARGEST_FILE = 256 * 1024
_MOST_ITEMS = 1_000
_CONSOLE_URL = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?/[A-Za-z0-9._~/-]*")


class ManifestError(Exception):
    """A manifest that cannot be used; `faults` says everything that is wrong, a sentence each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


_Text = Annotated[str, Meta(min_length=1, max_length=200)]


class _Kind(Struct, frozen=True, kw_only=True):
    name: str
    plural: str = ""
    title: _Text
    category: Category
    schema: str
    most: Annotated[int, Meta(ge=1, le=100_000)] = _MOST_ITEMS
    references: dict[str, str] = {}
    """JSON pointer → kind."""


class _Meter(Struct, frozen=True, kw_only=True):
    name: Annotated[str, Meta(pattern="^[a-z0-9-]{1,40}$")]
    title: _Text
    unit: Annotated[str, Meta(min_length=1, max_length=40)]


class _Guard(Struct, frozen=True, kw_only=True):
    path: Annotated[str, Meta(max_length=2000)]
    methods: tuple[str, ...] = tuple(sorted(METHODS))
    permission: str | None = None
    access: Literal["principal", "public"] | None = None
    """Instead of a permission: whoever has a place in the account, or everybody."""

    def __post_init__(self) -> None:
        if (self.permission is None) == (self.access is None):
            raise ValueError('give either permission or access, which is "principal" or "public"')


class _Lifecycle(Struct, frozen=True, kw_only=True):
    url: Annotated[str, Meta(max_length=2000)]


class _Console(Struct, frozen=True, kw_only=True):
    url: Annotated[str, Meta(max_length=500)]


class _Manifest(Struct, frozen=True, kw_only=True):
    form: Literal[1]
    """Of the manifest; there is one."""
    name: str
    title: _Text
    version: Annotated[int, Meta(ge=1, le=2**31)]
    regions: tuple[str, ...] = ()
    levels: dict[str, tuple[str, ...]]
    kinds: tuple[_Kind, ...] = ()
    meters: tuple[_Meter, ...] = ()
    guards: tuple[_Guard, ...] = ()
    lifecycle: _Lifecycle | None = None
    console: _Console | None = None


def read_manifest(path: Path) -> Service:
    """Read a manifest; raises `ManifestError` with every fault found."""
    try:
        raw = tomllib.loads(_read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ManifestError([f"{path} is not TOML: {error}"]) from None
    faults: list[str] = []
    read = read_section(_Manifest, raw, faults)
    if read is None:
        raise ManifestError([f"{path}: {fault}" for fault in faults])
    service = _service_of(read, path.parent, faults)
    faults += service_faults(service)
    faults += _address_faults("lifecycle.url", service.lifecycle_url)
    faults += _console_faults(service.console_url)
    if faults:
        raise ManifestError([f"{path}: {fault}" for fault in faults])
    return service


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            raise ManifestError([f"{path} is larger than {_LARGEST_FILE // 1024} KiB"])
        return content.decode("utf-8")
    except OSError as error:
        raise ManifestError([f"{path} cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ManifestError([f"{path} is not UTF-8"]) from None


def _service_of(read: _Manifest, folder: Path, faults: list[str]) -> Service:
    return Service(
        name=read.name,
        title=read.title,
        levels={level: frozenset(granted) for level, granted in read.levels.items()},
        version=read.version,
        regions=frozenset(RegionId(region) for region in read.regions),
        kinds=tuple(_kind_of(kind, folder, faults) for kind in read.kinds),
        meters=tuple(Meter(meter.name, meter.title, meter.unit) for meter in read.meters),
        lifecycle_url=read.lifecycle.url if read.lifecycle else "",
        console_url=read.console.url if read.console else "",
        guards=tuple(_guard_of(guard) for guard in read.guards),
    )


def _guard_of(read: _Guard) -> Guard:
    return Guard(frozenset(read.methods), read.path, read.permission, is_public=read.access == "public")


def _kind_of(read: _Kind, folder: Path, faults: list[str]) -> Kind:
    schema, found = _read_schema(folder / read.schema)
    faults += [f"kinds.{read.name}: {read.schema}: {fault}" for fault in found]
    return Kind(
        name=read.name,
        plural=read.plural or f"{read.name}s",
        title=read.title,
        category=read.category,
        schema=schema,
        most=read.most,
        references=tuple(Reference(pointer, kind) for pointer, kind in read.references.items()),
    )


def _read_schema(path: Path) -> tuple[str, list[str]]:
    try:
        schema = json.loads(_read_text(path))
    except ManifestError as error:
        return "", error.faults
    except (ValueError, RecursionError) as error:
        return "", [f"is not JSON: {error}"]
    return json.dumps(schema), schema_faults(schema)


def _address_faults(place: str, url: str) -> list[str]:
    """Explain why the platform could not call an address, or lead to it."""
    if not url:
        return []
    try:
        parts = urlsplit(url)
    except ValueError as error:
        return [f"{place}: {error}"]
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(parts.hostname))
    if not is_safe or not parts.hostname:
        return [f"{place}: must begin with https:// (or http:// on this machine)"]
    if parts.username or parts.password or parts.fragment:
        return [f"{place}: must hold neither a user nor a fragment"]
    return []


def _console_faults(url: str) -> list[str]:
    """Explain why people could not be led to an address: it stands in headers of pages, and parameters are put behind it."""
    if not url or _CONSOLE_URL.fullmatch(url):
        return _address_faults("console.url", url)
    return [
        *_address_faults("console.url", url),
        "console.url: must be a host in small ASCII letters and a plain path, without a query",
    ]
