from datetime import UTC, datetime

import pytest

from domicile.console.continuing import HOME, destination, is_elsewhere, local_path, with_continuing
from domicile.console.forms import Form
from domicile.console.notices import find_notice, noticing
from domicile.console.wording import moment_in, told
from domicile.identity.devices import device_name
from domicile.infra.settings import is_host_name


@pytest.mark.parametrize(
    "path", ["/me", "/accounts/004217730956", "/join/de-1.004217730956.a_b-c", "/accounts?cursor=a"]
)
def test_a_page_of_this_console_is_gone_on_to(path: str):
    assert local_path(path) == path


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "accounts",
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "/accounts//evil.example",
        "/..//evil.example",
        "/\t/evil.example",
        "/ /evil.example",
        "/me\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "/" + "a" * 600,
        "/sign-out",
        "/sign-in",
        "/step-up",
        "/api/me",
    ],
)
def test_everything_else_leads_home(target: str | None):
    assert local_path(target) == HOME


HOSTS = ("app.example.com", "xn--bcher-kva.example")


@pytest.mark.parametrize(
    "target",
    [
        "https://app.example.com",
        "https://app.example.com/",
        "https://app.example.com/welcome?from=sign-in&a=%2F",
        "https://xn--bcher-kva.example/",
    ],
)
def test_a_host_that_the_operator_named_is_gone_on_to(target: str):
    assert destination(target, HOSTS) == target
    assert is_elsewhere(target)
    assert destination(target, ()) == HOME


@pytest.mark.parametrize(
    "target",
    [
        "http://app.example.com/",
        "//app.example.com/",
        "https:app.example.com",
        "https:/app.example.com/",
        "https:///app.example.com/",
        "https:\\\\app.example.com/",
        "\\\\app.example.com/",
        "HTTPS://app.example.com/",
        "https://APP.example.com/",
        "https://app.example.com./",
        "https://app.example.com:443/",
        "https://app.example.com:8443/",
        "https://app.example.com@evil.example/",
        "https://evil.example@app.example.com/",
        "https://evil.example\\@app.example.com/",
        "https://app.example.com\\.evil.example/",
        "https://app.example.com.evil.example/",
        "https://evilapp.example.com/",
        "https://example.com/",
        "https://evil.example/https://app.example.com/",
        "https://evil.example#https://app.example.com/",
        "https://app.example.com?x",
        "https://app.example.com#x",
        "https://app.example.com/#x",
        "https://\u0430pp.example.com/",
        "https://app\u3002example.com/",
        "https://b\u00fccher.example/",
        "https://app.example.com/\r\nSet-Cookie: a=b",
        "https://app.example.com/ ",
        " https://app.example.com/",
        "https://app.example.com/%\u0000",
        "https://app.example.com/" + "a" * 600,
        "javascript://app.example.com/%0aalert(1)",
        "data:text/html,app.example.com",
    ],
)
def test_no_other_address_is_gone_on_to(target: str):
    assert destination(target, HOSTS) == HOME


@pytest.mark.parametrize(
    "host",
    [
        *("", "localhost", "example.com.", "Example.com", "example.com:443", "https://example.com"),
        *("a@example.com", "127.0.0.1", "[::1]", "*.example.com", "b\u00fccher.example", "example.com/"),
        *("-a.example", "a" * 64 + ".de"),
    ],
)
def test_a_host_to_go_on_to_is_a_bare_name(host: str):
    assert not is_host_name(host)


def test_the_way_home_needs_no_saying():
    assert with_continuing("/sign-in", HOME) == "/sign-in"
    assert with_continuing("/sign-in", "/me?a=b&c") == "/sign-in?next=/me%3Fa%3Db%26c"


def test_a_notice_is_a_code_that_is_known():
    assert noticing("/me", "profile-changed") == "/me?done=profile-changed"
    assert noticing("/sign-in?next=/me", "signed-out") == "/sign-in?next=/me&done=signed-out"
    assert find_notice("<b>Pay here</b>") is None
    with pytest.raises(ValueError, match="no notice"):
        noticing("/me", "free text")


def test_a_form_does_not_print():
    assert "secret" not in repr(Form({"password": "secret"}))


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36",
            "Chrome on Linux",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", "Edge on Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0",
            "Firefox on macOS",
        ),
        ("domicile-cli/0.1.0", "Domicile CLI"),
        ("another/1.0", "another/1.0"),
        ("", "Unknown device"),
    ],
)
def test_a_device_is_named_by_what_it_said_of_itself(agent: str, name: str):
    assert device_name(agent) == name


def test_what_is_wrong_with_an_input_is_one_sentence():
    assert told("must not be empty", "Name") == "Name must not be empty."
    assert (
        told("there is no such role in this account", "Role")
        == "Role: there is no such role in this account."
    )


def test_a_moment_is_told_as_the_clocks_of_the_zone_show_it():
    at = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)

    assert moment_in(at, "Asia/Tokyo") == "24\u00a0Nov\u00a02026, 07:30"
