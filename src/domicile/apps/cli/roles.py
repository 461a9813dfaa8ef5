"""Commands about the roles of an account: list, show, create, change, delete, and the matrix of what each grants."""

from collections.abc import Mapping, Sequence
from typing import Annotated, cast

from cyclopts import App, Parameter

from domicile.apps.cli.api import Api, items_of, path_to, text_of
from domicile.apps.cli.asking import require_consent
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import EVERYTHING, IN_USE, AssumeYes, InAccount, Paging
from domicile.apps.cli.output import Column, show_done, show_item, show_json, show_list, show_rows
from domicile.apps.cli.signed_in import account_api

roles = App(name="roles")

RoleName = Annotated[str, Parameter(help="Id of the role.")]
Grants = Annotated[
    list[str] | None,
    Parameter(
        name="--grant",
        negative=(),
        help="A level of a service, like identity=read-only; repeatable, one level of each service.",
    ),
]

_COLUMNS = (
    Column("Id", "id", is_whole=True),
    Column("Name", "name"),
    Column("Grants", "grants"),
    Column("Predefined", "predefined"),
)


@roles.command(name="list")
def list_roles(*, paging: Paging = EVERYTHING, server: InAccount = IN_USE) -> None:
    """List the roles of an account."""
    with account_api(server) as api:
        body = api.collect("/roles", "roles", paging)
    if not server.json:
        body = body | {"roles": [_with_grants(role) for role in items_of(body, "roles")]}
    show_list(body, "roles", _COLUMNS, server, empty="There is no role.")


@roles.command(name="show")
def show_role(role: RoleName, /, *, server: InAccount = IN_USE) -> None:
    """Show one role."""
    with account_api(server) as api:
        answer = api.call("GET", path_to("roles", role))
    show_item(answer, server)


@roles.command(name="create")
def create_role(
    role: Annotated[str, Parameter(help="Id, for ever: small letters, digits, hyphens.")],
    /,
    *,
    name: str,
    grant: Grants = None,
    description: str | None = None,
    server: InAccount = IN_USE,
) -> None:
    """Make a role; it can grant nothing that you do not hold yourself.

    Parameters
    ----------
    name
        What people read.
    description
        What it is for.
    """
    with account_api(server) as api:
        wanted = {
            "id": role,
            "name": name,
            "description": description,
            "serviceRoleURNs": urns_of(api, grant or []),
        }
        answer = api.call("POST", "/roles", body=_said(wanted))
    show_item(answer, server)


@roles.command(name="update")
def update_role(
    role: RoleName,
    /,
    *,
    name: str | None = None,
    grant: Grants = None,
    description: str | None = None,
    server: InAccount = IN_USE,
) -> None:
    """Change a role; holds for everybody who has it from their next request on.

    Parameters
    ----------
    name
        What people read.
    description
        What it is for.
    """
    with account_api(server) as api:
        urns = urns_of(api, grant) if grant is not None else None
        wanted = {"name": name, "description": description, "serviceRoleURNs": urns}
        answer = api.call("POST", path_to("roles", role), body=_said(wanted))
    show_item(answer, server)


@roles.command(name="delete")
def delete_role(role: RoleName, /, *, yes: AssumeYes = False, server: InAccount = IN_USE) -> None:
    """Delete a role that nobody has."""
    require_consent(f"The role {role} is gone for good.", assume_yes=yes)
    with account_api(server) as api:
        answer = api.call("DELETE", path_to("roles", role))
    show_done(answer, server, f"The role {role} is deleted.")


@roles.command(name="matrix")
def show_matrix(*, server: InAccount = IN_USE) -> None:
    """Show which role grants which permission."""
    with account_api(server) as api:
        answer = api.call("GET", "/role-matrix")
    if server.json:
        show_json(answer)
        return
    found = items_of(answer.body(), "roles")
    columns = [Column("Permission", "permission", is_whole=True)]
    columns += [Column(text_of(role, "id"), text_of(role, "id")) for role in found]
    show_rows(_matrix_rows(found), columns)


def _matrix_rows(found: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    granted = {text_of(role, "id"): set(cast("list[str]", role["permissions"])) for role in found}
    every = sorted(set[str]().union(*granted.values()))
    return [
        {"permission": permission, **{role: "yes" if permission in granted[role] else "" for role in granted}}
        for permission in every
    ]


def _with_grants(role: Mapping[str, object]) -> dict[str, object]:
    urns = cast("list[str]", role["serviceRoleURNs"])
    levels = (f"{urn.split(':')[2]}={urn.rpartition('/')[2]}" for urn in urns)
    return dict(role) | {"grants": ", ".join(levels)}


def urns_of(api: Api, grants: Sequence[str]) -> list[str]:
    """Turn `service=level` into the names that the API takes, in the account that the command acts in."""
    whole = text_of(api.call("GET", "/whoami").body(), "principalURN")
    _, namespace, _, region, account, _ = whole.split(":")
    return [
        f"urn:{namespace}:{service}:{region}:{account}:role/{level}"
        for service, level in map(_parted, grants)
    ]


def _parted(grant: str) -> tuple[str, str]:
    service, equals, level = grant.partition("=")
    if not equals or not service or not level:
        raise CommandError(
            Exit.USAGE, f"{grant!r} is no grant: write service=level, like identity=read-only."
        )
    return service, level


def _said(wanted: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in wanted.items() if value is not None}
