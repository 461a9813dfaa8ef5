"""The courier of one region: outbox to directory, feed to member cards; each row once or again, in any order, to one end.

A row of the outbox holds ids and a version. Its handler reads what it speaks of as it is now and lifts the directory to that version;
an older version changes nothing there. Killed at any step, the courier begins the row again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from domicile.directory.accounts.store import (
    REQUEST_MEMORY,
    EntryState,
    forget_requests,
    is_purged,
    upsert_state,
)
from domicile.directory.departures.store import (
    Leaver,
    LeaverState,
    RegionAnswer,
    answer_departure,
    find_leaver,
    finish_departure,
)
from domicile.directory.feed.store import (
    USER_CHANGED,
    USER_DELETED,
    USER_KINDS,
    FeedRow,
    append_feed,
    forget_feed,
    list_feed,
)
from domicile.directory.memberships.store import upsert_membership
from domicile.infra.databases import DirectoryTx, RegionTx
from domicile.infra.delivery import Delivery, error_name, is_outage
from domicile.infra.outbox import Handler, OutboxRow
from domicile.kernel.callers import MemberCard
from domicile.kernel.ids import AccountId, UserId
from domicile.kernel.permissions import MemberState
from domicile.region.accounts.store import find_account
from domicile.region.courier import store
from domicile.region.departures.service import end_places, renew, set_aside
from domicile.region.memberships.store import find_index_state
from domicile.region.outbox.store import ACCOUNT_INDEX, MEMBERSHIP_INDEX
from domicile.region.plane import RegionPlane

CardSource = Callable[[DirectoryTx, UserId], Awaitable[MemberCard | None]]
"""Reads a person's card as it is now; given by the composition, because people are not this plane's."""

_ROWS_AT_ONCE = 50
_MOST_RETRIED = 1000
_AT_ONCE_SECONDS = 2.0
_INDEX_KINDS = frozenset({ACCOUNT_INDEX, MEMBERSHIP_INDEX})
_log = structlog.get_logger("domicile.courier")


@dataclass(frozen=True, slots=True)
class _Truth:
    """A person as the directory and identity tell of them at one moment."""

    user_id: UserId
    leaver: Leaver | None
    card: MemberCard | None
    least_version: int
    """The version that the row of the feed spoke of: the person's is this, or higher."""


class Courier:
    """Carries between one region and the directory; `handlers` serve the kinds of rows that are not the directory's."""

    def __init__(self, plane: RegionPlane, read_card: CardSource, handlers: dict[str, Handler]) -> None:
        self.plane = plane
        self._read_card = read_card
        self._handlers = {
            ACCOUNT_INDEX: self._index_account,
            MEMBERSHIP_INDEX: self._index_membership,
        } | handlers
        self._delivery = Delivery(plane.id, plane.database, plane.outbox, self._handle)
        self._under_way: set[asyncio.Task[None]] = set()
        self._applied_up_to = 0

    async def deliver_outbox(self) -> int:
        """Deliver what is due, oldest first; tells how many rows were finished."""
        return await self._delivery.deliver_due()

    async def index_now(self, account: AccountId) -> None:
        """Bring the directory up to date about one account, as far as that is done in two seconds; never fails.

        What takes longer goes on by itself, what fails is left to the next round: a region whose directory is dark keeps serving.
        """
        await self._at_once(self._delivery.deliver_now(account, _INDEX_KINDS))

    async def pull_now(self) -> None:
        """Apply what the directory has for this region before the next round, as far as that is done in two seconds; never fails."""
        await self._at_once(self._pull_and_look())

    async def _pull_and_look(self) -> None:
        await self.pull_feed()
        # Another process may have applied it first: then the access log has news that this process has not been told of.
        self.plane.bump_access_log()

    async def _at_once(self, work: Coroutine[Any, Any, object]) -> None:
        carrying = asyncio.create_task(self._attempt(work))
        self._under_way.add(carrying)
        carrying.add_done_callback(self._under_way.discard)
        await asyncio.wait({carrying}, timeout=_AT_ONCE_SECONDS)

    async def _attempt(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001  # the change itself is committed; its rows wait for the next round
            _log.warning("at_once_failed", region=self.plane.id, error=error_name(error))

    async def _handle(self, row: OutboxRow) -> None:
        await self._handlers[row.kind](row)

    async def _index_account(self, row: OutboxRow) -> None:
        account_id = AccountId(row.subject_id)
        account = await self.plane.database.read(lambda tx: find_account(tx, account_id))
        if account is None:
            return
        alias = None if self.plane.region.is_discreet else account.alias

        purge_after = account.suspension.purge_after if account.suspension else None
        wanted = EntryState(account.state, alias, purge_after, account.version)
        await self.plane.directory.run_tx(lambda tx: upsert_state(tx, account_id, self.plane.id, wanted))

    async def _index_membership(self, row: OutboxRow) -> None:
        account, user = AccountId(row.owner_id), UserId(row.subject_id)
        found = await self.plane.database.read(lambda tx: find_index_state(tx, account, user))
        if found is None:
            return
        state, role, version = found
        shown_role = None if self.plane.region.is_discreet else role

        async def lift(tx: DirectoryTx) -> None:
            if await is_purged(tx, account):
                return  # it was deleted since this was read
            is_news = await upsert_membership(
                tx, user, account, self.plane.id, state=state, role=shown_role, version=version
            )
            if not is_news:
                return
            # The person may have changed, or gone, between their joining and this row, when no feed was due to this region yet.
            # Reading the card here is what makes the engine refuse a change that runs beside this and sees no membership.
            if (card := await self._read_card(tx, user)) is not None:
                await self._tell_oneself(tx, USER_CHANGED, user, card.version)
            elif state != MemberState.REMOVED and (leaver := await find_leaver(tx, user)) is not None:
                await self._tell_oneself(tx, USER_DELETED, user, leaver.version)

        await self.plane.directory.run_tx(lift)

    async def _tell_oneself(self, tx: DirectoryTx, kind: str, user: UserId, version: int) -> None:
        now = self.plane.clock()
        await append_feed(tx, self.plane.id, kind, subject_id=user, version=version, now=now)

    async def pull_feed(self) -> int:
        """Apply what the directory has for this region, in order; tells how many rows.

        A row and the cursor past it are one transaction. A row that fails too often is parked, and the next ones go on.
        Where the directory has nothing beyond what this process saw applied, the region is not asked.
        """
        applied = 0
        while True:
            known = self._applied_up_to
            if not (rows := await self._list_feed(after=known)):
                return applied
            seq, attempts = await self.plane.database.read(store.read_cursor)
            if seq != known:
                # Another worker has applied some of them, or this one has just begun.
                self._applied_up_to = seq
                continue
            for row in rows:
                if not await self._apply_or_count(row, before=seq, attempts=attempts):
                    return applied
                self._applied_up_to = seq = row.seq
                attempts, applied = 0, applied + 1
            if len(rows) < _ROWS_AT_ONCE:
                return applied

    async def _list_feed(self, *, after: int) -> tuple[FeedRow, ...]:
        return await self.plane.directory.read(
            lambda tx: list_feed(tx, self.plane.id, after=after, at_most=_ROWS_AT_ONCE)
        )

    async def forget_applied_feed(self) -> int:
        """Delete the rows of the feed that this region has applied; tells how many."""
        seq, _ = await self.plane.database.read(store.read_cursor)
        return await self.plane.directory.run_tx(lambda tx: forget_feed(tx, self.plane.id, up_to=seq))

    async def forget_requests(self) -> int:
        """Forget by which requests the region's accounts were created, once a repeated one is no longer recognised."""
        before = self.plane.clock() - REQUEST_MEMORY
        return await self.plane.directory.run_tx(lambda tx: forget_requests(tx, self.plane.id, before=before))

    async def _apply_or_count(self, row: FeedRow, *, before: int, attempts: int) -> bool:
        try:
            await self._apply(row, before=before)
        except Exception as error:  # noqa: BLE001  # a poison row must not stop the feed
            if is_outage(error):
                return False
            _log.warning(
                "feed_row_failed", region=self.plane.id, kind=row.kind, seq=row.seq, error=error_name(error)
            )
            return await self._count_or_park(
                row, before=before, attempts=attempts + 1, error=error_name(error)
            )
        return True

    async def _apply(self, row: FeedRow, *, before: int) -> None:
        truth = await self._truth(row)
        if truth.leaver is not None:
            await self._part(truth, truth.leaver)
            await self.plane.database.run_tx(lambda tx: store.move_cursor(tx, before=before, to=row.seq))
            return

        async def work(tx: RegionTx) -> None:
            # A worker that was overtaken has old news.
            if await store.move_cursor(tx, before=before, to=row.seq):
                await renew(self.plane, tx, truth.user_id, truth.card, version=truth.least_version)

        await self.plane.database.run_tx(work)

    async def _truth(self, row: FeedRow) -> _Truth:
        """Read how the person of a row is now; a row only says that they changed, so that it may come late, twice, or out of order."""
        if row.kind not in USER_KINDS:
            raise LookupError(f"unknown feed kind {row.kind}")
        user = UserId(row.subject_id)

        async def work(tx: DirectoryTx) -> _Truth:
            return _Truth(user, await find_leaver(tx, user), await self._read_card(tx, user), row.version)

        return await self.plane.directory.read(work)

    async def _part(self, truth: _Truth, leaver: Leaver) -> None:
        """Do what a departure asks of this region, then say so in the directory; only after both may the cursor move.

        Each step may be done again: killed between them, the courier begins anew and comes to the same answer.
        """
        user = truth.user_id
        if leaver.state is LeaverState.GONE:
            await self.plane.database.run_tx(
                lambda tx: end_places(self.plane, tx, user, version=leaver.version, gone_at=leaver.at)
            )
            await self.plane.directory.run_tx(lambda tx: finish_departure(tx, user, self.plane.id))
            return
        blocking = await self.plane.database.run_tx(
            lambda tx: set_aside(self.plane, tx, user, version=leaver.version)
        )
        answer = RegionAnswer.BLOCKED if blocking else RegionAnswer.READY
        await self.plane.directory.run_tx(
            lambda tx: answer_departure(
                tx, user, self.plane.id, version=leaver.version, answer=answer, blocking=blocking
            )
        )

    async def _count_or_park(self, row: FeedRow, *, before: int, attempts: int, error: str) -> bool:
        is_last = attempts >= self.plane.settings.courier.park_after

        async def work(tx: RegionTx) -> None:
            if not is_last:
                await store.count_failure(tx, at=before)
            elif await store.move_cursor(tx, before=before, to=row.seq):
                await store.park(tx, row, error=error, now=self.plane.clock())

        await self.plane.database.run_tx(work)
        return is_last

    async def retry_parked_feed(self, seq: int | None = None) -> int:
        """Apply the parked rows of the feed again, all or one; tells how many succeeded, the others stay parked."""
        parked = await self.plane.database.read(lambda tx: store.list_parked(tx, at_most=_MOST_RETRIED))
        return sum([await self._retry(row) for row in parked if seq in {None, row.seq}])

    async def _retry(self, row: FeedRow) -> bool:
        try:
            await self._apply_parked(row)
        except Exception as error:
            if is_outage(error):
                raise
            _log.warning(
                "feed_row_failed", region=self.plane.id, kind=row.kind, seq=row.seq, error=error_name(error)
            )
            return False
        return True

    async def _apply_parked(self, row: FeedRow) -> None:
        truth = await self._truth(row)
        if truth.leaver is not None:
            await self._part(truth, truth.leaver)

        async def work(tx: RegionTx) -> None:
            if truth.leaver is None:
                await renew(self.plane, tx, truth.user_id, truth.card, version=truth.least_version)
            await store.unpark(tx, row.seq)

        await self.plane.database.run_tx(work)
