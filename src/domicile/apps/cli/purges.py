"""Commands about accounts whose data is being deleted: status, with a bar that follows."""

import asyncio
import time
from collections.abc import Callable
from typing import Annotated

from cyclopts import App, Parameter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.installation import THIS_ONE, Installation, explained
from domicile.apps.cli.output import Column, new_console, show_document, show_rows

purges = App(name="purges")

_SECONDS_BETWEEN_LOOKS = 0.5
_COLUMNS = (
    Column("Region", "region", is_whole=True),
    Column("Account", "account", is_whole=True),
    Column("Stage", "stage"),
    Column("Table", "table"),
    Column("Deleted", "deleted"),
    Column("Left", "left"),
    Column("Begun", "begun", is_whole=True),
)
_OWED = (
    Column("Region", "region", is_whole=True),
    Column("Service", "service", is_whole=True),
    Column("Account", "account", is_whole=True),
    Column("State", "state"),
    Column("Asked", "asked", is_whole=True),
)
Lines = list[dict[str, str | int]]


@purges.command(name="status")
def show_status(
    *,
    watch: Annotated[
        bool, Parameter(negative=(), help="Follow with a bar for each account, until all are purged.")
    ] = False,
    installation: Installation = THIS_ONE,
) -> None:
    """Show which accounts are being purged, how far that has come, and which services owe a receipt."""
    from domicile.apps.operate import owed_receipts, purges_status  # noqa: PLC0415 - loads no server until it runs

    if watch and installation.json:
        raise CommandError(Exit.USAGE, "--watch draws bars for a reader: leave out --json.")
    settings = installation.load()

    def look() -> Lines:
        return asyncio.run(purges_status(settings))

    with explained():
        lines = look()
        if watch and lines:
            _follow(look)
            lines = []
        owed = asyncio.run(owed_receipts(settings))
    if installation.json:
        show_document({"purges": lines, "owed": owed})
        return
    if lines:
        show_rows(lines, _COLUMNS)
    else:
        print("No account is being purged.")
    if owed:
        print("\nServices that have not said yet that they deleted an account:")
        show_rows(owed, _OWED)


def _follow(look: Callable[[], Lines]) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=new_console()) as progress:
        bars: dict[str, TaskID] = {}
        while lines := look():
            for line in lines:
                name = f"{line['region']} {line['account']}"
                if name not in bars:
                    bars[name] = progress.add_task(name, total=None)
                total = int(line["deleted"]) + int(line["left"])
                progress.update(bars[name], total=total or None, completed=int(line["deleted"]))
            for ended in set(bars) - {f"{line['region']} {line['account']}" for line in lines}:
                _complete(progress, bars.pop(ended))
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        for bar in bars.values():
            _complete(progress, bar)


def _complete(progress: Progress, bar: TaskID) -> None:
    total = next(task.total for task in progress.tasks if task.id == bar)
    progress.update(bar, completed=total or 1, total=total or 1)
