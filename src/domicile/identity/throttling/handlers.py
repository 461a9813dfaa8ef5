"""Background work of throttling: the mail about many failed attempts."""

from domicile.identity.links import forgot_link
from domicile.identity.plane import IdentityPlane
from domicile.identity.throttling.service import find_failures_to_tell
from domicile.infra.mail.compose import MailKind, compose
from domicile.infra.mail.smtp import SmtpMailer
from domicile.infra.outbox import OutboxRow
from domicile.kernel.ids import UserId


async def send_failures_mail(plane: IdentityPlane, mailer: SmtpMailer, row: OutboxRow) -> None:
    """Tell a user that somebody tries passwords or codes of theirs; an unknown address has nobody who could be told."""
    told = await find_failures_to_tell(plane, UserId(row.subject_id))
    if told is None:
        return
    message = compose(
        MailKind.TOO_MANY_FAILURES,
        told.user.locale,
        to=told.user.email_key,
        facts={"name": told.user.name, "failed_at": f"{told.failed_at:%Y-%m-%d %H:%M} UTC"},
        link=forgot_link(plane.settings.public_url),
        seed=row.id,
    )
    await mailer.send(message)
