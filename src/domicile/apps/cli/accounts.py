"""Commands about accounts: list, create, show, change, ask for a second factor, delete, restore, and choose the one in use."""

from dataclasses import replace
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from domicile.apps.cli.api import Api, object_of, refusal, text_of
from domicile.apps.cli.asking import require_consent, require_typed
from domicile.apps.cli.foretelling import show_foretold
from domicile.apps.cli.options import EVERYTHING, IN_USE, LOCAL, AssumeYes, InAccount, Paging, Server
from domicile.apps.cli.output import Column, show_done, show_item, show_list
from domicile.apps.cli.printing import as_text, show_note
from domicile.apps.cli.signed_in import (
    account_api,
    account_id,
    open_store,
    principal_api,
    require_session,
    resolve_account,
)

accounts = App(name="accounts")

Account = Annotated[str | None, Parameter(help="Id or alias of the account, instead of --account.")]

_COLUMNS = (
    Column("Id", "id", is_whole=True),
    Column("Alias", "alias"),
    Column("Region", "region", is_whole=True),
    Column("Role", "roleID"),
    Column("State", "state"),
    Column("Days left", "daysLeft"),
)


@accounts.command(name="list")
def list_accounts(*, paging: Paging = EVERYTHING, server: Server = LOCAL) -> None:
    """List your accounts, in all regions; of suspended ones, how many days are left to restore them."""
    with principal_api(server) as api:
        body = api.collect("/accounts", "accounts", paging)
    create = "domicile accounts create ALIAS --region REGION"
    show_list(body, "accounts", _COLUMNS, server, empty=f"You are in no account yet. Create one: {create}")


@accounts.command(name="create")
def create_account(
    alias: str,
    *,
    region: str,
    locale: str | None = None,
    timezone: str | None = None,
    server: Server = LOCAL,
) -> None:
    """Create an account, in which you then have full access.

    Parameters
    ----------
    alias
        What people call it.
    region
        Where its data lies; this can never be changed. See: domicile regions
    locale
        Its language: en, ja or de.
    timezone
        Its time zone, like Europe/Paris.
    """
    body: dict[str, object] = {"alias": alias, "region": region}
    body |= {key: value for key, value in (("locale", locale), ("timezone", timezone)) if value is not None}
    with principal_api(server) as api:
        answer = api.call("POST", "/accounts", body=body)
    show_item(answer, server)


@accounts.command(name="show")
def show_account(account: Account = None, /, *, server: InAccount = IN_USE) -> None:
    """Show an account's settings."""
    with account_api(_in(account, server)) as api:
        answer = api.call("GET", f"/accounts/{account_id(api)}")
    show_item(answer, server)


@accounts.command(name="update")
def update_account(
    account: Account = None,
    /,
    *,
    alias: str | None = None,
    locale: str | None = None,
    timezone: str | None = None,
    server: InAccount = IN_USE,
) -> None:
    """Change an account's settings; its region stays as it is, always.

    Parameters
    ----------
    alias
        What people call it.
    locale
        Its language: en, ja or de.
    timezone
        Its time zone, like Europe/Paris.
    """
    given = (("alias", alias), ("locale", locale), ("timezone", timezone))
    body = {key: value for key, value in given if value is not None}
    with account_api(_in(account, server)) as api:
        answer = api.call("POST", f"/accounts/{account_id(api)}", body=body)
    show_item(answer, server)


@accounts.command(name="use")
def use_account(
    account: Annotated[str, Parameter(help="Id or alias of the account.")], /, *, server: Server = LOCAL
) -> None:
    """Choose the account in which commands act that do not name one."""
    require_session(server)
    with principal_api(server) as api:
        chosen = api.call("GET", f"/accounts/{resolve_account(api, account)}")
    in_use = text_of(chosen.body(), "id")
    open_store().revise(server.base_url, lambda session: msgspec.structs.replace(session, account=in_use))
    show_done(chosen, server, f"In use: {in_use} {text_of(chosen.body(), 'alias')}")


@accounts.command(name="require-mfa")
def require_second_factor(
    account: Account = None,
    /,
    *,
    required: Annotated[
        bool, Parameter(negative="--not-required", help="Whether everybody needs a second factor.")
    ] = True,
    yes: AssumeYes = False,
    server: InAccount = IN_USE,
) -> None:
    """Ask everybody for a second factor to enter an account, or no longer, after showing who would be kept out."""
    with account_api(_in(account, server)) as api:
        path = f"/accounts/{account_id(api)}"
        found = api.call("GET", path)
        consequence = _foretold_factor(api, server) if required else "A password alone is enough again."
        require_consent(consequence, assume_yes=yes)
        version = {"If-Match": found.headers["ETag"]}
        answer = api.send("POST", path, body={"mfaRequired": required}, headers=version)
    if answer.status != 200:
        raise refusal(answer)
    told = "now needs a second factor" if required else "no longer needs a second factor"
    show_done(answer, server, f"Whoever enters account {text_of(answer.body(), 'alias')} {told}.")


def _foretold_factor(api: Api, server: InAccount) -> str:
    """Show what asking for a second factor would do, and sum it up."""
    foretold = api.call("POST", "/access/preflight", body={"change": {"mfaRequired": True}}).body()
    if not server.json:
        show_foretold(foretold)
    count = object_of(foretold, "summary").get("lockedOut")
    return f"Kept out until they add a second factor: {as_text(count)}. API keys go on."


@accounts.command(name="delete")
def delete_account(
    account: Annotated[str, Parameter(help="Id or alias of the account.")],
    /,
    *,
    yes: AssumeYes = False,
    server: Server = LOCAL,
) -> None:
    """Delete an account: nobody enters it from now on, and its data is deleted once the time to restore it is over."""
    with principal_api(server) as api:
        path = f"/accounts/{resolve_account(api, account)}"
        found = api.call("GET", path)
        alias = text_of(found.body(), "alias")
        warning = (
            f"Nobody can enter account {alias} any more, its keys stop, and later all of its data is deleted."
        )
        require_typed(alias, warning, assume_yes=yes)
        # The version that was asked about, so that what was changed meanwhile is looked at first.
        answer = api.send("DELETE", path, headers={"If-Match": found.headers["ETag"]})
    if answer.status != 200:
        raise refusal(answer)
    body = answer.body()
    until, receipt = text_of(body, "purgeAfter"), text_of(body, "receiptID")
    told = f"Account {alias} is suspended. Until {until} it can be restored: domicile accounts restore {text_of(body, 'id')}"
    show_done(answer, server, told)
    if not server.json:
        show_note(f"Once its data is deleted there is a receipt: domicile receipts show {receipt}")


@accounts.command(name="restore")
def restore_account(
    account: Annotated[str, Parameter(help="Id or alias of the account.")], /, *, server: Server = LOCAL
) -> None:
    """Restore an account that was deleted, while there is time; everything in it is as it was."""
    require_session(server)
    with principal_api(server) as api:
        answer = api.call("POST", f"/accounts/{resolve_account(api, account)}/restore")
    show_done(answer, server, f"Account {text_of(answer.body(), 'alias')} is restored.")


def _in(account: str | None, server: InAccount) -> InAccount:
    return server if account is None else replace(server, account=account)
