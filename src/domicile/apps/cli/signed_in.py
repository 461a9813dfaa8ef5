"""Who a command speaks for: the API key of the environment, or the person signed in, inside an account where one is needed."""

import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from domicile.apps.cli.api import Answer, Api, JsonObject, items_of, open_api, text_of
from domicile.apps.cli.credentials import CredentialStore, StoredEntry, StoredSession, credentials_path
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import EVERYTHING, InAccount, Server

# An account token this close to its end is not used any more: the request would arrive after it.
_ENTRY_MARGIN = timedelta(seconds=30)


def open_store() -> CredentialStore:
    """Open the sessions kept on this machine."""
    return CredentialStore(credentials_path(os.environ, Path.home()))


@contextmanager
def principal_api(server: Server) -> Generator[Api]:
    """Speak outside of any account: as the API key of the environment, or as the person signed in."""
    authorization = _api_key_authorization() or f"Bearer {require_session(server).token}"
    with open_api(server.base_url, authorization) as api:
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
    with open_api(server.base_url, f"Bearer {session.token}") as person:
        account = resolve_account(person, server.account or session.account)
        entry = _kept_entry(session, account) or _enter(person, server, account)
        with open_api(
            entry.base_url,
            f"Bearer {entry.token}",
            renew=lambda: f"Bearer {_enter(person, server, account).token}",
            account=account,
        ) as api:
            yield api


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
