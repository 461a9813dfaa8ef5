"""The fields in which passwords are typed: masked, and open to pasting and password managers (OWASP ASVS 5.0, 6.2.6 and 6.2.7)."""

import re

import httpx2
import pytest

from domicile.console.pages import policy_of
from domicile.console.session_cookie import SESSION_COOKIE
from tests.architecture.sources import ROOT
from tests.support.factors import factors_of
from tests.support.world import Person, World

_CONSOLE = ROOT / "src" / "domicile" / "console"
_PASSWORD = re.compile(r'<input[^>]* type="password"[^>]*>')
_MACRO = re.compile(r'input\([^)]*type="password"(.*?)\) }}', re.DOTALL)
_NAMED = re.compile(r'input\("[a-zA-Z]*[pP]assword"[^)]*\)')
_TAG = re.compile(r"<input[^>]*>")
_KNOWN = re.compile(r'autocomplete="(?:current|new)-password"')


def test_every_field_for_a_password_is_one_that_managers_know_and_no_script_hears_of_pasting(
    world: World,
) -> None:
    templates = "".join(page.read_text() for page in _CONSOLE.rglob("*.html"))
    written = _MACRO.findall(templates)
    assert len(written) >= 7
    assert all(_KNOWN.search(each) for each in written)
    assert "onpaste" not in templates
    assert not any("paste" in script.read_text() for script in _CONSOLE.rglob("*.js"))
    shown = _PASSWORD.findall(world.server.client.get("/sign-up").text)
    assert shown and all(_KNOWN.search(each) for each in shown)


def test_no_field_shows_the_password_that_is_typed(world: World) -> None:
    fields = [call for page in _CONSOLE.rglob("*.html") for call in _NAMED.findall(page.read_text())]
    assert len(fields) >= 6
    assert [field for field in fields if 'type="password"' not in field] == []
    shown = [tag for path in ("/sign-up", "/sign-in") for tag in _TAG.findall(_page(world, path))]
    assert (
        [tag for tag in shown if "assword" in tag] == [tag for tag in shown if 'type="password"' in tag] != []
    )


@pytest.mark.parametrize("path", ["/sign-up", "/reset/none", "/me"])
def test_where_a_password_is_chosen_the_script_that_rates_it_may_ask_this_server_alone(
    world: World, path: str
) -> None:
    answer = world.server.client.get(path, headers=_cookie_of(world.person()))
    parts = answer.headers["content-security-policy"].split("; ")
    assert {"script-src 'self'", "connect-src 'self'", "trusted-types 'none'"} < set(parts)
    assert parts[0] == "default-src 'none'"
    assert not [part for part in parts if "unsafe" in part or "http" in part or "*" in part]
    assert answer.text.count("<script") == answer.text.count('<script defer src="/static/strength.js?v=') == 1
    assert answer.text.count("data-strength-of=") == 1
    assert " on" not in "".join(_TAG.findall(answer.text)) and "style=" not in answer.text


@pytest.mark.parametrize("path", ["/sign-up/sent", "/forgot", "/forgot/sent", "/verify/none", "/me/data"])
def test_where_none_is_chosen_no_script_may_do_anything(world: World, path: str) -> None:
    answer = world.server.client.get(path, headers=_cookie_of(world.person()))
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == policy_of(())
    assert "script-src" not in policy_of(()) and "<script" not in answer.text


def test_a_link_asks_of_a_new_password_what_its_person_s_must_be_and_looking_uses_nothing_up(
    world: World,
) -> None:
    person = world.person("Rea & Example", address=world.address("rea"))
    path = f"/reset/{_reset_token(world, person)}"
    alone = _page(world, path)
    assert "At least 15 characters." in alone and "data-mfa" not in alone
    assert f'data-email="{person.email}" data-name="Rea &amp; Example"' in alone
    factors_of(world).enrol(person)
    beside = _page(world, path)
    assert "At least 8 characters." in beside and "data-mfa" in beside

    refused = _post(world, path, "short")
    assert refused.status_code == 400
    assert "must be at least 8 characters long" in refused.text and "At least 8 characters." in refused.text
    assert _post(world, path, "pelican maps").headers["Location"] == "/sign-in?done=password-reset"

    used, never = _page(world, path), _page(world, "/reset/none")
    assert used.replace(path, "") == never.replace("/reset/none", "")
    assert "At least 15 characters." in never and "data-email" not in never
    dead = _post(world, path, "a pelican folds seven maps")
    assert "This link no longer works" in dead.text
    assert dead.headers["content-security-policy"] == policy_of(()) and "<script" not in dead.text


def test_a_link_tells_nobody_s_address_to_who_does_not_have_it(world: World) -> None:
    person = world.person()
    token = _reset_token(world, person)
    for near in (token[:-1], token + "A", token.swapcase(), token[::-1]):
        page = _page(world, f"/reset/{near}")
        assert "data-strength-of" in page and person.email not in page


def _reset_token(world: World, person: Person) -> str:
    world.anyone.call("POST", "/api/password/forgot", {"email": person.email}, status=202)
    return world.token_to(person.email, "reset")


def _cookie_of(person: Person) -> dict[str, str]:
    return {"Cookie": f"{SESSION_COOKIE}={(person.api.authorization or '').removeprefix('Bearer ')}"}


def _post(world: World, path: str, password: str) -> httpx2.Response:
    headers = {"Origin": world.server.url}
    return world.server.client.post(
        path, data={"password": password}, headers=headers, follow_redirects=False
    )


def _page(world: World, path: str) -> str:
    return world.server.client.get(path).text
