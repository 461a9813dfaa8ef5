"""Commands about the services of an account: list, show."""

from typing import Annotated

from cyclopts import App, Parameter

from domicile.apps.cli.api import items_of, path_to
from domicile.apps.cli.options import IN_USE, InAccount
from domicile.apps.cli.output import Column, show_json, show_rows
from domicile.apps.cli.signed_in import account_api

services = App(name="services")

_COLUMNS = (Column("Name", "name", is_whole=True), Column("Title", "title"), Column("Version", "version"))
_KINDS = (
    Column("Kind", "name", is_whole=True),
    Column("Title", "title"),
    Column("Category", "category"),
    Column("Most", "most"),
)


@services.command(name="list")
def list_services(*, server: InAccount = IN_USE) -> None:
    """List the services of an account."""
    with account_api(server) as api:
        answer = api.call("GET", "/services")
    if server.json:
        show_json(answer)
    else:
        show_rows(items_of(answer.body(), "services"), _COLUMNS)


@services.command(name="show")
def show_service(
    name: Annotated[str, Parameter(help="Name of the service.")], /, *, server: InAccount = IN_USE
) -> None:
    """Show what an account can keep in a service; with --json also the schemas."""
    with account_api(server) as api:
        answer = api.call("GET", path_to("services", name))
    if server.json:
        show_json(answer)
        return
    body = answer.body()
    levels = ", ".join(str(level["level"]) for level in items_of(body, "levels"))
    print(f"{body['title']}, version {body['version']}, levels {levels}")
    if kinds := items_of(body, "kinds"):
        show_rows(kinds, _KINDS)
