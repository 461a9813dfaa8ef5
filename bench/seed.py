"""Fills an installation before the server starts: people with one password, an account of 200 users, and many small accounts."""

import asyncio
import sys
from pathlib import Path

import msgspec
from uuid_utils import uuid7

from domicile.apps.node import Node, open_node
from domicile.identity.passwords.domain import NewHash
from domicile.identity.passwords.store import put_hash
from domicile.identity.users.domain import User, UserState
from domicile.identity.users.store import insert_user
from domicile.infra.databases import IdentityTx, RegionTx
from domicile.infra.secrets import SecretText
from domicile.infra.settings import load_settings
from domicile.kernel.callers import Origin, Person
from domicile.kernel.clock import utc_now
from domicile.kernel.ids import AccountId, RegionId, UserId
from domicile.kernel.permissions import MemberState
from domicile.kernel.roles import FULL_ACCESS, READ_ONLY
from domicile.region.accounts.domain import NewAccount
from domicile.region.accounts.service import create_account
from domicile.region.history.domain import member_facts
from domicile.region.memberships.service import log_membership_change
from domicile.region.memberships.store import insert_member
from domicile.region.plane import RegionPlane

PASSWORD = "correct horse battery staple"
REGION = RegionId("de-1")
USERS_OF_LARGE_ACCOUNT = 200


class Seeded(msgspec.Struct, frozen=True):
    """What was made."""

    emails: list[str]
    """Of the owner of every account, then of the other users of the large account."""
    ids: list[str]
    """Of the same people."""
    large: str
    """The id of the account of 200."""
    small: list[str]
    """The ids of the others."""


def seed_command(data: Path, small_accounts: int) -> list[str]:
    """Make the command that fills an installation and prints what it made as JSON."""
    return [sys.executable, "-m", "bench.seed", str(data), str(small_accounts)]


async def seed(data: Path, *, small_accounts: int) -> Seeded:
    """Fill the databases in a folder, making them if they are not there."""
    node = await open_node(load_settings(None, data, {}), utc_now)
    try:
        people = await _add_people(node)
        plane = node.doors.regions.plane(REGION)
        owner = people[0]
        large = await _add_account(plane, owner, "Account of 200")
        await _add_members(plane, large, people[1:])
        small = [await _add_account(plane, owner, f"Account {n}") for n in range(small_accounts)]
        while await node.couriers[REGION].deliver_outbox():
            pass
    finally:
        await node.close()
    return Seeded(
        emails=[person.email for person in people],
        ids=[person.user_id for person in people],
        large=large,
        small=list(small),
    )


async def _add_people(node: Node) -> list[Person]:
    kept = await node.identity.passwords.hash(SecretText(PASSWORD))
    users = [make_user(number) for number in range(USERS_OF_LARGE_ACCOUNT)]

    async def work(tx: IdentityTx) -> None:
        for user in users:
            await insert_user(tx, user)
            await put_hash(tx, user.id, NewHash(kept, is_short=False), now=user.created_at)

    await node.identity.database.run_tx(work)
    return [as_person(user) for user in users]


async def _add_account(plane: RegionPlane, owner: Person, alias: str) -> AccountId:
    return (await create_account(plane, owner, NewAccount(alias, plane.id, "en", "UTC"), None)).id


async def _add_members(plane: RegionPlane, account: AccountId, people: list[Person]) -> None:
    async def work(tx: RegionTx) -> None:
        for number, person in enumerate(people):
            role = READ_ONLY if number % 2 else FULL_ACCESS
            became = member_facts(role, MemberState.ENABLED)
            version = await log_membership_change(plane, tx, account, person.user_id, became)
            await insert_member(tx, account, person.card(), role=role, version=version, now=plane.clock())

    await plane.database.run_tx(work)


def make_user(number: int) -> User:
    now, email = utc_now(), f"person.{number}@example.com"
    return User(
        id=UserId(str(uuid7())),
        email=email,
        email_key=email,
        name=f"Person {number}",
        locale="en",
        time_zone="Europe/Madrid",
        state=UserState.ENABLED,
        epoch=1,
        version=1,
        created_at=now,
        modified_at=now,
    )


def as_person(user: User) -> Person:
    return Person(
        user_id=user.id,
        email=user.email,
        name=user.name,
        locale=user.locale,
        time_zone=user.time_zone,
        epoch=user.epoch,
        version=user.version,
        session_id="seed",
        first_session_id="seed",
        authenticated_at=user.created_at,
        methods=("pwd",),
        mfa_enabled=user.mfa_enabled,
        origin=Origin("seed", None),
    )


if __name__ == "__main__":
    made = asyncio.run(seed(Path(sys.argv[1]), small_accounts=int(sys.argv[2])))
    sys.stdout.buffer.write(msgspec.json.encode(made))
