"""The reference service as it is installed: a wheel of its own, which needs the SDK and nothing of the server."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from tests.architecture.sources import EXAMPLE, ROOT, all_sources

_FOLDER = EXAMPLE.parent
_DISTRIBUTIONS = {
    "domicile_sdk": "domicile-sdk",
    "litestar": "litestar",
    "msgspec": "msgspec",
    "uvicorn": "uvicorn",
}


def test_the_wheel_holds_every_module_and_the_manifest(tmp_path: Path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=_FOLDER,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("workload_security-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as packed:
        held = {name for name in packed.namelist() if ".dist-info/" not in name}

    modules = {str(source.path) for source in all_sources(EXAMPLE)}
    assert held == modules | {"workload_security/service.toml"}


def test_what_it_depends_on_is_what_it_imports_within_the_bounds_of_the_server():
    own = tomllib.loads((_FOLDER / "pyproject.toml").read_text())["project"]["dependencies"]
    server = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    imported = {found.vendor for source in all_sources(EXAMPLE) for found in source.imports()}

    others = imported - set(sys.stdlib_module_names) - {"workload_security"}
    assert others == set(_DISTRIBUTIONS)
    assert {name.split(">")[0] for name in own} == set(_DISTRIBUTIONS.values())
    assert {name for name in own if not name.startswith("domicile-sdk")} <= set(server)
