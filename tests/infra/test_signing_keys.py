"""Signing keys rotate in three steps, by one of several processes, and every process follows; what leaked counts no more."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from domicile.identity.signing.service import identity_keeper
from domicile.identity.signing.store import identity_signing_keys
from domicile.infra.databases import Database, IdentityTx, RegionTx, identity_database, region_database
from domicile.infra.planes import IDENTITY, REGION
from domicile.infra.secrets import Keyring
from domicile.infra.signing import find_key, read_signed
from domicile.infra.signing_keys import KeyKeeper, Rotation, RotationRefused, list_keys
from domicile.kernel.ids import RegionId
from domicile.kernel.signing_keys import CLOCK_SKEW, LONGEST_TOKEN, PUBLISHED_AHEAD, KeyState
from domicile.region.signing.service import region_keeper
from domicile.region.signing.store import signing_keys
from tests.support.people import FrozenClock

DE = RegionId("de-1")
SEALER = Keyring(bytes(range(32))).sealer("region de-1")
TOKEN = "at+jwt"
Make = Callable[[], KeyKeeper[RegionTx]]


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
async def database(make_database: Callable[[str], str]) -> AsyncGenerator[Database[RegionTx]]:
    opened = region_database(make_database("region"), DE)
    async with opened.engine.begin() as connection:
        await connection.run_sync(REGION.create_all)
    yield opened
    await opened.close()


@pytest.fixture
def make(database: Database[RegionTx], clock: FrozenClock) -> Make:
    """Makes the keeper of one more process."""
    return lambda: region_keeper(DE, database, SEALER, clock)


@pytest.fixture
async def node(make: Make) -> KeyKeeper[RegionTx]:
    keeper = make()
    await keeper.open()
    return keeper


def token_of(keeper: KeyKeeper[RegionTx]) -> str:
    return keeper.keys.sign({"n": 1}, type_=TOKEN)


def is_believed(keeper: KeyKeeper[RegionTx], token: str, now: datetime) -> bool:
    return keeper.keys.read_token(token, type_=TOKEN, now=now) == {"n": 1}


def published(keeper: KeyKeeper[RegionTx], now: datetime) -> list[str]:
    return [key["kid"] for key in keeper.keys.token_jwks(now)["keys"]]  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]  # a list, in a mapping of objects


async def states(database: Database[RegionTx]) -> dict[str, KeyState]:
    return {key.kid: key.state for key in await list_keys(signing_keys, database)}


async def sealed(database: Database[RegionTx]) -> dict[str, bytes]:
    rows = await database.read(
        lambda tx: tx.all(select(signing_keys.c.kid, signing_keys.c.sealed_private_key))
    )
    return {row.kid: row.sealed_private_key for row in rows}


async def test_a_rotation_goes_from_published_to_signing_to_former(
    database: Database[RegionTx], node: KeyKeeper[RegionTx], clock: FrozenClock
):
    old, token = node.keys.key_id, token_of(node)

    begun = await node.rotate(old)
    await node.refresh()
    assert (begun.former, begun.signs_from) == (old, clock() + PUBLISHED_AHEAD)
    assert (node.keys.key_id, published(node, clock())) == (old, [old, begun.kid])

    clock.now += PUBLISHED_AHEAD - timedelta(seconds=1)
    await node.refresh()
    assert node.keys.key_id == old
    last = token_of(node)

    clock.advance(seconds=1)
    await node.refresh()
    assert node.keys.key_id == begun.kid
    assert await states(database) == {old: KeyState.FORMER, begun.kid: KeyState.CURRENT}
    assert is_believed(node, last, clock())
    assert is_believed(node, token_of(node), clock())

    clock.now += LONGEST_TOKEN + CLOCK_SKEW
    await node.refresh()
    assert published(node, clock()) == [begun.kid]
    assert not is_believed(node, last, clock())
    assert node.keys.read(token, type_=TOKEN) == {"n": 1}


async def test_what_was_signed_years_ago_is_still_verified_by_the_published_statement_keys(
    node: KeyKeeper[RegionTx], clock: FrozenClock
):
    first = node.keys.key_id
    receipt = node.keys.sign({"n": 1}, type_="receipt")
    for _ in range(3):
        await node.rotate(node.keys.key_id)
        await node.refresh()
        clock.advance(days=400)
        await node.refresh()

    jwks = node.keys.jwks()

    assert read_signed(jwks, receipt, type_="receipt") == {"n": 1}
    assert {
        "state": "former",
        "created": "2026-11-23T14:00:00Z",
        "signsFrom": "2026-11-23T14:00:00Z",
    }.items() <= (find_key(jwks, receipt).items())
    assert find_key(jwks, receipt)["kid"] == first
    assert read_signed(node.keys.token_jwks(clock()), receipt, type_="receipt") is None
    assert all("d" not in key for key in jwks["keys"])  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType, reportUnknownArgumentType]


async def test_the_private_part_is_destroyed_when_a_key_stops_signing(
    database: Database[RegionTx], node: KeyKeeper[RegionTx], clock: FrozenClock
):
    old = node.keys.key_id
    begun = await node.rotate(old)
    clock.now += PUBLISHED_AHEAD
    await node.refresh()
    await node.refresh()
    assert node.keys.key_id == begun.kid
    kept = await sealed(database)
    assert (kept[old], len(kept[begun.kid]) > 28) == (b"", True)

    await node.rotate_now(begun.kid)

    assert (await sealed(database))[begun.kid] == b""


async def test_two_rotations_at_once_are_one_and_the_other_says_so(
    database: Database[RegionTx], make: Make, node: KeyKeeper[RegionTx]
):
    others = [make() for _ in range(4)]
    for other in others:
        await other.open()

    ended = await asyncio.gather(*(each.rotate(node.keys.key_id) for each in others), return_exceptions=True)

    assert [type(each) for each in ended].count(Rotation) == 1
    assert all(isinstance(each, Rotation | RotationRefused) for each in ended)
    assert "under way" in str(next(each for each in ended if isinstance(each, RotationRefused)))
    assert sorted((await states(database)).values()) == [KeyState.CURRENT, KeyState.NEXT]


async def test_two_withdrawals_at_once_are_one_and_the_other_says_so(
    database: Database[RegionTx], make: Make, node: KeyKeeper[RegionTx]
):
    others = [make() for _ in range(3)]
    for other in others:
        await other.open()
    old = node.keys.key_id

    ended = await asyncio.gather(*(each.rotate_now(old) for each in others), return_exceptions=True)

    assert [type(each) for each in ended].count(Rotation) == 1
    assert "meanwhile" in str(next(each for each in ended if isinstance(each, RotationRefused)))
    assert sorted((await states(database)).values()) == [KeyState.CURRENT, KeyState.WITHDRAWN]


async def test_of_nodes_that_find_the_next_key_due_at_once_all_end_with_it(
    database: Database[RegionTx], make: Make, node: KeyKeeper[RegionTx], clock: FrozenClock
):
    begun = await node.rotate(node.keys.key_id)
    nodes = [node, *(make() for _ in range(3))]
    for each in nodes:
        await each.open()
    clock.now += PUBLISHED_AHEAD

    await asyncio.gather(*(each.refresh() for each in nodes))

    assert {each.keys.key_id for each in nodes} == {begun.kid}
    assert sorted((await states(database)).values()) == [KeyState.CURRENT, KeyState.FORMER]


async def test_a_node_that_lags_behind_is_believed_by_the_others(
    make: Make, node: KeyKeeper[RegionTx], clock: FrozenClock
):
    lagging = make()
    await lagging.open()
    await node.rotate(node.keys.key_id)
    await lagging.refresh()
    await node.refresh()
    clock.now += PUBLISHED_AHEAD
    await node.refresh()
    clock.now += CLOCK_SKEW

    assert lagging.keys.key_id != node.keys.key_id
    assert is_believed(node, token_of(lagging), clock())
    assert is_believed(lagging, token_of(node), clock())


async def test_a_withdrawn_key_is_believed_by_no_node_once_it_has_looked(
    make: Make, node: KeyKeeper[RegionTx], clock: FrozenClock
):
    other = make()
    await other.open()
    token, dropped = token_of(other), []
    other.keys.when_replaced(lambda: dropped.append("all"))

    made = await node.rotate_now(node.keys.key_id)
    await other.refresh()

    assert dropped == ["all"]
    assert not is_believed(other, token, clock())
    assert not other.keys.stands_by(token)
    assert published(other, clock()) == [made.kid]
    assert find_key(other.keys.jwks(), token)["withdrawn"] == "2026-11-23T14:00:00Z"
    await node.refresh()
    assert is_believed(other, token_of(node), clock())


async def test_a_withdrawal_takes_the_next_key_and_those_of_living_tokens_with_it(
    database: Database[RegionTx], node: KeyKeeper[RegionTx], clock: FrozenClock
):
    for _ in range(2):
        clock.advance(seconds=1)
        await node.rotate(node.keys.key_id)
        await node.refresh()
        clock.now += PUBLISHED_AHEAD
        await node.refresh()
        clock.advance(minutes=5)
    await node.rotate(node.keys.key_id)
    clock.advance(seconds=1)
    before = [key.state for key in await list_keys(signing_keys, database)]
    assert before == [KeyState.FORMER, KeyState.FORMER, KeyState.CURRENT, KeyState.NEXT]

    await node.rotate_now(node.keys.key_id)

    ended = await list_keys(signing_keys, database)
    after = [key.state for key in ended]
    assert [key.signed_until is None for key in ended] == [False, False, False, True, True]
    assert after == [KeyState.FORMER, *[KeyState.WITHDRAWN] * 3, KeyState.CURRENT]


async def test_a_key_of_which_the_node_has_not_heard_is_looked_for_once_a_second(
    make: Make, node: KeyKeeper[RegionTx], monkeypatch: pytest.MonkeyPatch
):
    other, moment = make(), [1000.0]
    await other.open()
    monkeypatch.setattr("domicile.infra.signing_keys.time.monotonic", lambda: moment[0])
    looks: list[float] = []
    refresh = other.refresh

    async def counted() -> None:
        looks.append(moment[0])
        await refresh()

    monkeypatch.setattr(other, "refresh", counted)
    made = await node.rotate_now(node.keys.key_id)
    assert not other.keys.knows(made.kid)

    for _ in range(50):
        await other.look_again()
    assert looks == [1000.0]
    assert other.keys.knows(made.kid)
    moment[0] += 1.0
    await other.look_again()
    assert looks == [1000.0, 1001.0]


async def test_a_look_at_unchanged_keys_reads_once_and_replaces_nothing(
    database: Database[RegionTx], node: KeyKeeper[RegionTx]
):
    replaced: list[str] = []
    node.keys.when_replaced(lambda: replaced.append("all"))

    for _ in range(3):
        await node.refresh()

    assert replaced == []


async def test_another_root_key_opens_nothing_and_says_nothing_of_the_key(
    database: Database[RegionTx], node: KeyKeeper[RegionTx], clock: FrozenClock
):
    stranger = region_keeper(DE, database, Keyring(bytes(32)).sealer("region de-1"), clock)

    with pytest.raises(ValueError, match="another key") as refused:
        await stranger.open()
    assert node.keys.key_id not in str(refused.value)


async def test_a_key_that_was_put_into_the_database_is_not_signed_with(
    database: Database[RegionTx], make: Make, node: KeyKeeper[RegionTx]
):
    await database.run_tx(
        lambda tx: tx.execute(update(signing_keys).values(kid="de-1.0123456789abcdef"))
    )  # the sealed part is bound to the name under which it was sealed

    with pytest.raises(ValueError, match="another context"):
        await make().open()


async def test_tokens_without_a_known_key_or_of_another_type_are_not_believed(
    node: KeyKeeper[RegionTx], clock: FrozenClock
):
    token = token_of(node)
    head, claims, signature = token.split(".")

    for changed in ("", "a.b", "W10.e30.c2ln", f"{head}.{claims}.", f"e30.{claims}.{signature}", "💥"):
        assert node.keys.read_token(changed, type_=TOKEN, now=clock()) is None
        assert node.keys.read(changed, type_=TOKEN) is None
    assert node.keys.read_token(token, type_="other+jwt", now=clock()) is None


async def test_nothing_that_is_printed_holds_a_private_part(node: KeyKeeper[RegionTx]):
    shown = " ".join(repr(each) for each in (node, node.keys, node.keys._signer, *node.keys.known))
    private = node.keys._signer._key.as_dict(private=True)["d"]

    assert str(private) not in shown


async def test_identity_has_keys_of_its_own_by_the_same_rules(
    make_database: Callable[[str], str], clock: FrozenClock
):
    database: Database[IdentityTx] = identity_database(make_database("identity"))
    try:
        async with database.engine.begin() as connection:
            await connection.run_sync(IDENTITY.create_all)
        keeper = identity_keeper(database, Keyring(bytes(range(32))).sealer("identity"), clock)
        keys = await keeper.open()
        old = keys.key_id
        assert old.startswith("identity.")
        begun = await keeper.rotate(old)
        await keeper.refresh()
        clock.now += PUBLISHED_AHEAD
        await keeper.refresh()
        assert keys.key_id == begun.kid
        assert [key.state for key in await list_keys(identity_signing_keys, database)] == [
            KeyState.FORMER,
            KeyState.CURRENT,
        ]
    finally:
        await database.close()
