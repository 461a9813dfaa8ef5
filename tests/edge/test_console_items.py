"""The console's pages of what accounts keep in services, asked for as a browser asks."""

import json
import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx2
import pytest

from domicile.console.session_cookie import SESSION_COOKIE
from tests.support.services import SERVICE_CREDENTIAL, put_cloud_accounts
from tests.support.world import Account, Person, World

POLICIES = "/api/services/workload/policies"
ETC: dict[str, Any] = {"paths": ["/etc/passwd"], "everySeconds": 60}
HOSTILE = "</textarea></pre><script>alert(1)</script><b>\u202e\u200b"
_VERSION = re.compile(r'name="version" value="(\d+)"')
_AREA = re.compile(r'<textarea[^>]* name="(\w+)"[^>]*>\n(.*?)</textarea>', re.DOTALL)
_TAG = re.compile(r"<[^>]+>")


@dataclass(frozen=True)
class Browser:
    """A browser with a person's session in its cookie, in one account's service."""

    world: World
    person: Person
    account: Account

    @property
    def service(self) -> str:
        return f"/accounts/{self.account.id}/services/workload"

    def get(self, path: str) -> httpx2.Response:
        return self.world.server.client.get(path, headers=self._headers(), follow_redirects=False)

    def page(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, form: dict[str, str], **headers: str) -> httpx2.Response:
        sent = self._headers() | {"Origin": self.world.server.url} | headers
        return self.world.server.client.post(path, data=form, headers=sent, follow_redirects=False)

    def _headers(self) -> dict[str, str]:
        token = (self.person.api.authorization or "").removeprefix("Bearer ")
        return {"Cookie": f"{SESSION_COOKIE}={token}"}


@pytest.fixture
def account(world: World) -> Account:
    return world.account(world.person("Ann Example"), alias="Labs")


@pytest.fixture
def ann(world: World, account: Account) -> Browser:
    return Browser(world, account.owner, account)


def reader(world: World, account: Account, role: str = "read-only") -> Browser:
    person = world.person("Rea Reader")
    world.join(account, person, role)
    return Browser(world, person, account)


def make(account: Account, name: str = "etc", path: str = POLICIES, **more: Any) -> dict[str, Any]:
    return account.api.call("POST", path, {"name": name, "spec": ETC, **more}, status=201)


def text_of(page: str) -> str:
    return " ".join(unescape(_TAG.sub(" ", page)).split())


def areas(page: str) -> dict[str, str]:
    return {name: unescape(text) for name, text in _AREA.findall(page)}


def version_on(page: str) -> str:
    found = _VERSION.search(page)
    assert found
    return found[1]


def test_a_service_shows_its_kinds_by_category_with_how_many_there_are_and_what_one_may(
    ann: Browser, account: Account
) -> None:
    make(account, "a")
    make(account, "b")

    assert f'href="{ann.service}"' in ann.page(f"/accounts/{account.id}/services")
    page = ann.page(ann.service)

    headings = re.findall(r"<h2[^>]*>([^<]+)</h2>", page)
    assert headings[1:] == ["Resources", "Deployments", "Configuration", "Security policies"]
    row = text_of(page[page.index("Integrity-monitoring") :])
    assert row.startswith(
        "Integrity-monitoring policies policies 2 of at most 1,000 read, create, update, delete"
    )
    assert f'href="{ann.service}/policies"' in page
    assert "0 of at most 20" in text_of(page)
    assert ann.get(f"/accounts/{account.id}/services/none").status_code == 404


def test_kinds_that_one_may_not_read_are_named_without_a_link_and_with_the_reason(
    world: World, account: Account
) -> None:
    world.role(account, "auditors", {"workload": "auditor"})
    auditor = reader(world, account, "auditors")
    make(account)

    page = auditor.page(auditor.service)

    assert "You may not read them: role auditors grants workload/auditor." in text_of(page)
    assert "Integrity-monitoring policies" in page
    assert f"{auditor.service}/policies" not in page
    for path in ("policies", "policies/etc", "policies/etc/versions/1", "policies/_new", "policies/etc/edit"):
        assert auditor.get(f"{auditor.service}/{path}").status_code == 403, path


def test_whoever_only_reads_sees_all_of_it_and_is_told_why_nothing_can_be_changed(
    world: World, account: Account
) -> None:
    make(account, labels={"stage": "live"})
    account.api.call("POST", f"{POLICIES}/etc", {"labels": {}})
    rea = reader(world, account)
    policies = f"{rea.service}/policies"

    for path in (policies, f"{policies}/etc", f"{policies}/etc/versions/1"):
        page = rea.page(path)
        assert "you see these items and change nothing (role read-only grants workload/read-only)" in page
        assert not re.search(r"_new|/edit|/delete|rollback", page), path
    for act in ("_new", "etc/edit", "etc/delete", "etc/versions/1/rollback"):
        assert rea.get(f"{policies}/{act}").status_code == 403, act
        refused = rea.post(f"{policies}/{act}", {"name": "own", "version": "2", "spec": "{}"})
        assert refused.status_code == 403, act
    assert account.api.call("GET", f"{POLICIES}/etc")["version"] == 2


def test_an_account_that_is_not_ones_own_and_a_kind_that_is_not_there_look_the_same(
    world: World, ann: Browser, account: Account
) -> None:
    make(account)
    stranger = Browser(world, world.person("Sam Stranger"), account)

    for path in ("", "/policies", "/policies/etc", "/policies/etc/versions/1", "/policies/_new"):
        assert stranger.get(f"{stranger.service}{path}").status_code == 404, path
    for path in ("none", "policies/none", "policies/NO", "policies/none/edit", "policies/none/versions/1"):
        assert ann.get(f"{ann.service}/{path}").status_code == 404, path


def test_a_list_is_searched_by_labels_and_says_beside_the_field_what_it_cannot_read(
    ann: Browser, account: Account
) -> None:
    policies = f"{ann.service}/policies"
    assert "Make the first" in ann.page(policies)
    make(account, "live", labels={"stage": "live"})
    make(account, "gone", labels={"stage": "live", "retired": ""})

    found = ann.page(f"{policies}?selector=stage%3Dlive%2C%21retired")
    assert f'href="{policies}/live"' in found and f'href="{policies}/gone"' not in found
    assert "None with these labels" in ann.page(f"{policies}?selector=stage%3Dtest")
    wrong = ann.get(f"{policies}?selector=stage%3D%3Cb%3E")

    assert wrong.status_code == 400
    assert 'value="stage=&lt;b&gt;"' in wrong.text
    assert 'id="selector-error">Labels must be parts like stage=live' in wrong.text
    assert ann.get(f"{policies}?cursor=none").status_code == 400


def test_a_long_list_and_a_long_history_have_pages_that_keep_what_was_searched_for(
    ann: Browser, account: Account
) -> None:
    policies, labels = f"{ann.service}/policies", {"stage": "live"}
    items = [
        {"service": "workload", "kind": "policy", "name": f"p-{number:02}", "labels": labels, "spec": ETC}
        for number in range(26)
    ]
    account.api.call("POST", "/api/items/apply", {"items": items})
    for seconds in range(1, 26):
        account.api.call("POST", f"{POLICIES}/p-00", {"spec": {**ETC, "everySeconds": seconds}})

    first = ann.page(f"{policies}?selector=stage%3Dlive")
    following = re.search(r'href="([^"]*cursor=[^"]*)">Next<', first)
    assert following and "p-24" in first and "p-25" not in first
    assert "p-25" in ann.page(unescape(following[1]))
    newest = ann.page(f"{policies}/p-00")
    older = re.search(r'href="([^"#]*cursor=[^"#]*)#history">Older<', newest)
    assert older and "versions/26" in newest and 'versions/1"' not in newest
    assert 'versions/1"' in ann.page(unescape(older[1]))


def test_all_that_is_wrong_is_told_beside_its_input_and_what_was_typed_stays(
    ann: Browser, account: Account
) -> None:
    path = f"{ann.service}/policies/_new"
    assert json.loads(areas(ann.page(path))["spec"]) == {"paths": []}
    typed = {
        "name": "Etc",
        "labels": "stage=live\nno equals",
        "spec": '{"paths": ["etc"], "everySeconds": 0}',
    }

    wrong = ann.post(path, typed)

    assert wrong.status_code == 400
    summary = re.findall(r'<a href="#(\w+)">([^<]+)</a>', wrong.text)
    assert [name for name, _ in summary] == ["name", "labels", "spec", "spec"]
    assert summary[1][1] == "Labels: line 2 must be key=value."
    assert {text.partition(" at ")[2].partition(":")[0] for _, text in summary[2:]} == {
        "/paths/0",
        "/everySeconds",
    }
    for name in ("name", "labels", "spec"):
        assert f'id="{name}-error"' in wrong.text
        assert f'aria-describedby="{name}-hint {name}-error"' in wrong.text
    assert areas(wrong.text) == {name: typed[name] for name in ("labels", "spec")}
    assert 'value="Etc"' in wrong.text
    assert account.api.call("GET", POLICIES)["items"] == []


def test_an_item_is_made_edited_and_shown_with_its_target(ann: Browser) -> None:
    scripts = f"{ann.service}/scripts"
    new = {"name": "activate", "labels": "stage=live\n\n tier = 1 ", "spec": '{"text": "日本"}'}
    wrong = ann.post(f"{scripts}/_new", new | {"provider": "Amazon Web Services", "location": " "})
    assert [name for name, _ in re.findall(r'<a href="#(\w+)">([^<]+)</a>', wrong.text)] == [
        "provider",
        "location",
    ]

    made = ann.post(f"{scripts}/_new", new | {"provider": "aws", "location": "ap-northeast-1"})
    assert made.headers["location"] == f"{scripts}/activate?done=item-made"
    assert "aws ap-northeast-1" in ann.page(scripts)
    form = ann.page(f"{scripts}/activate/edit")
    assert areas(form) == {"labels": "stage=live\ntier=1", "spec": '{\n  "text": "日本"\n}'}
    edit = {"labels": "", "spec": '{"text": "x"}', "provider": "gcp", "location": "tokyo"}
    version = version_on(form)
    done = ann.post(f"{scripts}/activate/edit", edit | {"version": version})
    same = ann.post(f"{scripts}/activate/edit", edit | {"version": "2"})

    assert done.headers["location"] == f"{scripts}/activate?done=item-changed"
    assert same.headers["location"] == f"{scripts}/activate?done=item-unchanged"
    shown = text_of(ann.page(f"{scripts}/activate"))
    assert "gcp tokyo" in shown and "Version 2" in shown


def test_who_was_later_sees_what_changed_and_keeps_what_was_typed(ann: Browser, account: Account) -> None:
    make(account)
    path = f"{ann.service}/policies/etc/edit"
    version = version_on(ann.page(path))
    account.api.call("POST", f"{POLICIES}/etc", {"spec": {**ETC, "everySeconds": 5}})
    mine = {"labels": "mine=1", "spec": '{"paths": ["/mine"]}'}

    stale = ann.post(path, mine | {"version": version})

    assert stale.status_code == 412
    assert '<del class="line-removed">-     &#34;everySeconds&#34;: 60' in stale.text
    assert '<ins class="line-added">+     &#34;everySeconds&#34;: 5' in stale.text
    assert areas(stale.text) == mine
    saved = ann.post(path, mine | {"version": version_on(stale.text)})
    assert saved.headers["location"].endswith("?done=item-changed")
    assert account.api.call("GET", f"{POLICIES}/etc")["labels"] == {"mine": "1"}
    account.api.call("DELETE", f"{POLICIES}/etc", status=204)
    gone = ann.post(path, mine | {"version": "3"})
    assert (gone.status_code, areas(gone.text)) == (404, mine)
    assert "It was deleted meanwhile" in gone.text


def test_an_item_in_use_is_not_deleted_and_its_users_are_named(ann: Browser, account: Account) -> None:
    make(account)
    spec = {"hostname": "web", "policy": "etc"}
    account.api.call("POST", "/api/services/workload/computers", {"name": "web", "spec": spec}, status=201)
    etc, user = f"{ann.service}/policies/etc", f'href="{ann.service}/computers/web"'
    assert user in ann.page(etc)
    assert f'href="{etc}"' in ann.page(f"{ann.service}/computers/web")

    refused = ann.post(f"{etc}/delete", {"version": version_on(ann.page(f"{etc}/delete"))})
    assert refused.status_code == 409
    assert user in refused.text
    account.api.call("DELETE", "/api/services/workload/computers/web", status=204)
    account.api.call("POST", f"{POLICIES}/etc", {"labels": {"a": "b"}})
    assert ann.post(f"{etc}/delete", {"version": "1"}).status_code == 412
    deleted = ann.post(f"{etc}/delete", {"version": "2"})

    assert deleted.headers["location"] == f"{ann.service}/policies?done=item-deleted"
    assert account.api.get(f"{POLICIES}/etc").status_code == 404


def test_every_version_is_shown_with_who_made_it_and_an_item_goes_back_to_one(
    world: World, ann: Browser, account: Account
) -> None:
    make(account, labels={"stage": "live"})
    key = world.key(account.api)
    key.api.call("POST", f"{POLICIES}/etc", {"spec": {"paths": ["/usr"]}})
    etc = f"{ann.service}/policies/etc"

    history = text_of(ann.page(etc).partition('id="history"')[2])
    assert f"2 Updated API key {key.id}" in history
    assert "1 Created Ann Example (you)" in history
    second = text_of(ann.page(f"{etc}/versions/2"))
    assert '- "everySeconds": 60,' in second and '+ "/usr"' in second
    assert "What it began with" in ann.page(f"{etc}/versions/1")
    ask = ann.page(f"{etc}/versions/1/rollback")
    assert '+ "everySeconds": 60,' in text_of(ask)
    key.api.call("POST", f"{POLICIES}/etc", {"labels": {}})
    stale = ann.post(f"{etc}/versions/1/rollback", {"version": version_on(ask)})
    assert stale.status_code == 412
    back = ann.post(f"{etc}/versions/1/rollback", {"version": "3"})

    assert back.headers["location"] == f"{etc}?done=item-rolled-back"
    assert account.api.call("GET", f"{POLICIES}/etc")["labels"] == {"stage": "live"}
    for path in ("versions/9", "versions/0", "versions/x", "versions/9/rollback", "versions/x/rollback"):
        assert ann.get(f"{etc}/{path}").status_code == 404, path


def test_an_item_that_was_deleted_shows_its_history_and_is_brought_back(
    world: World, ann: Browser, account: Account
) -> None:
    make(account)
    account.api.call("DELETE", f"{POLICIES}/etc", status=204)
    etc = f"{ann.service}/policies/etc"

    page = ann.page(etc)
    assert "This item was deleted" in page and "/edit" not in page
    assert ann.get(f"{etc}/versions/2/rollback").status_code == 404
    assert "Bring this version back" in ann.page(f"{etc}/versions/1")
    rea = reader(world, account)
    assert "rollback" not in rea.page(f"{etc}/versions/1")
    back = ann.post(
        f"{etc}/versions/1/rollback", {"version": version_on(ann.page(f"{etc}/versions/1/rollback"))}
    )

    assert back.headers["location"] == f"{etc}?done=item-brought-back"
    assert account.api.call("GET", f"{POLICIES}/etc")["version"] == 3


def test_names_of_people_are_shown_to_who_may_read_users_and_to_nobody_else(
    world: World, account: Account
) -> None:
    make(account)
    world.role(account, "keepers", {"workload": "full-access"})
    keeper = reader(world, account, "keepers")
    etc = "policies/etc"

    page = keeper.page(f"{keeper.service}/{etc}")

    assert f"User {account.owner.id}" in page
    assert "Ann Example" not in page and "Labs" not in page
    assert "Ann Example" in (rea := reader(world, account)).page(f"{rea.service}/{etc}")


def test_markup_in_what_an_item_holds_is_text_on_every_page(ann: Browser, account: Account) -> None:
    scripts = "/api/services/workload/scripts"
    target = {"provider": "aws", "location": "<b>Tokyo</b>"}
    body = {"name": "evil", "spec": {"text": HOSTILE}, "target": target}
    account.api.call("POST", scripts, body, status=201)
    account.api.call("POST", f"{scripts}/evil", {"spec": {"text": f"{HOSTILE}!"}})
    evil = f"{ann.service}/scripts/evil"
    pages = [
        evil,
        f"{evil}/edit",
        f"{evil}/versions/2",
        f"{evil}/versions/1/rollback",
        f"{ann.service}/scripts",
    ]

    for path in pages:
        page = ann.page(path)
        assert "<script" not in page and "<b>" not in page, path
        assert "\u202e" not in page and "\u200b" not in page, path
    assert r"\u202e\u200b" in ann.page(evil)
    spec = areas(ann.page(f"{evil}/edit"))["spec"]
    assert json.loads(spec) == {"text": f"{HOSTILE}!"}
    typed = {"name": HOSTILE, "labels": HOSTILE, "spec": HOSTILE, "provider": HOSTILE, "location": HOSTILE}
    wrong = ann.post(f"{ann.service}/scripts/_new", typed)
    assert wrong.status_code == 400 and "<script" not in wrong.text and "<b>" not in wrong.text
    assert areas(wrong.text)["labels"] == HOSTILE


def test_what_the_service_says_of_an_item_is_shown_and_of_which_version(
    world: World, ann: Browser, account: Account
) -> None:
    make(account)
    value = {"state": HOSTILE, "inner": {"deep": [1]}, "since": 5}
    report = {"accountID": account.id, "kind": "policy", "name": "etc", "version": 1, "value": value}
    service = world.anyone.with_(f"Bearer {SERVICE_CREDENTIAL}")
    assert "The service has said nothing of it yet" in ann.page(f"{ann.service}/policies/etc")
    service.call("POST", "/api/serving/de-1/statuses", {"statuses": [report]})
    account.api.call("POST", f"{POLICIES}/etc", {"labels": {"a": "b"}})

    item, listed = ann.page(f"{ann.service}/policies/etc"), ann.page(f"{ann.service}/policies")

    assert "Of version 1: the service has said nothing of the latest change yet" in item
    assert '"deep": [ 1 ]' in text_of(item)
    assert "since: 5 (of version 1)" in text_of(listed)
    for page in (item, listed):
        assert "<script" not in page and "\u202e" not in page


def test_another_sites_form_changes_nothing(ann: Browser, account: Account) -> None:
    make(account)
    for path in ("_new", "etc/edit", "etc/delete", "etc/versions/1/rollback"):
        form = {"name": "own", "version": "1", "labels": "", "spec": '{"paths": ["/"]}'}
        answer = ann.post(f"{ann.service}/policies/{path}", form, Origin="https://evil.example")
        assert answer.status_code == 403, path

    assert [item["version"] for item in account.api.call("GET", POLICIES)["items"]] == [1]


def test_every_page_keeps_to_itself_and_holds_no_script_and_no_style(ann: Browser, account: Account) -> None:
    make(account)
    etc = f"{ann.service}/policies/etc"
    for path in (
        *(ann.service, f"{ann.service}/policies", f"{ann.service}/policies/_new", etc, f"{etc}/edit"),
        *(f"{etc}/delete", f"{etc}/versions/1", f"{etc}/versions/1/rollback"),
    ):
        answer = ann.get(path)
        assert answer.headers["cache-control"] == "no-store", path
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'"), (
            path
        )
        assert not re.search(r"<script|<style| style=| on[a-z]+=", answer.text), path


def test_cloud_accounts_are_kept_on_the_same_pages(ann: Browser, account: Account) -> None:
    made = put_cloud_accounts(account.api)
    service = f"/accounts/{account.id}/services/cloudaccounts"

    assert "AWS accounts" in ann.page(service)
    assert "arn:aws:iam::998877665544:role/domicile" in ann.page(f"{service}/aws/{made['aws_account_id']}")
    typed = {"name": "prod", "labels": "", "spec": '{"roleARN": "arn:aws:iam::112233445566:role/domicile"}'}
    wrong = ann.post(f"{service}/aws/_new", typed)
    assert "Spec at /roleARN: does not go with the name of the item" in wrong.text
    done = ann.post(f"{service}/aws/_new", typed | {"name": "112233445566"})
    assert done.status_code == 303
