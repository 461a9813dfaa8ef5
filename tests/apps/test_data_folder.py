"""The data folder, which holds the root key, the databases and, without a mail server, every link that was mailed."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from stat import S_IMODE

import pytest

from domicile.apps.api import running
from domicile.apps.operate import migrate
from domicile.infra.settings import Settings, load_settings


def _mode_of(path: Path) -> int:
    return S_IMODE(path.stat().st_mode)


async def _serve(settings: Settings) -> None:
    async with running(settings):
        pass


async def _migrate(settings: Settings) -> None:
    await migrate(settings)


@pytest.mark.parametrize("first", [_serve, _migrate])
async def test_a_new_data_folder_is_its_owners_alone(
    tmp_path: Path, first: Callable[[Settings], Awaitable[None]]
):
    await first(load_settings(None, tmp_path / "var", {}))
    assert _mode_of(tmp_path / "var") == 0o700


def test_a_data_folder_that_is_there_keeps_its_mode(tmp_path: Path):
    tmp_path.chmod(0o751)
    asyncio.run(_serve(load_settings(None, tmp_path, {})))
    assert _mode_of(tmp_path) == 0o751
