"""The service in one region: what it stands on, and what it does there in the background."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from domicile_sdk import AsyncGuard, Problem, Service, Unreachable
from domicile_sdk.lifecycle import Happening, LifecycleEvent, LifecycleReader
from domicile_sdk.serving import AsyncServingClient
from workload_security import accounts, agents, kept_items
from workload_security.database import Database
from workload_security.settings import Settings

_TELL_EVERY_SECONDS = 1.0
_RETRY_SECONDS = 10.0

_log = logging.getLogger("workload_security")


class ServedRegion:
    """A region that is served: its own database, and its own ways to Domicile."""

    def __init__(self, settings: Settings, region: str, webhook_secret: str) -> None:
        self.id = region
        self.clock = settings.clock
        service = Service(
            manifest=settings.manifest,
            region=region,
            url=settings.domicile_url,
            token=settings.credential,
            clock=settings.clock,
        )
        self.guard = AsyncGuard(service)
        self.serving = AsyncServingClient(service)
        self.events = LifecycleReader([webhook_secret], clock=settings.clock)
        self.database = Database(settings.data / f"{region}.db")

    @asynccontextmanager
    async def living(self) -> AsyncGenerator[None]:
        """Follow callers and items, tell of computers, and give the receipts that are owed, while the body runs."""
        await self.guard.start()
        works = (self._follow_items, self._tell_of_computers, self._give_owed_receipts)
        tasks = [asyncio.create_task(_until_done(work)) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.guard.stop()
            await self.serving.close()
            self.database.close()

    async def hear(self, event: LifecycleEvent) -> None:
        """Act on what happened to an account; `Problem` and `Unreachable` if the receipt was not taken."""
        if event.happening is Happening.ACCOUNT_PURGED:
            await self._purge(event.account)
        else:
            accounts.note_state(self.database, event)

    async def _purge(self, account: str) -> None:
        await self.serving.acknowledge_purge(account, accounts.purge(self.database, account))

    async def _give_owed_receipts(self) -> None:
        async for owed in self.serving.owed_purges():
            await self._purge(owed.account)

    async def _follow_items(self) -> None:
        async for news in self.serving.watch(kept_items.position(self.database)):
            kept_items.take_in(self.database, news)

    async def _tell_of_computers(self) -> None:
        while True:
            reports = agents.untold(self.database)
            if reports:
                await self.serving.report(reports)
            for report in reports:
                agents.note_told(self.database, report)
            await asyncio.sleep(_TELL_EVERY_SECONDS)


async def _until_done(work: Callable[[], Awaitable[None]]) -> None:
    """Do something in the background, again after each failure."""
    while True:
        try:
            return await work()
        except (Problem, Unreachable) as failure:
            _log.warning("%s", failure)
        await asyncio.sleep(_RETRY_SECONDS)
