"""People who sign in, change their address and leave, on a platform whose couriers come only when a test calls them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from domicile.identity.departure.domain import DepartureStatus
from domicile.identity.departure.service import delete_myself, settle_departure, settle_departures
from domicile.identity.outbox import outbox as identity_outbox
from domicile.identity.passwords.domain import NewHash
from domicile.identity.passwords.store import put_hash
from domicile.identity.plane import IdentityPlane
from domicile.identity.sessions.service import authenticate_session
from domicile.identity.signing_in.service import sign_in
from domicile.identity.users.store import find_user
from domicile.infra.outbox import Outbox
from domicile.infra.password_screen import PasswordScreen
from domicile.infra.password_settings import PasswordSettings
from domicile.infra.passwords import PasswordHasher
from domicile.infra.secrets import Keyring, SecretText, new_link_token
from domicile.infra.settings import load_settings
from domicile.infra.signing import new_signer, only_key
from domicile.kernel.callers import Person
from domicile.kernel.ids import AccountId, RoleId, UserId
from domicile.kernel.permissions import MemberState
from domicile.kernel.roles import FULL_ACCESS
from domicile.region.accounts.domain import NewAccount
from domicile.region.accounts.service import create_account
from domicile.region.invitations.domain import NewInvitation, make_token, parse_link
from domicile.region.invitations.sending import give_link
from domicile.region.invitations.service import invite_member
from domicile.region.memberships.store import memberships
from domicile.region.receiving.service import accept_invitation
from domicile.web.cursors import Cursors
from tests.support.crossing import NOBODYS_ORIGIN, LiveRegion, Platform
from tests.support.people import PASSWORD


@dataclass
class Leaving:
    """A platform whose identity plane lives, and what tests do with it again and again."""

    platform: Platform
    plane: IdentityPlane
    hash: str

    async def add_person(self) -> UserId:
        """Make a user with the password that everybody has here."""
        user = await self.platform.add_person()
        await self.give_password(user)
        return user

    async def give_password(self, user: UserId) -> None:
        """Let a user sign in."""
        now = self.platform.clock()
        await self.plane.database.run_tx(
            lambda tx: put_hash(tx, user, NewHash(self.hash, is_short=False), now=now)
        )

    async def sign_in(self, user: UserId) -> Person:
        """Begin a session, and tell who holds it."""
        return (await self.session(user))[0]

    async def session(self, user: UserId) -> tuple[Person, str]:
        """Begin a session; gives its person and its token."""
        found = await self.plane.database.read(lambda tx: find_user(tx, user))
        assert found
        made = await sign_in(self.plane, found.email, SecretText(PASSWORD), NOBODYS_ORIGIN)
        token = made.token.reveal()
        return await authenticate_session(self.plane, token, NOBODYS_ORIGIN), token

    async def account(self, region: LiveRegion, owner: UserId) -> AccountId:
        """Create an account and let the directory know of it."""
        new = NewAccount("Example Labs", region.id, "en", "UTC")
        made = await create_account(region.plane, await self.platform.person(owner), new, None)
        await region.carry()
        return made.id

    async def join(
        self, region: LiveRegion, account: AccountId, user: UserId, role: RoleId = FULL_ACCESS
    ) -> None:
        """Make somebody a user of an account, and let the directory know of it."""
        await self.platform.join(region, account, await self.platform.person(user), role)
        await region.carry()

    async def join_as_invited(self, region: LiveRegion, account: AccountId, person: Person) -> None:
        """Let somebody, as a session of whatever age tells of them, accept an invitation as an owner; no courier comes."""
        owner = next(iter(await self.owners(region, account)))
        caller = self.platform.owner(region, account, owner)
        new = NewInvitation(person.email, person.email, FULL_ACCESS)
        offer = (await invite_member(region.plane, caller, new, None)).invitation
        token = make_token(region.id, account, new_link_token())
        await give_link(region.plane, account, offer.id, sends=1, token=token)
        await accept_invitation(region.plane, person, parse_link(token))

    async def ask(self, person: Person) -> DepartureStatus:
        """Ask to be deleted; no courier comes."""
        return await delete_myself(self.plane, person, SecretText(PASSWORD))

    async def carry(self) -> None:
        """Let every courier do a round, and identity settle what it can, until nothing moves any more."""
        for _ in range(3):
            for region in self.platform.regions.values():
                await region.carry()
            await settle_departures(self.plane)

    async def settle(self, user: UserId) -> DepartureStatus:
        return await settle_departure(self.plane, user)

    async def owners(self, region: LiveRegion, account: AccountId) -> set[UserId]:
        """Who counts as an owner of an account, as its region has it."""
        return {
            UserId(row.user_id)
            for row in await region.all(memberships)
            if row.account_id == account
            and row.role_id == FULL_ACCESS
            and row.state == MemberState.ENABLED
            and row.absence is None
        }

    async def members(self, region: LiveRegion, account: AccountId) -> set[UserId]:
        """Whose place in an account has not ended."""
        return {
            UserId(row.user_id)
            for row in await region.all(memberships)
            if row.account_id == account and row.state != MemberState.REMOVED
        }


@asynccontextmanager
async def leaving(platform: Platform, folder: Path) -> AsyncGenerator[Leaving]:
    """Give a platform an identity plane."""
    keyring, hasher = Keyring(bytes(range(32))), PasswordHasher(threads=2, queue=200)
    plane = IdentityPlane(
        settings=load_settings(None, folder, {}),
        database=platform.identity,
        clock=platform.clock,
        outbox=Outbox(identity_outbox, platform.clock, park_after=8, wake=lambda: None),
        passwords=hasher,
        screen=PasswordScreen(hasher, PasswordSettings()),
        token_hash=keyring.hasher("identity links"),
        session_hash=keyring.hasher("sessions"),
        code_hash=keyring.hasher("identity codes"),
        sealer=keyring.sealer("identity"),
        attempt_hash=keyring.hasher("attempts"),
        cursors=Cursors(keyring.hasher("cursors")),
        signer=only_key(new_signer("identity"), now=platform.clock()),
    )
    try:
        yield Leaving(platform, plane, await hasher.hash(SecretText(PASSWORD)))
    finally:
        hasher.close()
