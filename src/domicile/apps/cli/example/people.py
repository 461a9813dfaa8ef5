"""The three people of the worked example: signed up, verified by the link in their mail, signed in."""

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import getaddresses

import httpx2

from domicile.apps.cli.api import Answer, Api, object_of, text_of
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.mail_folder import Mail, MailFolder
from domicile.apps.cli.signed_in import read_entry

OpenClient = Callable[[str], httpx2.Client]
"""Opens a client for the server at a base address."""

_LINK = re.compile(r"/(verify|join)/([A-Za-z0-9._-]+)$", re.MULTILINE)
_MAIL_PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.1


@dataclass
class Mailbox:
    """Hands out the links that arrive in a folder of mails, each once."""

    folder: MailFolder
    _known: set[str]
    _waiting: list[tuple[str, str, str]] = field(default_factory=list)

    @classmethod
    def open(cls, folder: MailFolder) -> "Mailbox":
        """Begin after the mails that are there already; without a folder the command ends."""
        if not folder.exists():
            raise CommandError(
                Exit.REFUSED,
                f"There is no mailbox at {folder.directory}. Start the server, and give --data as the server has it.",
            )
        return cls(folder, set(folder.names()))

    def take_token(self, address: str, kind: str) -> str:
        """Wait for the next link of a kind (`verify`, `join`) to an address, and return the secret in it."""
        deadline = time.monotonic() + _MAIL_PATIENCE_SECONDS
        while time.monotonic() < deadline:
            self._collect()
            for waiting in self._waiting:
                if waiting[:2] == (address, kind):
                    self._waiting.remove(waiting)
                    return waiting[2]
            time.sleep(_POLL_SECONDS)
        raise CommandError(
            Exit.REFUSED,
            f"No mail with a {kind} link to {address} came to {self.folder.directory} "
            f"in {_MAIL_PATIENCE_SECONDS:.0f} seconds. Is it the data folder of this server?",
        )

    def _collect(self) -> None:
        for name in self.folder.names():
            if name not in self._known:
                self._known.add(name)
                self._waiting += _links_in(self.folder.read(name))


def _links_in(mail: Mail) -> list[tuple[str, str, str]]:
    return [
        (address, kind, token)
        for _, address in getaddresses([mail.to.lower()])
        for kind, token in _LINK.findall("\n".join(mail.links))
    ]


@dataclass(frozen=True)
class User:
    """One person of the example, signed in."""

    name: str
    email: str
    id: str
    api: Api
    _open_client: OpenClient
    _base_url: str

    def enter(self, account: str) -> Api:
        """Enter an account; a refusal ends the command."""
        return self.inside(self.api.call("POST", f"/accounts/{account}/token"))

    def inside(self, entering: Answer) -> Api:
        """Speak inside the account whose token was given in an answer."""
        entry = read_entry(entering, self._base_url)
        return Api(self._open_client(entry.base_url), f"Bearer {entry.token}")


def sign_up(name: str, base_url: str, mailbox: Mailbox, open_client: OpenClient) -> User:
    """Sign a new person up under an address that nobody has, verify it, and sign them in."""
    email = f"{name.lower().replace(' ', '-')}.{secrets.token_hex(3)}@example.com"
    password = secrets.token_urlsafe(24)
    client = open_client(base_url)
    anyone = Api(client)
    anyone.call("POST", "/signup", body={"email": email, "name": name, "password": password})
    anyone.call("POST", "/signup/verify", body={"token": mailbox.take_token(email, "verify")})
    session = anyone.call("POST", "/sessions", body={"email": email, "password": password}).body()
    api = Api(client, f"Bearer {text_of(session, 'token')}")
    return User(name, email, text_of(object_of(session, "user"), "id"), api, open_client, base_url)
