"""The fields in which passwords are typed: masked, and open to pasting and password managers (OWASP ASVS 5.0, 6.2.6 and 6.2.7)."""

import re

from tests.architecture.sources import ROOT
from tests.support.world import World

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


def _page(world: World, path: str) -> str:
    return world.server.client.get(path).text
