"""Commands about invitations: create, list, show, send again, revoke, and accept one."""

from typing import Annotated

from cyclopts import App, Parameter

from domicile.apps.cli.api import path_to, text_of
from domicile.apps.cli.asking import require_consent
from domicile.apps.cli.options import EVERYTHING, IN_USE, LOCAL, AssumeYes, InAccount, Paging, Server
from domicile.apps.cli.output import Column, show_done, show_item, show_list
from domicile.apps.cli.people import token_in
from domicile.apps.cli.signed_in import account_api, principal_api

invite = App(name="invite")

Invitation = Annotated[str, Parameter(help="Id of the invitation.")]

_COLUMNS = (
    Column("Id", "id", is_whole=True),
    Column("Email", "email"),
    Column("Role", "roleID"),
    Column("State", "state"),
    Column("Expires", "expiry"),
    Column("Last sent", "lastSent"),
)


@invite.command(name="create")
def create_invitation(email: str, /, *, role: str = "read-only", server: InAccount = IN_USE) -> None:
    """Invite someone into the account; the mail holds a link that they accept with.

    Parameters
    ----------
    email
        The address of the person.
    role
        What they may do here, like full-access or read-only.
    """
    with account_api(server) as api:
        answer = api.call("POST", "/invitations", body={"email": email, "roleID": role})
    show_item(answer, server)


@invite.command(name="list")
def list_invitations(*, paging: Paging = EVERYTHING, server: InAccount = IN_USE) -> None:
    """List the account's invitations."""
    with account_api(server) as api:
        body = api.collect("/invitations", "invitations", paging)
    show_list(
        body,
        "invitations",
        _COLUMNS,
        server,
        empty="Nobody is invited. Invite someone: domicile invite create EMAIL",
    )


@invite.command(name="show")
def show_invitation(invitation: Invitation, /, *, server: InAccount = IN_USE) -> None:
    """Show one invitation."""
    with account_api(server) as api:
        answer = api.call("GET", path_to("invitations", invitation))
    show_item(answer, server)


@invite.command(name="send")
def send_invitation(invitation: Invitation, /, *, server: InAccount = IN_USE) -> None:
    """Send an invitation again, with a fresh link; the one sent before stops working."""
    with account_api(server) as api:
        answer = api.call("POST", path_to("invitations", invitation) + "/send")
    show_item(answer, server)


@invite.command(name="revoke")
def revoke_invitation(
    invitation: Invitation, /, *, yes: AssumeYes = False, server: InAccount = IN_USE
) -> None:
    """Revoke an invitation: its link no longer works."""
    require_consent(f"The link of invitation {invitation} stops working.", assume_yes=yes)
    with account_api(server) as api:
        answer = api.call("DELETE", path_to("invitations", invitation))
    show_done(answer, server, f"Invitation {invitation} is revoked.")


@invite.command(name="accept")
def accept_invitation(link: str, /, *, server: Server = LOCAL) -> None:
    """Accept an invitation that was sent to you.

    Parameters
    ----------
    link
        The link in the mail, or its last part.
    """
    with principal_api(server) as api:
        answer = api.call("POST", "/invitations/accept", body={"token": token_in(link)})
    body = answer.body()
    account, region, role = (text_of(body, name) for name in ("accountID", "region", "roleID"))
    show_done(answer, server, f"You are now in account {account} in {region}, as {role}.")
