"""Commands that tend an installation: migrate, courier status, courier retry."""

import asyncio
from typing import Annotated

from cyclopts import App, Parameter

from domicile.apps.cli.installation import THIS_ONE, Installation, explained
from domicile.apps.cli.output import Column, show_document, show_rows

courier = App(name="courier")


def migrate(*, installation: Installation = THIS_ONE) -> None:
    """Bring every database to the present schema."""
    from domicile.apps.operate import migrate as migrate_databases  # noqa: PLC0415 - loads no server until it runs

    with explained():
        done = asyncio.run(migrate_databases(installation.load()))
    if installation.json:
        show_document({"migrated": done})
    else:
        print("\n".join(done) or "Every database is at the present schema.")


@courier.command(name="status")
def show_status(*, installation: Installation = THIS_ONE) -> None:
    """Show what the courier has still to carry, and what it has parked, region by region."""
    from domicile.apps.operate import courier_status  # noqa: PLC0415 - loads no server until it runs

    with explained():
        lines = asyncio.run(courier_status(installation.load()))
    if installation.json:
        show_document({"courier": lines})
    elif lines:
        show_rows(lines, [Column(name, name) for name in lines[0]])
    else:
        print("There is nothing to carry.")


@courier.command(name="retry")
def retry(
    row: Annotated[str | None, Parameter(help="Id of one parked row; without it, all of them.")] = None,
    /,
    *,
    region: Annotated[str | None, Parameter(help="Only what this region has parked.")] = None,
    installation: Installation = THIS_ONE,
) -> None:
    """Let the courier try parked rows again."""
    from domicile.apps.operate import courier_retry  # noqa: PLC0415 - loads no server until it runs

    with explained():
        count = asyncio.run(courier_retry(installation.load(), region, row))
    if installation.json:
        show_document({"retried": count})
    else:
        print(f"Tried again: {count} parked rows.")
