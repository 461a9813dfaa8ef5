"""Commands of a person: sign up, verify, sign in and out, and who is calling."""

from typing import Annotated

import msgspec
from cyclopts import Parameter

from domicile.apps.cli import asking
from domicile.apps.cli.api import Answer, Api, JsonObject, object_of, open_api, refusal, text_of
from domicile.apps.cli.credentials import StoredSession
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import IN_USE, LOCAL, InAccount, Server
from domicile.apps.cli.output import show_document, show_done, show_item
from domicile.apps.cli.printing import show_note
from domicile.apps.cli.signed_in import account_api, open_store, principal_api, require_session

PasswordFromInput = Annotated[
    bool, Parameter(name="--password-stdin", negative=(), help="Read the password from standard input.")
]


def signup(
    email: str | None = None,
    *,
    name: str | None = None,
    locale: str | None = None,
    timezone: str | None = None,
    password_stdin: PasswordFromInput = False,
    server: Server = LOCAL,
) -> None:
    """Sign up: a mail with a link then proves that the address is yours.

    Parameters
    ----------
    email
        Your address; asked for if not given.
    name
        Your name; asked for if not given.
    locale
        The language of your mails: en, ja or de.
    timezone
        Your time zone, like Europe/Paris.
    """
    body: dict[str, object] = {
        "email": email or asking.ask("Email", option="EMAIL"),
        "name": name or asking.ask("Name", option="--name"),
        "password": asking.read_password() if password_stdin else asking.ask_new_password(),
    }
    body |= {key: value for key, value in (("locale", locale), ("timezone", timezone)) if value is not None}
    with open_api(server.base_url) as api:
        answer = api.call("POST", "/signup", body=body)
    show_done(
        answer, server, f"A mail to {body['email']} is on its way. Open its link, or: domicile verify LINK"
    )


def verify(link: str, /, *, server: Server = LOCAL) -> None:
    """Prove that your address is yours, with the link in the mail.

    Parameters
    ----------
    link
        The link in the mail, or its last part.
    """
    with open_api(server.base_url) as api:
        answer = api.call("POST", "/signup/verify", body={"token": token_in(link)})
    show_done(answer, server, "Your address is verified. Sign in: domicile login")


def login(
    email: str | None = None,
    *,
    password_stdin: PasswordFromInput = False,
    code: str | None = None,
    server: Server = LOCAL,
) -> None:
    """Sign in; the session is kept on this machine, readable by you alone.

    Parameters
    ----------
    email
        Your address; asked for if not given.
    code
        A code of your authenticator app, or a recovery code; asked for if you have a second factor and it is not given.
    """
    email = email or asking.ask("Email", option="EMAIL")
    password = asking.read_password() if password_stdin else asking.ask_password()
    credentials = {"email": email, "password": password} | ({"code": code} if code is not None else {})
    with open_api(server.base_url) as api:
        answer = api.send("POST", "/sessions", body=credentials)
        if answer.status == 401 and code is None and text_of(_body_of(answer), "signIn"):
            answer = _show_second_factor(api, answer)
    if answer.status != 201:
        refused = refusal(answer)
        # Exit code 3 asks a script to sign in; here that is what was refused.
        raise CommandError(Exit.REFUSED, refused.message, refused.details)
    body = answer.body()
    user = object_of(body, "user")
    signed_in_as = text_of(user, "email") or email
    _keep(server, StoredSession(text_of(body, "token"), signed_in_as))
    if server.json:
        show_document({"user": user, "expires": body.get("expires")})
    else:
        print(f"Signed in at {server.base_url} as {signed_in_as}.")


def _show_second_factor(api: Api, refused: Answer) -> Answer:
    """Ask for a code at the terminal, again after a wrong one; without a terminal the command ends and names the option."""
    sign_in = text_of(_body_of(refused), "signIn")
    while True:
        typed = asking.ask("Code of your app, or a recovery code", option="--code")
        path = "/sign-in/code" if typed.replace(" ", "").isdigit() else "/sign-in/recovery-code"
        answer = api.send("POST", path, body={"signIn": sign_in, "code": typed})
        if answer.status != 401 or not text_of(_body_of(answer), "type").endswith("/sign-in-failed"):
            return answer
        show_note(text_of(_body_of(answer), "message"))


def _body_of(answer: Answer) -> JsonObject:
    """Read what a refusal says; nothing of one that is not Domicile's."""
    try:
        return answer.body()
    except CommandError:
        return {}


def _keep(server: Server, session: StoredSession) -> None:
    store = open_store()
    earlier = store.find(server.base_url)
    if earlier is not None and earlier.email == session.email:
        session = msgspec.structs.replace(session, account=earlier.account)
    store.keep(server.base_url, session)


def logout(*, server: Server = LOCAL) -> None:
    """Sign out: the session ends at the server and is forgotten here."""
    session = require_session(server)
    with open_api(server.base_url, f"Bearer {session.token}") as api:
        answer = api.send("DELETE", "/sessions/current")
    # Refused as unknown: the session has ended already, which is what was wanted.
    if answer.status not in {204, 401}:
        raise refusal(answer)
    open_store().forget(server.base_url)
    if not server.json:
        print(f"Signed out at {server.base_url}.")


def whoami(*, server: InAccount = IN_USE) -> None:
    """Show who is calling; with --account, also in which account, region and role."""
    if server.account is not None:
        with account_api(server) as api:
            _show_caller(api, server)
    else:
        with principal_api(server) as api:
            _show_caller(api, server)


def _show_caller(api: Api, server: Server) -> None:
    answer = api.call("GET", "/whoami")
    show_item(answer, server)


def token_in(link: str) -> str:
    """Return the secret in a link from a mail; a bare one is returned as it is."""
    token = link.strip().rstrip("/").rpartition("/")[2]
    if not token:
        raise CommandError(Exit.USAGE, "That is neither a link from a mail nor its last part.")
    return token
