"""Who a command speaks for: the API key of the environment, or the person signed in, inside an account where one is needed."""

import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from domicile.apps.cli import asking
from domicile.apps.cli.api import Answer, Api, JsonObject, items_of, open_api, refusal, text_of
from domicile.apps.cli.credentials import CredentialStore, StoredEntry, StoredSession, credentials_path
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import EVERYTHING, InAccount, Server
from domicile.apps.cli.printing import show_note

_CODE = re.compile(r"\d{3} ?\d{3}", re.ASCII)
_RECOVERY_CODE = re.compile(r"[0-9A-Za-z]{4}(?:-[0-9A-Za-z]{4}){3}", re.ASCII)
# An account token this close to its end is not used any more: the request would arrive after it.
_ENTRY_MARGIN = timedelta(seconds=30)


def open_store() -> CredentialStore:
    """Open the sessions kept on this machine."""
    return CredentialStore(credentials_path(os.environ, Path.home()))


@contextmanager
def principal_api(server: Server) -> Generator[Api]:
    """Speak outside of any account: as the API key of the environment, or as the person signed in."""
    if api_key := _api_key_authorization():
        with open_api(server.base_url, api_key) as api:
            yield api
        return
    with person_api(server) as api:
        yield api


@contextmanager
def person_api(server: Server) -> Generator[Api]:
    """Speak as the person signed in, who is asked at the terminal to show again who they are where a command needs that."""
    authorization = f"Bearer {require_session(server).token}"
    with open_api(server.base_url, authorization, step_up=lambda answer: step_up(server, answer)) as api:
        yield api


@contextmanager
def account_api(server: InAccount) -> Generator[Api]:
    """Speak inside an account: as the API key of the environment, or as the person signed in, who enters it."""
    if api_key := _api_key_authorization():
        if server.account is not None:
            raise CommandError(
                Exit.USAGE, "The API key in DOMICILE_API_KEY has its own account: leave out --account."
            )
        with open_api(server.base_url, api_key) as api:
            yield api
        return
    session = require_session(server)
    with person_api(server) as person:
        account = resolve_account(person, server.account or session.account)
        entry = _kept_entry(session, account) or _enter(person, server, account)

        def enter_again() -> str:
            return f"Bearer {_enter(person, server, account).token}"

        def show_and_enter_again(refused: Answer) -> str:
            person.authorize(step_up(server, refused))
            return enter_again()

        with open_api(
            entry.base_url,
            f"Bearer {entry.token}",
            renew=enter_again,
            account=account,
            step_up=show_and_enter_again,
        ) as api:
            yield api


def step_up(server: Server, refused: Answer) -> str:
    """Ask the person to show again who they are, keep the session that comes of it, and give its authorization.

    Without a terminal the command ends with what was refused, which says how to go on.
    """
    if not asking.has_terminal():
        raise refusal(refused)
    show_note(text_of(refused.body(), "message"))
    session = require_session(server)
    with open_api(server.base_url, f"Bearer {session.token}") as api:
        answer = api.call("POST", "/me/step-up", body=_proof(asking.ask_proof()))
    token = text_of(answer.body(), "token")
    if not token:
        raise CommandError(Exit.REFUSED, "The server's answer holds no new session: sign in again.")
    # The tokens of accounts are as old as the session that they were made of.
    open_store().revise(server.base_url, lambda kept: msgspec.structs.replace(kept, token=token, entries={}))
    return f"Bearer {token}"


def _proof(typed: str) -> dict[str, object]:
    """Tell a code, of an app or of those kept for recovery, from a password by its looks."""
    shown = typed.strip()
    if _CODE.fullmatch(shown):
        return {"code": shown.replace(" ", "")}
    if _RECOVERY_CODE.fullmatch(shown):
        return {"recoveryCode": shown}
    return {"password": typed}


def account_id(api: Api) -> str:
    """Return the id of the account spoken in; an API key has to ask for it."""
    return api.account or text_of(api.call("GET", "/whoami").body(), "accountID")


def require_session(server: Server) -> StoredSession:
    """Return the session at the server; without one the command ends."""
    session = open_store().find(server.base_url)
    if session is None:
        raise CommandError(
            Exit.NOT_SIGNED_IN, f"You are not signed in at {server.base_url}. Sign in: domicile login"
        )
    return session


def resolve_account(person: Api, wanted: str | None) -> str:
    """Turn an account's id or alias into its id; without either, take the person's only account."""
    if wanted is not None and re.fullmatch(r"\d{12}", wanted, re.ASCII):
        return wanted
    accounts = items_of(person.collect("/accounts", "accounts", EVERYTHING), "accounts")
    fitting = [item for item in accounts if wanted is None or text_of(item, "alias") == wanted]
    if len(fitting) == 1:
        return text_of(fitting[0], "id")
    raise _unresolved(wanted, fitting)


def _unresolved(wanted: str | None, fitting: list[JsonObject]) -> CommandError:
    choices = [
        f"{text_of(item, 'id')}  {text_of(item, 'alias')}  {text_of(item, 'region')}" for item in fitting
    ]
    if wanted is not None and fitting:
        return CommandError(
            Exit.USAGE, f"Several of your accounts are called {wanted!r}: give the id.", choices
        )
    if wanted is not None:
        return CommandError(
            Exit.USAGE, f"None of your accounts is called {wanted!r}. See: domicile accounts list"
        )
    if fitting:
        return CommandError(
            Exit.USAGE,
            "You have several accounts: give --account, or choose one with: domicile accounts use",
            choices,
        )
    return CommandError(
        Exit.USAGE,
        "You are in no account yet. Create one: domicile accounts create ALIAS --region REGION",
    )


def _kept_entry(session: StoredSession, account: str) -> StoredEntry | None:
    entry = session.entries.get(account)
    if entry is None or entry.expires - _ENTRY_MARGIN <= datetime.now(UTC):
        return None
    return entry


def _enter(person: Api, server: Server, account: str) -> StoredEntry:
    answer = person.call("POST", f"/accounts/{account}/token")
    entry = read_entry(answer, server.base_url)
    open_store().revise(
        server.base_url,
        lambda session: msgspec.structs.replace(session, entries={**session.entries, account: entry}),
    )
    return entry


def read_entry(answer: Answer, fallback_url: str) -> StoredEntry:
    """Read the account token in an answer, and the address in the region where it is good."""
    body = answer.body()
    try:
        expires = msgspec.convert(body.get("expires"), datetime)
    except msgspec.ValidationError:
        raise CommandError(Exit.REFUSED, "The server's account token does not say when it expires.") from None
    base_url = text_of(body, "baseURL").rstrip("/").removesuffix("/api")
    return StoredEntry(text_of(body, "token"), expires, base_url or fallback_url)


def _api_key_authorization() -> str | None:
    api_key = os.environ.get("DOMICILE_API_KEY")
    if not api_key:
        return None
    if api_key.count(":") != 1 or any(letter.isspace() for letter in api_key):
        raise CommandError(Exit.USAGE, "DOMICILE_API_KEY is not of the form <id>:<secret>.")
    return f"ApiKey {api_key}"
