"""Reading the revocation feed, at once or when there is news."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from domicile.infra.databases import RegionTx
from domicile.infra.waiting import WaitingRoom
from domicile.kernel.callers import Caller
from domicile.kernel.errors import invalid, not_found
from domicile.kernel.ids import AccountId, RegionId
from domicile.region.access_log.store import LoggedChange, find_last_before, list_rows, read_head
from domicile.region.entering.door import Door
from domicile.region.entering.doors import Doors
from domicile.region.revocations.domain import (
    BEGINNING,
    LOOK_EVERY_SECONDS,
    MOST_ROWS,
    MOST_WAITING,
    MOST_WAITING_EACH,
    READ_FEED,
    Revocation,
    Revocations,
)
from domicile.region.service_identity.domain import ServiceCaller

Reader = ServiceCaller | Caller
Recognise = Callable[[], Awaitable[Reader]]
"""Recognises who reads, as of the moment of the call."""

_MOST_BATCHES: Final = 20


class RevocationFeeds:
    """The feeds of the regions that this node serves, and the answers that wait on them."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._room = WaitingRoom(most=MOST_WAITING, most_each=MOST_WAITING_EACH)

    def stop(self) -> None:
        """Let no answer wait any more: the node is about to end."""
        self._room.close()

    async def read(
        self, recognise: Recognise, region: str | None, since: int | None, *, wait_seconds: int
    ) -> Revocations:
        """Give the rows after the number `since`, waiting for news if there are none; an answer is never older than itself.

        Who reads is recognised again after every wait. A service sees every account of the region, others their own.
        """
        reader = await recognise()
        door = self._door(reader, region)
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + wait_seconds
        name = _name_of(reader)
        may_wait = self._room.has_room(name)
        # Listened to before the log is read, so that nothing falls in between.
        with self._room.listening(name, door.standings.on_bump) as news:
            while True:
                news.clear()
                found = await _read(door, _account_of(reader), since)
                left = give_up_at - loop.time()
                if found.is_worth_telling or left <= 0 or self._room.is_closing or not may_wait:
                    return found
                with suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), min(left, LOOK_EVERY_SECONDS))
                reader = await recognise()

    def _door(self, reader: Reader, region: str | None) -> Door:
        if isinstance(reader, Caller):
            if region not in {None, reader.region}:
                raise not_found("region")
            return self._doors.door_of(reader)
        served = list(self._doors.by_region)
        if region is None and len(served) != 1:
            raise invalid({"region": f"is required, one of {', '.join(served)}"})
        wanted = RegionId(region or served[0])
        self._doors.regions.plane(wanted)
        reader.require_region(wanted)
        return self._doors.by_region[wanted]


def require_reader(caller: Caller) -> Caller:
    """Let a principal inside an account read its own account's rows, if it may read the audit."""
    caller.require(READ_FEED)
    return caller


def _name_of(reader: Reader) -> str:
    return f"account {reader.account_id}" if isinstance(reader, Caller) else f"service {reader.name}"


def _account_of(reader: Reader) -> AccountId | None:
    return reader.account_id if isinstance(reader, Caller) else None


async def _read(door: Door, account: AccountId | None, since: int | None) -> Revocations:
    begin = door.plane.clock() - BEGINNING

    async def read(tx: RegionTx) -> Revocations:
        head = await read_head(tx)
        if since is not None and since <= head:
            logged = await _list_logged(tx, since, head)
            if logged is not None:
                return _piece(logged, account, since, head, floor=None)
        floor = await find_last_before(tx, begin)
        logged = await _list_logged(tx, floor, head)
        if logged is None:
            return Revocations((), head, head, floor=head)
        return _piece(logged, account, floor, head, floor=floor)

    return await door.plane.database.read(read)


async def _list_logged(tx: RegionTx, since: int, head: int) -> tuple[LoggedChange, ...] | None:
    """List the next rows of the log; None if some of them have been forgotten."""
    logged: list[LoggedChange] = []
    while len(logged) < _MOST_BATCHES * MOST_ROWS:
        after = since + len(logged)
        batch = await list_rows(tx, after=after, at_most=MOST_ROWS)
        numbers = [row.change.seq for row in batch]
        if numbers != list(range(after + 1, min(after + MOST_ROWS, head) + 1)):
            return None
        logged += batch
        if len(batch) < MOST_ROWS or sum(row.revokes for row in logged) >= MOST_ROWS:
            break
    return tuple(logged)


def _piece(
    logged: tuple[LoggedChange, ...], account: AccountId | None, since: int, head: int, *, floor: int | None
) -> Revocations:
    rows: list[Revocation] = []
    following = since
    for each in logged:
        change = each.change
        is_told = each.revokes and account in {None, change.account_id}
        if is_told and len(rows) == MOST_ROWS:
            break
        if is_told:
            rows.append(Revocation(change.seq, change.kind, change.account_id, change.subject_id, each.at))
        following = change.seq
    return Revocations(rows, head, following, floor)
