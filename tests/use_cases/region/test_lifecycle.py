"""Suspending and restoring accounts: who may, until when, who is told, and what comes of two at once."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import update

from domicile.infra.mail.keeping import KeptMail
from domicile.infra.mail.settings import MailSettings
from domicile.infra.mail.smtp import SmtpMailer
from domicile.infra.outbox import OutboxRow
from domicile.kernel.callers import Caller, Person
from domicile.kernel.errors import DomainError
from domicile.kernel.permissions import (
    RESTORE,
    AccountStanding,
    AccountState,
    Circumstances,
    MemberState,
    Rule,
    Standing,
    decide,
)
from domicile.kernel.roles import FULL_ACCESS, PREDEFINED_ROLES, READ_ONLY
from domicile.kernel.versions import expecting
from domicile.region.accounts.domain import Account
from domicile.region.accounts.store import find_account
from domicile.region.api_keys.domain import NewApiKey
from domicile.region.api_keys.service import create_api_key
from domicile.region.history.domain import Remembered
from domicile.region.history.store import list_history_at
from domicile.region.invitations.domain import InvitationState
from domicile.region.lifecycle.domain import Pending, warning_due
from domicile.region.lifecycle.handlers import lifecycle_mail_handlers
from domicile.region.lifecycle.service import restore_account, suspend_account, warn_of_purges
from domicile.region.memberships.domain import MemberChange
from domicile.region.memberships.service import change_member
from domicile.region.memberships.store import member_cards
from domicile.region.outbox.store import PURGE_WARNING_MAIL, SUSPENSION_MAIL
from domicile.region.plane import RegionPlane
from domicile.region.receiving.service import accept_invitation, preview_invitation
from tests.support.joining import ANY_VERSION, JoiningRegion, joining_region, user_id
from tests.support.refusals import refusal_of
from tests.support.region import ACCOUNT, OTHER_ACCOUNT, OWNER, FrozenClock

_MAILS = {SUSPENSION_MAIL, PURGE_WARNING_MAIL}
SUBJECTS = {
    "suspended": "An account of yours was suspended",
    "approaching": "An account of yours is about to be deleted for good",
}


@dataclass
class Closing:
    """A region whose accounts are suspended and restored, with the mails that tell of it."""

    joining: JoiningRegion
    mailer: SmtpMailer
    plane: RegionPlane

    @property
    def clock(self) -> FrozenClock:
        return self.joining.clock

    def with_days(self, days: int) -> None:
        """Let accounts be suspended for so many days."""
        settings = self.plane.settings
        accounts = msgspec.structs.replace(settings.accounts, suspension_days=days)
        self.plane = replace(self.plane, settings=msgspec.structs.replace(settings, accounts=accounts))

    async def find(self) -> Account:
        account = await self.plane.database.read(lambda tx: find_account(tx, ACCOUNT))
        assert account
        return account

    async def suspend(self) -> Account:
        return await suspend_account(self.plane, self.joining.owner, ANY_VERSION)

    async def restorer(self, number: int = 1, email: str = "ada@example.com") -> Caller:
        """Somebody who comes with their session to restore the account, as the door lets them in."""
        person = self.joining.person(number, email)
        return await self.joining.live.door.from_person(person, ACCOUNT, to=RESTORE)

    async def restore(self) -> Account:
        return await restore_account(self.plane, await self.restorer())

    async def entering(self, person: Person | None = None) -> str:
        """What becomes of entering the account."""
        person = person or self.joining.person(1, "ada@example.com")
        try:
            await self.joining.live.door.enter(person, ACCOUNT)
        except DomainError as refused:
            return refused.code
        return "entered"

    async def due(self) -> list[OutboxRow]:
        rows = await self.plane.database.read(lambda tx: self.plane.outbox.list_due(tx, at_most=500))
        return [row for row in rows if row.kind in _MAILS]

    async def deliver(self) -> None:
        """Send every mail about suspended accounts that waits."""
        handlers = lifecycle_mail_handlers(self.plane, self.mailer)
        for row in await self.due():
            await handlers[row.kind](row)
            await self.plane.database.run_tx(lambda tx, row=row: self.plane.outbox.finish(tx, row))

    async def pass_days(self, days: float) -> None:
        """Let time pass, hour by hour, with a worker at work."""
        for _ in range(int(days * 24)):
            self.clock.advance(hours=1)
            await warn_of_purges(self.plane)
            await self.deliver()

    def mails_to(self, address: str) -> list[KeptMail]:
        return self.joining.mails_to(address)

    def subjects_to(self, address: str) -> list[str]:
        found = self.joining.mailbox.list_mails(limit=1000)
        return [mail.subject for mail in reversed(found) if mail.to == address]


@pytest.fixture
async def closing(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[Closing]:
    async with joining_region(make_database("region"), tmp_path) as joining:
        mailer = SmtpMailer(
            MailSettings(host="127.0.0.1", port=joining.mailbox.port, tls="none"), joining.clock
        )
        yield Closing(joining, mailer, joining.plane)


async def test_a_suspended_account_says_since_when_until_when_and_under_which_receipt(closing: Closing):
    account = await closing.suspend()

    assert account.state is AccountState.SUSPENDED
    assert account.suspension
    assert account.suspension.since == closing.clock()
    assert account.suspension.purge_after == closing.clock() + timedelta(days=30)
    assert account.suspension.receipt_id.startswith("rec_de-1_")
    (event,) = [e for e in await closing.joining.live.events() if e.type == "audit.account_suspended.v1"]
    assert event.principal.id == OWNER
    assert event.details == {
        "purgeAfter": "2026-12-23T14:00:00Z",
        "receiptID": account.suspension.receipt_id,
    }


async def test_nobody_enters_a_suspended_account_and_its_keys_stop(closing: Closing):
    live = closing.joining.live
    key = await create_api_key(live.plane, live.person(), NewApiKey(alias="ci", role_id=FULL_ACCESS), None)
    assert await closing.entering() == "entered"
    await live.key_caller(key.key.id, key.secret)

    await closing.suspend()

    assert await closing.entering() == "account-suspended"
    refused = await refusal_of(live.key_caller(key.key.id, key.secret))
    assert (refused.code, refused.facts) == ("account-suspended", {"purgeAfter": "2026-12-23T14:00:00Z"})
    other = await live.door.enter(closing.joining.person(1, "ada@example.com"), OTHER_ACCOUNT)
    assert other.account_id == OTHER_ACCOUNT


async def test_links_to_a_suspended_account_lead_nowhere_and_work_again_once_it_is_restored(closing: Closing):
    link = await closing.joining.invited()
    await closing.suspend()

    for refused in (
        await refusal_of(preview_invitation(closing.plane, link)),
        await refusal_of(accept_invitation(closing.plane, closing.joining.person(), link)),
    ):
        assert refused.code == "invitation-invalid"
    await closing.restore()

    joined = await accept_invitation(closing.plane, closing.joining.person(), link)
    assert joined.account_id == ACCOUNT


async def test_a_restored_account_is_as_it_was(closing: Closing):
    live = closing.joining.live
    await closing.joining.add_member(2, READ_ONLY)
    key = await create_api_key(live.plane, live.person(), NewApiKey(alias="ci", role_id=FULL_ACCESS), None)
    invitation = await closing.joining.invite()
    before, members = await closing.find(), await closing.joining.members()
    await closing.suspend()
    closing.clock.advance(days=5)

    restored = await closing.restore()

    assert restored == replace(before, version=restored.version, modified_at=closing.clock())
    assert await closing.joining.members() == members
    assert (await live.key_caller(key.key.id, key.secret)).account_id == ACCOUNT
    assert (await closing.joining.seen(invitation.id)).state is InvitationState.INVITED
    assert await closing.entering() == "entered"
    (event,) = [e for e in await live.events() if e.type == "audit.account_restored.v1"]
    assert (event.principal.id, event.details) == (OWNER, {"suspended": "2026-11-23T14:00:00Z"})


async def test_the_history_of_accesses_remembers_when_nobody_could_enter(closing: Closing):
    moments = [closing.clock()]
    await closing.suspend()
    closing.clock.advance(days=5)
    moments.append(closing.clock() - timedelta(seconds=1))
    await closing.restore()
    moments.append(closing.clock())

    states = [
        became.facts["state"]
        for moment in moments
        for became in await closing.plane.database.read(
            lambda tx, moment=moment: list_history_at(tx, ACCOUNT, moment)
        )
        if became.kind is Remembered.ACCOUNT and became.facts
    ]
    assert states == ["suspended", "suspended", "active"]


async def test_an_account_can_be_suspended_again_after_it_was_restored(closing: Closing):
    first = await closing.suspend()
    await closing.restore()
    closing.clock.advance(days=40)

    second = await closing.suspend()

    assert first.suspension
    assert second.suspension
    assert second.suspension.receipt_id != first.suspension.receipt_id
    assert second.suspension.purge_after == closing.clock() + timedelta(days=30)


@pytest.mark.parametrize(("seconds", "code"), [(-1, None), (0, "restore-too-late"), (1, "restore-too-late")])
async def test_an_account_is_restored_up_to_the_last_second_and_not_after(
    closing: Closing, seconds: int, code: str | None
):
    account = await closing.suspend()
    assert account.suspension
    closing.clock.now = account.suspension.purge_after + timedelta(seconds=seconds)

    if code is None:
        assert (await closing.restore()).state is AccountState.ACTIVE
    else:
        assert (await refusal_of(closing.restore())).code == code
        assert (await closing.find()).state is AccountState.SUSPENDED


async def test_a_caller_who_was_let_in_in_time_is_too_late_when_the_moment_passes(closing: Closing):
    account = await closing.suspend()
    assert account.suspension
    caller = await closing.restorer()
    closing.clock.now = account.suspension.purge_after

    assert (await refusal_of(restore_account(closing.plane, caller))).code == "restore-too-late"


async def test_only_enabled_users_with_full_access_restore(closing: Closing):
    await closing.joining.add_member(2, READ_ONLY)
    await closing.joining.add_member(3, FULL_ACCESS)
    disabled = MemberChange(None, MemberState.DISABLED)
    await change_member(closing.plane, closing.joining.owner, user_id(3), disabled, ANY_VERSION)
    await closing.suspend()

    assert (await refusal_of(closing.restorer(2))).code == "not-permitted"
    assert (await refusal_of(closing.restorer(3))).code == "not-found"
    assert (await refusal_of(closing.restorer(4))).code == "not-found"
    assert (await closing.find()).state is AccountState.SUSPENDED


async def test_there_is_nothing_to_restore_of_an_active_account(closing: Closing):
    refused = await refusal_of(closing.restore())

    assert refused.code == "account-not-suspended"


async def test_a_stale_version_suspends_nothing(closing: Closing):
    refused = await refusal_of(suspend_account(closing.plane, closing.joining.owner, expecting(("0",))))

    assert refused.code == "stale-version"
    assert (await closing.find()).state is AccountState.ACTIVE
    assert await closing.due() == []


async def test_of_two_deletions_at_once_one_suspends_and_both_tell_the_same_date(closing: Closing):
    outcomes = await asyncio.gather(*(closing.suspend() for _ in range(5)), return_exceptions=True)

    done = [each for each in outcomes if isinstance(each, Account)]
    refused = [each for each in outcomes if isinstance(each, DomainError)]
    assert (len(done), len(refused)) == (1, 4)
    assert {(each.code, each.facts["purgeAfter"]) for each in refused} == {
        ("account-suspended", "2026-12-23T14:00:00Z")
    }
    assert len(await closing.due()) == 1
    events = [e.type for e in await closing.joining.live.events()]
    assert events.count("audit.account_suspended.v1") == 1


async def test_an_accept_and_a_deletion_at_once_leave_a_member_or_an_open_invitation(closing: Closing):
    link = await closing.joining.invited()
    person = closing.joining.person()

    accepted, suspended = await asyncio.gather(
        accept_invitation(closing.plane, person, link), closing.suspend(), return_exceptions=True
    )

    assert isinstance(suspended, Account)
    is_member = person.user_id in await closing.joining.members()
    assert is_member == (not isinstance(accepted, BaseException))
    if isinstance(accepted, BaseException):
        assert isinstance(accepted, DomainError)
        assert accepted.code in {"invitation-invalid", "invitation-used"}
    assert await closing.entering(person) in {"account-suspended", "not-found"}
    await closing.restore()
    assert (await closing.entering(person) == "entered") == is_member


async def test_a_key_that_is_made_while_the_account_is_deleted_does_not_work_before_it_is_restored(
    closing: Closing,
):
    live = closing.joining.live

    made, _ = await asyncio.gather(
        create_api_key(live.plane, live.person(), NewApiKey(alias="ci", role_id=FULL_ACCESS), None),
        closing.suspend(),
    )

    assert (await refusal_of(live.key_caller(made.key.id, made.secret))).code == "account-suspended"
    await closing.restore()
    assert (await live.key_caller(made.key.id, made.secret)).account_id == ACCOUNT


# ---------------------------------------------------------------- the decision


@pytest.mark.parametrize("state", AccountState)
@pytest.mark.parametrize("role", PREDEFINED_ROLES.values(), ids=lambda role: role.id)
async def test_a_suspended_account_is_open_to_restoring_alone(closing: Closing, state: AccountState, role):
    now = closing.clock()
    account = AccountStanding(ACCOUNT, closing.plane.id, state, purge_after=now + timedelta(days=1))
    caller = closing.joining.live.person(role)
    standing = Standing(caller.principal, account, caller.standing.place)
    allowed = {
        action
        for action in PREDEFINED_ROLES[FULL_ACCESS].permissions
        if decide(standing, action, Circumstances(now)).allowed
    }

    match state:
        case AccountState.ACTIVE:
            assert allowed == role.permissions - {RESTORE}
        case AccountState.SUSPENDED:
            assert allowed == role.permissions & {RESTORE}
        case AccountState.PURGING:
            assert allowed == set()


async def test_the_decision_says_until_when_an_account_can_be_restored(closing: Closing):
    await closing.suspend()

    decision = (await closing.restorer()).may(RESTORE)

    assert decision.allowed
    assert decision.steps[-1].rule is Rule.ACCOUNT_RESTORABLE
    assert decision.steps[-1].fact == "the account can be restored before 2026-12-23T14:00:00Z"


# ---------------------------------------------------------------- mails


async def test_every_user_with_full_access_is_told_in_their_own_language(closing: Closing):
    for number, (role, locale) in enumerate(
        [(FULL_ACCESS, "de"), (FULL_ACCESS, "ja"), (READ_ONLY, "en")], start=2
    ):
        await closing.joining.add_member(number, role)
        change = update(member_cards).where(member_cards.c.user_id == user_id(number))
        await closing.plane.database.run_tx(
            lambda tx, change=change, locale=locale: tx.execute(change.values(locale=locale))
        )
    account = await closing.suspend()
    await closing.deliver()

    assert closing.subjects_to("ada@example.com") == [SUBJECTS["suspended"]]
    assert closing.subjects_to("user2@example.com") == ["Eines Ihrer Konten wurde gesperrt"]
    assert closing.subjects_to("user3@example.com") == ["アカウントの利用が停止されました"]
    assert closing.subjects_to("user4@example.com") == []
    text = closing.mails_to("ada@example.com")[0].text or ""
    assert account.suspension
    for fact in (
        '"Example Labs"',
        ACCOUNT,
        "Germany",
        "2026-12-23 14:00 UTC",
        account.suspension.receipt_id,
        "http://localhost:8800/accounts",
    ):
        assert fact in text


async def test_they_are_warned_seven_days_and_one_day_before_the_purge_once_each(closing: Closing):
    await closing.suspend()
    await closing.deliver()
    await closing.pass_days(22.9)
    assert closing.subjects_to("ada@example.com") == [SUBJECTS["suspended"]]

    await closing.pass_days(0.2)
    assert closing.subjects_to("ada@example.com")[1:] == [SUBJECTS["approaching"]]
    await closing.pass_days(5.8)
    assert closing.subjects_to("ada@example.com")[1:] == [SUBJECTS["approaching"]]

    await closing.pass_days(2)
    assert closing.subjects_to("ada@example.com")[1:] == [SUBJECTS["approaching"]] * 2
    identities = {mail.name for mail in closing.mails_to("ada@example.com")}
    assert len(identities) == 3


async def test_of_several_workers_one_warns(closing: Closing):
    await closing.suspend()
    await closing.deliver()
    closing.clock.advance(days=24)

    warned = await asyncio.gather(*(warn_of_purges(closing.plane) for _ in range(5)))

    assert sum(warned) == 1
    assert len(await closing.due()) == 1


async def test_nobody_is_warned_once_the_account_is_restored(closing: Closing):
    await closing.suspend()
    await closing.restore()
    await closing.deliver()
    await closing.pass_days(31)

    assert closing.mails_to("ada@example.com") == []


async def test_a_warning_on_its_way_is_not_sent_once_the_account_is_restored_and_suspended_again(
    closing: Closing,
):
    await closing.suspend()
    closing.clock.advance(days=24)
    await warn_of_purges(closing.plane)
    await closing.restore()
    await closing.suspend()

    await closing.deliver()

    assert closing.subjects_to("ada@example.com") == [SUBJECTS["suspended"]]


@pytest.mark.parametrize(("days", "mails"), [(1, 1), (2, 2), (7, 2), (8, 3), (365, 3)])
async def test_only_the_warnings_that_fit_into_the_time_are_sent(closing: Closing, days: int, mails: int):
    closing.with_days(days)
    account = await closing.suspend()
    await closing.deliver()
    assert account.suspension
    for before in (timedelta(days=6, hours=23), timedelta(hours=23), timedelta(seconds=1)):
        closing.clock.now = max(closing.clock.now, account.suspension.purge_after - before)
        await warn_of_purges(closing.plane)
        await closing.deliver()

    assert len(closing.mails_to("ada@example.com")) == mails


async def test_when_the_clock_jumps_over_a_month_nobody_is_warned_of_what_is_due_already(closing: Closing):
    await closing.suspend()
    await closing.deliver()
    closing.clock.advance(days=31)

    assert await warn_of_purges(closing.plane) == 0
    assert await closing.due() == []


_MOMENT = datetime(2026, 12, 23, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("warned", "left", "due"),
    [
        (30, timedelta(days=7, seconds=1), None),
        (30, timedelta(days=7), 7),
        (7, timedelta(days=7), None),
        (7, timedelta(days=1, seconds=1), None),
        (7, timedelta(days=1), 1),
        (1, timedelta(seconds=1), None),
        (30, timedelta(hours=5), 1),
        (30, timedelta(0), None),
        (30, timedelta(days=-3), None),
    ],
)
def test_the_latest_warning_of_those_missed_is_the_one_that_is_due(
    warned: int, left: timedelta, due: int | None
):
    assert warning_due(Pending(ACCOUNT, _MOMENT, warned, 1), _MOMENT - left) == due
