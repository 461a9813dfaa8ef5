"""Commands of a person about themselves: their profile, another address, second factors, taking their data along, and leaving."""

import json
import time
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from domicile.apps.cli import asking
from domicile.apps.cli.api import Answer, Api, items_of, open_api, refusal, text_of
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.exported_person import verify_export
from domicile.apps.cli.factors import factors, recovery_codes
from domicile.apps.cli.options import LOCAL, AssumeYes, Server
from domicile.apps.cli.output import Column, show_document, show_done, show_item, show_json, show_rows
from domicile.apps.cli.people import PasswordFromInput, token_in
from domicile.apps.cli.printing import show_note
from domicile.apps.cli.sessions import sessions, step_up
from domicile.apps.cli.signed_in import open_store, person_api, require_session

me = App(name="me")
email = App(name="email", help="Change your e-mail address.")
me.command(email)
me.command(sessions)
me.command(step_up, name="step-up")
me.command(factors)
me.command(recovery_codes)
me.command(verify_export, name="verify-export")

_PATIENCE_SECONDS = 10.0
_ACCOUNTS = (Column("Account", "id", is_whole=True), Column("Region", "region"), Column("Alias", "alias"))


def _password(*, from_input: bool) -> str:
    return asking.read_password() if from_input else asking.ask_password()


@me.command(name="show")
def show(*, server: Server = LOCAL) -> None:
    """Show your profile, and the address that you have asked for and not confirmed."""
    with person_api(server) as api:
        answer = api.call("GET", "/me")
    show_item(answer, server)


@email.command(name="change")
def change_email(
    address: Annotated[str, Parameter(help="The new address.")],
    /,
    *,
    password_stdin: PasswordFromInput = False,
    server: Server = LOCAL,
) -> None:
    """Ask for another e-mail address: a link to it completes the change, and the present one is told."""
    with person_api(server) as api:
        body = {"email": address, "password": _password(from_input=password_stdin)}
        answer = api.call("POST", "/me/email", body=body)
    show_done(
        answer,
        server,
        f"A mail to {address} is on its way. Open its link, or: domicile me email confirm LINK",
    )


@email.command(name="confirm")
def confirm_email(link: str, /, *, server: Server = LOCAL) -> None:
    """Put the new address in place, with the link in the mail to it.

    Parameters
    ----------
    link
        The link in the mail, or its last part.
    """
    with open_api(server.base_url) as api:
        answer = api.call("POST", "/email/verify", body={"token": token_in(link)})
    show_done(
        answer, server, "Your new address is in place. Other sessions than the one that asked have ended."
    )


@email.command(name="undo")
def undo_email(link: str, /, *, yes: AssumeYes = False, server: Server = LOCAL) -> None:
    """Put the former address back, with the link in the mail to it: for when it was not you.

    Parameters
    ----------
    link
        The link in the mail, or its last part.
    """
    asking.require_consent(
        "Every session ends, and the password works no more until you set another by mail.", assume_yes=yes
    )
    with open_api(server.base_url) as api:
        answer = api.call("POST", "/email/undo", body={"token": token_in(link)})
    show_done(answer, server, "The former address is in place. A link to a new password is on its way to it.")


@email.command(name="cancel")
def cancel_email(*, server: Server = LOCAL) -> None:
    """Take back that you want another address; the link in the mail is dead."""
    with person_api(server) as api:
        answer = api.call("DELETE", "/me/email")
    show_done(answer, server, "Your address stays as it is.")


@me.command(name="delete")
def delete(
    *, password_stdin: PasswordFromInput = False, yes: AssumeYes = False, server: Server = LOCAL
) -> None:
    """Delete your user, for good; refused, with the accounts, while you are the last user with full access of any."""
    session = require_session(server)
    asking.require_consent(
        f"The user {session.email} is deleted for good, and loses every account.", assume_yes=yes
    )
    password = _password(from_input=password_stdin)
    with person_api(server) as api:
        answer = api.send("DELETE", "/me", body={"password": password})
        if answer.status == 409:
            _refuse_owner(answer, server)
        if answer.status not in {200, 202}:
            raise refusal(answer)
        is_gone = answer.status == 200 or _has_gone(api)
    if not is_gone:
        _show_waiting(answer, server)
        return
    open_store().forget(server.base_url)
    if server.json:
        show_document({"state": "deleted"})
    else:
        print(f"The user {session.email} is deleted.")


def _has_gone(api: Api) -> bool:
    """Wait a while for the regions; with the user the session ends."""
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        answer = api.send("GET", "/me/deletion")
        if answer.status == 401:
            return True
        if answer.status != 200:
            raise refusal(answer)
        if text_of(answer.body(), "state") == "refused":
            raise CommandError(Exit.REFUSED, "You were not deleted: see domicile me deletion")
        time.sleep(0.5)
    return False


def _refuse_owner(answer: Answer, server: Server) -> None:
    accounts = items_of(answer.body(), "accounts")
    if server.json:
        show_json(answer)
    elif accounts:
        show_rows(accounts, _ACCOUNTS)
    refused = refusal(answer)
    more = "Invite a successor: domicile invite create EMAIL --role full-access --account ACCOUNT"
    raise CommandError(refused.code, refused.message, [*refused.details, more])


def _show_waiting(answer: Answer, server: Server) -> None:
    if server.json:
        show_json(answer)
        return
    awaited = answer.body().get("awaitedRegions")
    regions = ", ".join(map(str, awaited)) if isinstance(awaited, list) else ""  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    print(f"Your user is being deleted; not answered yet: {regions or 'identity'}.")
    print("See how far it is: domicile me deletion. Think better of it: domicile me keep")


@me.command(name="deletion")
def show_deletion(*, server: Server = LOCAL) -> None:
    """Show how far the deletion of your user is, or for which accounts it was refused."""
    with person_api(server) as api:
        answer = api.call("GET", "/me/deletion")
    show_item(answer, server)


@me.command(name="keep")
def keep(*, server: Server = LOCAL) -> None:
    """Cancel the deletion of your user, while a region has not answered."""
    with person_api(server) as api:
        answer = api.call("DELETE", "/me/deletion")
    show_done(answer, server, "Your user stays, with everything as before.")


@me.command(name="export")
def export(
    *,
    output: Annotated[Path, Parameter(help="The folder for the files; made if it is not there.")],
    password_stdin: PasswordFromInput = False,
    server: Server = LOCAL,
) -> None:
    """Take along everything that is known of you: one JSON file of yourself, and one of each region."""
    session = require_session(server)
    with person_api(server) as api:
        body = {"password": _password(from_input=password_stdin)}
        person = api.call("POST", "/me/export", body=body)
    parts = items_of(person.body(), "regions")
    written = [_write(output, "domicile-person.json", person, number=1, of=len(parts) + 1)]
    missing: list[str] = []
    for number, part in enumerate(parts, start=2):
        region = text_of(part, "region")
        try:
            answer = _fetch_part(text_of(part, "baseURL"), session.token, region)
            written.append(
                _write(output, f"domicile-{region}.json", answer, number=number, of=len(parts) + 1)
            )
        except CommandError as error:
            missing.append(region)
            show_note(f"{region}: {error.message}")
    if server.json:
        show_document({"files": [str(path) for path in written], "missingRegions": missing})
    else:
        print(f"Written to {output}: {', '.join(path.name for path in written)}")
    if missing:
        raise CommandError(
            Exit.REFUSED, f"Not all of it is there: {', '.join(missing)} did not answer. Try again later."
        )


def _fetch_part(base_url: str, token: str, region: str) -> Answer:
    with open_api(base_url.rstrip("/").removesuffix("/api"), f"Bearer {token}") as api:
        return api.call("GET", f"/me/export/regions/{region}")


def _write(folder: Path, name: str, answer: Answer, *, number: int, of: int) -> Path:
    try:
        json.loads(answer.content)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / name
        path.write_bytes(answer.content)
        path.chmod(0o600)
    except ValueError:
        raise CommandError(Exit.REFUSED, f"{name} broke off: try again.") from None
    except OSError as error:
        raise CommandError(Exit.REFUSED, f"{folder} cannot be written to: {error.strerror}") from None
    show_note(f"{number} of {of}: {name}, {len(answer.content):,} bytes")
    return path
