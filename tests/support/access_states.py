"""Random states of one account: members, keys, roles and what the account asks for, put into a real database as they are."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from hypothesis import strategies as st
from sqlalchemy import delete, update

from domicile.infra.databases import RegionTx
from domicile.kernel.callers import Caller, MemberCard
from domicile.kernel.ids import AccountId, ApiKeyId, RoleId, UserId
from domicile.kernel.permissions import AccountState, MemberState
from domicile.kernel.roles import FULL_ACCESS, READ_ONLY
from domicile.region.access_log.store import Changed, append_access_log
from domicile.region.accounts.store import accounts
from domicile.region.api_keys.domain import NewApiKey, make_api_key
from domicile.region.api_keys.store import api_keys, insert_key
from domicile.region.memberships.store import insert_member, member_cards, memberships
from domicile.region.roles.domain import CustomRole
from domicile.region.roles.store import insert_role, roles
from tests.support.joining import user_id
from tests.support.region import ACCOUNT, LiveRegion

KEEPER, AUDITOR, GHOST = RoleId("keeper"), RoleId("auditor"), RoleId("ghost")
"""Two roles of the account's own, and one that is not there."""
ROLES = (FULL_ACCESS, READ_ONLY, KEEPER, AUDITOR)
INSIDE, OUTSIDE = ip_address("192.0.2.17"), ip_address("203.0.113.9")
LEVELS = (None, "read-only", "full-access")
Bundle = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class UserState:
    """One user; the first of an account is always there."""

    role: RoleId
    is_enabled: bool
    mfa_enabled: bool
    epoch: int


@dataclass(frozen=True)
class KeyState:
    """One key."""

    role: RoleId
    is_enabled: bool
    expires_in: int | None
    """Hours from now; may have passed."""
    allowed_cidrs: tuple[str, ...]


@dataclass(frozen=True)
class AccountNow:
    """Everything that decides about accesses to an account."""

    members: tuple[UserState, ...]
    keys: tuple[KeyState, ...]
    keeper: Bundle
    auditor: Bundle
    mfa_required: bool
    state: AccountState


def _bundles() -> st.SearchStrategy[Bundle]:
    levels = st.tuples(*(st.sampled_from(LEVELS) for _ in range(3)))
    return levels.map(
        lambda found: tuple(
            (service, level)
            for service, level in zip(("identity", "audit", "billing"), found, strict=True)
            if level
        )
    ).filter(bool)


def _mostly() -> st.SearchStrategy[bool]:
    return st.sampled_from((True, True, True, False))


def account_states(*held: RoleId, fewest_keys: int = 0) -> st.SearchStrategy[AccountNow]:
    """States, the impossible ones left out and the unusual ones kept: no owner, roles that are gone, keys that have expired."""
    member = st.builds(
        UserState,
        role=st.sampled_from(held),
        is_enabled=_mostly(),
        mfa_enabled=st.booleans(),
        epoch=st.integers(0, 2),
    )
    key = st.builds(
        KeyState,
        role=st.sampled_from(held),
        is_enabled=_mostly(),
        expires_in=st.sampled_from((None, None, 1, -1, 0)),
        allowed_cidrs=st.sampled_from(((), ("192.0.2.0/24",), ("203.0.113.9/32", "2001:db8::/32"))),
    )
    return st.builds(
        AccountNow,
        members=st.lists(member, min_size=1, max_size=4).map(tuple),
        keys=st.lists(key, min_size=fewest_keys, max_size=3).map(tuple),
        keeper=_bundles(),
        auditor=_bundles(),
        mfa_required=st.booleans(),
        state=st.sampled_from((*([AccountState.ACTIVE] * 4), AccountState.SUSPENDED)),
    )


@dataclass(frozen=True)
class Placed:
    """Who came of it."""

    users: tuple[UserId, ...]
    keys: tuple[ApiKeyId, ...]


def secret_of(key: ApiKeyId) -> str:
    return f"secret of {key}"


async def place(live: LiveRegion, now: AccountNow) -> Placed:
    """Make the account what a state says, whatever it was before."""
    users = tuple(user_id(n + 1) for n in range(len(now.members)))
    keys = tuple(ApiKeyId(f"dom_de-1_{n:022d}") for n in range(len(now.keys)))
    moment = live.clock()

    async def work(tx: RegionTx) -> None:
        await append_access_log(
            tx, Changed.ACCOUNT, ACCOUNT, ACCOUNT, now=moment, bump=live.plane.bump_access_log, revokes=True
        )
        for table in (api_keys, roles, member_cards, memberships):
            await tx.execute(delete(table).where(table.c.account_id == ACCOUNT))
        stamp = {"state": now.state, "mfa_required": now.mfa_required}
        await tx.execute(update(accounts).where(accounts.c.account_id == ACCOUNT).values(**stamp))
        for role, bundle in ((KEEPER, now.keeper), (AUDITOR, now.auditor)):
            await insert_role(tx, ACCOUNT, CustomRole(role, role, "", bundle, moment, moment, 1))
        for user, member in zip(users, now.members, strict=True):
            await _insert_member(tx, ACCOUNT, user, member, moment)
        for key, made in zip(keys, now.keys, strict=True):
            await _insert_key(live, tx, key, made)

    await live.plane.database.run_tx(work)
    return Placed(users, keys)


async def _insert_member(
    tx: RegionTx, account: AccountId, user: UserId, member: UserState, now: datetime
) -> None:
    card = MemberCard(
        user_id=user,
        name=f"User {user[-2:]}",
        email=f"{user[-2:]}@example.com",
        locale="en",
        time_zone="UTC",
        mfa_enabled=member.mfa_enabled,
        epoch=member.epoch,
        version=1,
    )
    await insert_member(tx, account, card, role=member.role, version=1, now=now)
    if not member.is_enabled:
        theirs = (memberships.c.account_id == account) & (memberships.c.user_id == user)
        await tx.execute(update(memberships).where(theirs).values(state=MemberState.DISABLED))


async def _insert_key(live: LiveRegion, tx: RegionTx, key: ApiKeyId, made: KeyState) -> None:
    now = live.clock()
    new = NewApiKey(
        alias="ci",
        role_id=made.role,
        allowed_cidrs=made.allowed_cidrs,
        is_enabled=made.is_enabled,
        expires_at=None if made.expires_in is None else now + timedelta(hours=made.expires_in),
    )
    made_key = make_api_key(new, key, creator=user_id(1), version=1, now=now)
    await insert_key(tx, ACCOUNT, made_key, secret_hash=live.plane.key_hash.of(secret_of(key)))


def reviewer(live: LiveRegion) -> Caller:
    """Somebody who may ask about everybody, whoever else is in the account."""
    return live.person(user=user_id(99))
