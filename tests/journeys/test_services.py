"""Services of the platform as accounts see them: those of their region, with levels for their roles and kinds with schemas."""

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from domicile.apps.cli.__main__ import main
from tests.support.api import Install, serving
from tests.support.people import FrozenClock
from tests.support.services import EVERYTHING, EXAMPLE, manifest_text, register, write_manifest
from tests.support.world import Account, World


@pytest.fixture(scope="module")
def platform(install: Install, tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    """A platform with a service in every region, and one in Germany alone."""
    installed = install()
    german = manifest_text(more='regions = ["de-1"]\n').replace("workload", "tresor")
    folder: Path = tmp_path_factory.mktemp("services")
    config = register(installed, EXAMPLE, write_manifest(folder, german, "tresor.toml"))
    with serving(config, installed.data, FrozenClock()) as server:
        yield World(server)


@pytest.fixture(scope="module")
def labs(platform: World) -> Account:
    return platform.account(platform.person("Ann Example"), "de-1", "Labs")


def names(account: Account) -> list[str]:
    return [service["name"] for service in account.api.call("GET", "/api/services")["services"]]


def test_an_account_has_the_services_of_its_region(platform: World, labs: Account) -> None:
    shop = platform.account(platform.person(), "us-1", "Shop")

    assert names(labs) == ["cloudaccounts", "workload", "tresor"]
    assert names(shop) == ["cloudaccounts", "workload"]
    listed = labs.api.call("GET", "/api/services")["services"][1]
    assert listed == {"name": "workload", "title": "Workload security", "version": 2}
    assert labs.api.call("GET", "/api/services/tresor")["name"] == "tresor"
    refused = shop.api.get("/api/services/tresor")
    assert refused.status_code == 404
    assert refused.json()["type"].endswith("/not-found")


def test_a_service_is_described_with_its_kinds_and_their_schemas(labs: Account) -> None:
    told = labs.api.call("GET", "/api/services/workload")

    assert [level["level"] for level in told["levels"]] == ["full-access", "read-only", "auditor"]
    assert told["levels"][2]["permissions"] == ["workload:finding:read"]
    kinds = {kind["name"]: kind for kind in told["kinds"]}
    assert [(kind["plural"], kind["category"]) for kind in told["kinds"]] == [
        ("computers", "resource"),
        ("scripts", "deployment"),
        ("policies", "security-policy"),
        ("settings", "configuration"),
    ]
    assert kinds["policy"]["schema"]["properties"]["paths"]["type"] == "array"
    assert told["meters"] == [{"name": "computer-hours", "title": "Computers looked after", "unit": "hour"}]


def test_whoever_is_in_the_account_sees_its_services_and_nobody_else(platform: World, labs: Account) -> None:
    platform.role(labs, "clerk", {"billing": "read-only"}, "Clerk")
    clerk = platform.join(labs, platform.person(), "clerk")
    key = platform.key(labs.api, "clerk").api
    for api in (clerk, key):
        listed = api.call("GET", "/api/services")["services"]
        assert [each["name"] for each in listed] == ["cloudaccounts", "workload", "tresor"]

    stranger = platform.person()
    for api, status in ((stranger.api, 403), (stranger.api.with_(None), 401)):
        assert api.get("/api/services").status_code == status


def test_a_level_of_a_service_makes_a_role_that_the_decision_knows(platform: World, labs: Account) -> None:
    platform.role(labs, "auditor", {"workload": "auditor"}, "Auditor")
    auditor = platform.join(labs, platform.person(), "auditor")

    assert auditor.call("GET", "/api/whoami")["levels"] == {"workload": "auditor"}
    for action, allowed in (("workload:finding:read", True), ("workload:policy:read", False)):
        decided = auditor.call("POST", "/api/access/check", {"action": action})
        assert decided["allowed"] is allowed
    matrix = labs.api.call("GET", "/api/role-matrix")
    assert {"workload", "tresor"} <= {service["service"] for service in matrix["services"]}
    assert labs.api.call("POST", "/api/access/check", {"action": EVERYTHING[3]})["allowed"]


def test_a_service_that_nobody_registered_is_not_found(labs: Account) -> None:
    for name in ("identity", "nothing", "WORKLOAD", "%00", "a" * 300, "..%2Froles"):
        refused = labs.api.get(f"/api/services/{name}")
        assert refused.status_code == 404, name


def test_what_is_withdrawn_is_said_and_refused_only_where_roles_give_it(
    install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scanner = {"full-access": EVERYTHING, "read-only": EVERYTHING[:1], "scanner": EVERYTHING[:1]}
    installed = install()
    config = register(installed, write_manifest(tmp_path, manifest_text(levels=scanner)))
    with serving(config, installed.data, FrozenClock()) as server:
        world = World(server)
        labs = world.account(world.person(), "de-1", "Labs")
        world.role(labs, "probe", {"workload": "scanner"}, "Probe")

    def check(*more: str) -> tuple[int, str, str]:
        where = ["--config", str(config), "--data", str(installed.data)]
        with pytest.raises(SystemExit) as ended:
            main(["service", "check", str(fewer), *where, *more])
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    fewer = write_manifest(tmp_path, manifest_text(version=2), "new.toml")
    code, out, err = check()

    assert code == 1 and "--accept-withdrawals" in err
    assert "the level scanner" in out
    assert f"de-1: the role probe of account {labs.id} gives scanner" in out
    code, out, _err = check("--json", "--accept-withdrawals")
    told = json.loads(out)
    assert (code, told["withdrawn"]["levels"]) == (0, ["scanner"])
    assert told["rolesInUse"] == [{"region": "de-1", "account": labs.id, "role": "probe", "level": "scanner"}]
