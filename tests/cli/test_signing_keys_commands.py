"""An operator's commands about signing keys: what is there, what will be done, and what was refused; never a private part."""

import asyncio
import json
from pathlib import Path

import pytest

from domicile.apps.node import open_node
from domicile.infra.settings import load_settings
from domicile.kernel.clock import utc_now
from tests.cli.conftest import Run

REGIONS = ["us-1", "de-1", "jp-1"]
KEY = "c0ffee11" * 8


@pytest.fixture(scope="module")
def began(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that a server has started on once."""
    data = tmp_path_factory.mktemp("data")

    async def start_once() -> None:
        node = await open_node(load_settings(None, data, {}), utc_now)
        await node.close()

    asyncio.run(start_once())
    return data


def listed(run: Run, data: Path, *more: str) -> list[dict[str, str]]:
    return json.loads(run("signing-keys", "list", "--data", str(data), "--json", *more).out)["signingKeys"]


def test_every_key_is_listed_with_its_life_and_without_its_private_part(run: Run, began: Path):
    keys = listed(run, began)

    assert [key["owner"] for key in keys if key["state"] == "current"][:1] == ["identity"]
    assert {key["owner"] for key in keys} == {"identity", *REGIONS}
    assert {
        "kid",
        "owner",
        "state",
        "algorithm",
        "created",
        "signsFrom",
        "signedUntil",
        "retires",
        "withdrawn",
    } == set(keys[0])
    assert keys[0]["algorithm"] == "ES256"
    shown = run("signing-keys", "list", "--data", str(began)).out
    assert all(key["kid"] in shown for key in keys)
    assert "Signs from" in shown


def test_a_rotation_shows_its_plan_and_says_when_the_new_key_signs(run: Run, began: Path):
    (before,) = listed(run, began, "--region", "us-1")

    ran = run("signing-keys", "rotate", "--region", "us-1", "--yes", "--data", str(began))

    assert ran.code == 0
    old, new = listed(run, began, "--region", "us-1")
    assert before["kid"] in ran.out
    assert f"us-1: {new['kid']} signs from {new['signsFrom']} on; {old['kid']} signs until then." in ran.out
    assert (old["state"], new["state"], old["retires"]) == ("current", "next", new["signsFrom"])
    assert [key["owner"] for key in listed(run, began, "--identity")] == ["identity"]


def test_a_second_rotation_is_refused_and_the_others_go_on(run: Run, began: Path):
    run("signing-keys", "rotate", "--region", "jp-1", "--yes", "--data", str(began))

    ran = run(
        "signing-keys", "rotate", "--region", "jp-1", "--identity", "--yes", "--json", "--data", str(began)
    )

    assert ran.code == 1
    told = json.loads(ran.out)
    assert [each["owner"] for each in told["rotated"]] == ["identity"]
    assert told["refused"] == ["jp-1: a rotation is under way already."]
    assert "jp-1: a rotation is under way already." in ran.err


def test_a_withdrawal_says_what_breaks_and_signs_at_once(run: Run, began: Path):
    asked = run("signing-keys", "rotate", "--region", "de-1", "--now", "--data", str(began))
    assert asked.code == 2
    assert "Every account token of these regions is refused" in asked.err
    assert [key["state"] for key in listed(run, began, "--region", "de-1")] == ["current"]

    ran = run("signing-keys", "rotate", "--region", "de-1", "--now", "--yes", "--data", str(began))

    withdrawn, current = listed(run, began, "--region", "de-1")
    assert (withdrawn["state"], current["state"]) == ("withdrawn", "current")
    assert withdrawn["withdrawn"] == current["signsFrom"]
    assert f"de-1: {current['kid']} signs now; {withdrawn['kid']} is withdrawn." in ran.out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "--region ID, --identity or --all"),
        (("--region", "xx-9"), "There is no region xx-9 here. There are: us-1, de-1, jp-1."),
    ],
)
def test_a_rotation_of_nothing_is_explained(run: Run, began: Path, words: tuple[str, ...], why: str):
    ran = run("signing-keys", "rotate", *words, "--yes", "--data", str(began))

    assert ran.code == 2
    assert why in " ".join(ran.err.split())


def test_a_folder_without_databases_is_not_made(run: Run, tmp_path: Path):
    for words in (("list",), ("rotate", "--all", "--yes")):
        for folder in (tmp_path, tmp_path / "none"):
            ran = run("signing-keys", *words, "--data", str(folder))
            assert ran.code == 1
            assert "the first start of the server makes it" in " ".join(ran.err.split())
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".db" or path.name == "none"] == []


def test_another_root_key_rotates_nothing(
    run: Run, began: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    before = listed(run, began)
    monkeypatch.setenv("DOMICILE_SECRET_KEY", KEY)

    ran = run("signing-keys", "rotate", "--identity", "--now", "--yes", "--data", str(began))

    assert ran.code == 1
    assert "DOMICILE_SECRET_KEY does not hold the root key" in ran.err
    assert KEY not in ran.out + ran.err
    assert listed(run, began) == before


def test_the_check_of_the_configuration_tries_the_root_key(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config = tmp_path / "domicile.toml"
    config.write_text('secret_key_command = ["/bin/sh", "-c", "echo pw-canary; exit 4"]\n')
    where = ("--config", str(config), "--data", str(tmp_path))

    ran = run("config", "check", *where)
    assert ran.code == 1
    assert "secret_key_command: /bin/sh ended with status 4" in ran.err
    assert "canary" not in ran.out + ran.err

    config.write_text(f'secret_key_command = ["/bin/echo", "{KEY}"]\n')
    assert json.loads(run("config", "check", "--json", *where).out)["rootKey"] == "secret_key_command"

    monkeypatch.setenv("DOMICILE_SECRET_KEY", KEY)
    twice = run("config", "check", *where)
    assert twice.code == 1
    assert "2 sources, secret_key_command and DOMICILE_SECRET_KEY" in " ".join(twice.err.split())
    assert KEY not in twice.out + twice.err
