"""People and their second factors, through HTTP: enrolled, renamed, replaced, removed, lost; and what nobody else gets at."""

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import httpx2
import pytest
from sqlalchemy import select

from domicile.apps.tables import GLOBAL_METADATA
from domicile.identity.factors.service import read_factors
from domicile.identity.users.store import find_user
from domicile.kernel.ids import UserId
from tests.support.api import Api
from tests.support.apps import STEP, begin, confirm, shown, with_app
from tests.support.world import PASSWORD, World, until

_OTP_URI = re.compile(r"otpauth://totp/localhost:[^?]+\?secret=([A-Z2-7]{32})&issuer=localhost")


def _factors(api: Api) -> dict[str, Any]:
    return api.call("GET", "/api/me/factors")


def _problem(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


def _newest_mail(world: World, address: str, heading: str) -> str:
    found = until(
        lambda: [mail for mail in world.mails_to(address) if mail.startswith(heading)],
        bool,
    )
    return found[-1]


def test_an_app_is_enrolled_with_a_code_to_scan_and_the_session_goes_on_under_another_token(
    world: World,
) -> None:
    ann = world.person("Ann Example")
    assert _factors(ann.api) == {"factors": [], "recoveryCodes": {"left": 0}, "mfaEnabled": False}

    answer = ann.api.post("/api/me/factors/totp", {"name": "  Phone "})
    begun = answer.json()
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["location"] == f"/api/me/factors/{begun['id']}"
    assert set(begun) == {"id", "name", "secret", "uri", "qr", "confirmUntil"}
    assert (begun["name"], begun["confirmUntil"]) == ("Phone", "2026-11-23T15:00:00Z")
    uri = _OTP_URI.fullmatch(begun["uri"])
    assert uri
    assert uri[1] == begun["secret"]
    assert _factors(ann.api)["factors"] == []

    code = shown(begun["secret"], world.server.clock.now)
    answer = ann.api.post(f"/api/me/factors/totp/{begun['id']}/confirm", {"code": code})
    confirmed = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert set(confirmed) == {"factor", "token", "expires", "otherSessions", "recoveryCodes"}
    assert len(set(confirmed["recoveryCodes"])) == 10
    assert all(re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-?){4}", each) for each in confirmed["recoveryCodes"])

    assert _problem(ann.api.get("/api/me")) == (401, "session-ended")
    lifted = world.anyone.with_(f"Bearer {confirmed['token']}")
    assert _factors(lifted) == {
        "factors": [
            {
                "id": begun["id"],
                "kind": "totp",
                "name": "Phone",
                "created": "2026-11-23T14:00:00Z",
                "lastUsed": "2026-11-23T14:00:00Z",
            }
        ],
        "recoveryCodes": {"left": 10, "created": "2026-11-23T14:00:00Z"},
        "mfaEnabled": True,
    }
    (session,) = lifted.call("GET", "/api/me/sessions")["sessions"]
    assert session["methods"] == ["pwd", "otp", "mfa"]
    told = _newest_mail(world, ann.email, "A second factor was added")
    assert 'Name: "Phone"' in told
    assert begun["secret"] not in told


def test_the_code_to_scan_is_an_image_without_script_style_or_reference_and_readable_on_dark(
    world: World,
) -> None:
    begun = begin(world.person().api)

    image = ET.fromstring(begun["qr"])  # noqa: S314  # our own answer

    assert image.tag == "{http://www.w3.org/2000/svg}svg"
    assert {each.tag.rpartition("}")[2] for each in image.iter()} == {"svg", "path"}
    names = {name for each in image.iter() for name in each.attrib}
    assert names <= {"viewBox", "fill", "stroke", "d"}
    background = next(iter(image))
    assert background.attrib["fill"] == "#fff"
    assert len(begun["qr"]) < 8_000


def test_an_account_learns_that_its_user_has_a_second_factor_and_loses_it_again(world: World) -> None:
    owner, guest = world.person("Olga Owner"), world.person("Gus Guest")
    account = world.account(owner)
    world.join(account, guest)

    def enabled() -> bool:
        return account.api.call("GET", f"/api/users/{guest.id}")["mfaEnabled"]

    assert enabled() is False
    with_it = with_app(world, guest)
    assert enabled() is True
    with_it.api.call("DELETE", f"/api/me/factors/{with_it.app_id}")
    assert enabled() is False


def test_a_factor_is_renamed_replaced_and_removed_and_the_last_takes_the_recovery_codes_along(
    own_world: World,
) -> None:
    world = own_world
    person = world.person("Ann Example")
    world.sign_in(person.email)
    phone = with_app(world, person)
    path = f"/api/me/factors/{phone.app_id}"
    renamed = phone.api.call("POST", path, {"name": "Old phone"})
    assert (renamed["id"], renamed["name"]) == (phone.app_id, "Old phone")

    tablet = with_app(world, phone.person, "Tablet", replaces=phone.app_id)
    assert tablet.codes == []
    assert [each["name"] for each in _factors(tablet.api)["factors"]] == ["Tablet"]
    assert _problem(tablet.api.post(path, {"name": "x"})) == (404, "not-found")
    assert "A second factor was replaced" in _newest_mail(
        world, phone.person.email, "A second factor was repl"
    )

    removed = tablet.api.call("DELETE", f"/api/me/factors/{tablet.app_id}")
    assert removed == {"mfaEnabled": False, "otherSessions": 1}
    assert _factors(tablet.api) == {"factors": [], "recoveryCodes": {"left": 0}, "mfaEnabled": False}
    assert _problem(tablet.api.post("/api/me/recovery-codes")) == (409, "no-second-factor")
    assert _problem(tablet.api.delete(f"/api/me/factors/{tablet.app_id}")) == (404, "not-found")
    _newest_mail(world, phone.person.email, "A second factor was removed")
    types = [event["type"] for event in tablet.api.call("GET", "/api/me/events")["events"]]
    for kind in ("created", "updated", "replaced", "deleted"):
        assert f"audit.factor_{kind}.v1" in types


def test_new_recovery_codes_are_shown_once_and_told_by_mail(world: World) -> None:
    ann = with_app(world, world.person("Ann Example"))
    assert ann.api.call("GET", "/api/me/recovery-codes") == {"left": 10, "created": "2026-11-23T14:00:00Z"}

    answer = ann.api.post("/api/me/recovery-codes")

    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert set(made) == {"codes", "left", "created"}
    assert not set(made["codes"]) & set(ann.codes)
    told = _newest_mail(world, ann.person.email, "New recovery codes were made")
    assert not [code for code in made["codes"] if code in told]
    assert "codes" not in ann.api.call("GET", "/api/me/recovery-codes")


def test_nothing_of_it_is_for_a_key_or_inside_an_account(world: World) -> None:
    account = world.account(world.person())
    key = world.key(account.api)

    for api in (account.api, key.api):
        for method, path, body in (
            ("GET", "/api/me/factors", None),
            ("POST", "/api/me/factors/totp", {"name": "Phone"}),
            ("POST", "/api/me/recovery-codes", None),
            ("GET", "/api/me/recovery-codes", None),
        ):
            assert _problem(api.send(method, path, body)) == (403, "person-required")


def test_the_factors_of_another_are_not_there(world: World) -> None:
    ann, bob = with_app(world, world.person("Ann Example")), with_app(world, world.person("Bob Example"))
    begun = begin(ann.api, "Tablet")
    code = shown(begun["secret"], world.server.clock.now)

    assert _problem(bob.api.post(f"/api/me/factors/{ann.app_id}", {"name": "x"})) == (404, "not-found")
    assert _problem(bob.api.delete(f"/api/me/factors/{ann.app_id}")) == (404, "not-found")
    path = f"/api/me/factors/totp/{begun['id']}/confirm"
    assert _problem(bob.api.post(path, {"code": code})) == (404, "not-found")
    answer = bob.api.post("/api/me/factors/totp", {"name": "x", "replaces": ann.app_id})
    assert answer.json()["fields"] == {"replaces": "is none of your authenticator apps"}
    assert [each["name"] for each in _factors(ann.api)["factors"]] == ["Phone"]
    confirm(world, ann.api, begun)


def test_a_code_is_refused_twice_late_early_of_another_app_and_in_any_other_shape(own_world: World) -> None:
    world, clock = own_world, own_world.server.clock
    ann, bob = world.person("Ann Example"), with_app(world, world.person("Bob Example"))
    begun = begin(ann.api)
    path = f"/api/me/factors/totp/{begun['id']}/confirm"
    first = shown(begun["secret"], clock.now)
    clock.advance(minutes=5)

    for wrong in (first, shown(begun["secret"], clock.now + 5 * STEP), shown(bob.secret, clock.now)):
        assert _problem(ann.api.post(path, {"code": wrong})) == (403, "factor-wrong")
    begun = begin(ann.api)
    path = f"/api/me/factors/totp/{begun['id']}/confirm"
    for shape in ("", "12345", "1234567", "\uff11\uff12\uff13\uff14\uff15\uff16"):
        answer = ann.api.post(path, {"code": shape})
        assert _problem(answer) == (403, "factor-wrong")
    for typed in (123456, None, ["123456"], {"code": "1"}):
        assert ann.api.post(path, {"code": typed}).json()["fields"]["code"].startswith("must be a text")
    last = ann.api.post(path, {"code": "x" * 100_000})
    assert (_problem(last), last.json()["triesLeft"]) == ((403, "factor-wrong"), 0)
    right = shown(begun["secret"], clock.now)
    assert _problem(ann.api.post(path, {"code": right})) == (404, "not-found")


@pytest.mark.parametrize(
    "name", ["", "  ", "x" * 61, "two\nlines", "nul\x00", "abc\u202egpj.exe", "a\u200bb"]
)
def test_a_name_that_nobody_can_read_is_refused_by_its_field(world: World, name: str) -> None:
    ann = world.person()

    answer = ann.api.post("/api/me/factors/totp", {"name": name})

    assert _problem(answer) == (400, "invalid-input")
    assert set(answer.json()["fields"]) == {"name"}


def test_ten_minutes_after_the_second_factor_was_used_nothing_about_factors_is_changed(
    own_world: World,
) -> None:
    world, clock = own_world, own_world.server.clock
    ann = with_app(world, world.person("Ann Example"))
    begun = begin(ann.api, "Tablet")
    clock.advance(minutes=10, seconds=1)
    code = shown(begun["secret"], clock.now)

    for method, path, body in (
        ("POST", "/api/me/factors/totp", {"name": "x"}),
        ("POST", f"/api/me/factors/totp/{begun['id']}/confirm", {"code": code}),
        ("DELETE", f"/api/me/factors/{ann.app_id}", None),
        ("POST", "/api/me/recovery-codes", None),
    ):
        answer = ann.api.send(method, path, body)
        assert (_problem(answer), answer.json()["maxAge"]) == ((403, "reauthentication-required"), 600)
    assert ann.api.call("POST", f"/api/me/factors/{ann.app_id}", {"name": "Phone 2"})["name"] == "Phone 2"
    assert len(_factors(ann.api)["factors"]) == 1


def test_a_new_password_by_mail_leaves_second_factors_and_recovery_codes_as_they_are(world: World) -> None:
    ann = with_app(world, world.person("Ann Example"))
    world.anyone.call("POST", "/api/password/forgot", {"email": ann.person.email}, status=202)
    token = world.token_to(ann.person.email, "reset")
    body = {"token": token, "password": "a wholly different pass phrase"}

    assert world.anyone.post("/api/password/reset", body).status_code == 204

    assert _problem(ann.api.get("/api/me")) == (401, "session-ended")
    user = world.server.run(_mfa_enabled(world, ann.person.id))
    assert user == (True, 1, 10)


async def _mfa_enabled(world: World, user_id: str) -> tuple[bool, int, int]:
    database, user = world.server.node.identity.database, UserId(user_id)
    found = await database.read(lambda tx: find_user(tx, user))
    have = await database.read(lambda tx: read_factors(tx, user))
    assert found
    return found.mfa_enabled, len(have.factors), have.codes.left if have.codes else 0


def test_an_address_put_back_leaves_the_second_factors_as_they_are(world: World) -> None:
    ann = with_app(world, world.person("Ann Example"))
    wanted = world.address("ann-new")
    ann.api.call("POST", "/api/me/email", {"email": wanted, "password": PASSWORD}, status=202)
    world.anyone.call(
        "POST", "/api/email/verify", {"token": world.token_to(wanted, "email/verify")}, status=204
    )
    undo = world.token_to(ann.person.email, "email/undo")

    assert world.anyone.post("/api/email/undo", {"token": undo}).status_code == 204

    assert world.server.run(_mfa_enabled(world, ann.person.id)) == (True, 1, 10)


def test_the_export_lists_factors_without_their_secrets_and_the_deletion_leaves_no_trace_of_them(
    world: World,
) -> None:
    ann = with_app(world, world.person("Ann Example"), "Ann's very own phone")
    exported = ann.api.call("POST", "/api/me/export", {"password": PASSWORD})
    assert exported["secondFactors"] == _factors(ann.api)
    text = repr(exported)
    assert ann.secret not in text
    assert not [code for code in ann.codes if code in text]

    ann.api.call("DELETE", "/api/me", {"password": PASSWORD})

    left = world.server.run(_rows_of(world, ann.person.id))
    assert set(left) <= {"security_events", "directory_leavers"}
    assert "very own phone" not in repr(left)


async def _rows_of(world: World, user: str) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    database = world.server.node.identity.database
    for metadata in GLOBAL_METADATA:
        for table in metadata.sorted_tables:
            rows = await database.read(lambda tx, table=table: tx.all(select(table)))
            if mine := [tuple(row) for row in rows if user in {str(value) for value in row}]:
                found[table.name] = mine
    return found


def test_two_sessions_that_confirm_one_app_at_once_make_one(world: World) -> None:
    ann = world.person("Ann Example")
    other = replace(ann, api=world.sign_in(ann.email))
    begun = begin(ann.api)

    confirm(world, ann.api, begun)

    code = shown(begun["secret"], world.server.clock.now)
    path = f"/api/me/factors/totp/{begun['id']}/confirm"
    # The other session has used no second factor, and its person has one now.
    assert _problem(other.api.post(path, {"code": code})) == (403, "reauthentication-required")
