"""The services of the platform, as an operator registers them: a manifest each, and a credential."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from domicile.infra.manifests import ManifestError, read_manifest
from domicile.infra.secrets import digest, new_service_token, write_private
from domicile.kernel.ids import RegionId
from domicile.kernel.services import Service

_SHA256 = re.compile(r"[0-9a-f]{64}")


class ServiceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One service of the platform."""

    manifest: str
    """Path of its manifest, from the folder of the configuration."""
    credential_sha256: str = ""
    """SHA-256, in hexadecimal, of the credential by which the service is known; none by default."""
    credential_file: str = ""
    """Path, from the data folder, of a file with the credential itself, which the server makes at its start if it is not there; instead of the digest."""
    region_credentials_sha256: dict[str, str] = {}
    """The same for single regions, where the credential above then counts no more."""


@dataclass(frozen=True, slots=True)
class RegisteredService:
    """A service with what the platform knows it by."""

    service: Service
    credential: bytes | None
    """The digest of its credential."""
    region_credentials: Mapping[RegionId, bytes]
    """Those that single regions have of their own."""
    credential_path: Path | None = None
    """Of the file that holds the credential itself."""


def read_services(
    entries: tuple[ServiceSettings, ...], folder: Path, data: Path
) -> tuple[tuple[RegisteredService, ...], list[str]]:
    """Read the manifest of every entry; gives what could be read, and every fault found."""
    read: list[RegisteredService] = []
    faults: list[str] = []
    for entry in entries:
        try:
            service = read_manifest(folder / entry.manifest)
        except ManifestError as error:
            faults += error.faults
            continue
        marks = [
            mark for mark in (entry.credential_sha256, *entry.region_credentials_sha256.values()) if mark
        ]
        if not all(_SHA256.fullmatch(mark) for mark in marks):
            faults.append(
                f"services {service.name!r}: credential_sha256 must be 64 small hexadecimal digits, from domicile service token"
            )
            continue
        if entry.credential_sha256 and entry.credential_file:
            faults.append(f"services {service.name!r}: give either credential_sha256 or credential_file")
            continue
        read.append(_registered(entry, service, data))
    credentials = [mark for each in read for mark in _marks_of(each)]
    if len(set(credentials)) < len(credentials):
        faults.append("services: one credential is there twice")
    return tuple(read), faults


def credential_faults(registered: Sequence[RegisteredService], regions: Collection[str]) -> list[str]:
    """Explain which credentials are for regions that the platform does not have."""
    return [
        f"services {each.service.name!r}: region_credentials_sha256 names {region!r}, which is no region"
        for each in registered
        for region in each.region_credentials
        if region not in regions
    ]


def make_missing_credentials(registered: Sequence[RegisteredService]) -> bool:
    """Make the credentials whose files are not there yet, readable by their owner only; tells whether there were any."""
    missing = [each.credential_path for each in registered if each.credential_path and not each.credential]
    for path in missing:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, new_service_token().reveal())
    return bool(missing)


def _registered(entry: ServiceSettings, service: Service, data: Path) -> RegisteredService:
    path = data / entry.credential_file if entry.credential_file else None
    general = bytes.fromhex(entry.credential_sha256) if entry.credential_sha256 else _digest_of(path)
    of_regions = {
        RegionId(region): bytes.fromhex(mark) for region, mark in entry.region_credentials_sha256.items()
    }
    return RegisteredService(service, general, of_regions, path)


def _digest_of(path: Path | None) -> bytes | None:
    """Read a credential; None where there is none yet."""
    if path is None or not path.exists():
        return None
    return digest(path.read_bytes().strip())


def _marks_of(entry: RegisteredService) -> list[bytes]:
    return [*([entry.credential] if entry.credential else []), *entry.region_credentials.values()]
