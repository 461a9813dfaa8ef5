"""Shows the figures: as a table on the screen, as Markdown in the documents, as JSON for programs."""

import os
import platform
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.results import Result

_PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
_BLOCK = re.compile(r"(<!-- bench -->\n).*?(<!-- end of bench -->)", re.DOTALL)
_HEAD = ("what", "Domicile", "yardstick", "figure", "spread", "by processor time", "aim", "lands")
_MODEL = re.compile(r"^model name\s*: (.+)$", re.MULTILINE)


def show(results: list[Result], console: Console) -> None:
    """Print the table."""
    table = Table(title=_machine())
    for place, name in enumerate(_HEAD):
        table.add_column(name, justify="left" if place in {0, 7} else "right")
    for row in _rows(results):
        table.add_row(*row)
    console.print(table)


def write_page(results: list[Result]) -> Path:
    """Put the table into docs/benchmarks.md, in place of the one before."""
    rows = [f"| {' | '.join(cells)} |" for cells in (_HEAD, ["---"] * len(_HEAD), *_rows(results))]
    block = "\n".join([f"{_machine()}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.", "", *rows])
    page = _PAGE.read_text(encoding="utf-8")
    _PAGE.write_text(_BLOCK.sub(lambda found: f"{found[1]}\n{block}\n\n{found[2]}", page), encoding="utf-8")
    return _PAGE


def _machine() -> str:
    model = _MODEL.search(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    name = model[1] if model else platform.machine()
    load = os.getloadavg()[2]
    return f"{os.cpu_count()} cores of {name}, Python {platform.python_version()}, load average {load:.1f} before"


def _rows(results: list[Result]) -> Iterator[tuple[str, ...]]:
    for result in results:
        spread = f"{_brief(min(result.figures))} to {_brief(max(result.figures))}"
        yield (
            result.name,
            _measured(result.own, result.unit),
            _measured(result.bare, result.unit),
            _brief(result.figure) if result.bare else "",
            spread if len(result.figures) > 1 else "",
            _brief(result.by_processor) if result.by_processor is not None else "",
            f"{result.aim.sign} {result.aim.value:g}" if result.aim else "",
            {True: "yes", False: "no", None: ""}[result.lands],
        )


def _measured(values: list[float], unit: str) -> str:
    if not values:
        return ""
    middle = sorted(values)[len(values) // 2]
    return f"{_brief(middle)} {unit}" if unit != "/s" else f"{_brief(middle)}/s"


def _brief(value: float) -> str:
    """Write three digits or all before the point."""
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:.3g}"
