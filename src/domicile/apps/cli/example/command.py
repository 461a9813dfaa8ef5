"""The command `domicile example`: the worked example as a table of ticks."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich import box
from rich.table import Table
from rich.text import Text

from domicile.apps.cli.example.report import Access, Cell, Place, Report
from domicile.apps.cli.example.scenario import run_example
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.mail_folder import MailFolder
from domicile.apps.cli.options import LOCAL, Server
from domicile.apps.cli.output import new_console, show_document

_NARROWEST = 80
_MEANINGS = {
    Access.FULL: "sees, reads, changes",
    Access.READ: "sees, reads; changes are refused",
    Access.NONE: "as if it did not exist",
    Access.MIXED: "part of it works, part does not",
}


def example(
    *,
    data: Annotated[
        Path, Parameter(env_var="DOMICILE_DATA", help="The data folder of the server, where its mails are.")
    ] = Path("var"),
    server: Server = LOCAL,
) -> None:
    """Build the worked example at a running server and check every cell of its table.

    Three people sign up, create accounts in three regions, keep something in the example services if the server has them,
    invite each other, and then everything that each of them can see, read and change is asked of the public API. Nothing is
    deleted afterwards.
    """
    report = run_example(MailFolder(data / "mail"), base_url=server.base_url)
    if server.json:
        show_document(_document(report))
    else:
        new_console(at_least=_NARROWEST).print(_table(report))
        answers = sum(len(cell.findings) for cell in report.cells)
        print(f"{answers} answers compared with what they should be; --json shows each.")
    if report.deviations:
        raise CommandError(Exit.REFUSED, "The example did not come out as it should.", report.deviations)


def _table(report: Report) -> Table:
    table = Table(box=box.SQUARE, show_lines=True)
    table.add_column("", overflow="fold")
    for place in report.places:
        table.add_column(f"{place.name} ({place.expected_region})", overflow="fold")
    for name, email in report.users:
        cells = [cell for cell in report.cells if cell.user == name]
        table.add_row(Text(f"{name}\n" + email.replace("@", "\n@")), *(_cell_text(cell) for cell in cells))
    table.add_row("where its data lies", *(_place_text(place) for place in report.places))
    return table


def _cell_text(cell: Cell) -> Text:
    text = _verdict(str(cell.seen), is_right=cell.is_right)
    if cell.is_right:
        text.append(f"\n{_MEANINGS[cell.seen]}", style="dim")
    for finding in cell.findings:
        if not finding.is_right:
            text.append(f"\n{finding.question}: {finding.seen}, not {finding.expected}", style="red")
    return text


def _place_text(place: Place) -> Text:
    text = _verdict(f"{place.region}: {place.rows} rows", is_right=place.is_right)
    return text.append(f"\n{place.database}\n{place.account_id}", style="dim")


def _verdict(text: str, *, is_right: bool) -> Text:
    return Text.assemble((f"✓ {text}", "green") if is_right else (f"✗ {text}", "bold red"))


def _document(report: Report) -> dict[str, object]:
    return {
        "asExpected": not report.deviations,
        "users": [{"name": name, "email": email} for name, email in report.users],
        "accounts": [
            {
                "name": place.name,
                "id": place.account_id,
                "region": place.region,
                "expectedRegion": place.expected_region,
                "database": place.database,
                "rows": place.rows,
            }
            for place in report.places
        ],
        "cells": [{**asdict(cell), "asExpected": cell.is_right} for cell in report.cells],
        "deviations": report.deviations,
    }
