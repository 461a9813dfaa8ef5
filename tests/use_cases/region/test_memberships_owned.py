"""Whatever is done to its users, in whatever order and however much at once, an account keeps an owner."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domicile.kernel.errors import DomainError
from domicile.kernel.ids import RoleId
from domicile.kernel.permissions import MemberState
from domicile.kernel.roles import FULL_ACCESS, READ_ONLY
from domicile.region.memberships import service
from domicile.region.memberships.domain import MemberChange
from tests.support.joining import ANY_VERSION, JoiningRegion, joining_region, user_id

USERS = st.integers(1, 4)
CHANGES = st.sampled_from(
    [
        MemberChange(FULL_ACCESS, None),
        MemberChange(READ_ONLY, None),
        MemberChange(None, MemberState.ENABLED),
        MemberChange(None, MemberState.DISABLED),
        MemberChange(READ_ONLY, MemberState.DISABLED),
        None,
    ]
)
"""None: removal."""
TOLD = {"last-full-access-user", "not-found"}


class OwnedAccount(RuleBasedStateMachine):
    """Four people of one account, on a database of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.opened = AsyncExitStack()
        self.region = self.runner.run(self._open())

    async def _open(self) -> JoiningRegion:
        folder = Path(self.opened.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite+aiosqlite:///{folder / 'region.db'}"
        return await self.opened.enter_async_context(joining_region(url, folder))

    def teardown(self) -> None:
        self.runner.run(self.opened.aclose())
        self.runner.close()

    @rule(number=USERS, role=st.sampled_from([FULL_ACCESS, READ_ONLY]))
    def join(self, number: int, role: RoleId) -> None:
        if user_id(number) not in self.runner.run(self.region.members()):
            self.runner.run(self.region.add_member(number, role))

    @rule(number=USERS, change=CHANGES)
    def act(self, number: int, change: MemberChange | None) -> None:
        self.runner.run(self._at_once([(number, change)]))

    @rule(acts=st.lists(st.tuples(USERS, CHANGES), min_size=2, max_size=5))
    def act_at_once(self, acts: list[tuple[int, MemberChange | None]]) -> None:
        self.runner.run(self._at_once(acts))

    async def _at_once(self, acts: list[tuple[int, MemberChange | None]]) -> None:
        outcomes = await asyncio.gather(*(self._act(*act) for act in acts), return_exceptions=True)
        for outcome in outcomes:
            assert outcome is None or (isinstance(outcome, DomainError) and outcome.code in TOLD)

    async def _act(self, number: int, change: MemberChange | None) -> None:
        plane, owner, user = self.region.plane, self.region.owner, user_id(number)
        if change is None:
            await service.remove_member(plane, owner, user, ANY_VERSION)
        else:
            await service.change_member(plane, owner, user, change, ANY_VERSION)

    @invariant()
    def has_an_owner(self) -> None:
        members = self.runner.run(self.region.members()).values()
        assert any(m.role_id == FULL_ACCESS and m.state is MemberState.ENABLED for m in members)


OwnedAccount.TestCase.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)
test_an_account_is_never_ownerless = OwnedAccount.TestCase
