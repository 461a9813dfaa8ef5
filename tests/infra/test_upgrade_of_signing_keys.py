"""A region's database of the first release, with its one signing key, brought to this one and back: what it signed stays good."""

from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, insert, select
from sqlalchemy.exc import IntegrityError

from domicile.infra.databases import Database, RegionTx, region_database
from domicile.infra.migrations import History, migrations_folder, upgrade
from domicile.infra.secrets import Keyring
from domicile.infra.signing import new_signer
from domicile.infra.signing_keys import list_keys
from domicile.kernel.ids import RegionId
from domicile.kernel.signing_keys import KeyState
from domicile.region.signing.service import region_keeper
from domicile.region.signing.store import signing_keys
from tests.support.people import FrozenClock

DE = RegionId("de-1")
BORN = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
SEALER = Keyring(bytes(range(32))).sealer("region de-1")


@pytest.fixture
async def database(make_database: Callable[[str], str]) -> AsyncGenerator[Database[RegionTx]]:
    opened = region_database(make_database("region"), DE)
    yield opened
    await opened.close()


def _migrate(connection: Connection, to: str, step: Callable[..., None]) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(migrations_folder() / History.REGION))
    config.set_main_option("path_separator", "os")
    step(config, to)


async def test_the_one_key_goes_on_signing_and_can_be_rotated(database: Database[RegionTx]):
    signer = new_signer("de-1")

    def begin(connection: Connection) -> None:
        _migrate(connection, "region_0001", command.upgrade)
        found = MetaData()
        found.reflect(connection, only=["signing_keys"])
        row = {
            "kid": signer.key_id,
            "state": "current",
            "sealed_private_key": SEALER.seal(signer.private_bytes(), context=f"signing key {signer.key_id}"),
            "public_key": signer.public_key(),
            "created_at": BORN,
        }
        connection.execute(insert(found.tables["signing_keys"]).values(row))

    async with database.engine.begin() as connection:
        await connection.run_sync(begin)
    receipt = signer.sign({"n": 1}, type_="receipt")

    await upgrade(database.engine, History.REGION)

    (key,) = await list_keys(signing_keys, database)
    assert (key.kid, key.state, key.created_at, key.signs_from) == (
        signer.key_id,
        KeyState.CURRENT,
        BORN,
        BORN,
    )
    assert (key.signed_until, key.withdrawn_at) == (None, None)
    keeper = region_keeper(DE, database, SEALER, FrozenClock())
    keys = await keeper.open()
    assert keys.key_id == signer.key_id
    assert keys.read(receipt, type_="receipt") == {"n": 1}
    made = await keeper.rotate_now(signer.key_id)

    async with database.engine.begin() as connection:
        await connection.run_sync(_migrate, "region_0007", command.downgrade)
    await upgrade(database.engine, History.REGION)
    assert [key.kid for key in await list_keys(signing_keys, database)] == [made.kid]


async def test_the_engine_itself_keeps_two_keys_from_signing(database: Database[RegionTx]):
    await upgrade(database.engine, History.REGION)
    moments = {"created_at": BORN, "signs_from": BORN}
    for state in ("current", "next", "former", "former", "withdrawn", "withdrawn"):
        await _add(database, state, moments)

    for state in ("current", "next"):
        with pytest.raises(Exception, match="IntegrityError") as refused:
            await _add(database, state, moments)
        assert not isinstance(refused.value, IntegrityError)  # never the driver's own words

    rows = await database.read(lambda tx: tx.all(select(signing_keys.c.state)))
    assert len(rows) == 6


async def _add(database: Database[RegionTx], state: str, moments: dict[str, datetime]) -> None:
    signer = new_signer("de-1")
    row = {"kid": signer.key_id, "state": state, "sealed_private_key": b"", "public_key": {}, **moments}
    await database.run_tx(lambda tx: tx.execute(tx.insert(signing_keys).values(row)))
