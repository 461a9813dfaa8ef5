"""`python -m bench.audit`: how fast audit events are written, with their tree and without, and how fast a log is verified.

It measures the database of the first region of the configuration, SQLite files in a temporary folder without one. For PostgreSQL:
`python -m domicile.apps.local_postgres --data FOLDER -- python -m bench.audit`.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

from uuid_utils import uuid7

from domicile.apps.node import open_node
from domicile.infra.databases import RegionTx
from domicile.infra.settings import Settings, load_settings
from domicile.kernel.callers import Caller, Origin, Person
from domicile.kernel.clock import utc_now
from domicile.kernel.ids import UserId
from domicile.region.accounts.domain import NewAccount
from domicile.region.accounts.service import create_account
from domicile.region.audit.domain import EVERYTHING, AuditEvent, by_caller
from domicile.region.audit.export import write_json_lines
from domicile.region.audit.leaf import seal_event
from domicile.region.audit.service import begin_export, bring_checkpoint
from domicile.region.audit.store import append_audit, audit_events
from domicile.region.audit.verification import verify_log
from domicile.region.entering.door import Door

_SECONDS = 3.0
_AT_ONCE = 8
_IN_ONE_TRANSACTION = 500
_PLACES = count(10**9)
"""For the rows that are written without a tree, beyond every place that a tree gives."""

Write = Callable[[RegionTx, AuditEvent], Awaitable[object]]


def main() -> None:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.audit", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000, help="in the log that is verified")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="domicile-bench-") as folder:
        settings = load_settings(None, None if os.environ.get("DOMICILE_DATA") else Path(folder), os.environ)
        asyncio.run(_measure(Path(folder), settings, wanted.events))


async def _measure(folder: Path, settings: Settings, events: int) -> None:
    node = await open_node(settings, utc_now)
    try:
        door = next(iter(node.doors.by_region.values()))
        callers = [await _open_account(door) for _ in range(_AT_ONCE)]
        print(f"measured on {door.plane.database.engine.dialect.name}, {_SECONDS:.0f} seconds each")
        for name, write in (("without a tree", _write_bare), ("with its tree", append_audit)):
            alone = await _rate(door, callers[:1], write)
            together = await _rate(door, callers, write)
            crowded = await _rate(door, callers[:1] * _AT_ONCE, write)
            print(
                f"events a second, {name}: {alone:,.0f} one after the other, {together:,.0f} of {_AT_ONCE} accounts at once, "
                f"{crowded:,.0f} of one account, {_AT_ONCE} at once"
            )
        await _verify(folder, door, await _open_account(door), events)
    finally:
        await node.close()


async def _open_account(door: Door) -> Caller:
    person = Person(
        user_id=UserId(str(uuid7())),
        email="ada@example.com",
        name="Ada",
        locale="en",
        time_zone="UTC",
        epoch=0,
        version=1,
        session_id=str(uuid7()),
        first_session_id=str(uuid7()),
        authenticated_at=utc_now(),
        methods=("pwd",),
        mfa_enabled=False,
        origin=Origin("bench", None),
    )
    made = await create_account(door.plane, person, NewAccount("Bench", door.plane.id, "en", "UTC"), None)
    return await door.from_person(person, made.id)


async def _write_bare(tx: RegionTx, event: AuditEvent) -> None:
    """Write the row alone: what an event cost before it had a place."""
    sealed = seal_event(event, bytes(32))
    row = {
        "account_id": event.account_id,
        "event_id": str(uuid7()),
        "at": event.at,
        "type": event.type,
        "principal_kind": event.principal.kind,
        "principal_id": event.principal.id,
        "outcome": event.outcome,
        "request_id": event.request_id,
        "details": event.details,
        "seq": next(_PLACES),
        "personal": sealed.personal,
        "salt": sealed.salt,
        "commitment": sealed.commitment,
        "leaf_hash": sealed.commitment,
    }
    await tx.execute(tx.insert(audit_events), row)


def _event(caller: Caller) -> AuditEvent:
    details = {"apiKeyID": "dom_de-1_0000000000000000000000", "alias": "deploy", "roleID": "read-only"}
    return by_caller(caller, "audit.apiKey_created.v1", details, now=utc_now())


async def _rate(door: Door, callers: list[Caller], write: Write) -> float:
    """Write events, each in a transaction of its own, by as many tasks as there are callers; tells how many a second."""
    began = time.perf_counter()

    async def go_on(caller: Caller) -> int:
        written = 0
        while time.perf_counter() - began < _SECONDS:
            event = _event(caller)
            await door.plane.database.run_tx(lambda tx, event=event: write(tx, event))
            written += 1
        return written

    written = sum(await asyncio.gather(*(go_on(caller) for caller in callers)))
    return written / (time.perf_counter() - began)


async def _verify(folder: Path, door: Door, caller: Caller, events: int) -> None:
    async def some(tx: RegionTx) -> None:
        for _ in range(_IN_ONE_TRANSACTION):
            await append_audit(tx, _event(caller))

    for _ in range(0, events, _IN_ONE_TRANSACTION):
        await door.plane.database.run_tx(some)
    began = time.perf_counter()
    await bring_checkpoint(door.plane, caller.account_id)
    print(f"first checkpoint over {events:,} events: {time.perf_counter() - began:.1f} s")
    began, file = time.perf_counter(), folder / "log.jsonl"
    with file.open("wb") as log:
        export = await begin_export(door.plane, caller, EVERYTHING, form="jsonl")
        async for piece in write_json_lines(door.plane, export):
            log.write(piece)
    took = time.perf_counter() - began
    print(f"exporting {export.count:,} events: {took:.1f} s, {file.stat().st_size / 2**20:.0f} MiB")
    began, busy = time.perf_counter(), time.process_time()
    report = verify_log(lambda: file.open("rb"), keys=door.plane.signer.jwks())
    assert report.finding is None, report.finding
    took, busy = time.perf_counter() - began, time.process_time() - busy
    print(f"verifying {report.events:,} events: {took:.1f} s, of which {busy:.1f} s on the processor")


if __name__ == "__main__":
    main()
