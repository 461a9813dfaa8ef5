"""What libraries say about databases reaches the log without what drivers put into their errors."""

import asyncio
import json
import logging

import pytest

from domicile.infra.telemetry import LibraryLines

CANARY = "canary-3e90"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING)
    return caplog


def written(lines: pytest.LogCaptureFixture) -> list[str]:
    return [LibraryLines().format(record) for record in lines.records]


def test_a_librarys_error_is_told_by_its_name_and_place(lines: pytest.LogCaptureFixture):
    try:
        int(CANARY)  # whose error repeats what it was given
    except ValueError:
        logging.getLogger("sqlalchemy.pool").exception("Exception during reset or similar")

    (line,) = written(lines)
    told = json.loads(line)
    assert (told["logger"], told["error"]) == ("sqlalchemy.pool", "ValueError")
    assert told["event"] == "Exception during reset or similar"
    assert told["places"] and CANARY not in line


async def test_a_task_that_nobody_asked_for_its_end_is_told_without_what_it_held(
    lines: pytest.LogCaptureFixture,
):
    async def fail() -> None:
        raise ValueError(CANARY)

    task = asyncio.create_task(fail())
    await asyncio.wait({task})
    asyncio.get_running_loop().call_exception_handler(
        {"message": "Task exception was never retrieved", "exception": task.exception(), "future": task}
    )

    (line,) = written(lines)
    assert CANARY not in line and len(line.splitlines()) == 1
    assert json.loads(line)["error"] == "ValueError"
