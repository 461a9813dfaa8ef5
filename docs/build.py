"""Brings the tables of the documents up to date, and writes the documents as pages into docs/site."""

import re
import shutil
from os.path import normpath
from pathlib import Path

from markdown_it import MarkdownIt

from docs.tables import DOCS, refresh

_SITE = DOCS / "site"
_LINK = re.compile(r'href="([^":#]*)\.md((?:#[^"]*)?)"')
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif; }}
body {{ margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }}
table {{ border-collapse: collapse; display: block; overflow-x: auto; }}
td, th {{ border: 1px solid #8886; padding: .3rem .6rem; text-align: left; vertical-align: top; }}
pre {{ background: #8882; overflow-x: auto; padding: 1rem; }}
</style>
<nav><a href="{home}">Domicile</a></nav>
<main>
{body}
</main>
</html>
"""


def main() -> None:
    """Write every page, and tell how many."""
    shutil.rmtree(_SITE, ignore_errors=True)
    pages = sorted(path for path in DOCS.rglob("*.md"))
    for path in pages:
        _refresh(path)
        _write_page(path.relative_to(DOCS))
    print(f"{len(pages)} pages in {_SITE.relative_to(DOCS.parent)}, beginning with index.html")


def _refresh(path: Path) -> None:
    before = path.read_text(encoding="utf-8")
    if (after := refresh(before)) != before:
        path.write_text(after, encoding="utf-8")
        print(f"brought up to date: {path.relative_to(DOCS.parent)}")


def _write_page(page: Path) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    body = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    target = _SITE / _page_name(page)
    target.parent.mkdir(parents=True, exist_ok=True)
    home = "../" * len(page.parent.parts) + "index.html"
    title = text.partition("\n")[0].removeprefix("# ")
    target.write_text(_PAGE.format(title=title, home=home, body=_linked(body, page)), encoding="utf-8")


def _page_name(page: Path) -> Path:
    return page.with_name("index.html") if page.name == "README.md" else page.with_suffix(".html")


def _linked(body: str, page: Path) -> str:
    """Point links at pages instead of at their sources; what lies outside the documents has no page."""

    def pointed(found: re.Match[str]) -> str:
        if normpath(page.parent / found[1]).startswith(".."):
            return f'href="../{found[1]}.md{found[2]}"'
        return f'href="{found[1].replace("README", "index")}.html{found[2]}"'

    return _LINK.sub(pointed, body)


if __name__ == "__main__":
    main()
