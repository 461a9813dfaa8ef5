"""Background work of registration: the mail that follows a sign-up."""

from domicile.identity.links import sign_in_link, verify_link
from domicile.identity.plane import IdentityPlane
from domicile.identity.registration import service
from domicile.identity.registration.domain import SignUp
from domicile.identity.users.domain import User
from domicile.infra.mail.compose import MailKind, compose
from domicile.infra.mail.smtp import SmtpMailer
from domicile.infra.outbox import OutboxRow
from domicile.infra.secrets import SecretText


async def send_sign_up_mail(plane: IdentityPlane, mailer: SmtpMailer, row: OutboxRow) -> None:
    """Send the link that proves an address or, to a user's address, the news that somebody tried."""
    mail = await service.prepare_sign_up_mail(plane, row.subject_id)
    match mail:
        case service.SignUpMail(sign_up, None, SecretText() as token):
            await _send_link(plane, mailer, sign_up, token)
        case service.SignUpMail(sign_up, User() as user, _):
            await _send_news(plane, mailer, user, seed=row.id)
            await service.close_known_sign_ups(plane, sign_up.email)
        case _:
            return


async def _send_link(plane: IdentityPlane, mailer: SmtpMailer, sign_up: SignUp, token: SecretText) -> None:
    message = compose(
        MailKind.VERIFY_EMAIL,
        sign_up.profile.locale,
        to=sign_up.email.key,
        facts={
            "name": sign_up.profile.name,
            "valid_for_minutes": str(plane.settings.links.verify_hours * 60),
        },
        link=verify_link(plane.settings.public_url, token),
        # Another try has another link, so that it must not pass for the same mail.
        seed=plane.token_hash.of(token.reveal()).hex(),
    )
    await mailer.send(message)


async def _send_news(plane: IdentityPlane, mailer: SmtpMailer, user: User, *, seed: str) -> None:
    link = sign_in_link(plane.settings.public_url)
    message = compose(
        MailKind.ALREADY_REGISTERED, user.locale, to=user.email_key, facts={}, link=link, seed=seed
    )
    await mailer.send(message)
