"""The mails that the identity plane sends from its outbox."""

from collections.abc import Awaitable, Callable

import structlog

from domicile.identity.email_change.handlers import (
    send_email_changed_mail,
    send_proof_mail,
    send_warning_mail,
)
from domicile.identity.notices.handlers import send_notice_mail
from domicile.identity.outbox import (
    EMAIL_CHANGED_MAIL,
    EMAIL_PROOF_MAIL,
    EMAIL_WARNING_MAIL,
    NOTICE_MAIL,
    PASSWORD_CHANGED_MAIL,
    PASSWORD_RESET_MAIL,
    SIGN_UP_MAIL,
    TOO_MANY_FAILURES_MAIL,
)
from domicile.identity.plane import IdentityPlane
from domicile.identity.recovery.handlers import send_changed_mail, send_reset_mail
from domicile.identity.registration.handlers import send_sign_up_mail
from domicile.identity.throttling.handlers import send_failures_mail
from domicile.infra.mail.errors import MailRefused
from domicile.infra.mail.smtp import SmtpMailer
from domicile.infra.outbox import Handler, OutboxRow

_Sending = Callable[[IdentityPlane, SmtpMailer, OutboxRow], Awaitable[None]]
_SENDINGS: dict[str, _Sending] = {
    SIGN_UP_MAIL: send_sign_up_mail,
    PASSWORD_RESET_MAIL: send_reset_mail,
    PASSWORD_CHANGED_MAIL: send_changed_mail,
    TOO_MANY_FAILURES_MAIL: send_failures_mail,
    EMAIL_PROOF_MAIL: send_proof_mail,
    EMAIL_WARNING_MAIL: send_warning_mail,
    EMAIL_CHANGED_MAIL: send_email_changed_mail,
    NOTICE_MAIL: send_notice_mail,
}
_log = structlog.get_logger("domicile.identity.mail")


def identity_mail_handlers(plane: IdentityPlane, mailer: SmtpMailer) -> dict[str, Handler]:
    """Make the handlers of every kind of row in the identity plane's outbox."""
    return {kind: _handler(sending, plane, mailer) for kind, sending in _SENDINGS.items()}


def _handler(sending: _Sending, plane: IdentityPlane, mailer: SmtpMailer) -> Handler:
    async def handle(row: OutboxRow) -> None:
        try:
            await sending(plane, mailer, row)
        except MailRefused as refused:
            # Addresses are typed by strangers: one that takes no mail is no case for an operator.
            _log.info("mail-refused", kind=row.kind, row=row.id, code=refused.code)

    return handle
