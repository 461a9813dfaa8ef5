"""The databases that tests are given: fresh on every engine, emptied when lent again."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.postgres import PostgresServer


async def _run(address: str, *statements: str) -> list[object]:
    engine = create_async_engine(address)
    async with engine.begin() as connection:
        for statement in statements[:-1]:
            await connection.execute(text(statement))
        rows = (await connection.execute(text(statements[-1]))).scalars().all()
    await engine.dispose()
    return list(rows)


async def test_each_name_gets_an_empty_database_of_its_own(make_database: Callable[[str], str]):
    first, second = make_database("first"), make_database("second")

    await _run(first, "CREATE TABLE thing (n BIGINT)", "INSERT INTO thing VALUES (1) RETURNING n")

    assert first != second
    assert await _run(second, "CREATE TABLE thing (n BIGINT)", "SELECT n FROM thing") == []


@pytest.mark.postgres
async def test_a_copy_of_a_template_comes_back_empty_whatever_a_test_left_open(postgres: PostgresServer):
    def prepare(address: str) -> None:
        tables = [
            "CREATE TABLE parent (n BIGINT PRIMARY KEY)",
            "CREATE TABLE child (n BIGINT REFERENCES parent)",
        ]
        with ThreadPoolExecutor() as pool:
            pool.submit(asyncio.run, _run(address, *tables, "SELECT 1")).result()

    template = postgres.require_template("family", prepare)
    with postgres.database(template=template) as first:
        await _run(first, "INSERT INTO parent VALUES (1)", "INSERT INTO child VALUES (1) RETURNING n")
        left_open = await asyncpg.connect(first.replace("+asyncpg", ""))
        await left_open.execute("BEGIN; LOCK TABLE parent")
    left_open.terminate()

    with postgres.database(template=postgres.require_template("family", prepare)) as second:
        assert second == first
        assert await _run(second, "SELECT n FROM parent UNION ALL SELECT n FROM child") == []
