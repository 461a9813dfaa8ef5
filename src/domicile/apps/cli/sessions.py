"""Commands of a person about where they are signed in, and to show again who they are."""

from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from domicile.apps.cli import asking
from domicile.apps.cli.api import path_to, text_of
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import EVERYTHING, LOCAL, AssumeYes, Paging, Server
from domicile.apps.cli.output import Column, show_document, show_done, show_list
from domicile.apps.cli.people import PasswordFromInput
from domicile.apps.cli.signed_in import open_store, person_api, require_session

sessions = App(name="sessions", help="Where you are signed in: list, end one, end all others.")

_COLUMNS = (
    Column("Id", "id", is_whole=True),
    Column("Device", "device"),
    Column("Network", "addressFamily"),
    Column("Signed in", "created"),
    Column("Last seen", "lastSeen"),
    Column("Shown", "methods"),
    Column("This one", "current"),
)


@sessions.command(name="list")
def list_sessions(*, paging: Paging = EVERYTHING, server: Server = LOCAL) -> None:
    """List where you are signed in, newest first."""
    with person_api(server) as api:
        found = api.collect("/me/sessions", "sessions", paging)
    show_list(found, "sessions", _COLUMNS, server, empty="There is no session of yours.")


@sessions.command(name="end")
def end_session(
    session: Annotated[str, Parameter(help="Id of the session, out of the list.")],
    /,
    *,
    server: Server = LOCAL,
) -> None:
    """End one of your sessions, and every account token of yours with it."""
    with person_api(server) as api:
        answer = api.call("DELETE", path_to("me/sessions", session))
    show_done(answer, server, "That session has ended.")


@sessions.command(name="end-others")
def end_others(*, yes: AssumeYes = False, server: Server = LOCAL) -> None:
    """End all your sessions but this one, and every account token of yours."""
    asking.require_consent("You are signed out everywhere but here.", assume_yes=yes)
    with person_api(server) as api:
        answer = api.call("DELETE", "/me/sessions")
    show_done(answer, server, f"Sessions ended: {answer.body().get('ended')}")


def step_up(
    *, code: str | None = None, password_stdin: PasswordFromInput = False, server: Server = LOCAL
) -> None:
    """Show again who you are, so that what is dangerous is open for ten minutes.

    Parameters
    ----------
    code
        A code of your authenticator app, or a recovery code; without one you are asked for your password.
    """
    require_session(server)
    if code is not None and password_stdin:
        raise CommandError(Exit.USAGE, "Give --code or --password-stdin, not both.")
    if code is not None:
        name = "code" if code.replace(" ", "").isdigit() else "recoveryCode"
        shown = {name: code}
    else:
        shown = {"password": asking.read_password() if password_stdin else asking.ask_password()}
    with person_api(server) as api:
        answer = api.call("POST", "/me/step-up", body=shown)
    token = text_of(answer.body(), "token")
    open_store().revise(server.base_url, lambda kept: msgspec.structs.replace(kept, token=token, entries={}))
    if server.json:
        show_document({"expires": answer.body().get("expires")})
    else:
        print("For ten minutes what is dangerous is open to you.")
