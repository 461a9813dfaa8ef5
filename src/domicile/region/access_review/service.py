"""Use cases of the review; each is an audit event of its own, because it tells much about others."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime

from domicile.infra.databases import RegionTx
from domicile.kernel.callers import Caller
from domicile.kernel.clock import whole_seconds
from domicile.kernel.errors import not_found
from domicile.kernel.paging import LARGEST_LIMIT, Page, PageRequest
from domicile.kernel.permissions import Circumstances
from domicile.region.access_review.domain import REVIEW, Reviewed
from domicile.region.access_review.past import list_past_entries
from domicile.region.audit.domain import by_caller
from domicile.region.audit.store import append_audit
from domicile.region.plane import RegionPlane
from domicile.region.roster.domain import Entry, EntryKind
from domicile.region.roster.service import open_roster


@dataclass(frozen=True, slots=True)
class Review:
    """A review that somebody may read: of the present, or of a past moment."""

    plane: RegionPlane
    caller: Caller
    at: datetime | None
    """None: now."""

    async def list_page(self, page: PageRequest) -> Page[Reviewed]:
        """List entries: users, then API keys, then pending invitations."""
        found = await self.plane.database.read(lambda tx: self._list(tx, page))
        circumstances = self._circumstances()
        return Page(
            tuple(Reviewed(entry, entry.entering(circumstances)) for entry in found.items), found.next_after
        )

    async def every_page(self) -> AsyncGenerator[Sequence[Reviewed]]:
        """Give everything, a page at a time, each from a transaction of its own."""
        after: tuple[str, ...] | None = None
        while True:
            page = await self.list_page(PageRequest(LARGEST_LIMIT, after))
            yield page.items
            if (after := page.next_after) is None:
                return

    def _circumstances(self) -> Circumstances:
        if self.at is None:
            return Circumstances(self.plane.clock())
        # Who had a second factor then is not remembered: the question is who could enter with one.
        return Circumstances(self.at, mfa_used=True)

    async def _list(self, tx: RegionTx, page: PageRequest) -> Page[Entry]:
        account, catalogue = self.caller.account_id, self.plane.catalogue
        if self.at is not None:
            entries = await list_past_entries(tx, catalogue, self.plane.id, account, self.at)
            return _page_of(entries, page)
        roster = await open_roster(tx, catalogue, account, self.plane.clock())
        if roster is None:
            raise not_found("account")
        return await roster.list_entries(page)


async def begin_review(plane: RegionPlane, caller: Caller, at: datetime | None, *, form: str) -> Review:
    """Open a review for its first page, or for all of it, and write down that it was read."""
    review = resume_review(plane, caller, at)
    told = {"at": whole_seconds(at)} if at else {}

    async def record(tx: RegionTx) -> None:
        details = {"format": form, **told}
        event = by_caller(caller, "audit.access_reviewed.v1", details, now=plane.clock())
        await append_audit(tx, event)

    await plane.database.run_tx(record)
    return review


def resume_review(plane: RegionPlane, caller: Caller, at: datetime | None) -> Review:
    """Open a review again for a later page, whose cursor only who began it has."""
    caller.require(REVIEW)
    return Review(plane, caller, at)


def _page_of(entries: Sequence[Entry], page: PageRequest) -> Page[Entry]:
    """Cut a page out of entries that are in their order already."""
    after = _rank(page.after[0], page.after[1]) if page.after else (-1, "")
    beyond = [entry for entry in entries if _rank(entry.kind, entry.id) > after]
    shown = tuple(beyond[: page.limit])
    return Page(shown, (shown[-1].kind, shown[-1].id) if len(beyond) > page.limit else None)


def _rank(kind: str, item: str) -> tuple[int, str]:
    return list(EntryKind).index(EntryKind(kind)), item
