"""Commands about the end of an account, its contacts and its receipt: what they ask, send and say."""

import hashlib
import json
from pathlib import Path

import pytest

from domicile.infra.signing import Signer, new_signer
from domicile.region.purging.domain import RECEIPT_TYPE
from tests.cli.conftest import Run
from tests.cli.peer import Peer

ACCOUNT = "GET /api/accounts/004217730956"
DELETE = "DELETE /api/accounts/004217730956"
RECEIPT_ID = "rec_de-1_4f9Zk2Lw8QpX0aBcD1eFgH"
RECEIPT = f"GET /api/deletion-receipts/{RECEIPT_ID}"
KEYS = "GET /.well-known/domicile/de-1/statement-keys.json"


@pytest.fixture
def deleting(entered: Peer) -> Peer:
    """The peer, where the person's account can be deleted."""
    entered.answer(ACCOUNT, 200, {"id": "004217730956", "alias": "Labs"}, ETag='"7"')
    told = {"id": "004217730956", "alias": "Labs", "state": "suspended"}
    entered.answer(DELETE, 200, told | {"purgeAfter": "2026-12-23T14:00:00Z", "receiptID": RECEIPT_ID})
    return entered


def test_deleting_tells_until_when_and_how_to_undo_it_and_where_the_receipt_will_be(run: Run, deleting: Peer):
    ended = run("accounts", "delete", "Labs", "--yes")

    assert ended.code == 0
    assert "2026-12-23T14:00:00Z" in ended.out
    assert "domicile accounts restore 004217730956" in ended.out
    assert f"domicile receipts show {RECEIPT_ID}" in ended.err
    assert [sent.headers["If-Match"] for sent in deleting.sent(DELETE)] == ['"7"']


def test_deleting_without_a_terminal_and_without_yes_deletes_nothing(run: Run, deleting: Peer):
    ended = run("accounts", "delete", "Labs", stdin="Labs\n")

    assert ended.code == 2
    assert "--yes" in ended.err
    assert deleting.sent(DELETE) == []


@pytest.mark.parametrize(("typed", "deleted"), [("Labs", 1), ("labs", 0), ("yes", 0), ("", 0)])
def test_deleting_asks_for_the_name(
    run: Run, deleting: Peer, monkeypatch: pytest.MonkeyPatch, typed: str, deleted: int
):
    monkeypatch.setattr("domicile.apps.cli.asking._require_terminal", lambda _: None)

    ended = run("accounts", "delete", "Labs", stdin=f"{typed}\n")

    assert "type Labs" in ended.err
    assert ended.code == (0 if deleted else 2)
    assert len(deleting.sent(DELETE)) == deleted


def test_restoring_is_asked_for_with_the_session(run: Run, entered: Peer):
    entered.answer("POST /api/accounts/004217730956/restore", 200, {"alias": "Labs", "state": "active"})

    ended = run("accounts", "restore", "Labs")

    assert "Account Labs is restored." in ended.out
    (sent,) = entered.sent("POST /api/accounts/004217730956/restore")
    assert sent.headers["Authorization"] == "Bearer session-secret"


def test_what_is_refused_in_a_suspended_account_is_told_with_the_way_back(run: Run, entered: Peer):
    problem = {"message": "The account is suspended.", "fields": {}, "purgeAfter": "2026-12-23T14:00:00Z"}
    entered.answer("GET /api/users?limit=250", 403, problem)

    ended = run("users", "list")

    assert ended.code == 1
    assert "Until 2026-12-23T14:00:00Z" in ended.err
    assert "domicile accounts restore" in ended.err


def test_a_restore_that_comes_too_late_is_told_with_the_reason(run: Run, entered: Peer):
    problem = {"message": "The time to restore this account is over.", "fields": {}}
    entered.answer("POST /api/accounts/004217730956/restore", 409, problem)

    ended = run("accounts", "restore", "004217730956")

    assert (ended.code, ended.out) == (1, "")
    assert "The time to restore this account is over." in ended.err


def test_the_list_shows_the_days_left_of_a_suspended_account(run: Run, signed_in: Peer):
    accounts = [
        {"id": "000000000001", "alias": "A", "state": "suspended", "daysLeft": 12},
        {"id": "000000000002", "alias": "B", "state": "active"},
    ]
    signed_in.answer("GET /api/accounts?limit=250", 200, {"accounts": accounts})

    shown = run("accounts", "list").out.splitlines()

    (suspended,) = [line for line in shown if "000000000001" in line]
    (active,) = [line for line in shown if "000000000002" in line]
    assert suspended.split()[-2:] == ["suspended", "12"]
    assert active.split()[-2:] == ["active", "-"]


def test_contacts_that_are_not_named_are_not_sent(run: Run, entered: Peer):
    path = "POST /api/accounts/004217730956/contacts"
    entered.answer(path, 200, {"billing": ["a@example.com", "b@example.com"]})

    run("contacts", "set", "--billing", "a@example.com", "--billing", "b@example.com")

    assert [sent.body for sent in entered.sent(path)] == [{"billing": ["a@example.com", "b@example.com"]}]


def test_setting_no_contacts_is_wrong_usage(run: Run, entered: Peer):
    ended = run("contacts", "set")

    assert ended.code == 2
    assert "--operations" in ended.err


def test_contacts_are_shown(run: Run, entered: Peer):
    contacts = {"billing": ["a@example.com"], "operations": [], "general": ["b@example.com"]}
    entered.answer("GET /api/accounts/004217730956/contacts", 200, contacts)

    assert "a@example.com" in run("contacts", "show").out
    assert json.loads(run("contacts", "show", "--json").out) == contacts


# ---------------------------------------------------------------- receipts


@pytest.fixture(scope="module")
def signer() -> Signer:
    return new_signer("de-1")


@pytest.fixture
def receipt(signer: Signer) -> dict[str, object]:
    """A receipt as the API gives it."""
    said: dict[str, object] = {
        "region": "de-1",
        "suspended": "2026-11-23T14:00:00Z",
        "begun": "2026-12-23T14:00:00Z",
        "ended": "2026-12-23T14:00:04Z",
        "rows": 28,
        "deleted": {"accounts": 1, "audit_events": 27},
        "remaining": 0,
        "kept": [],
        "services": [],
    }
    claims = {"jti": RECEIPT_ID, "account": "004217730956", **said}
    signed = signer.sign(claims, type_=RECEIPT_TYPE)
    digest = hashlib.sha256(signed.encode()).hexdigest()
    return {"id": RECEIPT_ID, "accountID": "004217730956", **said, "signed": signed, "digest": digest}


@pytest.fixture
def keys(tmp_path: Path, signer: Signer) -> Path:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(signer.jwks()))
    return file


def _kept(folder: Path, receipt: object) -> str:
    file = folder / "receipt.json"
    file.write_text(receipt if isinstance(receipt, str) else json.dumps(receipt))
    return str(file)


def test_a_receipt_is_shown_to_whoever_has_its_number(run: Run, peer: Peer, receipt: dict[str, object]):
    peer.answer(RECEIPT, 200, receipt)

    shown = run("receipts", "show", RECEIPT_ID, "--url", peer.url)

    assert "audit_events: 27" in shown.out
    assert "Authorization" not in peer.requests[0].headers


def test_a_receipt_is_verified_with_the_servers_keys(
    run: Run, peer: Peer, receipt: dict[str, object], signer: Signer
):
    peer.answer(RECEIPT, 200, receipt)
    peer.answer(KEYS, 200, signer.jwks())

    told = json.loads(run("receipts", "verify", RECEIPT_ID, "--url", peer.url, "--json").out)

    assert (told["isGenuine"], told["isFiled"], told["rows"]) == (True, True, 28)


def test_a_kept_receipt_is_verified_offline(run: Run, tmp_path: Path, receipt: dict[str, object], keys: Path):
    for kept in (receipt, str(receipt["signed"])):
        ended = run("receipts", "verify", _kept(tmp_path, kept), "--jwks", str(keys))
        assert ended.code == 0, ended.err
        assert "004217730956" in ended.out


def test_a_receipt_by_a_withdrawn_key_is_good_only_if_the_server_itself_has_its_fingerprint(
    run: Run, peer: Peer, tmp_path: Path, receipt: dict[str, object], signer: Signer
):
    (key,) = signer.jwks()["keys"]  # pyright: ignore[reportGeneralTypeIssues]  # a list, in a mapping of objects
    withdrawn = {"keys": [key | {"state": "withdrawn", "withdrawn": "2026-12-01T00:00:00Z"}]}
    keys = tmp_path / "withdrawn.json"
    keys.write_text(json.dumps(withdrawn))

    for kept in (
        receipt,
        str(receipt["signed"]),
    ):  # the first brings a fingerprint along, as a forger's would
        ended = run("receipts", "verify", _kept(tmp_path, kept), "--jwks", str(keys))
        assert ended.code == 1
        assert "withdrawn on 2026-12-01T00:00:00Z" in " ".join(ended.err.split())
    peer.answer(RECEIPT, 200, receipt)
    peer.answer(KEYS, 200, withdrawn)
    assert run("receipts", "verify", RECEIPT_ID, "--url", peer.url).code == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rows": 27}, "rows is not what was signed"),
        ({"deleted": {}}, "deleted is not what was signed"),
        ({"accountID": "000000000001"}, "accountID is not what was signed"),
        ({"digest": "00" * 32}, "another fingerprint"),
        ({"signed": "e30.e30.e30"}, "not signed with these keys"),
    ],
)
def test_a_receipt_that_was_changed_is_refused_with_what_was_changed(
    run: Run,
    tmp_path: Path,
    receipt: dict[str, object],
    keys: Path,
    change: dict[str, object],
    reason: str,
):
    ended = run("receipts", "verify", _kept(tmp_path, receipt | change), "--jwks", str(keys))

    assert (ended.code, ended.out) == (1, "")
    assert reason in ended.err


def test_a_receipt_of_another_regions_key_or_another_kind_of_statement_is_refused(
    run: Run, tmp_path: Path, signer: Signer, keys: Path
):
    claims = {"jti": RECEIPT_ID, "account": "004217730956"}
    for signed in (
        new_signer("de-1").sign(claims, type_=RECEIPT_TYPE),
        signer.sign(claims, type_="at+jwt"),
    ):
        ended = run("receipts", "verify", _kept(tmp_path, signed), "--jwks", str(keys))
        assert ended.code == 1
        assert "not signed with these keys" in ended.err


def test_what_is_no_receipt_is_told(run: Run, tmp_path: Path, keys: Path):
    assert "neither a file" in run("receipts", "verify", str(tmp_path / "nothing")).err
    ended = run("receipts", "verify", _kept(tmp_path, "{nonsense"), "--jwks", str(keys))
    assert "holds no receipt" in ended.err
    no_keys = run("receipts", "verify", _kept(tmp_path, "e30.e30.e30"), "--jwks", str(tmp_path / "none"))
    assert no_keys.code == 2


# ---------------------------------------------------------------- the operator's


def test_where_nothing_is_purged_it_says_so(run: Run, tmp_path: Path):
    run("migrate", "--data", str(tmp_path))

    assert "No account is being purged." in run("purges", "status", "--data", str(tmp_path)).out
    assert json.loads(run("purges", "status", "--data", str(tmp_path), "--json").out) == {
        "purges": [],
        "owed": [],
    }
    assert "No account is being purged." in run("purges", "status", "--watch", "--data", str(tmp_path)).out
    assert run("purges", "status", "--watch", "--json", "--data", str(tmp_path)).code == 2


def test_purges_are_listed_and_followed_until_they_end(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    line = {"region": "de-1", "account": "004217730956", "stage": "deleting", "table": "audit_events"}
    looks = [
        [line | {"deleted": 0, "left": 0, "begun": "2026-12-23T14:00:00Z"}],
        [line | {"deleted": 400, "left": 600, "begun": "2026-12-23T14:00:00Z"}],
        [],
    ]

    async def look(_settings: object) -> list[dict[str, str | int]]:
        return looks.pop(0) if len(looks) > 1 else looks[0]

    async def owed(_settings: object) -> list[dict[str, str]]:
        asked = "2026-11-27T10:15:00Z"
        return [{"region": "de-1", "service": "workload", "account": "1", "state": "overdue", "asked": asked}]

    monkeypatch.setattr("domicile.apps.operate.purges_status", look)
    monkeypatch.setattr("domicile.apps.operate.owed_receipts", owed)
    monkeypatch.setattr("domicile.apps.cli.purges._SECONDS_BETWEEN_LOOKS", 0)
    shown = run("purges", "status", "--watch", "--data", str(tmp_path))

    assert shown.code == 0, shown.err
    assert "de-1 004217730956" in shown.out
    assert "1000/1000" in shown.out
    assert "have not said yet" in shown.out and "overdue" in shown.out
