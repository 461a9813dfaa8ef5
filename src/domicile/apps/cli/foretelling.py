"""Commands that ask what a change of access would do, before anybody makes it."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich import box
from rich.table import Table
from rich.text import Text

from domicile.apps.cli.api import Answer, Api, JsonObject, items_of, object_of, text_of
from domicile.apps.cli.options import IN_USE, InAccount
from domicile.apps.cli.output import Column, new_console, show_json, show_rows
from domicile.apps.cli.printing import as_text
from domicile.apps.cli.roles import Grants, urns_of
from domicile.apps.cli.signed_in import account_api
from domicile.apps.cli.users import find_user_id

preflight = App(
    name="preflight", help="Ask what a change would do to everybody's access; nothing is changed."
)

User = Annotated[str, Parameter(help="Id or email of the user.")]
Key = Annotated[str, Parameter(help="Id of the API key.")]
Role = Annotated[str, Parameter(help="Id of the role.")]

_ADDRESS_COLUMNS = (
    Column("Address", "address", is_whole=True),
    Column("From", "source"),
    Column("Let in now", "allowedBefore"),
    Column("Let in then", "allowedAfter"),
)
_INVITATION_COLUMNS = (Column("Id", "id", is_whole=True), Column("Email", "email"), Column("Role", "roleID"))


@preflight.command(name="role")
def foretell_role(role: Role, /, *, grant: Grants, server: InAccount = IN_USE) -> None:
    """Ask what it would do if a role of the account's own granted something else."""
    with account_api(server) as api:
        change = {"role": {"roleID": role, "serviceRoleURNs": urns_of(api, grant or [])}}
        _show(_ask(api, change), server)


@preflight.command(name="mfa")
def foretell_mfa(
    *,
    required: Annotated[
        bool, Parameter(negative="--not-required", help="Whether it would be asked for.")
    ] = True,
    server: InAccount = IN_USE,
) -> None:
    """Ask what it would do if the account asked everybody for a second factor."""
    with account_api(server) as api:
        _show(_ask(api, {"mfaRequired": required}), server)


@preflight.command(name="remove-user")
def foretell_removal(user: User, /, *, server: InAccount = IN_USE) -> None:
    """Ask what it would do if a user were removed."""
    with account_api(server) as api:
        _show(_ask(api, {"removeUser": {"userID": find_user_id(api, user)}}), server)


@preflight.command(name="user-role")
def foretell_user_role(user: User, role: Role, /, *, server: InAccount = IN_USE) -> None:
    """Ask what it would do if a user had another role."""
    with account_api(server) as api:
        _show(_ask(api, {"userRole": {"userID": find_user_id(api, user), "roleID": role}}), server)


@preflight.command(name="user-state")
def foretell_user_state(
    user: User,
    state: Annotated[str, Parameter(help="enabled or disabled.")],
    /,
    *,
    server: InAccount = IN_USE,
) -> None:
    """Ask what it would do if a user were disabled or enabled."""
    with account_api(server) as api:
        _show(_ask(api, {"userState": {"userID": find_user_id(api, user), "state": state}}), server)


@preflight.command(name="lock-key")
def foretell_lock(key: Key, /, *, server: InAccount = IN_USE) -> None:
    """Ask what it would do if an API key were locked."""
    with account_api(server) as api:
        _show(_ask(api, {"apikeyLocked": {"id": key}}), server)


@preflight.command(name="key-role")
def foretell_key_role(key: Key, role: Role, /, *, server: InAccount = IN_USE) -> None:
    """Ask what it would do if an API key had another role."""
    with account_api(server) as api:
        _show(_ask(api, {"apikeyRole": {"id": key, "roleID": role}}), server)


@preflight.command(name="key-networks")
def foretell_networks(
    key: Key,
    /,
    *,
    allowed_ip: Annotated[
        list[str] | None,
        Parameter(name="--allowed-ip", negative="--any-ip", help="An address; repeatable."),
    ] = None,
    allowed_cidr: Annotated[
        list[str] | None,
        Parameter(name="--allowed-cidr", negative="--any-cidr", help="A network; repeatable."),
    ] = None,
    probe: Annotated[list[str] | None, Parameter(negative=(), help="An address to try; repeatable.")] = None,
    server: InAccount = IN_USE,
) -> None:
    """Ask from where an API key could still be used if its list of networks were another."""
    said = {"allowedIPs": allowed_ip, "allowedCIDRs": allowed_cidr, "probeAddresses": probe}
    wanted = {name: value for name, value in said.items() if value is not None}
    with account_api(server) as api:
        _show(_ask(api, {"apikeyNetworks": {"id": key} | wanted}), server)


@preflight.command(name="delete-account")
def foretell_deletion(*, server: InAccount = IN_USE) -> None:
    """Ask what it would do if the account were deleted."""
    with account_api(server) as api:
        _show(_ask(api, {"deleteAccount": True}), server)


def _ask(api: Api, change: Mapping[str, object]) -> Answer:
    return api.call("POST", "/access/preflight", body={"change": change})


def _show(answer: Answer, server: InAccount) -> None:
    if server.json:
        show_json(answer)
    else:
        show_foretold(answer.body())


def show_foretold(foretold: JsonObject) -> None:
    """Show what a change would do: who loses and gains what, what falls, and the counts."""
    console, affected = new_console(), items_of(foretold, "affected")
    if affected:
        console.print(_table(affected))
    if invitations := items_of(foretold, "invitations"):
        print("Invitations that would no longer stand:")
        show_rows(invitations, _INVITATION_COLUMNS)
    if addresses := items_of(foretold, "addresses"):
        show_rows(addresses, _ADDRESS_COLUMNS)
    counts = object_of(foretold, "summary")
    told = ", ".join(
        f"{as_text(counts.get(name))} {words}"
        for name, words in (
            ("affected", "affected"),
            ("lockedOut", "locked out"),
            ("losing", "losing something"),
            ("gaining", "gaining something"),
            ("invitations", "invitations that fall"),
        )
    )
    print(f"Of {as_text(counts.get('principals'))} users and API keys: {told}. Nothing was changed.")
    if foretold.get("truncated") is True:
        print("The lists are cut; the counts are whole.")
    if foretold.get("ownerless") is True:
        console.print(Text("Nobody with full access could enter the account any more.", style="bold red"))


def _table(affected: list[JsonObject]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in ("Who", "Role", "Loses", "Gains"):
        table.add_column(heading, overflow="fold")
    for effect in affected:
        who = text_of(effect, "email") or text_of(effect, "name") or text_of(effect, "principalURN")
        role, role_after = text_of(effect, "roleID"), text_of(effect, "roleIDAfter")
        table.add_row(
            Text(as_text(who)),
            Text(as_text(role if role == role_after else f"{role} → {role_after}")),
            _loses(effect),
            Text("\n".join(_texts(effect, "gained")) or "-", style="green"),
        )
    return table


def _loses(effect: JsonObject) -> Text:
    if effect.get("couldEnter") is True and effect.get("canEnter") is False:
        return Text(f"everything: cannot enter ({as_text(text_of(effect, 'rule'))})", style="bold red")
    return Text("\n".join(_texts(effect, "lost")) or "-", style="red")


def _texts(effect: JsonObject, name: str) -> list[str]:
    return [as_text(each) for each in msgspec.convert(effect.get(name) or [], list[object])]
