"""People open services from the console: a code for one minute and one use, then handles, each asking everything anew."""

import re
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from domicile.infra.secrets import new_service_token
from domicile.kernel.ids import RegionId
from domicile.region.openings.service import forget_openings
from tests.support.api import Api, Install, Installation, serving
from tests.support.people import FrozenClock
from tests.support.services import manifest_text, register, write_manifest
from tests.support.stored import everything
from tests.support.world import Account, Person, World

ENTER = "https://workload.example.com/enter"
CONSOLE = f'console = {{url = "{ENTER}"}}\n'
WORKLOAD, TRESOR = new_service_token().reveal(), new_service_token().reveal()


@dataclass(frozen=True)
class Browser:
    """A person's browser at the console."""

    world: World
    token: str

    def get(self, path: str, **query: str) -> httpx2.Response:
        return self._send("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, form: dict[str, str] | None = None) -> httpx2.Response:
        headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", path, content=urlencode(form or {}), headers=headers)

    def open(self, account: Account, service: str = "workload", **form: str) -> dict[str, str]:
        """Press the button; gives what the service is told in its address."""
        answer = self.post(f"/accounts/{account.id}/services/{service}/open", form)
        assert answer.status_code == 303, answer.text
        address, _, query = answer.headers["location"].partition("?")
        assert address == ENTER
        return {name: value for name, (value,) in parse_qs(query, strict_parsing=True).items()}

    def _send(self, method: str, path: str, **more: Any) -> httpx2.Response:
        headers = {"Cookie": f"__Host-domicile-session={self.token}", **more.pop("headers", {})}
        return self.world.server.client.request(method, path, headers=headers, **more)


@dataclass(frozen=True)
class Platform:
    world: World
    clock: FrozenClock
    workload: Api
    tresor: Api

    def browser(self, person: Person) -> Browser:
        assert person.api.authorization is not None
        return Browser(self.world, person.api.authorization.removeprefix("Bearer "))

    def exchange(self, code: str, *, status: int = 201, api: Api | None = None) -> dict[str, Any]:
        return (api or self.workload).call("POST", f"{SESSIONS}", {"code": code}, status=status)

    def renew(self, handle: str, *, status: int = 201) -> dict[str, Any]:
        return self.workload.call("POST", f"{SESSIONS}/renew", {"handle": handle}, status=status)


SESSIONS = "/api/services/workload/sessions"


@pytest.fixture(scope="module")
def platform(install: Install, tmp_path_factory: pytest.TempPathFactory) -> Generator[Platform]:
    installed, clock = install(), FrozenClock()
    folder: Path = tmp_path_factory.mktemp("services")
    text = manifest_text(more=CONSOLE)
    other = text.replace('"workload"', '"tresor"').replace("workload:", "tresor:")
    mute = manifest_text().replace('"workload"', '"mute"').replace("workload:", "mute:")
    guards = '[[guards]]\npath = "/**"\naccess = "principal"\n'
    far = manifest_text(more='regions = ["us-1"]\n' + CONSOLE) + guards
    far = far.replace('"workload"', '"far"').replace("workload:", "far:")
    config = register(installed, write_manifest(folder, text), credential=WORKLOAD)
    entries = [(other, "tresor.toml", TRESOR), (mute, "mute.toml", ""), (far, "far.toml", "")]
    for written, name, credential in entries:
        again = Installation(config, installed.data)
        config = register(again, write_manifest(folder, written, name), credential=credential)
    with serving(config, installed.data, clock) as server:
        anyone = server.anyone
        yield Platform(
            World(server), clock, anyone.with_(f"Bearer {WORKLOAD}"), anyone.with_(f"Bearer {TRESOR}")
        )


@pytest.fixture(scope="module")
def labs(platform: Platform) -> Account:
    return platform.world.account(platform.world.person("Ann Example"), "de-1", "Labs")


@pytest.fixture
def own(platform: Platform, labs: Account) -> Account:
    """An account of one test alone, with the same owner."""
    return platform.world.account(labs.owner, "de-1", "Own Labs")


def refused(answer: dict[str, Any]) -> str:
    return answer["type"].rpartition("/")[2]


def kept(platform: Platform) -> int:
    return len(everything(platform.world.server, "service_openings")["de-1 service_openings"])


def test_a_person_is_led_to_the_registered_address_and_is_somebody_there(platform: Platform, labs: Account):
    told = platform.browser(labs.owner).open(labs, state="abc.123", **{"return": "/policies/etc"})
    assert told.keys() == {"code", "region", "state", "return"}
    assert (told["region"], told["state"], told["return"]) == ("de-1", "abc.123", "/policies/etc")

    admitted = platform.exchange(told["code"])

    assert (admitted["accountID"], admitted["roleID"], admitted["region"]) == (labs.id, "full-access", "de-1")
    inside = platform.world.anyone.with_(f"Bearer {admitted['token']}")
    assert inside.call("GET", "/api/whoami")["email"] == labs.owner.email
    entered = labs.api.call("GET", "/api/logs?type=audit.account_entered.v1&limit=1")["logs"][0]
    assert entered["details"] == {"userID": labs.owner.id, "roleID": "full-access", "service": "workload"}


def test_neither_code_nor_handle_nor_session_is_kept_as_it_is(platform: Platform, labs: Account):
    told = platform.browser(labs.owner).open(labs)
    before = str(everything(platform.world.server, "service_openings"))
    handle = platform.exchange(told["code"])["handle"]
    after = str(everything(platform.world.server, "service_openings"))
    session = labs.owner.api.call("GET", "/api/me/sessions")["sessions"][0]["id"]

    for secret in (told["code"], told["code"].rpartition("_")[2], handle, handle.rpartition("_")[2], session):
        assert secret not in before + after


def test_a_code_is_good_once_and_a_second_use_voids_what_came_of_the_first(platform: Platform, labs: Account):
    code = platform.browser(labs.owner).open(labs)["code"]
    handle = platform.exchange(code)["handle"]

    assert refused(platform.exchange(code, status=400)) == "opening-refused"
    assert refused(platform.renew(handle, status=400)) == "opening-refused"


def test_of_many_exchanges_at_once_one_succeeds(platform: Platform, labs: Account):
    code = platform.browser(labs.owner).open(labs)["code"]
    statuses: list[int] = []

    def exchange() -> None:
        statuses.append(platform.workload.post(SESSIONS, {"code": code}).status_code)

    threads = [threading.Thread(target=exchange) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [201] + [400] * 11


def test_a_handle_changes_at_each_use_and_a_former_one_voids_the_newest(platform: Platform, labs: Account):
    first = platform.exchange(platform.browser(labs.owner).open(labs)["code"])["handle"]
    second = platform.renew(first)["handle"]
    third = platform.renew(second)["handle"]
    assert len({first, second, third}) == 3

    assert refused(platform.renew(first, status=400)) == "opening-refused"
    assert refused(platform.renew(third, status=400)) == "opening-refused"


def test_what_is_not_good_is_refused_in_one_way(platform: Platform, labs: Account):
    browser = platform.browser(labs.owner)
    code = browser.open(labs)["code"]
    other = browser.open(labs)["code"]
    handle = platform.exchange(browser.open(labs)["code"])["handle"]
    body = platform.exchange("nonsense", status=400)
    wrong = [
        "",
        code.replace("dsc_", "dsh_"),
        code.replace("de-1", "us-1"),
        code.replace("de-1", "xx-9"),
        f"{other.rpartition('_')[0]}_{code.rpartition('_')[2]}",
        handle,
    ]
    for text in wrong:
        answer = platform.exchange(text, status=400)
        assert {**answer, "instance": ""} == {**body, "instance": ""}
    assert platform.workload.post(f"{SESSIONS}/renew", {"handle": code}).status_code == 400


def test_another_service_cannot_use_a_code_and_does_not_spoil_it(platform: Platform, labs: Account):
    code = platform.browser(labs.owner).open(labs)["code"]

    stolen = platform.tresor.post("/api/services/tresor/sessions", {"code": code})
    assert (stolen.status_code, refused(stolen.json())) == (400, "opening-refused")
    assert platform.tresor.post(SESSIONS, {"code": code}).status_code == 404
    for api in (platform.world.anyone, labs.api, labs.owner.api, platform.world.key(labs.api).api):
        assert api.post(SESSIONS, {"code": code}).status_code == 401
    assert platform.exchange(code)["accountID"] == labs.id


def _remove(platform: Platform, labs: Account, guest: Person) -> None:
    labs.api.call("DELETE", f"/api/users/{guest.id}", status=204)


def _disable(platform: Platform, labs: Account, guest: Person) -> None:
    labs.api.call("POST", f"/api/users/{guest.id}", {"state": "disabled"})


def _sign_out(platform: Platform, labs: Account, guest: Person) -> None:
    platform.browser(guest).post("/sign-out")


def _take_the_level(platform: Platform, labs: Account, guest: Person) -> None:
    platform.world.role(labs, "clerk", {"billing": "read-only"})
    labs.api.call("POST", f"/api/users/{guest.id}", {"roleID": "clerk"})


def _suspend(platform: Platform, labs: Account, guest: Person) -> None:
    labs.api.call("DELETE", f"/api/accounts/{labs.id}")


@pytest.mark.parametrize("end", [_remove, _disable, _sign_out, _take_the_level, _suspend])
def test_what_ends_a_persons_access_ends_their_code_and_their_handle(
    platform: Platform, own: Account, end: Callable[[Platform, Account, Person], None]
):
    guest = platform.world.person("Gus Guest")
    platform.world.join(own, guest)
    code = platform.browser(guest).open(own)["code"]
    handle = platform.exchange(platform.browser(guest).open(own)["code"])["handle"]

    end(platform, own, guest)

    assert refused(platform.exchange(code, status=400)) == "opening-refused"
    assert refused(platform.renew(handle, status=400)) == "opening-refused"


def test_a_code_lasts_a_minute_and_a_handle_an_hour_while_the_session_lives(install: Install, tmp_path: Path):
    installed, clock = install(), FrozenClock()
    config = register(installed, write_manifest(tmp_path, manifest_text(more=CONSOLE)), credential=WORKLOAD)
    with serving(config, installed.data, clock) as server:
        world = World(server)
        platform = Platform(world, clock, server.anyone.with_(f"Bearer {WORKLOAD}"), server.anyone)
        labs = world.account(world.person(), "de-1", "Labs")
        browser = platform.browser(labs.owner)
        late, timely = browser.open(labs)["code"], browser.open(labs)["code"]
        clock.advance(seconds=59)
        handle = platform.exchange(timely)["handle"]
        clock.advance(seconds=1)
        platform.exchange(late, status=400)
        for _ in range(3):  # each renewal is a use of the session, which would end after 30 minutes
            clock.advance(minutes=28)
            handle = platform.renew(handle)["handle"]
        idle = platform.exchange(browser.open(labs)["code"])["handle"]
        clock.advance(minutes=31)
        platform.renew(idle, status=400)
        platform.renew(handle, status=400)

        assert kept(platform) == 0
        renewed = Browser(world, world.sign_in(labs.owner.email).authorization.removeprefix("Bearer "))  # type: ignore[union-attr]
        renewed.open(labs)
        clock.advance(seconds=61)
        server.run(forget_openings(server.node.doors.by_region[RegionId("de-1")].plane))
        assert kept(platform) == 0


def test_the_page_lists_the_services_with_what_the_role_is_worth_in_them(platform: Platform, own: Account):
    guest, clerk = platform.world.person("Gus Guest"), platform.world.person("Cleo Clerk")
    platform.world.join(own, guest)
    platform.world.role(own, "clerk", {"tresor": "full-access"}, "Clerk")
    platform.world.join(own, clerk, "clerk")
    path = f"/accounts/{own.id}/services"

    owner, reader, other = (platform.browser(each).get(path).text for each in (own.owner, guest, clerk))

    assert owner.count("Full access</span>") == 4 and owner.count('/open"') == 2
    assert "Has no pages of its own" in owner
    assert reader.count("Read only</span>") == 4
    assert other.count('/open"') == 1 and other.count("grants nothing in it") == 3
    assert "Own Labs" not in other  # who works in services alone may not know the account's name
    assert platform.browser(clerk).get(f"/accounts/{own.id}").headers["location"] == path
    policy = platform.browser(own.owner).get(path).headers["content-security-policy"]
    assert "form-action 'self' https://workload.example.com;" in policy


def test_a_service_that_the_role_does_not_reach_is_not_opened(platform: Platform, own: Account):
    clerk = platform.world.person("Cleo Clerk")
    platform.world.role(own, "clerk", {"tresor": "full-access"}, "Clerk")
    platform.world.join(own, clerk, "clerk")
    stranger = platform.browser(platform.world.person())
    at = f"/accounts/{own.id}/services"

    assert platform.browser(clerk).post(f"{at}/workload/open").status_code == 403
    for browser, path in (
        (stranger, f"{at}/workload/open"),
        (platform.browser(own.owner), f"{at}/mute/open"),
    ):
        assert browser.post(path).status_code == 404
    forged = platform.world.server.client.post(
        f"{at}/workload/open",
        headers={"Cookie": f"__Host-domicile-session={platform.browser(own.owner).token}"},
    )
    assert forged.status_code == 403


def test_a_service_sends_a_person_who_signs_in_chooses_an_account_and_comes_back(
    platform: Platform, labs: Account
):
    shop = platform.world.account(labs.owner, "us-1", "Shop")
    browser = platform.browser(labs.owner)
    wish = {"state": "s-1", "return": "/policies/etc"}

    stranger = Browser(platform.world, "").get("/services/workload/open", account=labs.id, **wish)
    onward = parse_qs(urlsplit(stranger.headers["location"]).query)["next"][0]
    assert stranger.status_code == 303
    assert parse_qs(urlsplit(onward).query) == {
        "account": [labs.id],
        "state": ["s-1"],
        "return": ["/policies/etc"],
    }
    assert onward.startswith("/services/workload/open?")

    named, chosen = browser.get(onward).text, browser.get("/services/workload/open").text
    assert labs.id in named and shop.id not in named
    assert labs.id in chosen and shop.id in chosen
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', named))
    assert hidden == wish
    assert browser.open(labs, **hidden)["return"] == "/policies/etc"
    assert browser.get("/services/mute/open").status_code == 404


def test_a_service_that_does_not_run_in_the_accounts_region_is_closed_to_it(
    platform: Platform, labs: Account
):
    shop = platform.world.account(labs.owner, "us-1", "Shop")
    asked = {"X-Original-Method": "GET", "X-Original-URI": "/x"}
    for account, forwarded in ((labs, 403), (shop, 200)):
        answers = [account.api.get("/api/access/forward/far", headers=asked) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [forwarded] * 3
    browser = platform.browser(labs.owner)
    assert browser.post(f"/accounts/{labs.id}/services/far/open").status_code == 404
    assert browser.open(shop, "far")["region"] == "us-1"


@pytest.mark.parametrize(
    ("state", "back"),
    [
        ("a b", "https://evil.example"),
        ("x" * 129, "//evil.example"),
        ("é", "/\\evil.example"),
        ("a&code=x", "/a/../b"),
        ("<script>", "javascript:alert(1)"),
        ("", "/" + "a" * 300),
    ],
)
def test_what_is_no_plain_state_and_no_plain_path_is_left_out(
    platform: Platform, labs: Account, state: str, back: str
):
    told = platform.browser(labs.owner).open(labs, state=state, **{"return": back})
    assert told.keys() == {"code", "region"}
