"""Hands mails to an SMTP server (RFC 5321), one connection per mail, and translates what it answers."""

import asyncio
import ssl
from email.message import EmailMessage

import aiosmtplib
from aiosmtplib import errors as smtp_errors

from domicile.infra.databases import require_no_transaction
from domicile.infra.mail.errors import MailDeferred, MailRefused, MailUnreachable
from domicile.infra.mail.message import MailMessage
from domicile.infra.mail.mime import build_mime
from domicile.infra.mail.settings import MailSettings, sender_address
from domicile.kernel.clock import Clock

_OURS_TO_MEND = (
    smtp_errors.SMTPAuthenticationError,
    smtp_errors.SMTPConnectResponseError,
    smtp_errors.SMTPHeloError,
    smtp_errors.SMTPSenderRefused,
)
"""Answers to our configuration, not to this mail: once an operator has mended it, the mail can go."""

_TOO_LARGE = 552
"""Said of the announced size, so in answer to the sender (RFC 1870, section 6.1): no later try will be smaller."""


class SmtpMailer:
    """Sends mails as one sender through one server."""

    def __init__(self, settings: MailSettings, clock: Clock) -> None:
        self._settings = settings
        self._sender = sender_address(settings.sender)
        self._clock = clock

    async def send(self, message: MailMessage) -> None:
        """Hand one mail to the server; when this returns, the server has taken it.

        Raises `MailDeferred` where a later try may work (`MailUnreachable` if it is the server's fault), and `MailRefused` where none will. Neither carries the
        server's words: they tend to repeat the address.
        """
        require_no_transaction()
        mime = build_mime(message, sender=self._sender, now=self._clock())
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                await self._hand_over(mime)
        except (smtp_errors.SMTPException, OSError, ValueError) as error:
            raise _translate(error) from None

    async def _hand_over(self, mime: EmailMessage) -> None:
        settings = self._settings
        await aiosmtplib.send(
            mime,
            hostname=settings.host,
            port=settings.port,
            username=settings.username or None,
            password=settings.password.reveal() if settings.password else None,
            local_hostname=self._sender.domain,
            timeout=settings.timeout_seconds,
            use_tls=settings.tls == "tls",
            start_tls=settings.tls == "starttls",
        )


def _translate(error: Exception) -> MailDeferred | MailRefused:
    if isinstance(error, smtp_errors.SMTPRecipientsRefused):
        return _by_status(max(refused.code for refused in error.recipients))
    if isinstance(error, _OURS_TO_MEND) and error.code != _TOO_LARGE:
        return MailUnreachable(f"server-{error.code}")
    if isinstance(error, smtp_errors.SMTPResponseException):
        return _by_status(error.code)
    if isinstance(error, TimeoutError):
        return MailUnreachable("timeout")
    if isinstance(error, ssl.SSLError):
        return MailUnreachable("tls")
    if isinstance(error, OSError):
        return MailUnreachable("connection")
    return MailUnreachable("not-supported-by-server")


def _by_status(status: int) -> MailDeferred | MailRefused:
    return MailRefused(f"server-{status}") if 500 <= status <= 599 else MailDeferred(f"server-{status}")
