"""A real server that is killed with SIGKILL in the middle of purging a large account: started again it ends, and the receipt verifies."""

import io
import json
import socket
from collections.abc import Generator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import update

from bench.purging import fill_account
from domicile.apps.cli.__main__ import main
from domicile.apps.operate import purges_status
from domicile.infra.databases import Database, RegionTx, region_database
from domicile.infra.settings import Settings, load_settings
from domicile.kernel.clock import utc_now
from domicile.kernel.ids import AccountId, RegionId
from domicile.region.accounts.store import accounts
from domicile.region.residency.store import count_rows
from tests.support.api import Install
from tests.support.postgres import run_apart
from tests.support.process import RealServer
from tests.support.world import until

_ROWS = 100_000
_KILLS = 3
_MOST_OF_OUTBOX = 5


@pytest.fixture
def real(install: Install) -> Generator[RealServer]:
    """A server in a process of its own, on the databases of the test's engine."""
    installed = install()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        server = RealServer(
            installed.data, client, port, config=installed.config, mails=installed.data / "mail"
        )
        server.start()
        try:
            yield server
        finally:
            server.kill()


def _settings(real: RealServer) -> Settings:
    return load_settings(real.config, real.data, {})


def _database(real: RealServer) -> Database[RegionTx]:
    (url,) = [entry.database for entry in _settings(real).regions if entry.id == "de-1"]
    return region_database(url, RegionId("de-1"))


async def _fill_and_let_time_pass(real: RealServer, account: AccountId) -> None:
    database = _database(real)
    try:
        await fill_account(database, account, rows=_ROWS)
        due = update(accounts).where(accounts.c.account_id == account).values(purge_after=utc_now())
        await database.run_tx(lambda tx: tx.execute(due))
    finally:
        await database.close()


def _rows(real: RealServer, account: str) -> dict[str, int]:
    found: dict[str, int] = {}

    async def count() -> None:
        database = _database(real)
        try:
            found.update(await database.read(lambda tx: count_rows(tx, AccountId(account))))
        finally:
            await database.close()

    run_apart(count())
    return found


def _without_outbox(rows: dict[str, int]) -> int:
    return sum(count for name, count in rows.items() if name != "outbox")


def _progress(real: RealServer) -> list[dict[str, str | int]]:
    found: list[dict[str, str | int]] = []

    async def look() -> None:
        found.extend(await purges_status(_settings(real)))

    run_apart(look())
    return found


@pytest.mark.once("postgresql")
def test_a_purge_of_a_hundred_thousand_rows_survives_kill_9_and_its_receipt_verifies(
    real: RealServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = real.world()
    owner = world.person("Ann Example")
    account, other = world.account(owner), world.account(owner, alias="Other")
    told = owner.api.call("DELETE", f"/api/accounts/{account.id}")
    real.kill()
    of_other = _rows(real, other.id)
    run_apart(_fill_and_let_time_pass(real, AccountId(account.id)))
    before = _without_outbox(_rows(real, account.id))
    assert before > _ROWS

    deleted = [0]
    for _ in range(_KILLS):
        real.start()
        lines = until(
            lambda: _progress(real),
            lambda found: bool(found) and int(found[0]["deleted"]) > deleted[-1] + 2_000,
        )
        real.kill()
        (line,) = _progress(real) or lines
        left = _without_outbox(_rows(real, account.id))
        assert line["account"] == account.id
        assert 0 < left < before
        # Rows of the outbox come and go beside the purge; some of them it deletes itself.
        assert 0 <= int(line["deleted"]) - (before - left) <= _MOST_OF_OUTBOX
        deleted.append(int(line["deleted"]))
    real.start()
    path = f"/api/deletion-receipts/{told['receiptID']}"
    receipt = until(lambda: world.anyone.get(path).json(), lambda body: "digest" in body)

    assert deleted == sorted(set(deleted))
    assert sum(_rows(real, account.id).values()) == 0
    assert receipt["rows"] == sum(receipt["deleted"].values()) >= before
    assert receipt["remaining"] == 0
    assert {name: rows for name, rows in _rows(real, other.id).items() if name != "outbox"} == {
        name: rows for name, rows in of_other.items() if name != "outbox"
    }
    world.enter(owner, other.id).call("GET", "/api/users")
    assert [each["id"] for each in owner.api.call("GET", "/api/accounts")["accounts"]] == [other.id]
    _verify(real, receipt, tmp_path, monkeypatch, capsys)


def _verify(
    real: RealServer,
    receipt: dict[str, object],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Verify the receipt as its reader does: with the server's keys, then offline with a copy of them, then with a change in it."""
    file, keys, changed = (folder / name for name in ("receipt.json", "jwks.json", "changed.json"))
    file.write_text(json.dumps(receipt))
    keys.write_bytes(real.client.get("/.well-known/domicile/de-1/jwks.json").content)
    changed.write_text(json.dumps(receipt | {"rows": 7}))
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    for arguments, code in (
        ((str(receipt["id"]), "--url", real.url), 0),
        ((str(file), "--url", real.url), 0),
        ((str(file), "--jwks", str(keys), "--url", "http://127.0.0.1:9"), 0),
        ((str(changed), "--jwks", str(keys)), 1),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["receipts", "verify", *arguments, "--json"])
        printed = capsys.readouterr()
        assert int(ended.value.code or 0) == code, printed.err
        if code == 0:
            assert json.loads(printed.out)["isGenuine"] is True
