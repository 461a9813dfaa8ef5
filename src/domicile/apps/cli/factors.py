"""Commands of a person about their second factors and recovery codes."""

import sys
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from domicile.apps.cli import asking
from domicile.apps.cli.api import (
    Answer,
    Api,
    items_of,
    object_of,
    path_to,
    text_of,
)
from domicile.apps.cli.options import LOCAL, AssumeYes, Server
from domicile.apps.cli.output import Column, show_done, show_facts, show_item, show_json, show_rows
from domicile.apps.cli.printing import show_note
from domicile.apps.cli.signed_in import open_store, person_api

factors = App(name="factors", help="Your second factors: list, add, rename, remove.")
recovery_codes = App(name="recovery-codes", help="Your recovery codes: how many are left, or a new set.")

FactorId = Annotated[str, Parameter(help="Id of the factor, out of the list.")]
FactorName = Annotated[str, Parameter(help="What you call it, to know it again.")]

_COLUMNS = (
    Column("Id", "id", is_whole=True),
    Column("Kind", "kind"),
    Column("Name", "name"),
    Column("Added", "created"),
    Column("Last used", "lastUsed"),
)


@factors.command(name="list")
def list_factors(*, server: Server = LOCAL) -> None:
    """List your second factors, and how many recovery codes are left."""
    with person_api(server) as api:
        answer = api.call("GET", "/me/factors")
    if server.json:
        show_json(answer)
        return
    found = items_of(answer.body(), "factors")
    if not found:
        print("You have no second factor. Add an authenticator app: domicile me factors add-totp NAME")
        return
    show_rows(found, _COLUMNS)
    show_note(f"Recovery codes left: {object_of(answer.body(), 'recoveryCodes').get('left')}")


@factors.command(name="add-totp")
def add_totp(
    name: FactorName,
    /,
    *,
    replaces: Annotated[
        str | None, Parameter(help="Id of an authenticator app that stops to work when this one begins to.")
    ] = None,
    server: Server = LOCAL,
) -> None:
    """Add an authenticator app: scan the QR code, then type the code that the app shows.

    With --json, or without a terminal, it ends with the secret; type the first code with: domicile me factors confirm
    """
    with person_api(server) as api:
        body = {"name": name} | ({"replaces": replaces} if replaces is not None else {})
        answer = api.call("POST", "/me/factors/totp", body=body)
        enrolment = answer.body()
        factor_id = text_of(enrolment, "id")
        if server.json:
            show_json(answer)
            return
        _show_secret(text_of(enrolment, "uri"), text_of(enrolment, "secret"))
        if not sys.stdin.isatty():
            print(f"Then type the code that it shows: domicile me factors confirm {factor_id} CODE")
            return
        _confirm(api, factor_id, asking.ask("Code", option="CODE"), server)


@factors.command(name="confirm")
def confirm(
    factor_id: Annotated[str, Parameter(help="Id that add-totp gave.")],
    code: Annotated[str, Parameter(help="The six digits that the app shows now.")],
    /,
    *,
    server: Server = LOCAL,
) -> None:
    """Let a new authenticator app count; your recovery codes are shown this once."""
    with person_api(server) as api:
        _confirm(api, factor_id, code, server)


@factors.command(name="rename")
def rename(factor_id: FactorId, name: FactorName, /, *, server: Server = LOCAL) -> None:
    """Call a second factor something else."""
    with person_api(server) as api:
        answer = api.call("POST", path_to("me/factors", factor_id), body={"name": name})
    show_done(answer, server, f"It is called {name} now.")


@factors.command(name="remove")
def remove(factor_id: FactorId, /, *, yes: AssumeYes = False, server: Server = LOCAL) -> None:
    """Remove a second factor; with the last one your recovery codes go too."""
    asking.require_consent("It works no more, and cannot be brought back.", assume_yes=yes)
    with person_api(server) as api:
        answer = api.call("DELETE", path_to("me/factors", factor_id))
    if server.json:
        show_json(answer)
        return
    print("It is removed." if answer.body().get("mfaEnabled") else "It is removed. You have none any more.")
    _note_other_sessions(answer)


@recovery_codes.command(name="show")
def show_codes(*, server: Server = LOCAL) -> None:
    """Show how many recovery codes are left, and since when you have them."""
    with person_api(server) as api:
        answer = api.call("GET", "/me/recovery-codes")
    show_item(answer, server)


@recovery_codes.command(name="renew")
def renew_codes(*, yes: AssumeYes = False, server: Server = LOCAL) -> None:
    """Make a new set of recovery codes, shown this once; the former ones are worth nothing."""
    asking.require_consent("The recovery codes that you have are worth nothing then.", assume_yes=yes)
    with person_api(server) as api:
        answer = api.call("POST", "/me/recovery-codes")
    if server.json:
        show_json(answer)
    else:
        _show_codes(answer.body().get("codes"))


def _confirm(api: Api, factor_id: str, code: str, server: Server) -> None:
    answer = api.call("POST", f"{path_to('me/factors/totp', factor_id)}/confirm", body={"code": code})
    body = answer.body()
    token = text_of(body, "token")
    # The tokens of accounts that are kept say nothing of a second factor: the next command enters anew.
    open_store().revise(
        server.base_url, lambda session: msgspec.structs.replace(session, token=token, entries={})
    )
    if server.json:
        show_json(answer)
        return
    print("From now on you sign in with a second factor.")
    _show_codes(body.get("recoveryCodes"))
    _note_other_sessions(answer)


def _show_secret(uri: str, secret: str) -> None:
    from domicile.infra.qr_codes import qr_text  # noqa: PLC0415 - loads the drawing only where it is shown
    from domicile.infra.secrets import SecretText  # noqa: PLC0415 - as above

    print(qr_text(SecretText(uri)))
    show_facts({"secret": secret})


def _show_codes(codes: object) -> None:
    if not isinstance(codes, list):
        return
    print("Keep these recovery codes where you find them without your device; each works once:")
    for code in codes:  # pyright: ignore[reportUnknownVariableType]
        print(f"  {code}")


def _note_other_sessions(answer: Answer) -> None:
    others = answer.body().get("otherSessions")
    if isinstance(others, int) and others:
        show_note(f"You are signed in at {others} other places; see where: GET /api/me/sessions")
