"""The reference service: it manages no users, keeps what is its own in the region of the account, and lets go of it in the end."""

import json
import sqlite3
import stat
from base64 import urlsafe_b64decode
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import Popen
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest

from tests.support.api import Api, installing, serving
from tests.support.databases import DatabaseEngine
from tests.support.people import FrozenClock
from tests.support.services import SERVICE_CREDENTIAL, register
from tests.support.workload import (
    Workload,
    agent_running,
    free_port,
    workload_process,
    workload_running,
    write_manifest_for,
)
from tests.support.world import Account, World, until
from workload_security.__main__ import main

COMPUTERS, POLICIES = "/api/services/workload/computers", "/api/services/workload/policies"


@dataclass
class Stage:
    """A platform, the service, and an account whose owner is User 1, with User 2 as a reader."""

    world: World
    workload: Workload
    account: Account
    reader: Api

    @property
    def owner(self) -> Api:
        return self.workload.as_(self.account.api)

    def entered_again(self) -> "Stage":
        """Sign in and enter the account again: sign-ins become stale, and tokens end."""
        owner = replace(self.account.owner, api=self.world.sign_in(self.account.owner.email))
        api = self.world.enter(owner, self.account.id)
        return replace(self, account=replace(self.account, owner=owner, api=api))

    def in_another_account(self) -> "Stage":
        return replace(self, account=self.world.account(self.account.owner, "de-1", "More Labs"))

    def suspend(self) -> str:
        """Suspend the account; gives the id of its deletion receipt."""
        return self.account.api.call("DELETE", f"/api/accounts/{self.account.id}")["receiptID"]

    def watch(self, name: str, *paths: str) -> None:
        """Make a policy, and a computer that follows it."""
        api = self.account.api
        api.call("POST", POLICIES, {"name": name, "spec": {"paths": list(paths)}}, status=201)
        computer = {"name": name, "spec": {"hostname": name, "policy": name}}
        api.call("POST", COMPUTERS, computer, status=201)

    def token(self) -> str:
        return self.owner.call("POST", "/de-1/activation-tokens", status=201)["token"]

    def enrol(self, name: str, token: str) -> httpx2.Response:
        """Enrol as an agent would, once the service has heard of the computer."""
        return until(
            lambda: self.workload.client.post(
                "/de-1/agents/enrol", json={"token": token, "computer": name, "platform": "linux"}
            ),
            lambda answer: code_in(answer) != "computer-unknown",
        )

    def agent(self, name: str) -> Api:
        return Api(self.workload.client, f"Bearer {self.enrol(name, self.token()).json()['credential']}")

    def findings(self, computer: str, api: Api | None = None) -> list[dict[str, Any]]:
        found = (api or self.owner).call("GET", "/de-1/findings?limit=100")["findings"]
        return [each for each in found if each["computer"] == computer]

    def status(self, computer: str) -> dict[str, Any]:
        return self.account.api.call("GET", f"{COMPUTERS}/{computer}").get("status", {}).get("value", {})


def code_in(answer: httpx2.Response) -> str:
    if answer.headers.get("content-type") != "application/problem+json":
        return ""
    return answer.json()["type"].rpartition(":")[2]


@contextmanager
def staged(request: pytest.FixtureRequest, folders: pytest.TempPathFactory) -> Generator[Stage]:
    folder, port = folders.mktemp("workload"), free_port()
    with installing(DatabaseEngine.SQLITE, request, folders) as install:
        installed = install()
        config = register(installed, write_manifest_for(folder, port), credential=SERVICE_CREDENTIAL)
        with (
            serving(config, installed.data, FrozenClock()) as server,
            workload_running(server, folder / "data", port) as workload,
        ):
            world = World(server)
            account = world.account(world.person("User One"), "de-1", "Labs")
            reader = workload.as_(world.join(account, world.person("User Two")))
            yield Stage(world, workload, account, reader)
            workload.stop()
            for feed in (server.node.service_side.revocations, server.node.service_side.items):
                server.loop.call_soon_threadsafe(feed.stop)


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stage]:
    with staged(request, tmp_path_factory) as shared:
        yield shared


@pytest.fixture
def own_stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stage]:
    """A stage of one test alone, whose clock it may set."""
    with staged(request, tmp_path_factory) as own:
        yield own


@pytest.fixture
def watched(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "passwd").write_text("root")
    return folder


def changes(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["change"], Path(each["path"]).name) for each in reversed(found)]


def put(file: Path, text: str) -> None:
    """Write a file at once, so that no look sees half of it."""
    new = file.parent.parent / "being-written"
    new.write_text(text)
    new.replace(file)


def finding(id_: str = "1", path: str = "/etc/passwd") -> dict[str, object]:
    return {"id": id_, "path": path, "change": "changed", "at": "2026-11-23T14:00:00Z"}


def test_a_file_changes_and_who_may_read_it_sees_it_and_nobody_else(
    stage: Stage, watched: Path, tmp_path: Path
):
    stage.watch("web-1", str(watched))
    token, home = stage.token(), tmp_path / "home"
    until(
        lambda: stage.workload.client.post(
            "/de-1/agents/enrol", json={"token": "wlt_other", "computer": "web-1"}
        ),
        lambda answer: code_in(answer) == "token-refused",
    )
    stage.world.server.clock.advance(seconds=1)
    with agent_running(stage.workload, home, token=token):
        until(lambda: stage.status("web-1").get("policyVersion"), lambda version: version == 1)
        put(watched / "passwd", "root and more")
        put(watched / "new", "")
        found = until(lambda: stage.findings("web-1"), lambda found: len(found) == 2)
    assert sorted(changes(found)) == [("changed", "passwd"), ("created", "new")]
    assert stage.findings("web-1", stage.reader) == found
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in home.iterdir()}
    assert {"credential", "memory.json"} <= set(modes) and set(modes.values()) == {0o600}
    assert token not in str([file.read_bytes() for file in (stage.workload.data).iterdir()])

    (watched / "new").unlink()
    with agent_running(stage.workload, home):
        found = until(lambda: stage.findings("web-1"), lambda found: len(found) == 3)
    assert found[0]["change"] == "deleted"

    stranger = stage.world.account(stage.world.person("User Three"), "de-1", "Elsewhere")
    theirs = stage.workload.as_(stranger.api)
    assert theirs.call("GET", "/de-1/findings")["findings"] == []
    path = f"/de-1/findings/{found[0]['id']}/acknowledge"
    refused = [theirs.post(path), stage.owner.post("/de-1/findings/fnd_none/acknowledge")]
    assert [code_in(each) for each in refused] == ["not-found"] * 2
    assert refused[0].content == refused[1].content
    assert code_in(stage.reader.post(path)) == "not-permitted"
    mine = stage.owner.call("POST", path)["acknowledgedBy"]
    assert stage.account.owner.id in mine and stage.findings("web-1", stage.reader)[0]["acknowledgedBy"]


def test_a_token_makes_one_agent_and_is_nothing_but_a_hash_to_the_service(stage: Stage):
    stage.watch("web-2", "/etc")
    token = stage.token()

    first, second = stage.enrol("web-2", token), stage.enrol("web-2", token)

    assert (first.status_code, code_in(second)) == (201, "token-refused")
    assert code_in(stage.reader.post("/de-1/activation-tokens")) == "not-permitted"
    late = stage.token()
    stage.world.server.clock.advance(seconds=601)
    assert code_in(stage.enrol("web-2", late)) == "token-refused"
    kept = b"".join(file.read_bytes() for file in stage.workload.data.glob("de-1.db*"))
    assert b"wlt_" not in kept and b"wla_" not in kept


def test_an_agent_follows_the_policy_of_its_computer_and_what_it_tells_twice_is_kept_once(stage: Stage):
    stage = stage.entered_again()
    stage.watch("web-3", "/etc/passwd")
    token = stage.token()
    unknown = stage.workload.client.post("/de-1/agents/enrol", json={"token": token, "computer": "nobody"})
    assert (code_in(unknown), "make it first" in unknown.text) == ("computer-unknown", True)
    agent = stage.agent("web-3")
    policy = until(lambda: agent.get("/de-1/agents/policy"), lambda answer: answer.json()["paths"] != [])
    assert policy.json() == {"name": "web-3", "version": 1, "paths": ["/etc/passwd"], "everySeconds": 60}
    applied = {"If-None-Match": policy.headers["etag"]}
    assert agent.get("/de-1/agents/policy", headers=applied).status_code == 304
    stage.account.api.call("POST", f"{POLICIES}/web-3", {"spec": {"paths": ["/usr"], "everySeconds": 5}})
    until(
        lambda: agent.get("/de-1/agents/policy", headers=applied),
        lambda answer: answer.status_code == 200 and answer.json()["paths"] == ["/usr"],
    )

    told = {"findings": [finding("a"), finding("b", "/etc/<b>")]}
    for _ in range(2):
        assert agent.call("POST", "/de-1/agents/findings", told) == {"taken": 2}

    assert [each["path"] for each in stage.findings("web-3")] == ["/etc/<b>", "/etc/passwd"]
    first = stage.owner.call("GET", "/de-1/findings?limit=1")
    rest = stage.owner.call("GET", f"/de-1/findings?limit=100&after={first['next']}")
    assert [each["path"] for each in first["findings"] + rest["findings"]][:2] == ["/etc/<b>", "/etc/passwd"]
    for wrong in ({"findings": [finding(str(n)) for n in range(101)]}, {"findings": [{}]}, []):
        assert code_in(agent.post("/de-1/agents/findings", wrong)) == "invalid-input"
    assert code_in(agent.post("/de-1/agents/findings", {"findings": [finding("c", "/" + "x" * 5000)]}))
    again = stage.agent("web-3")
    assert code_in(agent.get("/de-1/agents/policy")) == "credential-refused"
    assert again.get("/de-1/agents/policy").status_code == 200


def test_an_agent_of_one_region_is_nobody_in_another(stage: Stage):
    stage = stage.entered_again()
    stage.watch("web-4", "/etc")
    agent = stage.agent("web-4")

    assert code_in(agent.get("/us-1/agents/policy")) == "credential-refused"
    assert code_in(stage.owner.get("/us-1/findings")) == "wrong-region"
    assert stage.owner.get("/mars-1/findings").status_code == 404
    for nobody in (stage.workload.as_(stage.world.anyone), agent):
        assert nobody.get("/de-1/findings").status_code == 401


def test_a_suspended_account_stops_its_agents_and_a_restored_one_lets_them_go_on(
    stage: Stage, watched: Path, tmp_path: Path
):
    stage = stage.entered_again().in_another_account()
    stage.watch("web-1", str(watched))
    other = stage.agent("web-1")
    with agent_running(stage.workload, tmp_path / "home", token=stage.token()) as process:
        until(lambda: stage.status("web-1").get("policyVersion"), lambda version: version == 1)
        stage.suspend()
        until(lambda: agent_says(process), lambda said: "suspended" in said)
        assert code_in(other.get("/de-1/agents/policy")) == "credential-refused"
        put(watched / "passwd", "changed meanwhile")

        stage.account.owner.api.call("POST", f"/api/accounts/{stage.account.id}/restore")

        stage = stage.entered_again()
        found = until(lambda: stage.findings("web-1"), bool)
    assert changes(found) == [("changed", "passwd")]


def agent_says(process: Popen[str]) -> str:
    """Read what the agent says next."""
    assert process.stderr is not None
    return process.stderr.readline()


def test_what_happens_while_the_service_is_away_is_not_lost(stage: Stage, watched: Path, tmp_path: Path):
    stage = stage.entered_again().in_another_account()
    stage.watch("web-1", f"{watched}/**")
    with agent_running(stage.workload, tmp_path / "home", token=stage.token()) as process:
        until(lambda: stage.status("web-1").get("policyVersion"), lambda version: version == 1)
        stage.workload.stop()
        stage.watch("web-9", "/etc")
        stage.account.api.call("DELETE", f"{COMPUTERS}/web-9", status=204)
        stage.watch("web-10", "/usr")
        put(watched / "passwd", "changed meanwhile")
        until(lambda: agent_says(process), lambda said: "ConnectError" in said)

        stage.workload.start()

        found = until(lambda: stage.findings("web-1"), bool)
    assert changes(found) == [("changed", "passwd")]
    assert stage.agent("web-10").get("/de-1/agents/policy").json()["paths"] == ["/usr"]
    refused = stage.workload.client.post(
        "/de-1/agents/enrol", json={"token": stage.token(), "computer": "web-9"}
    )
    assert code_in(refused) == "computer-unknown"


def test_the_old_addresses_of_users_and_settings_say_where_they_moved(stage: Stage):
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
        for path in ("/users", "/users/7/keys", "/account-settings", "/account-settings/mail/smtp"):
            answer = stage.workload.client.request(method, path)
            assert (answer.status_code, code_in(answer)) == (410, "moved-to-domicile"), (method, path)
            assert answer.json()["console"] == f"{stage.world.server.url}/"


def test_a_person_comes_in_from_the_console_and_sees_who_they_are_and_what_was_found(stage: Stage):
    stage = stage.entered_again().in_another_account()
    stage.watch("web-5", "/etc")
    agent = stage.agent("web-5")
    agent.call("POST", "/de-1/agents/findings", {"findings": [finding("a", "/etc/<script>")]})
    client = stage.workload.client
    code = Browser(stage).code()
    entered = client.get("/enter", params={"code": code, "region": "de-1"})
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    cookie = entered.headers["set-cookie"].partition(";")
    assert cookie[0].startswith("__Host-workload=") and "HttpOnly; Secure; SameSite=Lax" in cookie[2]

    def page() -> httpx2.Response:
        return client.get("/", headers={"Cookie": cookie[0]})

    shown = page()
    for fact in ("User One", stage.account.id, "de-1", "full-access", "web-5", "/etc/&lt;script&gt;"):
        assert fact in shown.text
    assert "<script" not in shown.text and "default-src 'none'" in shown.headers["content-security-policy"]
    stage.world.server.clock.advance(minutes=11)
    assert page().status_code == 200
    for wrong in ({"code": code, "region": "de-1"}, {"code": "x", "region": "mars-1"}, {}):
        assert client.get("/enter", params=wrong).status_code == 401
    stage.account.owner.api.call("DELETE", "/api/sessions/current", status=204)
    stage.world.server.clock.advance(minutes=11)
    assert page().status_code == 401


@dataclass
class Browser:
    """A person at Domicile's console."""

    stage: Stage

    def code(self) -> str:
        """Press the button of the service; gives the code with which it sends the person on."""
        account, server = self.stage.account, self.stage.world.server
        session = str(account.owner.api.authorization).removeprefix("Bearer ")
        answer = server.client.post(
            f"/accounts/{account.id}/services/workload/open",
            content="",
            headers={
                "Cookie": f"__Host-domicile-session={session}",
                "Sec-Fetch-Site": "same-origin",
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
        address, _, query = answer.headers["location"].partition("?")
        assert address == f"{self.stage.workload.url}/enter"
        return parse_qs(query)["code"][0]


def test_what_is_not_signed_by_its_region_is_not_heard(stage: Stage):
    for headers in ({}, {"Webhook-Id": "evt_1", "Webhook-Timestamp": "1", "Webhook-Signature": "v1,x"}):
        answer = stage.workload.client.post("/lifecycle", content=b"{}", headers=headers)
        assert (answer.status_code, code_in(answer)) == (401, "message-refused")


def test_an_operator_starts_it_by_the_environment_and_ends_it_by_a_signal(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    server, port = stage.world.server, free_port()
    monkeypatch.setenv("WORKLOAD_CREDENTIAL", SERVICE_CREDENTIAL)
    monkeypatch.setenv("WORKLOAD_DATA", str(tmp_path))
    with pytest.raises(SystemExit, match="put webhook secrets into"):
        main()
    (tmp_path / "de-1.webhook-secret").write_text((stage.workload.data / "de-1.webhook-secret").read_text())
    with workload_process(server, tmp_path, port) as process:
        until(lambda: health(port), lambda found: found == {"de-1": True})
        process.terminate()
        _, said = process.communicate(timeout=20)
    assert "Finished server process" in said and "Traceback" not in said


def health(port: int) -> dict[str, bool] | None:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/healthz").json()
    except httpx2.TransportError:
        return None


def test_of_a_purged_account_nothing_remains_and_the_receipt_joins_that_of_the_account(own_stage: Stage):
    told, kept = own_stage, own_stage.in_another_account()
    missed = own_stage.in_another_account()
    for each, path in (
        (told, "/etc/canary-told"),
        (missed, "/etc/canary-missed"),
        (kept, "/etc/canary-kept"),
    ):
        each.watch("web-1", "/etc")
        each.agent("web-1").call("POST", "/de-1/agents/findings", {"findings": [finding("a", path)]})
    deleted = {"findings": 1, "agents": 1, "activation tokens": 1, "computers": 1, "policies": 1}

    assert deleted_by_receipt(told, purged(told)) == deleted
    missed = missed.entered_again()
    receipt = purged(missed, before=own_stage.workload.stop)
    own_stage.workload.start()
    assert deleted_by_receipt(missed, receipt) == deleted

    own_stage.workload.stop()
    data = own_stage.workload.data
    files = b"".join(file.read_bytes() for file in data.glob("de-1.db*"))
    assert [name in files for name in (b"/etc/canary-told", b"/etc/canary-missed", b"/etc/canary-kept")] == [
        *(False, False, True)
    ]
    with closing(sqlite3.connect(data / "de-1.db")) as database:
        (said,) = database.execute("SELECT group_concat(sql, ' ') FROM sqlite_master").fetchone()
        assert said.count("account TEXT") == len(deleted) + 1, "each table of accounts is looked at below"
        rows = [line for line in database.iterdump() if line.startswith("INSERT")]
    assert len([row for row in rows if kept.account.id in row]) == len(deleted) + 1
    for gone in (told, missed):
        assert ["purged" in row for row in rows if gone.account.id in row] == [True]


def purged(stage: Stage, *, before: Callable[[], None] = lambda: None) -> str:
    """Suspend an account, and let its thirty days pass, doing something in between; gives the id of its receipt."""
    receipt = stage.suspend()
    before()
    stage.world.server.clock.advance(days=30, seconds=1)
    anyone = stage.world.server.anyone
    until(lambda: anyone.get(f"/api/deletion-receipts/{receipt}").status_code, lambda status: status == 200)
    return receipt


def deleted_by_receipt(stage: Stage, receipt: str) -> dict[str, int]:
    """Wait until the service's receipt has joined that of the account; gives what it says was deleted."""
    anyone = stage.world.server.anyone
    mine = until(
        lambda: anyone.call("GET", f"/api/deletion-receipts/{receipt}")["services"][0],
        lambda mine: mine["state"] == "acknowledged",
    )
    claims = json.loads(urlsafe_b64decode(mine["signed"].split(".")[1] + "=="))
    assert (claims["service"], claims["account"], claims["remaining"]) == ("workload", stage.account.id, 0)
    return claims["deleted"]
