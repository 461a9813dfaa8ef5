"""What a command prints: JSON as the API gave it, or a table for a reader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from domicile.apps.cli.api import Answer, JsonObject, items_of, text_of
from domicile.apps.cli.options import Output
from domicile.apps.cli.printing import as_text, show_note

# Wide enough that nothing is cut or broken when the reader is a program.
_PIPE_WIDTH = 10_000
_NARROWEST_COLUMN = 10
_COLUMN_GAP = 3


@dataclass(frozen=True)
class Column:
    """One column of a table: its heading and the member of each item that fills it."""

    heading: str
    member: str
    is_whole: bool = False
    """Never broken over lines, because it is copied: ids, addresses, links."""


def new_console(*, at_least: int = 0) -> Console:
    """Open standard output for a reader: colours only on a terminal that wants them (`NO_COLOR`).

    A terminal narrower than `at_least` columns breaks the lines itself: nothing is ever cut off.
    """
    console = Console(highlight=False)
    width = max(console.width, at_least) if console.is_terminal else _PIPE_WIDTH
    return Console(highlight=False, width=width)


def show_json(answer: Answer) -> None:
    """Print the body of an answer, indented and otherwise as it came."""
    if answer.content:
        print(msgspec.json.format(answer.content, indent=2).decode())


def show_item(answer: Answer, output: Output) -> None:
    """Print the one item that an answer holds."""
    if output.json:
        show_json(answer)
    else:
        show_facts(answer.body())


def show_done(answer: Answer, output: Output, message: str) -> None:
    """Print that something was done; as JSON, what the API said to it, which may be nothing."""
    if output.json:
        show_json(answer)
    else:
        print(as_text(message))


def show_document(document: object) -> None:
    """Print a JSON document."""
    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def show_list(
    body: JsonObject, plural: str, columns: Sequence[Column], output: Output, *, empty: str
) -> None:
    """Print a list as a table; `empty` says what to do next when there is nothing in it."""
    if output.json:
        show_document(body)
        return
    items = items_of(body, plural)
    if not items:
        print(empty)
        return
    show_rows(items, columns)
    if following := text_of(body, "next"):
        show_note(f"More follow: --cursor {following}")


def show_rows(items: Sequence[Mapping[str, object]], columns: Sequence[Column]) -> None:
    """Print items as the rows of a table."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    rows = [[as_text(item.get(column.member)) for column in columns] for item in items]
    needed = 0
    for index, column in enumerate(columns):
        longest = max(len(row[index]) for row in rows)
        table.add_column(column.heading, overflow="fold", no_wrap=column.is_whole)
        needed += _COLUMN_GAP + (longest if column.is_whole else min(longest, _NARROWEST_COLUMN))
    for row in rows:
        table.add_row(*map(Text, row))
    new_console(at_least=needed).print(table)


def show_facts(body: Mapping[str, object], *, leave_out: Sequence[str] = ("links",)) -> None:
    """Print the members of one item, a line each."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in body.items():
        if name not in leave_out:
            table.add_row(Text(name), Text(as_text(value)))
    new_console().print(table)
