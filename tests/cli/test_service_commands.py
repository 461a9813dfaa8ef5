"""Commands about services: the operator's, on manifests and an installation, and an account's."""

import asyncio
import json
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from domicile.apps.operate import migrate
from domicile.infra.service_settings import make_missing_credentials
from domicile.infra.settings import load_settings
from tests.cli.conftest import Run
from tests.cli.peer import Peer
from tests.support.services import EVERYTHING, EXAMPLE, manifest_text, write_manifest

SCANNER = {"full-access": EVERYTHING, "read-only": EVERYTHING[:1], "scanner": EVERYTHING[:1]}


@pytest.fixture
def where(tmp_path: Path) -> list[str]:
    """Options of a migrated installation that has registered a service."""
    manifest = write_manifest(tmp_path, manifest_text(levels=SCANNER))
    (tmp_path / "domicile.toml").write_text(f'[[services]]\nmanifest = "{manifest.name}"\n')
    options = ["--config", str(tmp_path / "domicile.toml"), "--data", str(tmp_path / "var")]
    asyncio.run(migrate(load_settings(tmp_path / "domicile.toml", tmp_path / "var", {})))
    return options


def test_a_sound_manifest_is_summed_up(run: Run, tmp_path: Path):
    ended = run("service", "check", str(EXAMPLE), "--data", str(tmp_path))

    assert ended.code == 0
    assert "Workload security, version 2, 3 levels, 4 kinds." in ended.out
    assert "has not registered it" in ended.out
    told = json.loads(run("service", "check", str(EXAMPLE), "--data", str(tmp_path), "--json").out)
    assert (told["isSound"], told["registeredVersion"], told["kinds"]) == (
        True,
        None,
        ["computer", "script", "policy", "setting"],
    )


def test_every_fault_of_a_manifest_is_explained(run: Run, tmp_path: Path):
    manifest = write_manifest(tmp_path, manifest_text(levels={"full-access": []}), schema={"type": "array"})

    ended = run("service", "check", str(manifest), "--data", str(tmp_path))

    assert ended.code == 1
    for fault in ("read-only is missing", "full-access lacks workload:policy:read", "policy.json: type"):
        assert fault in ended.err


def test_a_fault_in_a_registered_manifest_is_one_of_the_configuration(run: Run, tmp_path: Path):
    write_manifest(tmp_path, manifest_text(more='regions = ["mars-1"]\n'))
    (tmp_path / "domicile.toml").write_text(
        '[[services]]\nmanifest = "workload.toml"\n[[services]]\nmanifest = "none.toml"\n'
    )

    ended = run("config", "check", "--config", str(tmp_path / "domicile.toml"), "--data", str(tmp_path))

    assert ended.code == 1
    assert "no region 'mars-1'" in ended.err and "none.toml cannot be read" in ended.err


def test_registered_services_are_listed(run: Run, where: list[str], tmp_path: Path):
    ended = run("service", "list", *where)
    assert "Workload security" in ended.out and "full-access, read-only, scanner" in ended.out
    (listed,) = json.loads(run("service", "list", *where, "--json").out)["services"]
    assert (listed["name"], listed["version"], listed["hasCredential"]) == ("workload", 1, False)
    assert "registers no service" in run("service", "list", "--data", str(tmp_path)).out


def test_a_change_without_a_higher_version_is_refused(run: Run, where: list[str], tmp_path: Path):
    ended = run("service", "check", str(write_manifest(tmp_path, manifest_text(), "new.toml")), *where)

    assert ended.code == 1 and "version: must be more than 1" in ended.err
    same = write_manifest(tmp_path, manifest_text(levels=SCANNER), "same.toml")
    ended = run("service", "check", str(same), *where)
    assert ended.code == 0 and "withdraws nothing" in ended.out


def test_the_services_of_an_account_are_listed_and_shown(run: Run, entered: Peer):
    listed = {"services": [{"name": "workload", "title": "Workload security", "version": 3}]}
    entered.answer("GET /api/services", 200, listed)
    assert "Workload security" in run("services", "list").out
    assert json.loads(run("services", "list", "--json").out) == listed

    kind = {
        "name": "policy",
        "plural": "policies",
        "title": "Policies",
        "category": "security-policy",
        "most": 5,
        "schema": {},
    }
    told = {
        **listed["services"][0],
        "levels": [{"level": "read-only", "permissions": []}],
        "kinds": [kind],
        "meters": [],
    }
    entered.answer("GET /api/services/workload", 200, told)
    shown = run("services", "show", "workload")
    assert "version 3, levels read-only" in shown.out and "security-policy" in shown.out
    assert json.loads(run("services", "show", "workload", "--json").out) == told


ITEM = {
    "name": "etc",
    "labels": {"stage": "live"},
    "spec": {"paths": ["/etc"]},
    "version": 2,
    "created": "2026-11-27T10:15:00Z",
    "lastModified": "2026-11-27T10:16:00Z",
}


def test_items_are_listed_and_shown(run: Run, entered: Peer):
    entered.answer("GET /api/services/workload/policies?limit=250", 200, {"items": [ITEM]})
    entered.answer("GET /api/services/workload/policies/etc", 200, ITEM)

    assert "stage=live" in run("items", "list", "workload/policies").out
    shown = run("items", "show", "workload/policies", "etc").out
    assert "etc, version 2" in shown and '"/etc"' in shown
    assert json.loads(run("items", "show", "workload/policies", "etc", "--json").out) == ITEM


def test_an_item_is_made_where_there_is_none(run: Run, entered: Peer, tmp_path: Path):
    (tmp_path / "spec.json").write_text('{"paths": ["/etc"]}')
    put = ("items", "put", "workload/policies", "etc", str(tmp_path / "spec.json"), "--label", "stage=live")
    one, all_ = "POST /api/services/workload/policies/etc", "POST /api/services/workload/policies"
    entered.answer(one, 404, {"message": "There is no such item."})
    entered.answer(all_, 201, ITEM)

    assert "Made." in run(*put).err
    assert entered.sent(all_)[0].body == {
        "name": "etc",
        "spec": {"paths": ["/etc"]},
        "labels": {"stage": "live"},
    }


def test_an_item_that_is_there_is_changed(run: Run, entered: Peer):
    one = "POST /api/services/workload/policies/etc"
    entered.answer(one, 200, ITEM)

    ended = run("items", "put", "workload/policies", "etc", "-", stdin='{"paths": ["/usr"]}')

    assert "Changed." in ended.err
    assert entered.sent(one)[-1].body == {"spec": {"paths": ["/usr"]}}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("workload", "etc", "-"), "names no kind"),
        (("workload/policies/x", "etc", "-"), "names no kind"),
        (("workload/policies", "etc", "/nowhere.json"), "cannot be read"),
        (("workload/policies", "etc", "-"), "is not JSON"),
    ],
)
def test_what_cannot_be_put_is_explained(run: Run, entered: Peer, arguments: tuple[str, ...], told: str):
    ended = run("items", "put", *arguments, stdin="{" if told == "is not JSON" else "{}")
    assert ended.code == 2 and told in ended.err


def test_an_item_is_deleted_only_when_that_is_meant(run: Run, entered: Peer):
    asked = "DELETE /api/services/workload/policies/etc"
    entered.answer(asked, 204, None)

    assert run("items", "delete", "workload/policies", "etc").code != 0
    assert not entered.sent(asked)
    assert run("items", "delete", "workload/policies", "etc", "--yes").code == 0
    assert entered.sent(asked)


def test_a_credential_in_a_file_is_made_once_and_read_by_its_owner_alone(tmp_path: Path):
    config = tmp_path / "domicile.toml"
    config.write_text(f'[[services]]\nmanifest = "{EXAMPLE}"\ncredential_file = "services/workload.token"\n')
    before = load_settings(config, tmp_path / "var", {}).services
    assert before[0].credential is None

    assert make_missing_credentials(before)

    made = tmp_path / "var" / "services" / "workload.token"
    after = load_settings(config, tmp_path / "var", {}).services
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert after[0].credential == sha256(made.read_bytes()).digest()
    assert not make_missing_credentials(after)


def test_a_credential_is_given_in_one_way(run: Run, tmp_path: Path):
    config = tmp_path / "domicile.toml"
    config.write_text(
        f'[[services]]\nmanifest = "{EXAMPLE}"\ncredential_file = "x"\ncredential_sha256 = "{"0" * 64}"\n'
    )
    ended = run("config", "check", "--config", str(config), "--data", str(tmp_path))
    assert ended.code != 0 and "either credential_sha256 or credential_file" in ended.err


LISTENING = 'lifecycle = { url = "http://127.0.0.1:9/lifecycle" }\n'


def test_the_secret_of_what_a_service_is_told_is_that_of_one_region(run: Run, tmp_path: Path):
    write_manifest(tmp_path, manifest_text(more=LISTENING))
    (tmp_path / "domicile.toml").write_text('[[services]]\nmanifest = "workload.toml"\n')
    where = ("--config", str(tmp_path / "domicile.toml"), "--data", str(tmp_path / "var"))

    secret = run("webhooks", "secret", "workload", "de-1", *where)
    assert secret.out.startswith("whsec_") and "nobody else" in secret.err
    assert run("webhooks", "secret", "workload", "us-1", *where).out != secret.out
    assert json.loads(run("webhooks", "secret", "workload", "de-1", "--json", *where).out)["secret"] == (
        secret.out.strip()
    )
    for name, region in (("nobody", "de-1"), ("workload", "mars-1")):
        assert run("webhooks", "secret", name, region, *where).code == 2


def test_what_services_have_not_taken_is_shown_and_sent_again(run: Run, where: list[str]):
    assert "has taken everything" in run("webhooks", "status", *where).out
    assert json.loads(run("webhooks", "status", "--json", *where).out) == {"events": []}
    assert "0 events" in run("webhooks", "send", "workload", *where).out
    assert "0 events" in run("webhooks", "send", "workload", "--since", "2026-11-27T10:00:00Z", *where).out
    assert run("webhooks", "send", "workload", "--since", "yesterday", *where).code == 2
    assert run("webhooks", "send", "workload", "--since", "2026-11-27", "--event", "evt_1", *where).code == 2


def test_a_credential_for_a_region_that_is_not_there_is_a_fault(run: Run, tmp_path: Path):
    config = tmp_path / "domicile.toml"
    mark = "0" * 64
    config.write_text(
        f'[[services]]\nmanifest = "{EXAMPLE}"\nregion_credentials_sha256 = {{ "mars-1" = "{mark}" }}\n'
    )
    ended = run("config", "check", "--config", str(config), "--data", str(tmp_path))
    assert ended.code != 0 and "'mars-1', which is no region" in ended.err
