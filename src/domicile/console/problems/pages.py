"""The pages that problems point to (RFC 9457, `type`): Markdown beside the sources, or inside the installed package."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

import domicile
from domicile.web.problems import CODES

if TYPE_CHECKING:
    from markdown_it import MarkdownIt


@dataclass(frozen=True, slots=True)
class ProblemPage:
    """What one code means, and what to do."""

    code: str
    status: int
    title: str
    body: Markup
    """Made from our own text, in which HTML counts as text."""


@cache
def load_problem_pages() -> dict[str, ProblemPage]:
    """Read the pages of all codes, in the order of the alphabet, once in a process."""
    from markdown_it import MarkdownIt  # noqa: PLC0415  # a server that nobody asks for a page does without it

    folder = _folder()
    render = MarkdownIt("commonmark", {"html": False}).enable("table")
    found: dict[str, ProblemPage] = {}
    for code in sorted(CODES):
        path = folder / f"{code}.md"
        if path.is_file():
            found[code] = _page(code, path.read_text(encoding="utf-8"), render)
    return found


def _page(code: str, text: str, render: "MarkdownIt") -> ProblemPage:
    first, _, rest = text.strip().partition("\n")
    has_title = first.startswith("# ")
    title = first[2:].strip() if has_title else code
    body = Markup(render.render(rest if has_title else text))  # noqa: S704  # html is off, and the text is ours
    return ProblemPage(code, CODES[code], title, body)


def _folder() -> Path:
    package = Path(domicile.__file__).parent
    packaged = package / "_problems"
    return packaged if packaged.is_dir() else package.parents[1] / "docs" / "problems"
