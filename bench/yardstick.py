"""The bare server beside which all is measured: one small answer, and, when asked, hashes and inserts with nothing around them."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import uvloop
from sqlalchemy import Column, MetaData, Table, Text, insert

from bench.processes import uvicorn_of
from domicile.infra.databases import Database, RegionTx, region_database
from domicile.infra.passwords import PasswordHasher
from domicile.infra.secrets import SecretText
from domicile.infra.settings import PasswordSettings
from domicile.kernel.ids import RegionId

_AT_ONCE = 16
_ROWS = Table("rows", MetaData(), Column("id", Text, primary_key=True), Column("text", Text, nullable=False))
_HELLO = b'{"hello":"world"}'
_PASSWORD = SecretText("correct horse battery staple")

Scope = Any  # a scope of ASGI
Send = Callable[[Any], Awaitable[None]]  # Any: a message of ASGI


class Yardstick:
    """Answers `/hello`, and `/hashes` and `/inserts` with how many of them were done in the seconds asked for."""

    def __init__(self, database: Database[RegionTx], hasher: PasswordHasher, kept: str) -> None:
        self._database = database
        self._hasher = hasher
        self._kept = kept
        self._numbers = count(time.time_ns())

    async def __call__(self, scope: Scope, _receive: object, send: Send) -> None:
        """Serve one request."""
        body = _HELLO if scope["path"] == "/hello" else await self._count(scope)
        head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})

    async def _count(self, scope: Scope) -> bytes:
        work = {"/hashes": self._hash, "/inserts": self._insert}[scope["path"]]
        seconds = float(parse_qs(scope["query_string"].decode())["seconds"][0])
        end = time.perf_counter() + seconds
        done = await asyncio.gather(*(_repeat(work, end) for _ in range(_AT_ONCE)))
        return json.dumps({"in_time": sum(done), "all": sum(done) + _AT_ONCE}).encode()

    async def _hash(self) -> None:
        await self._hasher.verify(_PASSWORD, self._kept)

    async def _insert(self) -> None:
        row = {"id": str(next(self._numbers)), "text": "a row"}
        await self._database.run_tx(lambda tx: tx.execute(insert(_ROWS), row))


async def _repeat(work: Callable[[], Awaitable[None]], end: float) -> int:
    done = 0
    while True:
        await work()
        if time.perf_counter() > end:
            return done
        done += 1


async def serve(file: Path, port: int) -> None:
    """Serve until told to stop, with hashing threads and database as Domicile has them."""
    wanted = PasswordSettings()
    hasher = PasswordHasher(threads=wanted.hash_threads, queue=wanted.hash_queue)
    database = region_database(f"sqlite+aiosqlite:///{file}", RegionId("us-1"))
    async with database.engine.begin() as connection:
        await connection.run_sync(_ROWS.metadata.create_all)
    yardstick = Yardstick(database, hasher, await hasher.hash(_PASSWORD))
    try:
        await uvicorn_of(yardstick, port).serve()
    finally:
        await database.close()
        hasher.close()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
