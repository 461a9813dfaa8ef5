"""Commands about who can enter an account: the review, now and at a past moment, and what a change would do."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from domicile.apps.cli.api import JsonObject, items_of
from domicile.apps.cli.foretelling import preflight
from domicile.apps.cli.options import EVERYTHING, IN_USE, InAccount, Paging
from domicile.apps.cli.output import Column, show_list
from domicile.apps.cli.signed_in import account_api

access = App(name="access")
access.command(preflight)

_COLUMNS = (
    Column("Kind", "kind"),
    Column("Id", "id", is_whole=True),
    Column("Name", "name"),
    Column("Email", "email"),
    Column("Role", "roleID"),
    Column("State", "state"),
    Column("Can enter", "canEnter"),
    Column("Because", "because"),
    Column("MFA", "mfaEnabled"),
    Column("Networks", "networks"),
    Column("Given by", "givenBy"),
    Column("Last activity", "lastActivity"),
)


@access.command(name="review")
def review_access(
    *,
    at: Annotated[
        str | None, Parameter(help="Who had access then, like 2026-01-31T12:00:00Z; a year back at most.")
    ] = None,
    csv: Annotated[Path | None, Parameter(help="Write all of it into this file, for a spreadsheet.")] = None,
    paging: Paging = EVERYTHING,
    server: InAccount = IN_USE,
) -> None:
    """List everyone and everything that can enter the account, and why; being read, it is an event of the account."""
    params = {"at": at} if at else {}
    with account_api(server) as api:
        if csv is not None:
            answer = api.call("GET", "/access/review", params={"format": "csv"} | params)
            csv.write_bytes(answer.content)
            print(f"Written: {csv}")
            return
        body = api.collect("/access/review", "entries", paging, params=params)
    if not server.json:
        body = body | {"entries": [_with_reason(entry) for entry in items_of(body, "entries")]}
    show_list(body, "entries", _COLUMNS, server, empty="Nobody could enter the account then.")


def _with_reason(entry: JsonObject) -> JsonObject:
    """Say in a column what settled the decision: the last step of its chain."""
    settled = items_of(entry, "steps")[-1:]
    return entry | {"because": settled[0].get("fact") if settled else None}
