"""Background work of a change of address: the mails to the new and to the former one."""

from domicile.identity.email_change import service
from domicile.identity.links import email_proof_link, email_undo_link, sign_in_link
from domicile.identity.plane import IdentityPlane
from domicile.infra.mail.compose import MailKind, compose
from domicile.infra.mail.smtp import SmtpMailer
from domicile.infra.outbox import OutboxRow
from domicile.infra.secrets import SecretText


async def send_proof_mail(plane: IdentityPlane, mailer: SmtpMailer, row: OutboxRow) -> None:
    """Send the link that proves a new address or, to a user's address, the news that somebody tried."""
    match await service.prepare_proof_mail(plane, row.subject_id):
        case service.ProofMail(change, user, SecretText() as token):
            message = compose(
                MailKind.CONFIRM_NEW_ADDRESS,
                user.locale,
                to=change.wanted.key,
                facts={
                    "name": user.name,
                    "valid_for_minutes": str(plane.settings.links.verify_hours * 60),
                },
                link=email_proof_link(plane.settings.public_url, token),
                # Another try has another link, so that it must not pass for the same mail.
                seed=plane.token_hash.of(token.reveal()).hex(),
            )
            await mailer.send(message)
        case service.ProofMail(_, owner, None):
            link = sign_in_link(plane.settings.public_url)
            await mailer.send(
                compose(
                    MailKind.ADDRESS_WANTED,
                    owner.locale,
                    to=owner.email_key,
                    facts={},
                    link=link,
                    seed=row.id,
                )
            )
        case _:
            return


async def send_warning_mail(plane: IdentityPlane, mailer: SmtpMailer, row: OutboxRow) -> None:
    """Tell the present address that another is wanted."""
    await _send_to_former(plane, mailer, row, MailKind.EMAIL_CHANGE_ASKED)


async def send_email_changed_mail(plane: IdentityPlane, mailer: SmtpMailer, row: OutboxRow) -> None:
    """Tell the former address that another is in its place."""
    await _send_to_former(plane, mailer, row, MailKind.EMAIL_CHANGED)


async def _send_to_former(plane: IdentityPlane, mailer: SmtpMailer, row: OutboxRow, kind: MailKind) -> None:
    if (mail := await service.prepare_former_address_mail(plane, row.subject_id)) is None:
        return
    message = compose(
        kind,
        mail.user.locale,
        to=mail.change.former.key,
        facts={
            "name": mail.user.name,
            "new_address": mail.change.wanted.shown,
            "undo_until": f"{mail.change.undo_until:%Y-%m-%d %H:%M} UTC",
        },
        link=email_undo_link(plane.settings.public_url, mail.token),
        seed=plane.token_hash.of(mail.token.reveal()).hex(),
    )
    await mailer.send(message)
