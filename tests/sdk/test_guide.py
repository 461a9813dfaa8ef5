"""The guide to the SDK is true: its service is built from the page, and its tests are run."""

import os
import re
import subprocess
import sys
from pathlib import Path

from domicile_sdk import refusal
from domicile_sdk.client import AsyncDomicile, Domicile
from tests.architecture.sources import ROOT

_GUIDE = (ROOT / "docs" / "sdk.md").read_text(encoding="utf-8")
_FILE = re.compile(r"^```(?:python|toml)\n# (\S+\.(?:py|toml))\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_the_service_of_the_guide_passes_the_tests_of_the_guide(tmp_path: Path):
    files = dict(_FILE.findall(_GUIDE))
    assert set(files) == {"service.toml", "policies.py", "test_policies.py"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", "."],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "sdk" / "src"), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout
    assert "4 passed" in ran.stdout


def test_every_code_of_a_refusal_is_told_beside_its_status():
    told = {
        (int(status), code)
        for status, cell in re.findall(r"^\| (\d{3}) \| (.+) \|$", _GUIDE, re.MULTILINE)
        for code in re.findall(r"`([a-z-]+)`", cell)
    }
    kinds = [kind for kind in vars(refusal).values() if isinstance(kind, type)]
    raised = {(kind.status, kind.code) for kind in kinds if issubclass(kind, refusal.Refused)}

    assert raised - {(503, "credential-refused")} <= told


def test_both_clients_have_the_calls_that_are_told():
    (line,) = [line for line in _GUIDE.splitlines() if line.startswith("There are `whoami`")]
    told = set(re.findall(r"`(\w+)`", line))

    for client in (Domicile, AsyncDomicile):
        public = {name for name in vars(client) if not name.startswith("_")}
        assert public - {"acting_for", "close"} == told
