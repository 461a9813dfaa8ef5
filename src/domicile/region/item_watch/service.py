"""Use cases of a service about its items in one region: list them, follow them, say what became of them."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress

from domicile.infra.databases import RegionTx
from domicile.infra.waiting import WaitingRoom
from domicile.kernel.errors import invalid
from domicile.kernel.ids import AccountId
from domicile.kernel.paging import Page, PageRequest
from domicile.region.item_log.store import list_changes, read_head
from domicile.region.item_watch.domain import (
    LARGEST_VERSION,
    LOOK_EVERY_SECONDS,
    MOST_CHANGES,
    MOST_STATUSES,
    MOST_WAITING,
    MOST_WAITING_EACH,
    Changes,
    KeptItem,
    KeptItems,
    Outcome,
    Report,
)
from domicile.region.items.domain import DEEPEST, LARGEST_STATUS_BYTES, Status, is_too_deep
from domicile.region.items.store import list_items_of_service, write_status
from domicile.region.plane import RegionPlane
from domicile.region.service_identity.domain import ServiceCaller


class ItemFeeds:
    """What services follow on one node, and the answers that wait on it."""

    def __init__(self) -> None:
        self._room = WaitingRoom(most=MOST_WAITING, most_each=MOST_WAITING_EACH)

    def stop(self) -> None:
        """Let no answer wait any more: the node is about to end."""
        self._room.close()

    async def follow(
        self, plane: RegionPlane, service: ServiceCaller, since: int | None, *, wait_seconds: int
    ) -> Changes:
        """Give the changes after the number `since`, in order, waiting for news if there are none."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + wait_seconds
        may_wait = self._room.has_room(service.name)
        # Listened to before the log is read, so that nothing falls in between.
        with self._room.listening(service.name, plane.item_news.listeners) as news:
            while True:
                news.clear()
                found = await _read(plane, service, since)
                left = give_up_at - loop.time()
                if found.is_worth_telling or left <= 0 or self._room.is_closing or not may_wait:
                    return found
                with suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), min(left, LOOK_EVERY_SECONDS))


async def list_kept(plane: RegionPlane, service: ServiceCaller, page: PageRequest) -> KeptItems:
    """List what all accounts of the region keep in the service."""

    async def work(tx: RegionTx) -> KeptItems:
        head = await read_head(tx, service.name)
        found = await list_items_of_service(tx, service.name, page)
        kept = tuple(KeptItem(*each) for each in found.items)
        return KeptItems(Page(kept, found.next_after), head)

    return await plane.database.read(work)


async def report(plane: RegionPlane, service: ServiceCaller, reports: Sequence[Report]) -> list[Outcome]:
    """Keep what the service says of items; tells what came of each. A report that comes again, or late, changes nothing."""
    if not 0 < len(reports) <= MOST_STATUSES:
        raise invalid({"/statuses": f"must hold 1 to {MOST_STATUSES}"})
    faults: dict[str, str] = {}
    for index, each in enumerate(reports):
        if is_too_deep(each.value):
            faults[f"/statuses/{index}/value"] = f"must not lie more than {DEEPEST} deep"
        elif len(json.dumps(each.value)) > LARGEST_STATUS_BYTES:
            faults[f"/statuses/{index}/value"] = f"must be at most {LARGEST_STATUS_BYTES // 1024} KiB"
        if not 0 < each.version < LARGEST_VERSION:
            faults[f"/statuses/{index}/version"] = "must be the number of a version"
    if faults:
        raise invalid(faults)
    now = plane.clock()

    async def work(tx: RegionTx) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for each in reports:
            status = Status(each.value, each.version, now)
            is_kept = each.can_be and await write_status(
                tx, service.name, AccountId(each.account_id), each.named, status
            )
            outcomes.append(Outcome.KEPT if is_kept else Outcome.PASSED_OVER)
        return outcomes

    return await plane.database.run_tx(work)


async def _read(plane: RegionPlane, service: ServiceCaller, since: int | None) -> Changes:
    async def work(tx: RegionTx) -> Changes:
        head = await read_head(tx, service.name)
        if since is None or since > head:
            return Changes((), head, head, is_reset=True)
        changes = await list_changes(tx, service.name, after=since, at_most=MOST_CHANGES)
        following = changes[-1].seq if len(changes) == MOST_CHANGES else head
        return Changes(changes, head, following, is_reset=False)

    return await plane.database.read(work)
