"""The tree over an account's events: places, checkpoints, proofs, and what is left of it when events are deleted or erased."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, delete, func, select, text
from structlog.testing import capture_logs

from domicile.infra.databases import RegionTx
from domicile.kernel.hash_tree import is_consistent, root_by_inclusion, root_of
from domicile.kernel.ids import UserId
from domicile.kernel.paging import PageRequest
from domicile.kernel.roles import PREDEFINED_ROLES, READ_ONLY
from domicile.region.audit.domain import Filters, by_caller, by_system, parse_filters
from domicile.region.audit.handlers import delete_aged_events, forget_marks, sign_checkpoints
from domicile.region.audit.leaf import addresses_in
from domicile.region.audit.service import (
    bring_checkpoint,
    get_checkpoint,
    list_events,
    list_signed,
    prove_consistency,
    prove_inclusion,
)
from domicile.region.audit.store import append_audit, audit_events, audit_marks, erase_personal, mark_again
from domicile.region.audit.verification import verify_log
from domicile.region.audit_tree.domain import CHECKPOINT_TYPE
from domicile.region.audit_tree.store import audit_checkpoints, audit_tiles, audit_trees, read_tree
from tests.support.auditing import INVITED, exported, fill, lines_of
from tests.support.refusals import refusal_of
from tests.support.region import ACCOUNT, OTHER_ACCOUNT, OWNER, LiveRegion, live_region, role_with

MINUTE = timedelta(minutes=1)
EVERY_PAGE = PageRequest(250, None)


@pytest.fixture
async def region(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[LiveRegion]:
    async with live_region(make_database("region"), tmp_path) as region:
        yield region


async def leaf_hashes(region: LiveRegion) -> list[bytes]:
    query = select(audit_events.c.leaf_hash).where(audit_events.c.account_id == ACCOUNT)
    rows = await region.plane.database.read(lambda tx: tx.all(query.order_by(audit_events.c.seq)))
    return [row.leaf_hash for row in rows]


async def count_of(region: LiveRegion, table: Table) -> int:
    row = await region.plane.database.read(lambda tx: tx.first(select(func.count()).select_from(table)))
    assert row is not None
    return row[0]


async def append(region: LiveRegion, type_: str = "audit.user_updated.v1", **details: object) -> int:
    event = by_caller(region.person(), type_, dict(details), now=region.clock())
    return await region.plane.database.run_tx(lambda tx: append_audit(tx, event))


# ---------------------------------------------------------------- places


async def test_every_event_takes_the_next_place_of_its_account(region: LiveRegion):
    await fill(region, 7)
    await fill(region, 3, account=OTHER_ACCOUNT)

    page = await list_events(region.plane, region.person(), EVERY_PAGE)
    others = await list_events(region.plane, region.person(account=OTHER_ACCOUNT), EVERY_PAGE)

    assert [recorded.seq for recorded in page.items] == [6, 5, 4, 3, 2, 1, 0]
    assert [recorded.seq for recorded in others.items] == [2, 1, 0]


async def test_events_written_at_once_take_different_places_without_gaps(region: LiveRegion):
    taken = await asyncio.gather(*(append(region, userID=f"user-{n}") for n in range(40)))

    assert sorted(taken) == list(range(40))


async def test_a_transaction_that_fails_takes_no_place(region: LiveRegion):
    async def fail(tx: RegionTx) -> None:
        await append_audit(tx, by_system(ACCOUNT, "audit.user_updated.v1", {}, now=region.clock()))
        raise LookupError

    with pytest.raises(LookupError):
        await region.plane.database.run_tx(fail)

    assert await append(region) == 0


async def test_an_event_costs_two_statements(region: LiveRegion):
    await append(region)
    async with region.counting_queries() as seen:
        await append(region)

    assert len(seen) == 2


async def test_the_details_come_back_as_they_were_told(region: LiveRegion):
    told = {
        "email": "grace@example.com",
        "lists": {"general": ["a@example.com", "no address"], "a/b~c": ["b@example.com"]},
        "former": None,
        "note": "ask bob@example.com, please",
        "count": 3,
        "is": True,
    }
    await append(region, "audit.user_updated.v1", **told)

    (recorded,) = (await list_events(region.plane, region.person(), EVERY_PAGE)).items

    assert recorded.event.details == told
    assert "@" not in json.dumps(recorded.evidence.details)
    assert addresses_in(recorded.evidence.personal or "") == {
        "ada@example.com",
        "grace@example.com",
        "a@example.com",
        "b@example.com",
        "bob@example.com",
    }


@pytest.mark.parametrize("value", [1.5, 2**53, {1: "x"}, b"bytes", {"ö": 1}])
async def test_details_that_have_no_one_form_are_refused_before_anything_is_written(
    region: LiveRegion, value: object
):
    with pytest.raises(ValueError, match="canonical"):
        await append(region, value=value)

    assert await count_of(region, audit_events) == await count_of(region, audit_trees) == 0


# ---------------------------------------------------------------- checkpoints


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 700])
async def test_a_checkpoint_is_the_signed_root_over_all_events(region: LiveRegion, size: int):
    await fill(region, size)

    made = await get_checkpoint(region.plane, region.person())

    assert (made.size, made.root) == (size, root_of(await leaf_hashes(region)))
    assert region.plane.signer.read(made.signed, type_=CHECKPOINT_TYPE) == {
        "account": ACCOUNT,
        "region": "de-1",
        "size": size,
        "root": made.root.hex(),
        "time": region.clock().strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
    }
    assert region.plane.signer.read(made.signed, type_="at+jwt") is None


async def test_a_tree_that_has_not_grown_keeps_its_checkpoint(region: LiveRegion):
    await fill(region, 3)
    first = await get_checkpoint(region.plane, region.person())
    region.clock.advance(hours=1)

    again = await get_checkpoint(region.plane, region.person())

    assert again == first
    assert (await list_signed(region.plane, region.person(), EVERY_PAGE)).items == (first,)


async def test_checkpoints_asked_for_at_once_are_one(region: LiveRegion):
    await fill(region, 300)

    made = await asyncio.gather(*(bring_checkpoint(region.plane, ACCOUNT) for _ in range(8)))

    assert len({each.signed for each in made}) == 1
    assert await count_of(region, audit_checkpoints) == 1


async def test_the_worker_signs_for_every_account_that_has_grown_and_for_no_other(region: LiveRegion):
    await fill(region, 3)
    await fill(region, 2, account=OTHER_ACCOUNT)

    assert await sign_checkpoints(region.plane) == 2
    assert await sign_checkpoints(region.plane) == 0
    await fill(region, 1)
    assert await sign_checkpoints(region.plane) == 1

    mine = await list_signed(region.plane, region.person(), PageRequest(1, None))
    assert [each.size for each in mine.items] == [4]
    rest = await list_signed(region.plane, region.person(), PageRequest(1, mine.next_after))
    assert ([each.size for each in rest.items], rest.next_after) == ([3], None)


# ---------------------------------------------------------------- proofs


@pytest.mark.parametrize("size", [1, 5, 256, 300, 777])
async def test_events_are_proved_to_be_in_trees_of_every_later_size(region: LiveRegion, size: int):
    await fill(region, size)
    leaves = await leaf_hashes(region)
    query = select(audit_events.c.event_id, audit_events.c.seq).order_by(audit_events.c.seq)
    rows = await region.plane.database.read(lambda tx: tx.all(query))

    for row in {rows[0], rows[-1], rows[size // 2], rows[min(255, size - 1)]}:
        for wanted in {row.seq + 1, (row.seq + 1 + size) // 2, size}:
            proof = await prove_inclusion(region.plane, region.person(), row.event_id, wanted)
            assert proof.root == root_of(leaves[:wanted])
            assert proof.leaf_hash == leaves[row.seq]
            assert root_by_inclusion(proof.leaf_hash, row.seq, wanted, proof.path) == proof.root


async def test_every_tree_is_proved_to_begin_with_every_earlier_one(region: LiveRegion):
    await fill(region, 600)
    leaves = await leaf_hashes(region)

    for former, size in ((0, 600), (1, 2), (255, 256), (256, 600), (257, 300), (511, 513), (600, 600)):
        proof = await prove_consistency(region.plane, region.person(), former, size)
        assert (proof.former_root, proof.root) == (root_of(leaves[:former]), root_of(leaves[:size]))
        assert is_consistent(former, proof.former_root, size, proof.root, proof.path)


async def test_there_is_no_proof_about_what_is_not_there(region: LiveRegion):
    await fill(region, 3)
    await fill(region, 1, account=OTHER_ACCOUNT)
    (foreign,) = (await list_events(region.plane, region.person(account=OTHER_ACCOUNT), EVERY_PAGE)).items
    newest, *_ = (await list_events(region.plane, region.person(), EVERY_PAGE)).items
    me = region.person()

    unknown = await refusal_of(prove_inclusion(region.plane, me, foreign.event_id, None))
    assert unknown.code == "not-found"
    assert unknown.message == (await refusal_of(prove_inclusion(region.plane, me, "nothing", None))).message
    for size in (0, 2, 4):
        refused = await refusal_of(prove_inclusion(region.plane, me, newest.event_id, size))
        assert refused.fields == {"size": "must be from 3 to 3"}
    assert (await refusal_of(prove_consistency(region.plane, me, 3, 2))).fields.keys() == {"from"}
    assert (await refusal_of(prove_consistency(region.plane, me, 0, 4))).fields.keys() == {"to"}


# ---------------------------------------------------------------- filters


async def test_filters_leave_exactly_the_others_out(region: LiveRegion):
    await fill(region, 40, every=60)
    start = region.clock()
    await fill(region, 4)
    everything = (await list_events(region.plane, region.person(), EVERY_PAGE)).items

    async def found(**wanted: str) -> list[int]:
        given = {"since": None, "before": None, "type_": None, "principal": None, "outcome": None, **wanted}
        page = await list_events(region.plane, region.person(), EVERY_PAGE, parse_filters(**given))
        return [recorded.seq for recorded in page.items]

    moment = start.isoformat()
    assert await found(since=moment) == [43, 42, 41, 40]
    assert await found(before=moment) == list(range(39, -1, -1))
    assert await found(type_="audit.apiKey_created.v1") == list(range(41, -1, -4))
    assert await found(type_="audit.a*") == [r.seq for r in everything if r.event.type[6] == "a"]
    assert await found(type_="audit.A*") == []
    assert await found(principal=f"urn:domicile:identity:de-1:{ACCOUNT}:user/{OWNER}") == [
        r.seq for r in everything if r.event.principal.kind == "user"
    ]
    assert await found(principal="system/domicile") == list(range(42, -1, -4))
    assert await found(outcome="refused", since=moment) == [43]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("since", "yesterday"),
        ("since", "2026-06-31T00:00:00Z"),
        ("since", "2026-06-30T00:00:00"),
        ("since", "2026-06-30"),
        ("since", ""),
        ("before", "20260630T000000Z"),
        ("before", "2026-06-30T25:00:00Z"),
        ("type_", ""),
        ("type_", "audit.*.v1"),
        ("type_", "audit.apiKey%"),
        ("type_", "x" * 102),
        ("principal", ""),
        ("principal", "somebody"),
        ("principal", "role/full-access"),
        ("principal", "user/"),
        ("principal", "user/" + "x" * 300),
        ("principal", "user/\x00"),
        ("outcome", ""),
        ("outcome", "failure"),
    ],
)
async def test_a_filter_that_cannot_be_understood_is_named(name: str, value: str):
    given: dict[str, str | None] = dict.fromkeys(("since", "before", "type_", "principal", "outcome"))

    async def parse() -> Filters:
        return parse_filters(**(given | {name: value}))

    refused = await refusal_of(parse())
    told = {"since": "from", "before": "to", "type_": "type"}.get(name, name)
    assert (refused.code, refused.fields.keys()) == ("invalid-input", {told})


async def test_a_span_that_ends_before_it_begins_is_refused():
    async def parse() -> Filters:
        return parse_filters(
            since="2026-02-01T00:00:00Z",
            before="2026-01-01T00:00:00+01:00",
            type_=None,
            principal=None,
            outcome=None,
        )

    assert (await refusal_of(parse())).fields.keys() == {"to"}


async def test_who_may_not_read_the_log_gets_neither_proof_nor_export_nor_checkpoint(region: LiveRegion):
    await fill(region, 3)
    nobody = region.person(role_with("identity:user:read"))

    for attempt in (
        get_checkpoint(region.plane, nobody),
        list_signed(region.plane, nobody, EVERY_PAGE),
        prove_inclusion(region.plane, nobody, "x", None),
        prove_consistency(region.plane, nobody, 0, None),
    ):
        assert (await refusal_of(attempt)).code == "not-permitted"
    reader = region.person(PREDEFINED_ROLES[READ_ONLY])
    assert (await get_checkpoint(region.plane, reader)).size == 3


# ---------------------------------------------------------------- erasing


async def test_who_is_erased_is_in_no_byte_of_the_log_and_the_log_still_verifies(region: LiveRegion):
    await fill(region, 300)
    kept = await get_checkpoint(region.plane, region.person())
    before = await leaf_hashes(region)

    erased = await region.plane.database.run_tx(
        lambda tx: erase_personal(
            tx, ACCOUNT, user_id=UserId("0197a1c2-0000-7000-8000-00000000dead"), emails=["Grace@Example.com"]
        )
    )

    log = await exported(region)
    report = verify_log(lambda: lines_of(log), keys=region.plane.signer.jwks(), kept=[kept.signed])
    assert report.finding is None
    assert (erased, report.erased, report.events) == (75, 75, 300)
    assert [each.size for each in report.kept] == [300]
    assert INVITED.encode() not in log.lower()
    assert b"ada@example.com" in log
    assert (await leaf_hashes(region))[:300] == before


async def test_erasing_a_user_takes_their_address_out_and_leaves_their_id(region: LiveRegion):
    await fill(region, 20)
    await append(region, "audit.user_joined.v1", userID="somebody-else", email="other@example.com")

    await region.plane.database.run_tx(
        lambda tx: erase_personal(tx, ACCOUNT, user_id=OWNER, emails=["ada@example.com"])
    )

    log = await exported(region)
    # The export itself is recorded after what it exports.
    assert b"ada@example.com" not in log
    assert b"192.0.2.17" not in log
    assert OWNER.encode() in log
    for recorded in (await list_events(region.plane, region.person(), EVERY_PAGE)).items[1:]:
        assert recorded.event.principal_email == recorded.event.source_address == ""


async def test_what_is_personal_of_the_user_that_an_event_is_about_goes_too(region: LiveRegion):
    await append(region, userID="gone", contact="work@example.org")
    await append(region, userID="stays", contact="home@example.org")

    count = await region.plane.database.run_tx(lambda tx: erase_personal(tx, ACCOUNT, user_id=UserId("gone")))

    details = [event.details["contact"] for event in await region.events()]
    assert (count, details) == (1, [None, "home@example.org"])


async def test_erasing_reaches_no_similar_address_and_no_other_account(region: LiveRegion):
    for email in (
        "ann@example.com",
        "joann@example.com",
        "ann@example.com.au",
        "a_n@example.com",
        "ünn@example.com",
    ):
        await append(region, email=email)
    await fill(region, 4, account=OTHER_ACCOUNT)

    nobody = UserId("nobody")
    for email in ("ann@example.com", "A_N@example.com", "ÜNN@example.com", INVITED):
        assert await region.plane.database.run_tx(
            lambda tx, email=email: erase_personal(tx, ACCOUNT, user_id=nobody, emails=[email])
        ) == (0 if email == INVITED else 1)

    left = [event.details["email"] for event in await region.events()]
    assert left == [None, "joann@example.com", "ann@example.com.au", None, None]
    (first, *_) = await region.events(OTHER_ACCOUNT)
    assert first.details["email"] == INVITED


async def test_erasing_twice_changes_nothing_more(region: LiveRegion):
    await fill(region, 8)

    async def erase(tx: RegionTx) -> int:
        return await erase_personal(tx, ACCOUNT, user_id=OWNER, emails=[INVITED])

    assert await region.plane.database.run_tx(erase) == 6
    assert await region.plane.database.run_tx(erase) == 0


# ---------------------------------------------------------------- the end of what is old


async def test_what_is_too_old_is_deleted_and_the_rest_still_verifies(region: LiveRegion):
    await fill(region, 600, every=0.001)
    kept = await get_checkpoint(region.plane, region.person())
    leaves = await leaf_hashes(region)
    region.clock.advance(days=200)
    await fill(region, 100)
    region.clock.advance(days=200)

    assert await delete_aged_events(region.plane) == 600

    state = await region.plane.database.read(lambda tx: read_tree(tx, ACCOUNT))
    assert (state.size, state.pruned_size, await count_of(region, audit_events)) == (700, 600, 100)
    made = await get_checkpoint(region.plane, region.person())
    assert made.root == root_of(leaves + await leaf_hashes(region))
    log = await exported(region)
    report = verify_log(lambda: lines_of(log), keys=region.plane.signer.jwks(), kept=[kept.signed])
    assert report.finding is None
    assert report.header is not None
    assert (report.header.begin, report.events) == (600, 100)
    assert [each.size for each in report.kept] == [600]


async def test_proofs_go_on_working_over_what_was_deleted(region: LiveRegion):
    await fill(region, 300)
    early = await get_checkpoint(region.plane, region.person())
    region.clock.advance(days=366)
    await fill(region, 300)
    await delete_aged_events(region.plane)
    newest, *_ = (await list_events(region.plane, region.person(), EVERY_PAGE)).items

    proof = await prove_inclusion(region.plane, region.person(), newest.event_id, None)
    assert root_by_inclusion(proof.leaf_hash, proof.seq, 600, proof.path) == proof.root
    extends = await prove_consistency(region.plane, region.person(), 300, 600)
    assert extends.former_root == early.root
    assert is_consistent(300, early.root, 600, extends.root, extends.path)


async def test_a_log_goes_on_after_everything_in_it_was_deleted(region: LiveRegion):
    await fill(region, 5)
    region.clock.advance(days=366)
    assert await delete_aged_events(region.plane) == 5
    empty = await exported(region)
    await fill(region, 2)

    log = await exported(region)

    for text_, events in ((empty, 0), (log, 3)):
        report = verify_log(lambda text_=text_: lines_of(text_), keys=None)
        assert (report.finding, report.events) == (None, events)


@pytest.mark.parametrize("days", [364, 365, 366])
async def test_an_event_is_kept_for_a_year_to_the_day(region: LiveRegion, days: int):
    await append(region)
    region.clock.advance(days=days)

    assert await delete_aged_events(region.plane) == (1 if days == 366 else 0)


async def test_deleting_in_many_steps_keeps_every_hash(region: LiveRegion):
    for _ in range(9):
        await fill(region, 77)
        region.clock.advance(days=100)
        await delete_aged_events(region.plane)
        made = await get_checkpoint(region.plane, region.person())
        log = await exported(region)
        report = verify_log(lambda log=log: lines_of(log), keys=region.plane.signer.jwks())
        assert report.finding is None
        assert report.signed is not None
        assert report.signed.root == made.root
    state = await region.plane.database.read(lambda tx: read_tree(tx, ACCOUNT))
    assert state.pruned_size > 256
    tiles = await region.plane.database.read(lambda tx: tx.all(select(func.length(audit_tiles.c.hashes))))
    assert sum(row[0] for row in tiles) >= state.pruned_size * 32


async def test_a_clock_that_went_back_deletes_nothing_before_its_time(region: LiveRegion):
    region.clock.advance(days=300)
    await append(region)
    region.clock.advance(days=-300)
    await append(region)
    region.clock.advance(days=366)

    assert await delete_aged_events(region.plane) == 0
    region.clock.advance(days=300)
    assert await delete_aged_events(region.plane) == 2


async def test_checkpoints_are_forgotten_with_what_they_were_over_but_for_the_latest(region: LiveRegion):
    for _ in range(3):
        await fill(region, 1)
        await get_checkpoint(region.plane, region.person())
    region.clock.advance(days=366)
    await delete_aged_events(region.plane)

    page = await list_signed(region.plane, region.person(), EVERY_PAGE)
    assert [each.size for each in page.items] == [3]


# ---------------------------------------------------------------- what the database does not get away with


async def test_a_row_that_was_deleted_in_the_database_is_missed(region: LiveRegion):
    await fill(region, 20)
    await get_checkpoint(region.plane, region.person())
    gone = delete(audit_events).where(audit_events.c.seq == 7)
    await region.plane.database.run_tx(lambda tx: tx.execute(gone))

    log = await exported(region)

    report = verify_log(lambda: lines_of(log), keys=region.plane.signer.jwks())
    assert report.finding is not None
    assert (report.finding.fault, report.finding.line) == ("missing", 9)


@pytest.mark.parametrize("gone", [0, 250, 299])
async def test_nothing_is_signed_over_a_gap_but_what_was_signed_before_shows_it(
    region: LiveRegion, gone: int
):
    await fill(region, 280)
    await get_checkpoint(region.plane, region.person())
    await fill(region, 20)
    take_out = delete(audit_events).where(audit_events.c.seq == gone)
    await region.plane.database.run_tx(lambda tx: tx.execute(take_out))

    if gone == 299:
        refused = await refusal_of(get_checkpoint(region.plane, region.person()))
        assert refused.code == "audit-log-broken"
        assert "Event 299 " in refused.message
    log = await exported(region)
    report = verify_log(lambda: lines_of(log), keys=region.plane.signer.jwks())

    if gone == 299:
        assert report.header is not None
        assert (report.finding, report.header.size) == (None, 280)
    else:
        assert report.finding is not None
        assert (report.finding.fault, report.finding.line) == ("missing", gone + 2)


async def test_a_gap_that_no_signature_covers_yet_is_told_by_its_place(region: LiveRegion):
    await fill(region, 300)
    take_out = delete(audit_events).where(audit_events.c.seq == 7)
    await region.plane.database.run_tx(lambda tx: tx.execute(take_out))

    refused = await refusal_of(exported(region))

    assert refused.code == "audit-log-broken"
    assert "Event 7 " in refused.message
    with capture_logs() as logs:
        assert await sign_checkpoints(region.plane) == 1
    assert [(log["event"], log["account"]) for log in logs] == [("audit_log_broken", ACCOUNT)]
    region.clock.advance(days=400)
    with capture_logs():
        assert await delete_aged_events(region.plane) == 0
    assert await count_of(region, audit_events) == 299


async def test_a_row_that_was_changed_in_the_database_is_named(region: LiveRegion):
    await fill(region, 20)
    await get_checkpoint(region.plane, region.person())
    change = text("UPDATE audit_events SET outcome = 'success' WHERE seq = 3")
    await region.plane.database.run_tx(lambda tx: tx.execute(change))

    log = await exported(region)

    report = verify_log(lambda: lines_of(log), keys=region.plane.signer.jwks())
    recorded = (await list_events(region.plane, region.person(), EVERY_PAGE)).items
    assert report.finding is not None
    assert (report.finding.fault, report.finding.line) == ("changed", 5)
    assert report.finding.event_id == next(each.event_id for each in recorded if each.seq == 3)


# ---------------------------------------------------------------- marks


async def test_a_mark_is_set_again_after_its_time_and_by_one_of_many_alone(region: LiveRegion):
    async def mark() -> bool:
        return await region.plane.database.run_tx(
            lambda tx: mark_again(tx, ACCOUNT, "user/x", "kind", now=region.clock(), every=MINUTE)
        )

    assert sorted(await asyncio.gather(*(mark() for _ in range(6)))) == [False] * 5 + [True]
    region.clock.advance(seconds=59)
    assert not await mark()
    region.clock.advance(seconds=1)
    assert await mark()


async def test_marks_are_forgotten_after_every_session_that_they_could_be_about(region: LiveRegion):
    await region.plane.database.run_tx(
        lambda tx: mark_again(tx, ACCOUNT, "user/x", "kind", now=region.clock(), every=MINUTE)
    )
    region.clock.advance(hours=24)
    assert await forget_marks(region.plane) == 0
    region.clock.advance(hours=2)
    assert await forget_marks(region.plane) == 1
    assert await region.plane.database.read(lambda tx: tx.all(select(audit_marks))) == []
