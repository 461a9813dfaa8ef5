"""Commands about passwords: how strong one is, setting another, and asking for one that was forgotten."""

from typing import Annotated

from cyclopts import App, Parameter

from domicile.apps.cli import asking
from domicile.apps.cli.api import open_api
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import LOCAL, Server
from domicile.apps.cli.output import show_done, show_item
from domicile.apps.cli.people import PasswordFromInput, token_in
from domicile.apps.cli.signed_in import require_session

password = App(name="password")


@password.command(name="check")
def check_password(
    *,
    email: Annotated[str | None, Parameter(help="The address that it is to go with.")] = None,
    name: Annotated[str | None, Parameter(help="The name of its person.")] = None,
    second_factor: Annotated[
        bool, Parameter(negative=(), help="Its person has a second factor beside it.")
    ] = False,
    password_stdin: PasswordFromInput = False,
    server: Server = LOCAL,
) -> None:
    """Rate a password from 0 to 4, and tell why it would be refused; ends with 1 if it would be."""
    typed = asking.read_password() if password_stdin else asking.ask_password()
    body = {"password": typed, "mfaEnabled": second_factor} | {
        key: value for key, value in (("email", email), ("name", name)) if value is not None
    }
    with open_api(server.base_url) as api:
        answer = api.call("POST", "/password/check", body=body)
    show_item(answer, server)
    if answer.body().get("acceptable") is not True:
        raise CommandError(Exit.REFUSED, "This password would be refused.")


@password.command(name="change")
def change_password(
    *,
    password_stdin: Annotated[
        bool,
        Parameter(
            negative=(), help="Read the present and the new password from standard input, a line each."
        ),
    ] = False,
    server: Server = LOCAL,
) -> None:
    """Set another password: your other sessions end, and this one goes on."""
    session = require_session(server)
    present = asking.read_password() if password_stdin else asking.ask_password("Present password: ")
    new = asking.read_password() if password_stdin else asking.ask_new_password()
    with open_api(server.base_url, f"Bearer {session.token}") as api:
        body = {"currentPassword": present, "newPassword": new}
        answer = api.call("POST", "/me/password", body=body)
    show_done(answer, server, "Your password is changed. Your other sessions have ended.")


@password.command(name="forgot")
def forgot_password(email: str, /, *, server: Server = LOCAL) -> None:
    """Ask for a link to a new password, by mail to your address.

    Parameters
    ----------
    email
        Your address.
    """
    with open_api(server.base_url) as api:
        answer = api.call("POST", "/password/forgot", body={"email": email})
    told = (
        f"If {email} is a user's, a mail to it is on its way. Open its link, or: domicile password reset LINK"
    )
    show_done(answer, server, told)


@password.command(name="reset")
def reset_password(
    link: str, /, *, password_stdin: PasswordFromInput = False, server: Server = LOCAL
) -> None:
    """Set another password with the link in the mail: every session ends.

    Parameters
    ----------
    link
        The link in the mail, or its last part.
    """
    new = asking.read_password() if password_stdin else asking.ask_new_password()
    with open_api(server.base_url) as api:
        answer = api.call("POST", "/password/reset", body={"token": token_in(link), "password": new})
    show_done(answer, server, "Your password is set. Sign in: domicile login")
