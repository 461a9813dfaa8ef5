"""A region in which people are invited and join: its mails go to a real mailbox, from which tests take the links."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import update

from domicile.infra.delivery import Delivery as OutboxDelivery
from domicile.infra.mail.keeping import KeptMail
from domicile.infra.mail.mailbox import Mailbox
from domicile.infra.mail.settings import MailSettings
from domicile.infra.mail.smtp import SmtpMailer
from domicile.infra.outbox import Handler, OutboxRow
from domicile.infra.settings import InvitationSettings
from domicile.kernel.callers import Caller, MemberCard, Origin, Person
from domicile.kernel.ids import AccountId, InvitationId, RoleId, UserId
from domicile.kernel.paging import PageRequest
from domicile.kernel.permissions import AccountState, MemberState
from domicile.kernel.roles import FULL_ACCESS, READ_ONLY
from domicile.kernel.versions import Precondition, expecting
from domicile.region.accounts.store import accounts
from domicile.region.history.domain import member_facts
from domicile.region.invitations import service as invitations
from domicile.region.invitations.domain import (
    Delivery,
    Invitation,
    InvitationLink,
    NewInvitation,
    parse_link,
)
from domicile.region.invitations.handlers import invitation_mail_handler
from domicile.region.memberships.domain import Member
from domicile.region.memberships.service import log_membership_change
from domicile.region.memberships.store import insert_member, list_members
from domicile.region.outbox.store import INVITATION_MAIL
from domicile.region.plane import RegionPlane
from tests.support.region import ACCOUNT, ADDRESS, FrozenClock, LiveRegion, live_region

GRACE = "grace@example.com"
ANY_VERSION = expecting(None)
_LINK = re.compile(r"http://localhost:8800/join/(\S+)")


def user_id(number: int) -> UserId:
    """A user's id; 1 is the owner of both accounts."""
    return UserId(f"0197a1c2-0000-7000-8000-{number:012d}")


def card(number: int, email: str = "", name: str = "") -> MemberCard:
    """What a region knows of a user."""
    return MemberCard(
        user_id=user_id(number),
        name=name or f"User {number}",
        email=email or f"user{number}@example.com",
        locale="en",
        time_zone="UTC",
        mfa_enabled=False,
        epoch=0,
        version=1,
    )


@dataclass
class JoiningRegion:
    """The region under test, and what tests do with it again and again."""

    live: LiveRegion
    mailbox: Mailbox
    send: Handler

    @property
    def plane(self) -> RegionPlane:
        return self.live.plane

    @property
    def clock(self) -> FrozenClock:
        return self.live.clock

    @property
    def owner(self) -> Caller:
        return self.live.person()

    def allow(self, **caps: int) -> None:
        """Set what may be invited, for use cases that are called from now on."""
        settings = msgspec.structs.replace(self.plane.settings, invitations=InvitationSettings(**caps))
        self.live.plane = replace(self.plane, settings=settings)

    def person(self, number: int = 2, email: str = GRACE, *, address_since: datetime | None = None) -> Person:
        """A signed-in person outside any account."""
        shown = card(number, email)
        return Person(
            user_id=shown.user_id,
            email=shown.email,
            name=shown.name,
            locale=shown.locale,
            time_zone=shown.time_zone,
            epoch=shown.epoch,
            version=shown.version,
            session_id="session-1",
            first_session_id="session-1",
            authenticated_at=self.clock(),
            methods=("pwd",),
            mfa_enabled=shown.mfa_enabled,
            origin=Origin("request-9", ADDRESS, "tests/1.0"),
            address_since=address_since,
        )

    async def add_member(
        self, number: int, role: RoleId = FULL_ACCESS, *, account: AccountId = ACCOUNT, email: str = ""
    ) -> UserId:
        """Make somebody a user of an account without an invitation."""
        shown = card(number, email)

        async def work(tx) -> None:
            version = await log_membership_change(
                self.plane, tx, account, shown.user_id, member_facts(role, MemberState.ENABLED)
            )
            await insert_member(tx, account, shown, role=role, version=version, now=self.clock())

        await self.plane.database.run_tx(work)
        return shown.user_id

    async def members(self, account: AccountId = ACCOUNT) -> dict[UserId, Member]:
        """The users of an account as they are stored."""
        page = await self.plane.database.read(
            lambda tx: list_members(tx, account, PageRequest(250, None), role=None)
        )
        return {member.user_id: member for member in page.items}

    async def invite(
        self, email: str = GRACE, role: RoleId = READ_ONLY, caller: Caller | None = None
    ) -> Invitation:
        new = NewInvitation(email, email.lower(), role)
        return (await invitations.invite_member(self.plane, caller or self.owner, new, None)).invitation

    async def hand(
        self, email: str = GRACE, role: RoleId = READ_ONLY, caller: Caller | None = None
    ) -> tuple[Invitation, InvitationLink]:
        """Invite somebody without a mail; gives the link that whoever invites is shown."""
        new = NewInvitation(email, email.lower(), role, delivery=Delivery.LINK)
        handed = await invitations.invite_member(self.plane, caller or self.owner, new, None)
        assert handed.token
        return handed.invitation, parse_link(handed.token)

    async def resend(
        self,
        invitation: InvitationId,
        *,
        caller: Caller | None = None,
        delivery: Delivery = Delivery.MAIL,
        expected: Precondition = ANY_VERSION,
    ) -> Invitation:
        handed = await invitations.resend_invitation(
            self.plane, caller or self.owner, invitation, delivery, expected
        )
        return handed.invitation

    async def invited(self, email: str = GRACE, role: RoleId = READ_ONLY) -> InvitationLink:
        """Invite somebody, and give the link that the mail brought them."""
        await self.invite(email, role)
        await self.deliver()
        return self.link_to(email)

    async def seen(self, invitation: InvitationId) -> Invitation:
        return await invitations.get_invitation(self.plane, self.owner, invitation)

    async def due_mails(self) -> list[OutboxRow]:
        rows = await self.plane.database.read(lambda tx: self.plane.outbox.list_due(tx, at_most=500))
        return [row for row in rows if row.kind == INVITATION_MAIL]

    async def deliver(self) -> int:
        """Send every mail that waits; tells how many rows were worked off."""
        rows = await self.due_mails()
        for row in rows:
            await self.send(row)
            await self.plane.database.run_tx(lambda tx, row=row: self.plane.outbox.finish(tx, row))
        return len(rows)

    async def work_off(self) -> None:
        """Work off what is due as the worker does, with what is put off put off."""
        delivery = OutboxDelivery("de-1", self.plane.database, self.plane.outbox, self._bring_about)
        while await delivery.deliver_due():
            pass

    async def _bring_about(self, row: OutboxRow) -> None:
        if row.kind == INVITATION_MAIL:
            await self.send(row)

    def mails_to(self, address: str) -> list[KeptMail]:
        """The mails to an address, oldest first."""
        found = [
            self.mailbox.read_mail(mail.name)
            for mail in self.mailbox.list_mails(limit=1000)
            if mail.to == address
        ]
        return [mail for mail in reversed(found) if mail is not None]

    def link_to(self, address: str) -> InvitationLink:
        """The link in the newest mail to an address."""
        found = _LINK.search(self.mails_to(address)[-1].text or "")
        assert found
        return parse_link(found[1])

    async def suspend(self, account: AccountId = ACCOUNT) -> None:
        change = update(accounts).where(accounts.c.account_id == account)
        await self.plane.database.run_tx(lambda tx: tx.execute(change.values(state=AccountState.SUSPENDED)))


@asynccontextmanager
async def joining_region(url: str, folder: Path) -> AsyncGenerator[JoiningRegion]:
    """Open a region with a mailbox beside it."""
    async with live_region(url, folder) as live:
        mailbox = Mailbox(folder / "mail", clock=live.clock)
        await mailbox.start()
        mailer = SmtpMailer(MailSettings(host="127.0.0.1", port=mailbox.port, tls="none"), live.clock)
        try:
            yield JoiningRegion(live, mailbox, invitation_mail_handler(live.plane, mailer))
        finally:
            await mailbox.stop()
