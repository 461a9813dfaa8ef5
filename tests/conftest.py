"""What every test stands on: its engines, a PostgreSQL and a browser to ask for, and how hypothesis searches."""

import os
import uuid
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest

from tests.support.chromium import MISSING, find_chromium
from tests.support.databases import DatabaseEngine
from tests.support.databases import sqlite_templates as sqlite_templates
from tests.support.postgres import PostgresServer, running_postgres

hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


_IN_CI = bool(os.environ.get("CI"))
_ABOVE_ENGINES = {
    *("contract", "edge"),
    *("test_cloud_accounts", "test_forward_authentication", "test_service_identity", "test_service_openings"),
}
"""Rooms and modules about what lies above the stores: those were tried on both engines by other journeys and by use cases."""
_WITH_ANY_TEXT = {"test_bad_bodies", "test_bad_fields", "test_fuzz"}
"""They send whatever a text can be, of which PostgreSQL refuses more than SQLite."""
_LEFT_OUT = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    choices = [engine.value for engine in DatabaseEngine]
    parser.addoption("--engine", choices=choices, help="run what runs on every engine on this one alone")


def pytest_xdist_auto_num_workers() -> int:
    """Run one process more than there are processors: tests wait for servers and mails a third of their time."""
    return (os.cpu_count() or 1) + 1


def _engines_of(test: pytest.Item) -> list[DatabaseEngine]:
    """List the engines on which a test runs by itself; `--engine` lets each run on the other."""
    module = test.path
    if (once := test.get_closest_marker("once")) is not None:
        return [DatabaseEngine(once.args[0])]
    if module.stem in _WITH_ANY_TEXT:
        return [DatabaseEngine.POSTGRESQL]
    room = module.relative_to(Path(__file__).parent).parts[0]
    is_above = not _ABOVE_ENGINES.isdisjoint({room, module.stem})
    return [DatabaseEngine.SQLITE] if is_above else list(DatabaseEngine)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_engine" in metafunc.fixturenames:
        chosen: str | None = metafunc.config.getoption("--engine")
        engines = [DatabaseEngine(chosen)] if chosen else _engines_of(metafunc.definition)
        metafunc.parametrize("database_engine", engines, ids=str, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the browser tests where there is no browser; in CI they run, and fail for the want of it."""
    browser = [item for item in items if item.get_closest_marker("browser")]
    if browser and not _IN_CI and find_chromium() is None:
        config.hook.pytest_deselected(items=browser)
        config.stash[_LEFT_OUT] = len(browser)
        items[:] = [item for item in items if item not in browser]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if left_out := config.stash.get(_LEFT_OUT, 0):
        terminalreporter.write_sep("!", f"{left_out} browser tests NOT RUN: {MISSING}", red=True, bold=True)


@pytest.fixture(autouse=True)
def logs_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a command that runs in this process from setting its logs up: loggers would go on writing to what a test captured."""
    monkeypatch.setattr("domicile.infra.telemetry.configure_logs", lambda: None)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser; only tests marked `browser` ask for it."""
    return find_chromium() or pytest.fail(MISSING)


@pytest.fixture(scope="session")
def postgres() -> Generator[PostgresServer]:
    """A cluster of this run alone; without any PostgreSQL the tests that ask for it fail."""
    run_id = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    with running_postgres(run_id[:12]) as server:
        yield server


@pytest.fixture
def make_database(
    database_engine: DatabaseEngine, tmp_path: Path, request: pytest.FixtureRequest
) -> Generator[Callable[[str], str]]:
    """Makes an empty database by a name and gives its SQLAlchemy URL; the test runs once on each engine."""
    with ExitStack() as lent:

        def make(name: str) -> str:
            if database_engine is DatabaseEngine.SQLITE:
                return f"sqlite+aiosqlite:///{tmp_path / name}.db"
            server: PostgresServer = request.getfixturevalue("postgres")
            return lent.enter_context(server.database())

        yield make
