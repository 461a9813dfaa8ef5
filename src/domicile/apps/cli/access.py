"""Commands about what may be done, what was done, and where: check, explain, logs, regions."""

from typing import Annotated

from cyclopts import Parameter

from domicile.apps.cli.api import Api, items_of, open_api, text_of
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import EVERYTHING, IN_USE, LOCAL, InAccount, Paging, Server
from domicile.apps.cli.output import Column, show_item, show_json, show_list, show_rows
from domicile.apps.cli.signed_in import account_api
from domicile.apps.cli.users import find_user_id

Action = Annotated[str, Parameter(help="An action, like identity:apikey:create.")]
Principal = Annotated[
    str | None,
    Parameter(help="Who: email of a user, or URN of a user or an API key; yourself, if not given."),
]

_STEP_COLUMNS = (Column("Rule", "rule"), Column("Holds", "held"), Column("Because", "fact"))
_PERMISSION_COLUMNS = (
    Column("Action", "action", is_whole=True),
    Column("Allowed", "allowed"),
    Column("Settled by", "rule"),
)
_HOLDER_COLUMNS = (
    Column("Kind", "kind"),
    Column("Name", "name"),
    Column("Email", "email"),
    Column("Role", "roleID"),
    Column("URN", "principalURN", is_whole=True),
)
_LOG_COLUMNS = (
    Column("Time", "time", is_whole=True),
    Column("Event", "event", is_whole=True),
    Column("Outcome", "outcome"),
    Column("By", "principalURN"),
    Column("Email", "principalEmail"),
)
_REGION_COLUMNS = (
    Column("Id", "id", is_whole=True),
    Column("Name", "name"),
    Column("Open", "open"),
    Column("Address", "baseURL", is_whole=True),
)


def check(action: Action, /, *, principal: Principal = None, server: InAccount = IN_USE) -> None:
    """Ask whether something may be done in the account."""
    with account_api(server) as api:
        body = {"action": action} | _about(api, principal)
        answer = api.call("POST", "/access/check", body=body)
    show_item(answer, server)


def explain(
    action: Annotated[str | None, Parameter(help="An action; every action, if not given.")] = None,
    /,
    *,
    principal: Principal = None,
    everybody: Annotated[
        bool, Parameter(negative=(), help="List all who may do the action, users and API keys.")
    ] = False,
    server: InAccount = IN_USE,
) -> None:
    """Explain why something may, or may not, be done in the account; what somebody may do; or who may do something."""
    if everybody and (action is None or principal is not None):
        raise CommandError(Exit.USAGE, "--everybody goes with an action, and without --principal.")
    asked = {} if action is None else {"action": action}
    with account_api(server) as api:
        if everybody:
            body = api.collect("/access/explain", "principals", EVERYTHING, params=asked | {"principal": "*"})
            show_list(body, "principals", _HOLDER_COLUMNS, server, empty=f"Nobody may do {action}.")
            return
        answer = api.call("GET", "/access/explain", params=asked | _about(api, principal))
    if server.json:
        show_json(answer)
        return
    explanation = answer.body()
    if action is None:
        show_rows(items_of(explanation, "permissions"), _PERMISSION_COLUMNS)
        return
    show_rows(items_of(explanation, "steps"), _STEP_COLUMNS)
    verdict = "allowed" if explanation.get("allowed") is True else "refused, by the last of these"
    print(f"\n{action} for {text_of(explanation, 'principalURN')}: {verdict}.")


def logs(*, paging: Paging = EVERYTHING, server: InAccount = IN_USE) -> None:
    """List what happened in the account, newest first."""
    with account_api(server) as api:
        body = api.collect("/logs", "logs", paging)
    show_list(body, "logs", _LOG_COLUMNS, server, empty="Nothing has happened in the account yet.")


def regions(*, server: Server = LOCAL) -> None:
    """List the regions in which accounts can be created."""
    with open_api(server.base_url) as api:
        body = api.call("GET", "/regions").body()
    show_list(
        body, "regions", _REGION_COLUMNS, server, empty="The server has no regions: its operator adds them."
    )


def _about(api: Api, principal: str | None) -> dict[str, str]:
    if principal is None:
        return {}
    return {"principal": f"user/{find_user_id(api, principal)}" if "@" in principal else principal}
