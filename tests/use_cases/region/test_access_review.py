"""The review of a large account, and what its answers cost."""

import csv
import io
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from domicile.infra.databases import RegionTx
from domicile.kernel.ids import ApiKeyId
from domicile.kernel.paging import PageRequest
from domicile.kernel.permissions import MemberState
from domicile.kernel.roles import FULL_ACCESS, READ_ONLY
from domicile.region.access import service as access
from domicile.region.access_review.schemas import write_csv
from domicile.region.access_review.service import begin_review
from domicile.region.api_keys.domain import NewApiKey, make_api_key
from domicile.region.api_keys.store import insert_key
from domicile.region.memberships.store import member_cards, memberships
from domicile.region.preflight import domain as preflight
from domicile.region.preflight.domain import ChangeKind, ChangeWish
from domicile.region.preflight.service import foretell
from domicile.web.spreadsheets import as_text
from tests.support.joining import card, user_id
from tests.support.region import ACCOUNT, OWNER, LiveRegion, live_region

_MANY = 10_000
_PAGES = _MANY // 250 + 1


@pytest.fixture
async def live(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[LiveRegion]:
    async with live_region(make_database("region"), tmp_path) as live:
        yield live


async def _fill(live: LiveRegion, many: int) -> None:
    now = live.clock()
    place = {
        "account_id": ACCOUNT,
        "role_id": READ_ONLY,
        "state": MemberState.ENABLED,
        "created_at": now,
        "modified_at": now,
        "version": 1,
    }
    cards = [card(number) for number in range(2, many + 1)]

    async def work(tx: RegionTx) -> None:
        await tx.execute(tx.insert(memberships), [place | {"user_id": each.user_id} for each in cards])
        known = [
            {
                "account_id": ACCOUNT,
                "user_id": each.user_id,
                "name": each.name,
                "email": each.email,
                "locale": "en",
                "time_zone": "UTC",
                "mfa_enabled": False,
                "epoch": 0,
                "card_version": 1,
            }
            for each in cards
        ]
        await tx.execute(tx.insert(member_cards), known)
        for number in range(3):
            key = ApiKeyId(f"dom_de-1_{number:022d}")
            made = make_api_key(
                NewApiKey(alias="ci", role_id=READ_ONLY), key, creator=OWNER, version=1, now=now
            )
            await insert_key(tx, ACCOUNT, made, secret_hash=b"hash %d" % number)

    await live.plane.database.run_tx(work)


async def test_ten_thousand_members_are_reviewed_page_by_page_each_once(live: LiveRegion):
    await _fill(live, _MANY)
    review = await begin_review(live.plane, live.person(), None, form="csv")

    async with live.counting_queries() as queries:
        pieces = [piece async for piece in write_csv(live.plane, review.every_page())]

    rows = list(csv.DictReader(io.StringIO(b"".join(pieces).decode())))
    assert len({row["id"] for row in rows}) == len(rows) == _MANY + 3
    assert [row["kind"] for row in rows[-4:]] == ["user", "apikey", "apikey", "apikey"]
    assert {row["canEnter"] for row in rows} == {"yes"}
    assert len(pieces) == _PAGES + 1, "a head and a piece for each page"
    assert len(queries) < 12 * _PAGES
    assert max(map(len, pieces)) < 200_000, "no more than a page is ever held"


async def test_who_may_do_something_and_what_a_change_would_do_is_told_of_ten_thousand_members(
    live: LiveRegion, monkeypatch: pytest.MonkeyPatch
):
    await _fill(live, _MANY)
    asker = live.person()
    writers = await access.list_holders(live.plane, asker, "identity:user:update", PageRequest(250, None))
    assert [holder.entry.id for holder in writers.items] == [OWNER]
    assert writers.next_after is None
    readers = await access.list_holders(live.plane, asker, "identity:user:read", PageRequest(2, None))
    more = await access.list_holders(
        live.plane, asker, "identity:user:read", PageRequest(2, readers.next_after)
    )
    told = [holder.entry.id for holder in (*readers.items, *more.items)]
    assert told == [OWNER, *(user_id(number) for number in (2, 3, 4))]

    decided = 0
    deciding = preflight.decide

    def counting(*arguments):
        nonlocal decided
        decided += 1
        return deciding(*arguments)

    monkeypatch.setattr(preflight, "decide", counting)
    outcome = await foretell(live.plane, asker, ChangeWish(kind=ChangeKind.MFA_REQUIRED, is_required=True))

    assert (outcome.principals, outcome.affected_count, outcome.locked_out) == (_MANY + 3, _MANY, _MANY)
    assert len(outcome.affected) == preflight.MOST_AFFECTED and outcome.is_truncated
    assert outcome.is_ownerless
    assert decided < 500, "who is in the same place is decided about once"


async def test_a_review_goes_on_after_any_place_also_one_past_its_end(live: LiveRegion):
    review = await begin_review(live.plane, live.person(), None, form="json")
    page = await review.list_page(PageRequest(250, None))
    assert [(each.entry.id, each.entry.role.id) for each in page.items] == [(OWNER, FULL_ACCESS)]
    beyond = await review.list_page(PageRequest(250, ("invitation", "2030-01-01T00:00:00+00:00", "F" * 32)))
    assert beyond.items == () and beyond.next_after is None


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("\uff1d1", "'\uff1d1"),
        ("Ada = Eve", "Ada = Eve"),
        ("", ""),
    ],
)
def test_a_cell_is_a_text_for_every_spreadsheet(cell: str, written: str):
    assert as_text(cell) == written
