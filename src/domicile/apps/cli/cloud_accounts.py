"""Commands about what trusts the platform from inside other clouds: list, show, add, change, remove."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import App, Parameter

from domicile.apps.cli.api import path_to
from domicile.apps.cli.asking import require_consent
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import EVERYTHING, IN_USE, AssumeYes, InAccount, Paging
from domicile.apps.cli.output import Column, show_done, show_item, show_list
from domicile.apps.cli.signed_in import account_api

cloud_accounts = App(name="cloud-accounts")

Cloud = Annotated[Literal["aws", "gcp", "azure"], Parameter(help="Which cloud: aws, gcp or azure.")]
CloudAccount = Annotated[
    str, Parameter(help="Its id there: AWS account, project of Google Cloud, or subscription of Azure.")
]

_TRUSTED = {
    "aws": (Column("Role", "roleARN", is_whole=True),),
    "gcp": (Column("Service account", "serviceAccountEmail", is_whole=True),),
    "azure": (
        Column("Tenant", "tenantID", is_whole=True),
        Column("Client", "clientID", is_whole=True),
    ),
}
_CHANGED = Column("Changed", "lastModified", is_whole=True)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Said:
    """What can be said of a cloud account when it is added and later."""

    role_arn: Annotated[str | None, Parameter(name="--role-arn", help="aws: the role.")] = None
    service_account_email: Annotated[str | None, Parameter(help="gcp: the service account.")] = None
    tenant_id: Annotated[str | None, Parameter(name="--tenant-id", help="azure: the tenant.")] = None
    client_id: Annotated[str | None, Parameter(name="--client-id", help="azure: the application.")] = None
    alias: Annotated[str | None, Parameter(help="What people call it.")] = None
    description: Annotated[str | None, Parameter(help="What it is for.")] = None

    def body(self) -> dict[str, object]:
        """Write what was given as the API names it."""
        members: dict[str, object] = {
            "roleARN": self.role_arn,
            "serviceAccountEmail": self.service_account_email,
            "tenantID": self.tenant_id,
            "clientID": self.client_id,
            "alias": self.alias,
            "description": self.description,
        }
        return {name: value for name, value in members.items() if value is not None}


NOTHING = Said()


@cloud_accounts.command(name="list")
def list_cloud_accounts(cloud: Cloud, /, *, paging: Paging = EVERYTHING, server: InAccount = IN_USE) -> None:
    """List what trusts the platform from inside one cloud."""
    with account_api(server) as api:
        body = api.collect(path_to("cloudaccounts", cloud), "cloudAccounts", paging)
    columns = (Column("Id", "id", is_whole=True), Column("Alias", "alias"), *_TRUSTED[cloud], _CHANGED)
    empty = f"There is none. Add one: domicile cloud-accounts add {cloud}"
    show_list(body, "cloudAccounts", columns, server, empty=empty)


@cloud_accounts.command(name="show")
def show_cloud_account(cloud: Cloud, name: CloudAccount, /, *, server: InAccount = IN_USE) -> None:
    """Show one cloud account."""
    with account_api(server) as api:
        answer = api.call("GET", _path(cloud, name))
    show_item(answer, server)


@cloud_accounts.command(name="add")
def add_cloud_account(
    cloud: Cloud,
    /,
    *,
    project_id: Annotated[str | None, Parameter(name="--project-id", help="gcp: the project.")] = None,
    subscription_id: Annotated[
        str | None, Parameter(name="--subscription-id", help="azure: the subscription.")
    ] = None,
    said: Said = NOTHING,
    server: InAccount = IN_USE,
) -> None:
    """Add a cloud account: aws by its role, gcp by project and service account, azure by subscription, tenant and client."""
    naming = {"projectID": project_id, "subscriptionID": subscription_id}
    body = {name: value for name, value in naming.items() if value is not None} | said.body()
    with account_api(server) as api:
        answer = api.call("POST", path_to("cloudaccounts", cloud), body=body)
    show_item(answer, server)


@cloud_accounts.command(name="change")
def change_cloud_account(
    cloud: Cloud, name: CloudAccount, /, *, said: Said = NOTHING, server: InAccount = IN_USE
) -> None:
    """Change a cloud account; what is not said stays."""
    body = said.body()
    if not body:
        raise CommandError(Exit.USAGE, "Say what to change, like --alias NAME.")
    with account_api(server) as api:
        answer = api.call("POST", _path(cloud, name), body=body)
    show_item(answer, server)


@cloud_accounts.command(name="remove")
def remove_cloud_account(
    cloud: Cloud, name: CloudAccount, /, *, yes: AssumeYes = False, server: InAccount = IN_USE
) -> None:
    """Remove a cloud account; take the trust away on the other side too."""
    require_consent(f"{cloud} {name} is removed.", assume_yes=yes)
    with account_api(server) as api:
        answer = api.call("DELETE", _path(cloud, name))
    show_done(answer, server, f"{cloud} {name} is removed. Take its trust away on the other side too.")


def _path(cloud: str, name: str) -> str:
    return path_to(f"cloudaccounts/{cloud}", name)
