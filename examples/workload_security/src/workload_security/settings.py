"""What the service is told by its environment; the names begin with `WORKLOAD_`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from domicile_sdk import Clock, Manifest, read_manifest

_ENDING = ".webhook-secret"


@dataclass(frozen=True, slots=True)
class Settings:
    """One process of the service, for the regions whose webhook secrets it has."""

    domicile_url: str
    credential: str = field(repr=False)
    data: Path
    """The folder of its data: one database for each region, and beside it the region's webhook secret."""
    manifest: Manifest
    port: int = 8810
    clock: Clock = field(default=Clock(), repr=False)

    def webhook_secrets(self) -> dict[str, str]:
        """Read region → secret; only the regions that have one are served."""
        files = sorted(self.data.glob(f"*{_ENDING}"))
        return {file.name.removesuffix(_ENDING): file.read_text().strip() for file in files}


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings; what is not set is as the README of the example has it."""
    credential_file = Path(environ.get("WORKLOAD_CREDENTIAL_FILE", "var/services/workload.token"))
    return Settings(
        domicile_url=environ.get("WORKLOAD_DOMICILE_URL", "http://localhost:8800"),
        credential=environ.get("WORKLOAD_CREDENTIAL") or credential_file.read_text().strip(),
        data=Path(environ.get("WORKLOAD_DATA", "var/workload")),
        manifest=read_manifest(_manifest_file()),
        port=int(environ.get("WORKLOAD_PORT", "8810")),
    )


def _manifest_file() -> Path:
    """Find the manifest: in the package when it is installed, else beside the sources."""
    installed = Path(__file__).with_name("service.toml")
    return installed if installed.exists() else Path(__file__).parents[2] / "service.toml"
