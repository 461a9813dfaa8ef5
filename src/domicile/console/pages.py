"""Makes the console's pages from their templates, each with the headers that keep a page to itself (OWASP ASVS 5.0, V3.4)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import MediaType, Response

from domicile.console.static_files import StaticFiles
from domicile.console.wording import told

_CONSOLE = Path(__file__).parent

Values = dict[str, Any]
"""What a template is given; which of it the template reads, and as what, is seen only when it is rendered."""

PAGE_HEADERS = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
)
"""Of every page: nothing from elsewhere, no script, in nobody's frame, and no trace of its address or content."""

PASSKEYS = "passkeys.js"
"""Of a page that asks for a passkey, which only a script can."""
STRENGTH = "strength.js"
"""Of a page on which a password is chosen: how strong it is shows while it is typed."""


_OF_SCRIPTS = (
    "; script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
)


class Pages:
    """Renders templates by their path in the console's folder, such as `mailbox/templates/list.html`."""

    def __init__(self, static_files: StaticFiles) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_CONSOLE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        # The library names the types of its own globals only.
        self._environment.globals["told"] = told  # pyright: ignore[reportArgumentType]
        self._static_url = static_files.url

    def render(
        self,
        template: str,
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        scripts: Sequence[str] = (),
        **values: object,
    ) -> Response[str]:
        """Render one page, every value escaped; `scripts` names files of ours."""
        content = self._environment.get_template(template).render(
            static_url=self._static_url, scripts=scripts, **values
        )
        return Response(
            content,
            media_type=MediaType.HTML,
            status_code=status_code,
            headers={**PAGE_HEADERS, "Content-Security-Policy": policy_of(scripts), **(headers or {})},
        )


def policy_leading_to(origins: Sequence[str]) -> str:
    """Let the forms of a page lead to these origins too: browsers ask the page with the form about every address that its answer leads to."""
    own = "form-action 'self'"
    return PAGE_HEADERS["Content-Security-Policy"].replace(own, " ".join([own, *dict.fromkeys(origins)]))


def policy_of(scripts: Sequence[str]) -> str:
    """Let the scripts of a page, all ours and none inline, ask this server and nobody else, and never make markup or script of text."""
    return PAGE_HEADERS["Content-Security-Policy"] + (_OF_SCRIPTS if scripts else "")
