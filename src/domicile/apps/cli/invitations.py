"""Commands about invitations: those who invite make, import, list, send and revoke them; the invited list, accept and decline theirs."""

import os
import re
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from domicile.apps.cli.address_list import read_list
from domicile.apps.cli.api import items_of, path_to, text_of
from domicile.apps.cli.asking import require_consent
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.importing import Import, Told, as_document, progress, results_file, summary
from domicile.apps.cli.options import EVERYTHING, IN_USE, LOCAL, AssumeYes, InAccount, Paging, Server
from domicile.apps.cli.output import Column, show_document, show_done, show_item, show_list
from domicile.apps.cli.people import token_in
from domicile.apps.cli.printing import as_text, show_note
from domicile.apps.cli.signed_in import account_api, principal_api

invite = App(name="invite")

Invitation = Annotated[str, Parameter(help="Id of the invitation.")]
Received = Annotated[
    str, Parameter(help="The link, or its last part; or the reference out of the list of yours.")
]
ListFile = Annotated[
    str,
    Parameter(
        allow_leading_hyphen=True,
        help="CSV in UTF-8 with the header email,role or email,role,locale; or one address a line; - for standard input.",
    ),
]
Language = Annotated[str | None, Parameter(help="Language of the mail: en, ja or de; else the account's.")]
AsLink = Annotated[
    bool, Parameter(negative=(), help="Send no mail: show the link, this once, for you to pass on.")
]

_REFERENCE = re.compile(r"[a-z]{2,8}-[0-9]{1,3}\.[0-9]{12}\.[0-9A-F]{32}")

_COLUMNS = (
    Column("Id", "id", is_whole=True),
    Column("Email", "email"),
    Column("Role", "roleID"),
    Column("State", "state"),
    Column("Expires", "expiry"),
    Column("Last sent", "lastSent"),
)
_MINE = (
    Column("Reference", "ref", is_whole=True),
    Column("Account", "alias"),
    Column("Region", "region"),
    Column("Role", "roleName"),
    Column("Invited by", "inviter"),
    Column("Expires", "expiry"),
)


@invite.command(name="create")
def create_invitation(
    email: str,
    /,
    *,
    role: str = "read-only",
    locale: Language = None,
    link: AsLink = False,
    server: InAccount = IN_USE,
) -> None:
    """Invite someone into the account, by a mail with a link, or with a link that you pass on.

    Parameters
    ----------
    email
        The address of the person; nobody else can accept.
    role
        What they may do here, like full-access or read-only.
    """
    body = {"email": email, "roleID": role, **_delivery(link)} | ({"locale": locale} if locale else {})
    with account_api(server) as api:
        answer = api.call("POST", "/invitations", body=body)
    show_item(answer, server)
    _note_link(is_shown=link)


@invite.command(name="import")
def import_invitations(
    file: ListFile,
    /,
    *,
    role: str = "read-only",
    link: AsLink = False,
    output: Path | None = None,
    wait: bool = False,
    server: InAccount = IN_USE,
) -> None:
    """Invite everybody on a list, each line with its own result; run again, it doubles nothing.

    A line that is refused is in nobody's way. Ends with 1 if one was, or was not tried.

    Parameters
    ----------
    role
        For lines that say none.
    output
        Write the results into this new CSV file, as they come.
    wait
        Wait for hours where the account's cap of a day is reached; needs an API key, because a session ends before.
    """
    if wait and not os.environ.get("DOMICILE_API_KEY"):
        raise CommandError(
            Exit.USAGE,
            "Waiting outlasts a session: put an API key into DOMICILE_API_KEY, or leave out --wait.",
        )
    lines = read_list(file, role=role)
    told: list[Told] = []
    with account_api(server) as api, results_file(output) as results, progress(len(lines)) as advance:
        for batch in Import(api, "link" if link else "mail", wait).run(lines):
            results.add(batch)
            advance(len(batch))
            told += batch
    _show_import(told, server)


def _show_import(told: list[Told], server: InAccount) -> None:
    if server.json:
        show_document(as_document(told))
    else:
        for each in told:
            print(as_text(each))
    if failed := sum(each.result.is_failure for each in told):
        raise CommandError(
            Exit.REFUSED,
            f"{summary(told)}.",
            [f"{failed} of them are left: mend the list, and run it again; what is done is not done twice."],
        )
    show_note(f"{summary(told)}.")


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
def send_invitation(invitation: Invitation, /, *, link: AsLink = False, server: InAccount = IN_USE) -> None:
    """Send an invitation again, also an expired one, with a fresh link; the one before stops working."""
    with account_api(server) as api:
        answer = api.call("POST", path_to("invitations", invitation) + "/send", body=_delivery(link))
    show_item(answer, server)
    _note_link(is_shown=link)


@invite.command(name="revoke")
def revoke_invitation(
    invitation: Invitation, /, *, yes: AssumeYes = False, server: InAccount = IN_USE
) -> None:
    """Revoke an invitation: its link no longer works."""
    require_consent(f"The link of invitation {invitation} stops working.", assume_yes=yes)
    with account_api(server) as api:
        answer = api.call("DELETE", path_to("invitations", invitation))
    show_done(answer, server, f"Invitation {invitation} is revoked.")


@invite.command(name="mine")
def list_my_invitations(*, server: Server = LOCAL) -> None:
    """List the invitations that wait for your answer."""
    with principal_api(server) as api:
        body = api.call("GET", "/me/invitations").body()
    show_list(body, "invitations", _MINE, server, empty="Nobody has invited you, or not to this address.")
    if not server.json:
        for region in items_of(body, "elsewhere"):
            show_note(f"Region {text_of(region, 'region')} was not asked: --url {text_of(region, 'baseURL')}")


@invite.command(name="accept")
def accept_invitation(invitation: Received, /, *, server: Server = LOCAL) -> None:
    """Accept an invitation to you."""
    path, body = _way(invitation)
    with principal_api(server) as api:
        answer = api.call("POST", f"{path}/accept", body=body)
    joined = answer.body()
    account, region, role = (text_of(joined, name) for name in ("accountID", "region", "roleID"))
    show_done(answer, server, f"You are now in account {account} in {region}, as {role}.")


@invite.command(name="decline")
def decline_invitation(invitation: Received, /, *, yes: AssumeYes = False, server: Server = LOCAL) -> None:
    """Decline an invitation to you; whoever invited you can see it."""
    path, body = _way(invitation)
    require_consent("The invitation ends, and only a new one could let you in.", assume_yes=yes)
    with principal_api(server) as api:
        answer = api.call("POST", f"{path}/decline", body=body)
    show_done(answer, server, "The invitation is declined.")


def _way(invitation: str) -> tuple[str, dict[str, str] | None]:
    """Tell a reference from a link; gives the path that takes it, and the body."""
    if _REFERENCE.fullmatch(invitation):
        return path_to("me/invitations", invitation), None
    return "/invitations", {"token": token_in(invitation)}


def _delivery(link: bool) -> dict[str, str]:  # noqa: FBT001  # the option itself
    return {"delivery": "link"} if link else {}


def _note_link(*, is_shown: bool) -> None:
    if is_shown:
        show_note("The link is shown this once. Only the invited address can accept with it.")
