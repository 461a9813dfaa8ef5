"""Commands about API keys: list, create, show, change, lock, unlock, rotate, delete."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import App, Parameter

from domicile.apps.cli.api import Answer, path_to, text_of
from domicile.apps.cli.asking import require_consent
from domicile.apps.cli.options import EVERYTHING, IN_USE, AssumeYes, InAccount, Paging
from domicile.apps.cli.output import Column, show_done, show_item, show_list
from domicile.apps.cli.printing import show_note
from domicile.apps.cli.signed_in import account_api

keys = App(name="keys")

Key = Annotated[str, Parameter(help="Id of the API key.")]

_COLUMNS = (
    Column("Id", "id", is_whole=True),
    Column("Alias", "alias"),
    Column("Role", "roleID"),
    Column("Enabled", "enabled"),
    Column("Expires", "expiry"),
    Column("Last activity", "lastActivity"),
)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class KeySettings:
    """What can be said of an API key when it is made and later."""

    description: Annotated[str | None, Parameter(help="What it is for.")] = None
    locale: Annotated[str | None, Parameter(help="Its language: en, ja or de.")] = None
    timezone: Annotated[str | None, Parameter(help="Its time zone, like Europe/Paris.")] = None
    allowed_ip: Annotated[
        list[str] | None,
        Parameter(
            name="--allowed-ip", negative="--any-ip", help="An address it may be used from; repeatable."
        ),
    ] = None
    allowed_cidr: Annotated[
        list[str] | None,
        Parameter(
            name="--allowed-cidr", negative="--any-cidr", help="A network it may be used from; repeatable."
        ),
    ] = None
    expiry: Annotated[str | None, Parameter(help="When it ends, like 2027-01-31T00:00:00Z.")] = None

    def body(self) -> dict[str, object]:
        """Write what was given as the API names it."""
        members: dict[str, object] = {
            "description": self.description,
            "locale": self.locale,
            "timezone": self.timezone,
            "allowedIPs": self.allowed_ip,
            "allowedCIDRs": self.allowed_cidr,
            "expiry": self.expiry,
        }
        return {name: value for name, value in members.items() if value is not None}


UNSAID = KeySettings()


@keys.command(name="list")
def list_keys(*, role: str | None = None, paging: Paging = EVERYTHING, server: InAccount = IN_USE) -> None:
    """List the account's API keys.

    Parameters
    ----------
    role
        Only those with this role.
    """
    with account_api(server) as api:
        body = api.collect("/apikeys", "apikeys", paging, params={"roleID": role} if role else None)
    show_list(
        body,
        "apikeys",
        _COLUMNS,
        server,
        empty="There is no API key. Make one: domicile keys create ALIAS --role ROLE",
    )


@keys.command(name="create")
def create_key(
    alias: str, /, *, role: str, settings: KeySettings = UNSAID, server: InAccount = IN_USE
) -> None:
    """Make an API key; its secret is shown now and never again.

    Parameters
    ----------
    alias
        What people call it.
    role
        What it may do, like full-access or read-only; never more than you.
    """
    with account_api(server) as api:
        answer = api.call("POST", "/apikeys", body={"alias": alias, "roleID": role, **settings.body()})
    _show_with_secret(answer, server)


@keys.command(name="show")
def show_key(
    key: Annotated[str, Parameter(help="Id of the API key; current: the one you call with.")],
    /,
    *,
    server: InAccount = IN_USE,
) -> None:
    """Show one API key, without its secret."""
    with account_api(server) as api:
        answer = api.call("GET", path_to("apikeys", key))
    show_item(answer, server)


@keys.command(name="update")
def update_key(
    key: Key,
    /,
    *,
    alias: str | None = None,
    role: str | None = None,
    settings: KeySettings = UNSAID,
    server: InAccount = IN_USE,
) -> None:
    """Change an API key.

    Parameters
    ----------
    alias
        What people call it.
    role
        What it may do; never more than you.
    """
    body = settings.body()
    body |= {name: value for name, value in (("alias", alias), ("roleID", role)) if value is not None}
    _update(key, body, server)


@keys.command(name="lock")
def lock_key(key: Key, /, *, server: InAccount = IN_USE) -> None:
    """Lock an API key out, until it is unlocked."""
    _update(key, {"enabled": False}, server)


@keys.command(name="unlock")
def unlock_key(key: Key, /, *, server: InAccount = IN_USE) -> None:
    """Let a locked API key in again."""
    _update(key, {"enabled": True}, server)


@keys.command(name="rotate")
def rotate_key(key: Key, /, *, server: InAccount = IN_USE) -> None:
    """Give an API key a new secret; the old one stays good for a while, so that programs can change over."""
    with account_api(server) as api:
        answer = api.call("POST", path_to("apikeys", key) + "/rotate")
    _show_with_secret(answer, server)


@keys.command(name="delete")
def delete_key(key: Key, /, *, yes: AssumeYes = False, server: InAccount = IN_USE) -> None:
    """Delete an API key for good."""
    require_consent(f"Programs that use {key} are refused from now on.", assume_yes=yes)
    with account_api(server) as api:
        answer = api.call("DELETE", path_to("apikeys", key))
    show_done(answer, server, f"API key {key} is deleted.")


def _update(key: str, body: dict[str, object], server: InAccount) -> None:
    with account_api(server) as api:
        answer = api.call("POST", path_to("apikeys", key), body=body)
    show_item(answer, server)


def _show_with_secret(answer: Answer, server: InAccount) -> None:
    show_item(answer, server)
    if not server.json and text_of(answer.body(), "secret"):
        show_note("Keep the secret now: it is not shown again. For programs: DOMICILE_API_KEY=<id>:<secret>")
