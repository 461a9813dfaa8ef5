"""The SDK as it is handed out: a wheel of its own, with what it imports named, and nothing of the server."""

import ast
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

from tests.architecture.sources import ROOT, SDK, all_sources

_MODULES = {"httpx2": "httpx2", "joserfc": "joserfc", "standardwebhooks": "standardwebhooks"}


def test_the_wheel_holds_every_module_the_mark_of_types_and_the_license_and_names_what_it_needs(
    tmp_path: Path,
):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=ROOT / "sdk",
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("domicile_sdk-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as packed:
        held = set(packed.namelist())
        (metadata,) = [name for name in held if name.endswith("/METADATA")]
        told = message_from_bytes(packed.read(metadata))

    modules = {str(source.path) for source in all_sources(SDK)}
    assert {name for name in held if ".dist-info/" not in name} == modules | {"domicile_sdk/py.typed"}
    assert any(name.endswith("/licenses/LICENSE") for name in held)
    assert told["License-Expression"] == "Apache-2.0" and told["Requires-Python"] == ">=3.11"
    assert sorted(told.get_all("Requires-Dist", [])) == [
        "httpx2<3,>=2",
        "joserfc<2,>=1.5",
        "standardwebhooks<2,>=1",
    ]


def test_what_it_depends_on_is_what_it_imports_within_the_bounds_of_the_server():
    own = tomllib.loads((ROOT / "sdk" / "pyproject.toml").read_text())["project"]
    server = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    imported = {found.vendor for source in all_sources(SDK) for found in source.imports()}

    assert {name for name in imported if name not in sys.stdlib_module_names} == {"domicile_sdk", *_MODULES}
    assert set(own["dependencies"]) <= set(server["dependencies"])
    assert {name.split(">")[0] for name in own["dependencies"]} == set(_MODULES.values())


def test_every_name_that_is_offered_is_there_and_its_license_is_the_servers():
    (door,) = [source for source in all_sources(SDK) if str(source.path) == "domicile_sdk/__init__.py"]
    (offered,) = [
        ast.literal_eval(node.value)
        for node in door.tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List)
    ]
    imported = {found.name for found in door.imports()}

    assert set(offered) == imported
    assert (ROOT / "sdk" / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
