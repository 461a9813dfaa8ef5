"""Commands about an account's contacts: show, set."""

from typing import Annotated

from cyclopts import App, Parameter

from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import IN_USE, InAccount
from domicile.apps.cli.output import show_item
from domicile.apps.cli.signed_in import account_api, account_id

contacts = App(name="contacts")

Addresses = Annotated[
    list[str] | None,
    Parameter(negative=(), consume_multiple=True, help="One to five addresses, in place of those there are."),
]


@contacts.command(name="show")
def show_contacts(*, server: InAccount = IN_USE) -> None:
    """Show whom to write to about the account."""
    with account_api(server) as api:
        answer = api.call("GET", f"/accounts/{account_id(api)}/contacts")
    show_item(answer, server)


@contacts.command(name="set")
def set_contacts(
    *,
    billing: Addresses = None,
    operations: Addresses = None,
    general: Addresses = None,
    server: InAccount = IN_USE,
) -> None:
    """Replace lists of contacts, each as a whole; a list that is not named stays."""
    given = (("billing", billing), ("operations", operations), ("general", general))
    body: dict[str, object] = {name: addresses for name, addresses in given if addresses is not None}
    if not body:
        raise CommandError(Exit.USAGE, "Give at least one of --billing, --operations, --general.")
    with account_api(server) as api:
        answer = api.call("POST", f"/accounts/{account_id(api)}/contacts", body=body)
    show_item(answer, server)
