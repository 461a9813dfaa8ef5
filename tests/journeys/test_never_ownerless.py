"""Whatever anybody does over HTTP, in whatever order and however much at once, an account keeps an owner; on both engines."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx2
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from domicile.identity.disabling.service import disable_person, enable_person
from domicile.kernel.errors import DomainError
from domicile.kernel.ids import AccountId, UserId
from domicile.kernel.paging import PageRequest
from domicile.kernel.permissions import MemberState
from domicile.kernel.roles import FULL_ACCESS
from domicile.region.memberships.store import list_members
from tests.support.api import Api
from tests.support.factors import factors_of
from tests.support.world import Account, Person, World

PEOPLE = 4
WHO = st.integers(0, PEOPLE - 1)
ROLES = st.sampled_from(["full-access", "read-only", "keeper"])
STATES = st.sampled_from(["enabled", "disabled"])
REFUSED = {400, 401, 403, 404, 409}
Act = Callable[[], httpx2.Response]


class OwnedAccount(RuleBasedStateMachine):
    """One account, the people who come and go, and every path by which somebody's access ends or shrinks."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.factors = factors_of(world)
        self.people: list[Person] = []
        self.account: Account

    @initialize()
    def create(self) -> None:
        self.people = [self.world.person(f"Person {number}") for number in range(PEOPLE)]
        self.account = self.world.account(self.people[0], "de-1", "Owned")
        self.world.role(self.account, "keeper", {"identity": "full-access"}, "Keeper")

    def person(self, number: int) -> Person:
        return self.people[number]

    def api(self, number: int) -> Api | None:
        """Somebody's own way in, as it is now; None if they have none, or are no user any more."""
        entered = self.person(number).api.post(f"/api/accounts/{self.account.id}/token")
        if entered.status_code != 201:
            return None
        return self.world.anyone.with_(f"Bearer {entered.json()['token']}")

    @rule(by=WHO, whom=WHO, role=ROLES)
    def join(self, by: int, whom: int, role: str) -> None:
        if (api := self.api(by)) is None:
            return
        body = {"email": self.person(whom).email, "roleID": role}
        if api.post("/api/invitations", body).status_code == 201:
            token = self.world.token_to(body["email"], "join")
            self.send([lambda: self.person(whom).api.post("/api/invitations/accept", {"token": token})])

    @rule(by=WHO, whom=WHO, role=ROLES)
    def give_role(self, by: int, whom: int, role: str) -> None:
        self.send(self.changes(by, whom, {"roleID": role}))

    @rule(by=WHO, whom=WHO, state=STATES)
    def set_state(self, by: int, whom: int, state: str) -> None:
        self.send(self.changes(by, whom, {"state": state}))

    @rule(by=WHO, whom=WHO)
    def remove(self, by: int, whom: int) -> None:
        self.send(self.removals(by, whom))

    @rule(by=WHO, level=st.sampled_from(["full-access", "read-only"]))
    def change_role(self, by: int, level: str) -> None:
        if (api := self.api(by)) is not None:
            urn = f"urn:domicile:identity:de-1:{self.account.id}:role/{level}"
            self.send([lambda: api.post("/api/roles/keeper", {"serviceRoleURNs": [urn]})])

    @rule(
        first=WHO, second=WHO, change=st.sampled_from([{"roleID": "read-only"}, {"state": "disabled"}, None])
    )
    def turn_on_each_other(self, first: int, second: int, change: dict[str, str] | None) -> None:
        """Two people, each ending or shrinking the other's place at the same instant."""
        pairs = ((first, second), (second, first))
        acts = [
            act
            for by, whom in pairs
            for act in (self.removals(by, whom) if change is None else self.changes(by, whom, change))
        ]
        self.send(acts)

    @rule(change=st.sampled_from([{"roleID": "read-only"}, {"state": "disabled"}, None]))
    def everybody_leaves_at_once(self, change: dict[str, str] | None) -> None:
        acts: list[Act] = []
        for number in range(PEOPLE):
            acts += self.removals(number, number) if change is None else self.changes(number, number, change)
        self.send(acts)

    @rule(who=WHO)
    def leave_the_platform(self, who: int) -> None:
        self.send(self.departures(who))

    @rule(first=WHO, second=WHO)
    def leave_the_platform_while_another_does(self, first: int, second: int) -> None:
        self.send([*self.departures(first), *self.departures(second)])

    @rule(who=WHO, by=WHO, whom=WHO)
    def leave_the_platform_while_another_is_demoted(self, who: int, by: int, whom: int) -> None:
        self.send([*self.departures(who), *self.changes(by, whom, {"roleID": "read-only"})])

    @rule(who=WHO)
    def be_kept_out_by_the_platform_and_let_in_again(self, who: int) -> None:
        """Done with the operator's force it may leave an account without anybody for a while; it gives everything back."""
        identity, user = self.world.server.node.identity, UserId(self.person(who).id)
        try:
            self.world.server.run(disable_person(identity, user, "test"))
        except DomainError:
            return
        self.world.server.run(enable_person(identity, user, "test"))
        self.people[who] = self.factors.sign_in_by_password(self.person(who))

    @rule(by=WHO)
    def suspend_and_restore(self, by: int) -> None:
        if (api := self.api(by)) is not None and api.delete(
            f"/api/accounts/{self.account.id}"
        ).status_code < 300:
            assert self.restored() or self.restored(enrolling=True)

    @rule(who=WHO)
    def add_a_second_factor_and_use_it(self, who: int) -> None:
        if self.person(who).api.get("/api/accounts").status_code == 200:
            self.factors.enrol(self.person(who))
            self.factors.use(self.person(who).api)

    @rule(who=WHO)
    def lose_the_second_factor(self, who: int) -> None:
        """Identity cannot know which accounts ask for one, and lets it go."""
        if self.person(who).api.get("/api/accounts").status_code == 200:
            self.factors.lose(self.person(who))
            self.people[who] = replace(self.person(who), api=self.world.sign_in(self.person(who).email))

    @rule(by=WHO, required=st.sampled_from([True, True, False]))
    def ask_for_a_second_factor(self, by: int, required: bool) -> None:
        self.send(self.askings(by, required=required))

    @rule(by=WHO, other=WHO, whom=WHO)
    def ask_for_a_second_factor_while_another_is_demoted(self, by: int, other: int, whom: int) -> None:
        self.send([*self.askings(by, required=True), *self.changes(other, whom, {"roleID": "read-only"})])

    def restored(self, *, enrolling: bool = False) -> bool:
        """Let everybody try to restore the account, each after adding a second factor if that is what stands against it."""
        path = f"/api/accounts/{self.account.id}/restore"
        for each in self.people:
            answer = each.api.post(path)
            if enrolling and answer.status_code == 403 and "enrol" in answer.json():
                self.factors.enrol(each)
                self.factors.use(each.api)
                answer = each.api.post(path)
            if answer.status_code == 200:
                return True
        return False

    def askings(self, by: int, *, required: bool) -> list[Act]:
        api, path = self.api(by), f"/api/accounts/{self.account.id}"
        return [] if api is None else [lambda: api.post(path, {"mfaRequired": required})]

    def departures(self, who: int) -> list[Act]:
        leaver = self.person(who)
        return [lambda: leaver.api.send("DELETE", "/api/me", {"password": leaver.password})]

    def changes(self, by: int, whom: int, change: dict[str, str]) -> list[Act]:
        api, path = self.api(by), f"/api/users/{self.person(whom).id}"
        return [] if api is None else [lambda: api.post(path, change)]

    def removals(self, by: int, whom: int) -> list[Act]:
        api, path = self.api(by), f"/api/users/{self.person(whom).id}"
        return [] if api is None else [lambda: api.delete(path)]

    def send(self, acts: list[Act]) -> None:
        if not acts:
            return
        with ThreadPoolExecutor(len(acts)) as pool:
            answers = list(pool.map(lambda act: act(), acts))
        for answer in answers:
            assert answer.status_code < 400 or answer.status_code in REFUSED, answer.text

    @invariant()
    def has_an_owner(self) -> None:
        server = self.world.server
        database = server.node.doors.by_region["de-1"].plane.database  # pyright: ignore[reportArgumentType]
        account = AccountId(self.account.id)
        page = server.run(
            database.read(lambda tx: list_members(tx, account, PageRequest(250, None), role=None))
        )
        assert any(
            each.role_id == FULL_ACCESS and each.state is MemberState.ENABLED and each.absence is None
            for each in page.items
        ), page.items
        owners = {each.user_id for each in page.items if each.role_id == FULL_ACCESS}
        assert any(self.can_enter_or_enrol(each) for each in self.people if UserId(each.id) in owners)

    def can_enter_or_enrol(self, person: Person) -> bool:
        answer = person.api.post(f"/api/accounts/{self.account.id}/token")
        return answer.status_code == 201 or (answer.status_code == 403 and "enrol" in answer.json())


def test_an_account_is_never_ownerless(own_world: World) -> None:
    class Played(OwnedAccount):
        def __init__(self) -> None:
            super().__init__(own_world)

    run_state_machine_as_test(
        Played,
        settings=settings(
            max_examples=10,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
