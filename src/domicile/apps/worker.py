"""The background work of a node: couriers, mails, activity, and what is forgotten with time."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta

import structlog

from domicile.apps.node import Node
from domicile.identity.departure.service import settle_departures
from domicile.identity.housekeeping import forget_expired
from domicile.infra.databases import IdentityTx, RegionTx
from domicile.infra.delivery import error_name
from domicile.infra.signing_keys import KeyKeeper
from domicile.region.access_log.store import forget_changes
from domicile.region.access_review.domain import MEMORY as REVIEW_MEMORY
from domicile.region.audit.handlers import delete_aged_events, forget_marks, sign_checkpoints
from domicile.region.courier.service import Courier
from domicile.region.entering.door import Door
from domicile.region.history.store import forget_history
from domicile.region.lifecycle.service import warn_of_purges
from domicile.region.mail_pace.service import forget_mails
from domicile.region.openings.service import forget_openings
from domicile.region.plane import RegionPlane
from domicile.region.purging.service import purge_due
from domicile.region.webhooks.handlers import Webhooks

_ROUND_SECONDS = 1.0
_PURGE_ROUND_SECONDS = 10.0
_WEBHOOK_ROUND_SECONDS = 1.0
_ROUNDS_BETWEEN_FLUSHES = 10
_ROUNDS_BETWEEN_CLEANINGS = 600
_ROUNDS_BETWEEN_CHECKPOINTS = 300
_ACCESS_LOG_MEMORY = timedelta(days=1)
_HISTORY_SLACK = timedelta(days=1)
"""What a review may just be asked for is not being forgotten meanwhile."""
_log = structlog.get_logger("domicile.worker")


@contextlib.asynccontextmanager
async def working(node: Node) -> AsyncGenerator[None]:
    """Run the background work of a node while the body runs; the last activity is written down at the end."""
    tasks = [
        asyncio.create_task(_run("identity", node.wakers["identity"], lambda n: _identity_round(node, n)))
    ]
    for owner, keeper in node.keepers.items():
        # Of its own too: a key that was withdrawn must not wait for anything.
        tasks.append(asyncio.create_task(_run(owner, asyncio.Event(), _key_rounds(keeper))))
    for region, courier in node.couriers.items():
        door = node.doors.by_region[region]
        # Loops of their own, so that neither a slow mail server, a dark directory nor a long purge delays what narrows an access.
        for waker, rounds in (
            (node.wakers[region], _outbox_rounds(door, courier)),
            (asyncio.Event(), _feed_rounds(courier)),
            (asyncio.Event(), _standing_rounds(door)),
            (asyncio.Event(), _audit_rounds(door)),
        ):
            tasks.append(asyncio.create_task(_run(region, waker, rounds)))
        tasks += [
            asyncio.create_task(
                _run(region, asyncio.Event(), _webhook_rounds(webhooks), every=_WEBHOOK_ROUND_SECONDS)
            )
            for webhooks in node.service_side.webhooks[region]
        ]
        purging = _run(region, asyncio.Event(), _purge_rounds(door.plane), every=_PURGE_ROUND_SECONDS)
        tasks.append(asyncio.create_task(purging))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for door in node.doors.by_region.values():
            await _attempt("flush", door.standings.flush_activity)
            await _attempt("refusals", lambda door=door: door.refusals.write_down(door.plane))


async def _run(
    plane: str,
    waker: asyncio.Event,
    work: Callable[[int], Awaitable[None]],
    *,
    every: float = _ROUND_SECONDS,
) -> None:
    """Do a round whenever woken, and after so many seconds in any case."""
    number = 0
    while True:
        waker.clear()
        await _attempt(plane, lambda number=number: work(number))
        number += 1
        if _was_cancelled():
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(waker.wait(), every)


def _was_cancelled() -> bool:
    """Tell whether the end was asked for; Python 3.11's `wait_for`, inside a client library, can swallow the exception (gh-86296)."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _attempt(plane: str, work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except Exception as error:  # noqa: BLE001  # a round that failed is followed by the next
        _log.warning("round_failed", plane=plane, error=error_name(error))


async def _identity_round(node: Node, number: int) -> None:
    while await node.identity_delivery.deliver_due():
        pass
    await settle_departures(node.identity)
    if number % _ROUNDS_BETWEEN_CLEANINGS == _ROUNDS_BETWEEN_CLEANINGS - 1:
        await forget_expired(node.identity)


def _outbox_rounds(door: Door, courier: Courier) -> Callable[[int], Awaitable[None]]:
    async def one(number: int) -> None:
        while await courier.deliver_outbox():
            pass
        if number % _ROUNDS_BETWEEN_CLEANINGS == _ROUNDS_BETWEEN_CLEANINGS - 1:
            await door.plane.database.run_tx(door.plane.idempotency.forget_old)
            await forget_mails(door.plane)
            await forget_openings(door.plane)
            before = door.plane.clock() - _ACCESS_LOG_MEMORY
            await door.plane.database.run_tx(lambda tx: forget_changes(tx, before=before))
            past = door.plane.clock() - REVIEW_MEMORY - _HISTORY_SLACK
            await door.plane.database.run_tx(lambda tx: forget_history(tx, before=past))

    return one


def _feed_rounds(courier: Courier) -> Callable[[int], Awaitable[None]]:
    async def one(number: int) -> None:
        await courier.pull_feed()
        if number % _ROUNDS_BETWEEN_CLEANINGS == _ROUNDS_BETWEEN_CLEANINGS - 1:
            await courier.forget_applied_feed()
            await courier.forget_requests()

    return one


def _standing_rounds(door: Door) -> Callable[[int], Awaitable[None]]:
    async def one(number: int) -> None:
        await door.standings.poll()
        if number % _ROUNDS_BETWEEN_FLUSHES == _ROUNDS_BETWEEN_FLUSHES - 1:
            await door.standings.flush_activity()

    return one


def _audit_rounds(door: Door) -> Callable[[int], Awaitable[None]]:
    async def one(number: int) -> None:
        await _attempt("refusals", lambda: door.refusals.write_down(door.plane))
        if number % _ROUNDS_BETWEEN_CHECKPOINTS == _ROUNDS_BETWEEN_CHECKPOINTS - 1:
            await sign_checkpoints(door.plane)
        if number % _ROUNDS_BETWEEN_CLEANINGS == _ROUNDS_BETWEEN_CLEANINGS - 1:
            await delete_aged_events(door.plane)
            await forget_marks(door.plane)

    return one


def _key_rounds(keeper: KeyKeeper[IdentityTx] | KeyKeeper[RegionTx]) -> Callable[[int], Awaitable[None]]:
    async def one(_number: int) -> None:
        await keeper.refresh()

    return one


def _webhook_rounds(webhooks: Webhooks) -> Callable[[int], Awaitable[None]]:
    async def one(number: int) -> None:
        while await webhooks.deliver_due():
            pass
        if number % _ROUNDS_BETWEEN_CLEANINGS == _ROUNDS_BETWEEN_CLEANINGS - 1:
            await webhooks.forget_old()

    return one


def _purge_rounds(plane: RegionPlane) -> Callable[[int], Awaitable[None]]:
    async def one(_number: int) -> None:
        await warn_of_purges(plane)
        await purge_due(plane)

    return one
