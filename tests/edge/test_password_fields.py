"""The fields in which passwords are typed: nothing stands in the way of pasting and of password managers (OWASP ASVS 5.0, 6.2.7)."""

import re

from tests.architecture.sources import ROOT
from tests.support.world import World

_CONSOLE = ROOT / "src" / "domicile" / "console"
_PASSWORD = re.compile(r'<input[^>]* type="password"[^>]*>')
_MACRO = re.compile(r'input\([^)]*type="password"(.*?)\) }}', re.DOTALL)
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
