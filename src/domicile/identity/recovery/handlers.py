"""Background work of recovery: the mails with the link to a new password, and about one that was set."""

from domicile.identity.links import forgot_link, reset_link
from domicile.identity.plane import IdentityPlane
from domicile.identity.recovery import service
from domicile.infra.mail.compose import MailKind, compose
from domicile.infra.mail.smtp import SmtpMailer
from domicile.infra.outbox import OutboxRow
from domicile.kernel.ids import UserId


async def send_reset_mail(plane: IdentityPlane, mailer: SmtpMailer, row: OutboxRow) -> None:
    """Send the link to a new password, if the address is a user's."""
    if (mail := await service.prepare_reset_mail(plane, row.subject_id)) is None:
        return
    minutes = str(plane.settings.links.reset_minutes)
    message = compose(
        MailKind.PASSWORD_RESET,
        mail.user.locale,
        to=mail.user.email_key,
        facts={"name": mail.user.name, "valid_for_minutes": minutes},
        link=reset_link(plane.settings.public_url, mail.token),
        # Another try has another link, so that it must not pass for the same mail.
        seed=plane.token_hash.of(mail.token.reveal()).hex(),
    )
    await mailer.send(message)


async def send_changed_mail(plane: IdentityPlane, mailer: SmtpMailer, row: OutboxRow) -> None:
    """Tell a user that their password was changed."""
    told = await service.find_change_to_tell(plane, UserId(row.subject_id))
    if told is None:
        return
    message = compose(
        MailKind.PASSWORD_CHANGED,
        told.user.locale,
        to=told.user.email_key,
        facts={"name": told.user.name, "changed_at": f"{told.changed_at:%Y-%m-%d %H:%M} UTC"},
        link=forgot_link(plane.settings.public_url),
        seed=row.id,
    )
    await mailer.send(message)
