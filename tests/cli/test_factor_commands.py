"""A person's commands about second factors, and the operator's reset of them."""

import asyncio
import io
import json
from pathlib import Path

import pytest
from sqlalchemy import select, update

from domicile.apps.cli.credentials import CredentialStore
from domicile.apps.operate import migrate, opened_node
from domicile.identity.outbox import outbox
from domicile.identity.registration.domain import SignUp, user_from
from domicile.identity.totp.domain import TotpFactor
from domicile.identity.totp.store import insert_factor, totp_factors
from domicile.identity.users.domain import Profile, User
from domicile.identity.users.store import find_user, insert_user
from domicile.infra.databases import IdentityTx
from domicile.infra.email_address import parse_email_address
from domicile.infra.settings import load_settings
from domicile.kernel.clock import utc_now
from domicile.kernel.ids import UserId
from tests.cli.conftest import Run
from tests.cli.peer import Peer

ANN = "0190d2f0-9b7e-7cc0-8f1f-0a1b2c3d4e5f"
PHONE = "01933b1c-9b0f-7a51-b1c2-9e8d7c6b5a40"
ENROLMENT = {
    "id": PHONE,
    "name": "Phone",
    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "uri": "otpauth://totp/x.test:ann%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=x.test",
    "qr": "<svg></svg>",
    "confirmUntil": "2030-01-01T00:00:00Z",
}
FACTOR = {"id": PHONE, "kind": "totp", "name": "Phone", "created": "2026-11-23T14:00:00Z"}
CONFIRMED = {
    "factor": FACTOR,
    "token": "lifted-secret",
    "expires": "2030-01-01T00:00:00Z",
    "otherSessions": 2,
    "recoveryCodes": ["4F9Z-K2W8-QPX0-ABCD", "7H3M-0T5N-V8QR-1JKE"],
}
STALE = {
    "message": "Show again that it is you.",
    "fields": {},
    "type": "http://x.test/problems/reauthentication-required",
}


class _Terminal(io.StringIO):
    """Standard input at which somebody sits."""

    def isatty(self) -> bool:
        return True


def kept_token(config_home: Path, peer: Peer) -> str:
    session = CredentialStore(config_home / "domicile" / "credentials.json").find(peer.url)
    assert session
    return session.token


def test_a_new_app_is_shown_as_a_code_to_scan_and_as_text(run: Run, signed_in: Peer):
    signed_in.answer("POST /api/me/factors/totp", 201, ENROLMENT)

    ran = run("me", "factors", "add-totp", "Phone", "--replaces", "old-id")

    assert ran.code == 0
    assert "▄" in ran.out
    assert ENROLMENT["secret"] in ran.out
    assert f"domicile me factors confirm {PHONE} CODE" in ran.out
    assert signed_in.sent("POST /api/me/factors/totp")[0].body == {"name": "Phone", "replaces": "old-id"}
    signed_in.answer("POST /api/me/factors/totp", 201, ENROLMENT)
    assert json.loads(run("me", "factors", "add-totp", "Phone", "--json").out) == ENROLMENT


def test_at_a_terminal_the_first_code_is_asked_for(
    run: Run, signed_in: Peer, config_home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tests.cli.conftest.io.StringIO", _Terminal)
    signed_in.answer("POST /api/me/factors/totp", 201, ENROLMENT)
    signed_in.answer(f"POST /api/me/factors/totp/{PHONE}/confirm", 200, CONFIRMED)

    ran = run("me", "factors", "add-totp", "Phone", stdin="492039\n")

    assert ran.code == 0
    assert "4F9Z-K2W8-QPX0-ABCD" in ran.out
    assert "signed in at 2 other places" in ran.err
    assert signed_in.sent(f"POST /api/me/factors/totp/{PHONE}/confirm")[0].body == {"code": "492039"}
    assert kept_token(config_home, signed_in) == "lifted-secret"


def test_a_confirmed_app_leaves_the_lifted_session_and_no_token_from_before(
    run: Run, entered: Peer, config_home: Path
):
    entered.answer("GET /api/users?limit=250", 200, {"users": []})
    assert run("users", "list").code == 0
    entered.answer(f"POST /api/me/factors/totp/{PHONE}/confirm", 200, CONFIRMED)

    ran = run("me", "factors", "confirm", PHONE, "492039", "--json")

    assert json.loads(ran.out) == CONFIRMED
    session = CredentialStore(config_home / "domicile" / "credentials.json").find(entered.url)
    assert session
    assert (session.token, session.entries) == ("lifted-secret", {})


def test_a_wrong_code_leaves_the_session_as_it_is(run: Run, signed_in: Peer, config_home: Path):
    wrong = {"message": "That is not the code.", "fields": {}, "type": "http://x.test/problems/factor-wrong"}
    signed_in.answer(f"POST /api/me/factors/totp/{PHONE}/confirm", 403, wrong)

    ran = run("me", "factors", "confirm", PHONE, "000000")

    assert (ran.code, ran.out) == (1, "")
    assert "That is not the code." in ran.err
    assert kept_token(config_home, signed_in) == "session-secret"


def test_factors_are_listed_and_who_has_none_is_told_how_to_add_one(run: Run, signed_in: Peer):
    some = {"factors": [FACTOR], "recoveryCodes": {"left": 9}, "mfaEnabled": True}
    none = {"factors": [], "recoveryCodes": {"left": 0}, "mfaEnabled": False}
    for body in (some, some, none):
        signed_in.answer("GET /api/me/factors", 200, body)

    listed = run("me", "factors", "list")
    assert PHONE in listed.out
    assert "Recovery codes left: 9" in listed.err
    assert json.loads(run("me", "factors", "list", "--json").out) == some
    assert "domicile me factors add-totp NAME" in run("me", "factors", "list").out


def test_a_factor_is_renamed_and_removed_with_consent(run: Run, signed_in: Peer):
    signed_in.answer(f"POST /api/me/factors/{PHONE}", 200, {**FACTOR, "name": "Old phone"})
    assert run("me", "factors", "rename", PHONE, "Old phone").out == "It is called Old phone now.\n"
    assert run("me", "factors", "remove", PHONE).code == 2
    assert not signed_in.sent(f"DELETE /api/me/factors/{PHONE}")

    signed_in.answer(f"DELETE /api/me/factors/{PHONE}", 200, {"mfaEnabled": False, "otherSessions": 0})
    removed = run("me", "factors", "remove", PHONE, "--yes")

    assert (removed.code, removed.out) == (0, "It is removed. You have none any more.\n")


def test_an_id_that_is_none_stays_one_segment_of_the_path(run: Run, signed_in: Peer):
    signed_in.answer("DELETE /api/me/factors/..%2Fsessions", 404, {"message": "No.", "fields": {}})

    assert run("me", "factors", "remove", "../sessions", "--yes").code == 1


def test_new_recovery_codes_are_shown_after_consent(run: Run, signed_in: Peer):
    made = {"codes": CONFIRMED["recoveryCodes"], "left": 2, "created": "2026-11-23T14:00:00Z"}
    assert run("me", "recovery-codes", "renew").code == 2
    for _ in range(2):
        signed_in.answer("POST /api/me/recovery-codes", 201, made)

    assert "7H3M-0T5N-V8QR-1JKE" in run("me", "recovery-codes", "renew", "--yes").out
    assert json.loads(run("me", "recovery-codes", "renew", "--yes", "--json").out) == made
    signed_in.answer("GET /api/me/recovery-codes", 200, {"left": 2, "created": "2026-11-23T14:00:00Z"})
    assert "2" in run("me", "recovery-codes", "show").out


@pytest.mark.parametrize(
    ("command", "request_line"),
    [
        (("factors", "add-totp", "Phone"), "POST /api/me/factors/totp"),
        (("factors", "remove", PHONE, "--yes"), f"DELETE /api/me/factors/{PHONE}"),
        (("recovery-codes", "renew", "--yes"), "POST /api/me/recovery-codes"),
    ],
)
def test_who_signed_in_long_ago_is_told_to_sign_in_again(
    run: Run, signed_in: Peer, command: tuple[str, ...], request_line: str
):
    signed_in.answer(request_line, 403, STALE)

    ran = run("me", *command)

    assert ran.code == 1
    assert "domicile login" in ran.err


async def _prepare(data: Path) -> None:
    settings = load_settings(None, data, {})
    await migrate(settings)
    now = utc_now()
    asked = SignUp("ask", parse_email_address("ann@example.com"), Profile("Ann", "en", "UTC"), "", now, now)
    ann = user_from(asked, UserId(ANN), address_since=None, now=now)

    async def work(tx: IdentityTx) -> None:
        await insert_user(tx, ann)
        await insert_factor(tx, TotpFactor(PHONE, ann.id, "Phone", b"sealed", now, None, -1, None))
        await tx.execute(update(totp_factors).values(confirmed_at=now))

    async with opened_node(settings) as node:
        await node.identity.database.run_tx(work)


async def _stored(data: Path) -> tuple[User | None, list[str]]:
    async with opened_node(load_settings(None, data, {})) as node:
        user = await node.identity.database.read(lambda tx: find_user(tx, UserId(ANN)))
        mails = await node.identity.database.read(lambda tx: tx.all(select(outbox.c.kind)))
    return user, [row.kind for row in mails]


def test_the_operator_takes_factors_away_with_consent_and_a_reason_and_the_person_is_told(
    run: Run, tmp_path: Path
):
    asyncio.run(_prepare(tmp_path))
    reset = ("people", "reset-factors", "ann@example.com", "--data", str(tmp_path), "--reason", "saw her")

    assert run(*reset).code == 2
    assert run(*reset[:-2], "--yes").code == 2
    ran = run(*reset, "--yes", "--json")
    again = run(*reset, "--yes")
    user, mails = asyncio.run(_stored(tmp_path))

    assert json.loads(ran.out) == {
        "id": ANN,
        "removed": [{"id": PHONE, "kind": "totp", "name": "Phone"}],
    }
    assert again.out == "ann@example.com has no second factor. Nothing was changed.\n"
    assert user
    assert not user.mfa_enabled
    assert mails == ["notice-mail"]
