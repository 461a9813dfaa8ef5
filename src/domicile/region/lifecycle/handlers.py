"""Tells the users with full access that their account was suspended, and warns them before it is purged."""

from domicile.infra.mail.compose import MailKind, compose
from domicile.infra.mail.message import MailMessage
from domicile.infra.mail.smtp import SmtpMailer
from domicile.infra.outbox import Handler, OutboxRow
from domicile.kernel.ids import AccountId, UserId
from domicile.region.accounts.domain import Account, Suspension
from domicile.region.accounts.store import find_account
from domicile.region.memberships.domain import Member
from domicile.region.memberships.store import find_member
from domicile.region.outbox.store import PURGE_WARNING_MAIL, SUSPENSION_MAIL
from domicile.region.plane import RegionPlane


def lifecycle_mail_handlers(plane: RegionPlane, mailer: SmtpMailer) -> dict[str, Handler]:
    """Make the handlers of outbox rows about suspended accounts; their version is the account's since it was suspended.

    Nothing is sent once it was restored, or to who is no user of it any more.
    """
    return {
        SUSPENSION_MAIL: _handler(plane, mailer, MailKind.ACCOUNT_SUSPENDED),
        PURGE_WARNING_MAIL: _handler(plane, mailer, MailKind.PURGE_APPROACHING),
    }


def _handler(plane: RegionPlane, mailer: SmtpMailer, kind: MailKind) -> Handler:
    async def send(row: OutboxRow) -> None:
        account_id = AccountId(row.owner_id)
        account = await plane.database.read(lambda tx: find_account(tx, account_id))
        if account is None or account.suspension is None or account.version != row.version:
            return
        user = UserId(row.subject_id)
        member = await plane.database.read(lambda tx: find_member(tx, account_id, user))
        if member is not None:
            await mailer.send(_compose(plane, kind, account, account.suspension, member, seed=row.id))

    return send


def _compose(
    plane: RegionPlane, kind: MailKind, account: Account, suspension: Suspension, member: Member, *, seed: str
) -> MailMessage:
    facts = {
        "name": member.name,
        "alias": account.alias,
        "account_id": account.id,
        "region": plane.region.name,
        "purge_after": f"{suspension.purge_after:%Y-%m-%d %H:%M} UTC",
        "receipt": suspension.receipt_id,
    }
    return compose(
        kind,
        member.locale,
        to=member.email,
        facts=facts,
        link=f"{plane.settings.public_url}/accounts",
        seed=plane.link_hash.of(f"message {seed}").hex(),
    )
