"""A mail's form on the wire (RFC 5322, RFC 2046 multipart/alternative, RFC 3834 Auto-Submitted)."""

import hashlib
import re
import unicodedata
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime

import idna

from domicile.infra.mail.errors import MailRefused
from domicile.infra.mail.message import MailMessage

_ADDRESS = re.compile(r"""([^\s<>()\[\]:;,\\"@]{1,64})@([^\s<>()\[\]:;,\\"@]{1,253})""")
_LONGEST_LINE = 998
"""Of a line in transit, RFC 5322 section 2.1.1."""


def build_mime(message: MailMessage, *, sender: Address, now: datetime) -> EmailMessage:
    """Make the mail that goes over the wire.

    A subject or address that could break out of its header is refused with `MailRefused`: it would be as bad at the
    next try.
    """
    recipient = _recipient(message.to)
    mime = EmailMessage(policy=SMTP if recipient.username.isascii() else SMTPUTF8)
    mime["From"] = sender
    mime["To"] = recipient
    mime["Subject"] = _header(message.subject)
    mime["Date"] = format_datetime(now, usegmt=True)
    mime["Message-ID"] = _message_id(message.message_id_seed, sender.domain)
    mime["Auto-Submitted"] = "auto-generated"
    mime["X-Auto-Response-Suppress"] = "All"
    mime.set_content(message.text, cte=_transfer_encoding(message.text))
    mime.add_alternative(message.html, subtype="html", cte="quoted-printable")
    return mime


def _recipient(address: str) -> Address:
    # An encoded word inside an address is decoded by some parsers and not by others: two readers, two recipients.
    found = _ADDRESS.fullmatch(address)
    if found is None or "=?" in address or _is_unprintable(address):
        raise MailRefused("address-not-deliverable")
    local, domain = found.groups()
    return Address(username=local, domain=_ascii_domain(domain))


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise MailRefused("address-not-deliverable") from None


def _header(value: str) -> str:
    if _is_unprintable(value):
        raise MailRefused("header-not-printable")
    return value


def _is_unprintable(value: str) -> bool:
    return any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in value)


def _message_id(seed: str, domain: str) -> str:
    return f"<{hashlib.sha256(seed.encode()).hexdigest()[:32]}@{domain}>"


def _transfer_encoding(text: str) -> str:
    # Plain where it can be, so that whoever opens the file sees the link in one piece.
    if text.isascii() and all(len(line) <= _LONGEST_LINE for line in text.splitlines()):
        return "7bit"
    return "base64" if sum(ord(character) > 127 for character in text) * 6 > len(text) else "quoted-printable"
