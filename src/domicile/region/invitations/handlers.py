"""Sends invitations: the secret in the link is made here, at the last moment, so that no queue ever holds one."""

from datetime import datetime

from domicile.infra.mail.compose import MailKind, compose
from domicile.infra.mail.message import MailMessage
from domicile.infra.mail.smtp import SmtpMailer
from domicile.infra.outbox import Handler, OutboxRow
from domicile.infra.secrets import new_link_token
from domicile.kernel.ids import AccountId, InvitationId
from domicile.region.invitations.domain import Offer, make_token
from domicile.region.invitations.offering import address_of_link
from domicile.region.invitations.sending import give_link
from domicile.region.plane import RegionPlane


def invitation_mail_handler(plane: RegionPlane, mailer: SmtpMailer) -> Handler:
    """Make the handler of outbox rows `invitation-mail`; their version says for which time the mail was asked for.

    Run again after a failure it makes another link, and the one before dies.
    """

    async def send(row: OutboxRow) -> None:
        account = AccountId(row.owner_id)
        token = make_token(plane.id, account, new_link_token())
        offer = await give_link(plane, account, InvitationId(row.subject_id), sends=row.version, token=token)
        if offer is not None:
            await mailer.send(_compose(plane, offer, token))

    return send


def _compose(plane: RegionPlane, offer: Offer, token: str) -> MailMessage:
    facts = {
        "alias": offer.alias,
        "region": plane.region.name,
        "role": offer.invitation.role_id,
        "inviter": offer.inviter,
        "expires": _minutes(offer.invitation.expires_at),
    }
    return compose(
        MailKind.INVITATION,
        offer.locale,
        to=offer.invitation.email_key,
        facts=facts,
        link=address_of_link(plane, token),
        # By link, not by invitation: a mail server that drops repeated Message-IDs must not drop the link that works.
        seed=plane.link_hash.of(f"message {token}").hex(),
    )


def _minutes(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
