"""Commands about who can enter: what they ask, how they show it, and what they leave out."""

import csv
import json
from hashlib import sha256
from pathlib import Path

import pytest

from domicile.infra.secrets import SERVICE_TOKEN
from domicile.infra.settings import load_settings
from tests.cli.conftest import Run
from tests.cli.peer import Peer
from tests.support.services import EXAMPLE

REVIEW = "GET /api/access/review?limit=250"
PREFLIGHT = "POST /api/access/preflight"
_ENTRY = {
    "kind": "user",
    "id": "u-1",
    "email": "bob@example.com",
    "roleID": "read-only",
    "state": "disabled",
    "canEnter": False,
    "steps": [
        {"rule": "place-exists", "held": True, "fact": "membership with role read-only"},
        {"rule": "place-enabled", "held": False, "fact": "the membership is disabled"},
    ],
}
_FORETOLD = {
    "change": "removeUser",
    "ownerless": True,
    "truncated": False,
    "summary": {"principals": 3, "affected": 2, "lockedOut": 1, "losing": 2, "gaining": 0, "invitations": 1},
    "affected": [
        {
            "principalURN": "urn:x",
            "email": "bob@example.com",
            "roleID": "keeper",
            "roleIDAfter": "keeper",
            "couldEnter": True,
            "canEnter": False,
            "rule": "place-exists",
            "lost": ["audit:log:read"],
            "gained": [],
        },
        {
            "principalURN": "urn:y",
            "name": "ci",
            "roleID": "keeper",
            "roleIDAfter": "auditor",
            "couldEnter": True,
            "canEnter": True,
            "rule": "role-permits",
            "lost": ["identity:user:update"],
            "gained": ["audit:log:read"],
        },
    ],
    "invitations": [{"id": "A" * 32, "email": "carol@example.com", "roleID": "read-only"}],
}


def test_a_review_shows_what_settled_each_decision(run: Run, entered: Peer):
    entered.answer(REVIEW, 200, {"entries": [_ENTRY]})
    shown = run("access", "review").out
    assert "the membership is disabled" in shown and "bob@example.com" in shown
    assert json.loads(run("access", "review", "--json").out) == {"entries": [_ENTRY]}


def test_a_review_of_a_past_moment_says_which(run: Run, entered: Peer):
    asked = "GET /api/access/review?at=2026-01-31T12%3A00%3A00Z&limit=250"
    entered.answer(asked, 200, {"entries": []})
    assert "Nobody could enter" in run("access", "review", "--at", "2026-01-31T12:00:00Z").out


def test_a_review_is_written_into_a_file_as_it_came(run: Run, entered: Peer, tmp_path: Path):
    entered.answer("GET /api/access/review?format=csv", 200, b"kind,id\r\nuser,u-1\r\n")
    file = tmp_path / "review.csv"
    assert run("access", "review", "--csv", str(file)).code == 0
    assert list(csv.reader(file.read_text().splitlines())) == [["kind", "id"], ["user", "u-1"]]


_ASKED: dict[tuple[str, ...], dict[str, object]] = {
    ("mfa",): {"mfaRequired": True},
    ("mfa", "--not-required"): {"mfaRequired": False},
    ("remove-user", "u-1"): {"removeUser": {"userID": "u-1"}},
    ("user-role", "u-1", "keeper"): {"userRole": {"userID": "u-1", "roleID": "keeper"}},
    ("user-state", "u-1", "disabled"): {"userState": {"userID": "u-1", "state": "disabled"}},
    ("lock-key", "k-1"): {"apikeyLocked": {"id": "k-1"}},
    ("key-role", "k-1", "keeper"): {"apikeyRole": {"id": "k-1", "roleID": "keeper"}},
    ("key-networks", "k-1", "--allowed-cidr", "192.0.2.0/24", "--probe", "192.0.2.1"): {
        "apikeyNetworks": {
            "id": "k-1",
            "allowedCIDRs": ["192.0.2.0/24"],
            "probeAddresses": ["192.0.2.1"],
        }
    },
    ("key-networks", "k-1", "--any-cidr"): {"apikeyNetworks": {"id": "k-1", "allowedCIDRs": []}},
    ("delete-account",): {"deleteAccount": True},
    ("role", "keeper", "--grant", "identity=read-only", "--grant", "audit=full-access"): {
        "role": {
            "roleID": "keeper",
            "serviceRoleURNs": [
                "urn:domicile:identity:de-1:004217730956:role/read-only",
                "urn:domicile:audit:de-1:004217730956:role/full-access",
            ],
        }
    },
}


@pytest.mark.parametrize("words", _ASKED, ids=" ".join)
def test_a_preflight_asks_about_one_change(run: Run, entered: Peer, words: tuple[str, ...]):
    urn = "urn:domicile:identity:de-1:004217730956:user/u-1"
    entered.answer("GET /api/whoami", 200, {"principalURN": urn})
    entered.answer(PREFLIGHT, 200, _FORETOLD)
    assert run("access", "preflight", *words).code == 0
    assert entered.sent(PREFLIGHT)[0].body == {"change": _ASKED[words]}


def test_a_preflight_is_told_so_that_one_sees_what_breaks(run: Run, entered: Peer):
    entered.answer(PREFLIGHT, 200, _FORETOLD)
    shown = run("access", "preflight", "remove-user", "u-1").out
    assert "everything: cannot enter (place-exists)" in shown
    assert "identity:user:update" in shown and "keeper → auditor" in shown
    assert "carol@example.com" in shown
    assert "Of 3 users and API keys: 2 affected, 1 locked out" in shown and "Nothing was changed." in shown
    assert "Nobody with full access could enter the account any more." in shown
    assert json.loads(run("access", "preflight", "remove-user", "u-1", "--json").out) == _FORETOLD


def test_what_is_no_service_role_is_wrong_usage(run: Run, entered: Peer):
    urn = "urn:domicile:identity:de-1:004217730956:user/u-1"
    entered.answer("GET /api/whoami", 200, {"principalURN": urn})
    ended = run("access", "preflight", "role", "keeper", "--grant", "read-only")
    assert ended.code == 2 and "identity=read-only" in ended.err


def test_explaining_goes_in_both_directions(run: Run, entered: Peer):
    permission = {"action": "audit:log:read", "allowed": False, "rule": "role-permits"}
    entered.answer("GET /api/access/explain", 200, {"principalURN": "urn:x", "permissions": [permission]})
    holder = {"principalURN": "urn:y", "kind": "apikey", "name": "ci", "roleID": "read-only"}
    everybody = "GET /api/access/explain?action=audit%3Alog%3Aread&principal=%2A&limit=250"
    entered.answer(everybody, 200, {"action": "audit:log:read", "principals": [holder]})
    assert "audit:log:read" in run("explain").out
    assert "urn:y" in run("explain", "audit:log:read", "--everybody").out
    assert run("explain", "--everybody").code == 2


def test_following_the_feed_prints_rows_up_to_the_newest(run: Run, entered: Peer):
    rows = [[11, "membership", "004217730956", "u-1", "2026-05-01T08:00:00Z"]]
    begun = {"rows": rows, "head": 12, "next": 11, "reset": True, "floor": 7}
    more = {"rows": [[12, "role", "004217730956", "keeper", "2026-05-01T08:00:01Z"]], "head": 12, "next": 12}
    entered.answer("GET /api/revocations?wait=0", 200, begun)
    entered.answer("GET /api/revocations?since=11&wait=0", 200, {**more, "reset": False})
    ended = run("revocations", "follow", "--once")
    assert ended.out.splitlines() == [
        "11  membership  004217730956  u-1  2026-05-01T08:00:00Z",
        "12  role  004217730956  keeper  2026-05-01T08:00:01Z",
    ]
    assert "begins anew" in ended.err


def test_a_service_follows_the_feed_with_its_own_credential(
    run: Run, peer: Peer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DOMICILE_SERVICE_TOKEN", "dsv_secret")
    asked = "GET /api/revocations?region=de-1&wait=0"
    peer.answer(asked, 200, {"rows": [], "head": 3, "next": 3, "reset": False})
    ended = run("revocations", "follow", "--once", "--region", "de-1", "--url", peer.url)
    assert ended.code == 0
    assert peer.sent(asked)[0].headers["Authorization"] == "Bearer dsv_secret"


def test_the_credential_of_a_service_is_shown_once_with_the_line_for_the_configuration(
    run: Run, tmp_path: Path
):
    ended = run("service", "token", "workload")
    token = ended.out.strip()
    mark = sha256(token.encode()).hexdigest()
    assert token.startswith(SERVICE_TOKEN) and f'credential_sha256 = "{mark}"' in ended.err
    assert token not in ended.err
    config = tmp_path / "domicile.toml"
    config.write_text(f'[[services]]\nmanifest = "{EXAMPLE}"\ncredential_sha256 = "{mark}"\n')
    assert load_settings(config, tmp_path, {}).services[0].credential == bytes.fromhex(mark)
    told = json.loads(run("service", "token", "workload", "--json").out)
    assert told["credentialSHA256"] == sha256(told["token"].encode()).hexdigest()


def test_a_credential_that_is_no_digest_is_a_fault_of_the_configuration(run: Run, tmp_path: Path):
    config = tmp_path / "domicile.toml"
    config.write_text(f'[[services]]\nmanifest = "{EXAMPLE}"\ncredential_sha256 = "dsv_x"\n')
    ended = run("config", "check", "--config", str(config), "--data", str(tmp_path))
    assert ended.code != 0 and "domicile service token" in ended.err
