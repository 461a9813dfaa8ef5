"""Enforcement and explanation never disagree, and what a preflight foretold is what then happens."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from domicile.infra.databases import RegionTx
from domicile.kernel.callers import Caller, Origin, Person
from domicile.kernel.errors import DomainError
from domicile.kernel.ids import ApiKeyId, RoleId, UserId
from domicile.kernel.paging import PageRequest
from domicile.kernel.permissions import RESTORE, AccountState, MemberState
from domicile.kernel.roles import FULL_ACCESS
from domicile.kernel.urn import Principal
from domicile.region.access import service as access
from domicile.region.access_log.store import Changed, append_access_log
from domicile.region.access_review.service import Review
from domicile.region.accounts.store import accounts
from domicile.region.api_keys.domain import ApiKeyChange
from domicile.region.api_keys.service import change_api_key
from domicile.region.entering.domain import LIFETIME
from domicile.region.memberships.domain import MemberChange
from domicile.region.memberships.service import change_member, remove_member
from domicile.region.preflight.domain import ChangeKind, ChangeWish, Outcome
from domicile.region.preflight.service import foretell
from domicile.region.role_management.domain import RoleWish
from domicile.region.role_management.service import change_role
from tests.support.access_states import (
    AUDITOR,
    GHOST,
    INSIDE,
    KEEPER,
    LEVELS,
    OUTSIDE,
    ROLES,
    AccountNow,
    Placed,
    UserState,
    account_states,
    place,
    reviewer,
    secret_of,
)
from tests.support.joining import ANY_VERSION
from tests.support.region import ACCOUNT, LiveRegion, live_region

ResultT = TypeVar("ResultT")

_ASKED = (RESTORE, "identity:user:read", "audit:log:read", "billing:invoice:read", "identity:apikey:create")
_EXAMPLES = 20


def _token(live: LiveRegion, user: UserId, *, epoch: int, mfa_used: bool) -> str:
    now = live.clock()
    claims: dict[str, object] = {
        "sub": live.plane.urns(ACCOUNT).make("user", user),
        "account": ACCOUNT,
        "epoch": epoch,
        "amr": ["pwd", "mfa"] if mfa_used else ["pwd"],
        "auth_time": int(now.timestamp()),
        "iat": int(now.timestamp()),
        "nbf": int(now.timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
    }
    return live.door.keys.sign(claims)


async def _restoring(live: LiveRegion, user: UserId, member: UserState) -> frozenset[str]:
    """Try the one thing that is open to a person whom the account lets in no more."""
    person = Person(
        user_id=user,
        email="",
        name="",
        locale="en",
        time_zone="UTC",
        epoch=member.epoch,
        version=1,
        session_id="session-6",
        first_session_id="session-6",
        authenticated_at=live.clock(),
        methods=("pwd", "mfa") if member.mfa_enabled else ("pwd",),
        mfa_enabled=member.mfa_enabled,
        origin=Origin("request-7", INSIDE),
    )
    caller, _ = await _attempt(live.door.from_person(person, ACCOUNT, to=RESTORE))
    return frozenset({RESTORE} if caller is not None and not _code_of_requiring(caller, RESTORE) else ())


async def _enforced(live: LiveRegion, recognise: Callable[[], Any]) -> frozenset[str] | None:
    """Come in through the door as a caller does, and try everything."""
    try:
        caller = await recognise()
    except DomainError:
        return None
    refused = {action: _code_of_requiring(caller, action) for action in live.plane.catalogue.permissions}
    assert set(refused.values()) <= {None, "not-permitted", "account-not-suspended"}
    assert refused.get(RESTORE) is not None, "nothing is suspended where somebody has come in"
    return frozenset(action for action, code in refused.items() if code is None)


@dataclass(frozen=True)
class Right:
    """What enforcement lets a principal do: inside the account (None: they are not let in), and from outside."""

    inside: frozenset[str] | None
    outside: frozenset[str] = frozenset()

    @property
    def is_in(self) -> bool:
        return self.inside is not None

    @property
    def actions(self) -> frozenset[str]:
        return (self.inside or frozenset()) | self.outside


Rights = dict[Principal, Right]


def _code_of_requiring(caller: Caller, action: str) -> str | None:
    try:
        caller.require(action)
    except DomainError as refused:
        return refused.code
    return None


async def _attempt(work: Coroutine[Any, Any, ResultT]) -> tuple[ResultT | None, str]:
    """Try something; gives what came of it, or the code with which it was refused."""
    try:
        return await work, ""
    except DomainError as refused:
        return None, refused.code


async def _rights(live: LiveRegion, now: AccountNow, placed: Placed) -> Rights:
    """What is enforced, for people who sign in as their factors let them, and for keys within their networks."""
    rights: Rights = {}
    origin = Origin("request-4", INSIDE)
    for user, member in zip(placed.users, now.members, strict=True):
        token = _token(live, user, epoch=member.epoch, mfa_used=member.mfa_enabled)
        inside = await _enforced(live, lambda t=token: live.door.from_account_token(t, origin))
        rights[Principal.user(user)] = Right(inside, await _restoring(live, user, member))
    for key, made in zip(placed.keys, now.keys, strict=True):
        inside = INSIDE if not made.allowed_cidrs or "192.0.2.0/24" in made.allowed_cidrs else OUTSIDE
        rights[Principal.api_key(key)] = Right(
            await _enforced(
                live,
                lambda k=key, a=inside: live.door.from_api_key(k, secret_of(k), Origin("request-5", a)),
            )
        )
    return rights


async def _explained(live: LiveRegion, rights: Rights) -> None:
    """Ask every explanation, and compare it with what was enforced."""
    asker = reviewer(live)
    every = live.plane.catalogue.permissions
    review = await Review(live.plane, asker, None).list_page(PageRequest(250, None))
    reviewed = {each.entry.standing.principal: each for each in review.items}
    assert set(reviewed) == set(rights)
    holders: dict[str, set[Principal]] = {action: set() for action in every}
    for action in _ASKED:
        page = await access.list_holders(live.plane, asker, action, PageRequest(250, None))
        holders[action] = {each.entry.standing.principal for each in page.items}
    for principal, right in rights.items():
        may = right.actions
        assert reviewed[principal].decision.allowed == right.is_in, principal
        explained = await access.explain_permissions(live.door, asker, principal)
        assert {decision.action for decision in explained if decision.allowed} == may
        for action in _ASKED:
            assert (await access.decide_access(live.door, asker, principal, action)).allowed == (
                action in may
            )
            assert (principal in holders[action]) == (action in may)


@dataclass
class Running:
    """A region on a real database, which a test that is no coroutine can ask."""

    runner: asyncio.Runner
    live: LiveRegion

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self.runner.run(work)


@pytest.fixture
def running(make_database: Callable[[str], str], tmp_path: Path) -> Generator[Running]:
    with asyncio.Runner() as runner:
        opened = AsyncExitStack()
        live = runner.run(opened.enter_async_context(live_region(make_database("region"), tmp_path)))
        try:
            yield Running(runner, live)
        finally:
            runner.run(opened.aclose())


def test_enforcement_check_explain_and_review_never_disagree(running: Running):
    async def compare(now: AccountNow) -> None:
        placed = await place(running.live, now)
        await _explained(running.live, await _rights(running.live, now, placed))

    @settings(max_examples=_EXAMPLES, deadline=None)
    @given(account_states(*ROLES, GHOST))
    def agree(now: AccountNow) -> None:
        running.run(compare(now))

    agree()


def _said() -> st.SearchStrategy[dict[str, Any]]:
    """What a change may say, whichever it is."""
    levels = st.tuples(*(st.sampled_from(LEVELS) for _ in range(3))).filter(any)
    return st.fixed_dictionaries(
        {
            "role": st.sampled_from(ROLES),
            "state": st.sampled_from(("enabled", "disabled")),
            "is_required": st.booleans(),
            "levels": levels,
            "own_role": st.sampled_from((KEEPER, AUDITOR)),
            "cidrs": st.sampled_from(((), ("192.0.2.0/24",), ("198.51.100.0/24",))),
        }
    )


def _wish(live: LiveRegion, placed: Placed, kind: ChangeKind, index: int, said: dict[str, Any]) -> ChangeWish:
    users, keys = placed.users, placed.keys
    item = ""
    if kind in {ChangeKind.REMOVE_USER, ChangeKind.USER_ROLE, ChangeKind.USER_STATE}:
        item = users[index % len(users)]
    elif kind in {ChangeKind.APIKEY_NETWORKS, ChangeKind.APIKEY_LOCKED, ChangeKind.APIKEY_ROLE}:
        item = keys[index % len(keys)]
    elif kind is ChangeKind.ROLE:
        item = said["own_role"]
    urns = live.plane.urns(ACCOUNT)
    bundle = zip(("identity", "audit", "billing"), said["levels"], strict=True)
    return ChangeWish(
        kind=kind,
        item=item,
        role=said["role"],
        state=said["state"],
        is_required=said["is_required"],
        service_role_urns=[urns.make("role", level, service=service) for service, level in bundle if level],
        allowed_ips=(),
        allowed_cidrs=said["cidrs"],
        probes=[str(INSIDE), str(OUTSIDE), "198.51.100.7"],
    )


async def _do(live: LiveRegion, wish: ChangeWish) -> None:
    """Make a change in the way in which it is made."""
    plane, caller = live.plane, reviewer(live)
    user, key = UserId(wish.item), ApiKeyId(wish.item)
    match wish.kind:
        case ChangeKind.ROLE:
            changed = RoleWish(service_role_urns=wish.service_role_urns)
            await change_role(plane, caller, RoleId(wish.item), changed, ANY_VERSION)
        case ChangeKind.REMOVE_USER:
            await remove_member(plane, caller, user, ANY_VERSION)
        case ChangeKind.USER_ROLE:
            await change_member(plane, caller, user, MemberChange(RoleId(wish.role), None), ANY_VERSION)
        case ChangeKind.USER_STATE:
            change = MemberChange(None, MemberState(wish.state))
            await change_member(plane, caller, user, change, ANY_VERSION)
        case ChangeKind.APIKEY_NETWORKS:
            change = ApiKeyChange(allowed_ips=(), allowed_cidrs=tuple(wish.allowed_cidrs or ()))
            await change_api_key(plane, caller, key, change, ANY_VERSION)
        case ChangeKind.APIKEY_LOCKED:
            await change_api_key(plane, caller, key, ApiKeyChange(is_enabled=False), ANY_VERSION)
        case ChangeKind.APIKEY_ROLE:
            await change_api_key(plane, caller, key, ApiKeyChange(role_id=RoleId(wish.role)), ANY_VERSION)
        case ChangeKind.MFA_REQUIRED:
            await _stamp_account(live, mfa_required=wish.is_required)
        case ChangeKind.DELETE_ACCOUNT:
            await _stamp_account(live, state=AccountState.SUSPENDED)


async def _stamp_account(live: LiveRegion, **values: object) -> None:
    async def work(tx: RegionTx) -> None:
        bump = live.plane.bump_access_log
        await append_access_log(
            tx, Changed.ACCOUNT, ACCOUNT, ACCOUNT, now=live.clock(), bump=bump, revokes=True
        )
        await tx.execute(update(accounts).where(accounts.c.account_id == ACCOUNT).values(**values))

    await live.plane.database.run_tx(work)


def _told(outcome: Outcome) -> dict[Principal, tuple[bool, frozenset[str], frozenset[str]]]:
    return {
        each.entry.standing.principal: (
            each.entering_after.allowed,
            frozenset(each.lost),
            frozenset(each.gained),
        )
        for each in outcome.affected
    }


def _happened(before: Rights, then: Rights) -> dict[Principal, tuple[bool, frozenset[str], frozenset[str]]]:
    return {
        principal: (then[principal].is_in, had.actions - has.actions, has.actions - had.actions)
        for principal, had in before.items()
        for has in [then[principal]]
        if had != has
    }


def _is_ownerless(rights: Rights, roles: dict[Principal, RoleId]) -> bool:
    return not any(
        right.is_in and principal.kind == "user" and roles[principal] == FULL_ACCESS
        for principal, right in rights.items()
    )


async def _come_true(
    live: LiveRegion, now: AccountNow, kind: ChangeKind, index: int, said: dict[str, Any]
) -> None:
    placed = await place(live, now)
    wish = _wish(live, placed, kind, index, said)
    before = await _rights(live, now, placed)
    outcome = await foretell(live.plane, reviewer(live), wish)
    assert await _rights(live, now, placed) == before, "nothing was changed"
    _, refusal = await _attempt(_do(live, wish))
    if refusal:
        assert refusal == "last-full-access-user" and outcome.is_ownerless
        return
    if kind is ChangeKind.APIKEY_NETWORKS:
        assert outcome.affected == []
        for tried in outcome.addresses:
            origin = Origin("request-6", tried.address)
            key = ApiKeyId(wish.item)
            enforced = await _enforced(
                live, lambda k=key, o=origin: live.door.from_api_key(k, secret_of(k), o)
            )
            assert tried.allowed_after == (enforced is not None), tried
        return
    then = await _rights(live, now, placed)
    assert _told(outcome) == _happened(before, then)
    assert outcome.affected_count == len(outcome.affected) and outcome.principals == len(before)
    if now.state is AccountState.ACTIVE and kind is not ChangeKind.DELETE_ACCOUNT:
        members = {user: member.role for user, member in zip(placed.users, now.members, strict=True)}
        if kind is ChangeKind.USER_ROLE:
            members[UserId(wish.item)] = RoleId(wish.role)
        roles = {Principal.user(user): role for user, role in members.items()}
        assert outcome.is_ownerless == _is_ownerless(then, roles)


@pytest.mark.parametrize("kind", ChangeKind)
def test_what_a_preflight_foretold_is_what_then_happens(running: Running, kind: ChangeKind):
    @settings(max_examples=_EXAMPLES, deadline=None)
    @given(account_states(*ROLES, fewest_keys=1), st.integers(0, 3), _said())
    def come_true(now: AccountNow, index: int, said: dict[str, Any]) -> None:
        running.run(_come_true(running.live, now, kind, index, said))

    come_true()
