"""A mail as the rest of the code sees it, before it has a form on the wire."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MailMessage:
    """One mail to one person, complete but for its date."""

    to: str
    subject: str
    text: str
    html: str
    message_id_seed: str
    """The same seed gives the same Message-ID, so that a mail sent twice after a crash is recognisably one."""
