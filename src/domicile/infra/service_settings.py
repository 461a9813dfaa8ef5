"""The services of the platform, as an operator registers them: a manifest each, and a credential."""

import re
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from domicile.infra.manifests import ManifestError, read_manifest
from domicile.kernel.services import Service

_SHA256 = re.compile(r"[0-9a-f]{64}")


class ServiceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One service of the platform."""

    manifest: str
    """Path of its manifest, from the folder of the configuration."""
    credential_sha256: str = ""
    """SHA-256, in hexadecimal, of the credential by which the service reads the revocation feed; none by default."""


@dataclass(frozen=True, slots=True)
class RegisteredService:
    """A service with what the platform knows it by."""

    service: Service
    credential: bytes | None
    """The digest of its credential."""


def read_services(
    entries: tuple[ServiceSettings, ...], folder: Path
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
        mark = entry.credential_sha256
        if mark and not _SHA256.fullmatch(mark):
            faults.append(
                f"services {service.name!r}: credential_sha256 must be 64 small hexadecimal digits, from domicile service token"
            )
            continue
        read.append(RegisteredService(service, bytes.fromhex(mark) if mark else None))
    credentials = [each.credential for each in read if each.credential]
    if len(set(credentials)) < len(credentials):
        faults.append("services: two services have the same credential")
    return tuple(read), faults
