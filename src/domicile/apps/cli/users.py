"""Commands about the users of an account: list, show, change their role, disable, enable, remove."""

from typing import Annotated

from cyclopts import App, Parameter

from domicile.apps.cli.api import Api, items_of, path_to, text_of
from domicile.apps.cli.asking import require_consent
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import EVERYTHING, IN_USE, AssumeYes, InAccount, Paging
from domicile.apps.cli.output import Column, show_done, show_item, show_list
from domicile.apps.cli.signed_in import account_api

users = App(name="users")

User = Annotated[str, Parameter(help="Id or email of the user.")]

_COLUMNS = (
    Column("Id", "id", is_whole=True),
    Column("Name", "name"),
    Column("Email", "email"),
    Column("Role", "roleID"),
    Column("State", "state"),
    Column("Last activity", "lastActivity"),
)


@users.command(name="list")
def list_users(*, role: str | None = None, paging: Paging = EVERYTHING, server: InAccount = IN_USE) -> None:
    """List the users of an account.

    Parameters
    ----------
    role
        Only those with this role.
    """
    with account_api(server) as api:
        body = api.collect("/users", "users", paging, params={"roleID": role} if role else None)
    show_list(
        body, "users", _COLUMNS, server, empty="Nobody fits. Invite someone: domicile invite create EMAIL"
    )


@users.command(name="show")
def show_user(user: User, /, *, server: InAccount = IN_USE) -> None:
    """Show one user of an account."""
    with account_api(server) as api:
        answer = api.call("GET", path_to("users", find_user_id(api, user)))
    show_item(answer, server)


@users.command(name="set-role")
def set_role(
    user: User,
    role: Annotated[str, Parameter(help="Id of the role, like full-access or read-only.")],
    /,
    *,
    server: InAccount = IN_USE,
) -> None:
    """Give a user another role in the account."""
    _update(user, {"roleID": role}, server)


@users.command(name="disable")
def disable_user(user: User, /, *, server: InAccount = IN_USE) -> None:
    """Keep a user out of the account, until they are enabled again."""
    _update(user, {"state": "disabled"}, server)


@users.command(name="enable")
def enable_user(user: User, /, *, server: InAccount = IN_USE) -> None:
    """Let a disabled user into the account again."""
    _update(user, {"state": "enabled"}, server)


@users.command(name="remove")
def remove_user(user: User, /, *, yes: AssumeYes = False, server: InAccount = IN_USE) -> None:
    """End a user's membership in the account; the person and their other accounts stay."""
    require_consent(f"{user} loses access to the account.", assume_yes=yes)
    with account_api(server) as api:
        answer = api.call("DELETE", path_to("users", find_user_id(api, user)))
    show_done(answer, server, f"{user} is no longer in the account.")


def _update(user: str, change: dict[str, object], server: InAccount) -> None:
    with account_api(server) as api:
        answer = api.call("POST", path_to("users", find_user_id(api, user)), body=change)
    show_item(answer, server)


def find_user_id(api: Api, user: str) -> str:
    """Turn a user's email into their id; an id is returned as it is."""
    if "@" not in user:
        return user
    for item in items_of(api.collect("/users", "users", EVERYTHING), "users"):
        if text_of(item, "email").casefold() == user.casefold():
            return text_of(item, "id")
    raise CommandError(Exit.REFUSED, f"Nobody in the account has the address {user}.")
