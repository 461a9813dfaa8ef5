"""An identity plane on a real database, with a clock that stands still and a mailbox that keeps its mails."""

import re
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import event

from domicile.identity.handlers import identity_mail_handlers
from domicile.identity.outbox import outbox
from domicile.identity.plane import IdentityPlane
from domicile.identity.registration.service import WantedSignUp, sign_up, verify_sign_up
from domicile.identity.sessions.service import authenticate_session
from domicile.identity.signing_in.beginning import SignedIn
from domicile.identity.signing_in.service import sign_in
from domicile.identity.users.domain import User
from domicile.infra.databases import Database, IdentityTx, identity_database
from domicile.infra.mail.keeping import KeptMail, list_mails, read_mail
from domicile.infra.mail.mailbox import Mailbox
from domicile.infra.mail.settings import MailSettings
from domicile.infra.mail.smtp import SmtpMailer
from domicile.infra.outbox import Handler, Outbox, OutboxRow
from domicile.infra.password_screen import PasswordScreen
from domicile.infra.passwords import PasswordHasher
from domicile.infra.secrets import Keyring, SecretText
from domicile.infra.settings import load_settings
from domicile.infra.signing import new_signer, only_key
from domicile.kernel.callers import Origin, Person
from domicile.web.cursors import Cursors

PASSWORD = "correct horse battery staple"
ORIGIN = Origin("request-1", ip_address("198.51.100.7"), "tests/1.0")
_LINK = re.compile(r"http://\S+/(?:verify|reset|email/verify|email/undo)/(\S+)")


def link_secret(folder: Path, address: str) -> str | None:
    """Read the secret out of the newest link in a mail to an address."""
    for mail in list_mails(folder, limit=1000):
        kept = read_mail(folder, mail.name) if mail.to == address else None
        if kept and (found := _LINK.search(kept.text or "")):
            return found[1]
    return None


class FrozenClock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class People:
    """The identity plane under test, and what tests do with it again and again."""

    plane: IdentityPlane
    clock: FrozenClock
    mailbox: Mailbox
    handlers: dict[str, Handler]

    @property
    def database(self) -> Database[IdentityTx]:
        return self.plane.database

    async def deliver(self) -> int:
        """Bring about every effect that is due; tells how many."""
        done = 0
        while rows := await self.database.read(lambda tx: self.plane.outbox.list_due(tx, at_most=100)):
            for row in rows:
                await self.handlers[row.kind](row)
                await self._finish(row)
                done += 1
        return done

    async def _finish(self, row: OutboxRow) -> None:
        await self.database.run_tx(lambda tx: self.plane.outbox.finish(tx, row))

    def mails_to(self, address: str) -> list[KeptMail]:
        """Read the mails to an address, oldest first."""
        found = [
            self.mailbox.read_mail(mail.name)
            for mail in self.mailbox.list_mails(limit=1000)
            if mail.to == address
        ]
        return [mail for mail in reversed(found) if mail is not None]

    def token_to(self, address: str) -> str:
        """Read the secret out of the link in the newest mail to an address."""
        secret = link_secret(self.mailbox.directory, address)
        assert secret
        return secret

    async def ask_to_sign_up(
        self, email: str, *, name: str = "Ann Example", password: str = PASSWORD
    ) -> None:
        await sign_up(self.plane, WantedSignUp(email, name, SecretText(password), None, None))

    async def register(self, email: str = "ann@example.com", *, password: str = PASSWORD) -> User:
        """Sign a person up and follow the link in the mail."""
        await self.ask_to_sign_up(email, password=password)
        await self.deliver()
        return await verify_sign_up(self.plane, self.token_to(email.lower()), ORIGIN)

    async def sign_in(self, email: str = "ann@example.com", *, password: str = PASSWORD) -> SignedIn:
        return await sign_in(self.plane, email, SecretText(password), ORIGIN)

    async def who_holds(self, signed_in: SignedIn) -> Person:
        return await authenticate_session(self.plane, signed_in.token.reveal(), ORIGIN)

    async def signed_in_person(self, email: str = "ann@example.com") -> Person:
        """Register a person and sign them in."""
        await self.register(email)
        return await self.who_holds(await self.sign_in(email))


@dataclass
class StatementLog:
    """The statements that reached a database."""

    statements: list[str]

    @property
    def verbs(self) -> list[str]:
        """The first words of each, in order: what was done to which table."""
        return [" ".join(statement.split()[:3]) for statement in self.statements]


@asynccontextmanager
async def statements_of(database: Database[IdentityTx]) -> AsyncGenerator[StatementLog]:
    """Record every statement while the context is open."""
    log = StatementLog([])

    def record(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        log.statements.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", record)
    try:
        yield log
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", record)


def quick_hashes() -> AbstractContextManager[object]:
    """Make whoever is started meanwhile hash passwords cheaply: thousands are, and what a hash costs is the matter of its own tests."""
    return patch.multiple("domicile.infra.passwords", _MEMORY_KIB=64, _PASSES=1)


@asynccontextmanager
async def running_people(url: str, folder: Path) -> AsyncGenerator[People]:
    """Open an identity plane on an empty, migrated database, and close all of it again."""
    clock, keyring = FrozenClock(), Keyring(bytes(range(32)))
    settings = load_settings(None, folder, {})
    database = identity_database(url)
    mailbox = Mailbox(folder / "mail", clock=clock)
    with quick_hashes():
        hasher = PasswordHasher(threads=2, queue=200)
    await mailbox.start()
    try:
        plane = IdentityPlane(
            settings=settings,
            database=database,
            clock=clock,
            outbox=Outbox(outbox, clock, park_after=8, wake=lambda: None),
            passwords=hasher,
            screen=PasswordScreen(hasher, settings.passwords),
            token_hash=keyring.hasher("identity links"),
            session_hash=keyring.hasher("sessions"),
            code_hash=keyring.hasher("identity codes"),
            sealer=keyring.sealer("identity"),
            attempt_hash=keyring.hasher("attempts"),
            cursors=Cursors(keyring.hasher("cursors")),
            signer=only_key(new_signer("identity"), now=clock()),
        )
        mailer = SmtpMailer(MailSettings(host="127.0.0.1", port=mailbox.port, tls="none"), clock)
        yield People(plane, clock, mailbox, identity_mail_handlers(plane, mailer))
    finally:
        hasher.close()
        await mailbox.stop()
        await database.close()
