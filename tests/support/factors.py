"""People with a second factor, as identity writes it down: the one place where tests give one, take it away, and sign in with it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import update

from domicile.identity.sessions.store import sessions
from domicile.identity.users.store import set_mfa_enabled, users
from domicile.infra.databases import Database, IdentityTx, identity_database
from domicile.kernel.clock import utc_now
from domicile.kernel.ids import UserId
from tests.support.api import Api
from tests.support.postgres import run_apart
from tests.support.world import Person, World

Work = Callable[[Database[IdentityTx]], Awaitable[None]]
_METHODS = "pwd otp mfa"


@dataclass(frozen=True)
class Factors:
    """Second factors of the people of one world."""

    world: World
    run: Callable[[Work], None]
    """Does something with the identity database, and lets the regions know."""
    clock: Callable[[], datetime]

    def enrol(self, person: Person) -> None:
        """Give somebody a second factor."""
        self._set(person, has_factor=True)

    def lose(self, person: Person) -> None:
        """Take somebody's last second factor away."""
        self._set(person, has_factor=False)

    def sign_in(self, person: Person) -> Person:
        """Give the person with another session, in which they used their factor just now."""
        signed_in = self.sign_in_by_password(person)
        self.use(signed_in.api)
        return signed_in

    def sign_in_by_password(self, person: Person) -> Person:
        """Give the person with another session, such as they had from before they got their factor."""
        mine, had = update(users).where(users.c.user_id == person.id), list[int]()

        async def hide(tx: IdentityTx) -> None:
            hidden = mine.where(users.c.mfa_enabled.is_(True)).values(mfa_enabled=False)
            had.append(await tx.count(hidden))

        self.run(lambda database: _run(database, hide))
        api = self.world.sign_in(person.email, password=person.password)
        if had[-1]:
            shown = mine.values(mfa_enabled=True)
            self.run(lambda database: _run(database, lambda tx: tx.execute(shown)))
        return replace(person, api=api)

    def use(self, api: Api) -> None:
        """Use the factor in a session that is there."""
        found = api.call("GET", "/api/me/sessions")["sessions"]
        (session,) = [each["id"] for each in found if each["current"]]
        mine = update(sessions).where(sessions.c.session_id == session)
        shown = mine.values(methods=_METHODS, authenticated_at=self.clock())
        self.run(lambda database: _run(database, lambda tx: tx.execute(shown)))

    def _set(self, person: Person, *, has_factor: bool) -> None:
        user, now = UserId(person.id), self.clock()
        self.run(
            lambda database: _run(
                database, lambda tx: set_mfa_enabled(tx, user, has_factor=has_factor, now=now)
            )
        )


def factors_of(world: World) -> Factors:
    """Give the factors of people on a server in this process."""
    server = world.server

    def run(work: Work) -> None:
        async def told() -> None:
            await work(server.node.identity.database)
            await server.node.identity.tell_regions()

        server.run(told())

    return Factors(world, run, server.clock)


def factors_at(world: World, url: str) -> Factors:
    """Give the factors of people on servers in other processes, whose identity database is at `url`."""

    def run(work: Work) -> None:
        async def told() -> None:
            database = identity_database(url)
            try:
                await work(database)
            finally:
                await database.close()

        run_apart(told())

    return Factors(world, run, utc_now)


async def _run(database: Database[IdentityTx], work: Callable[[IdentityTx], Awaitable[object]]) -> None:
    await database.run_tx(work)
