"""Links in mails: how often one is sent, where it leads, and what is said of one that does not work."""

from datetime import timedelta
from typing import Final

from domicile.infra.secrets import SecretText
from domicile.kernel.errors import DomainError, ErrorKind

MAILS_PER_HOUR: Final = 5
"""Of one kind, to one address; more are left unsent, without a word."""
HOUR: Final = timedelta(hours=1)


def verify_link(public_url: str, token: SecretText) -> str:
    """Write the link that proves an address."""
    return f"{public_url}/verify/{token.reveal()}"


def reset_link(public_url: str, token: SecretText) -> str:
    """Write the link to a new password."""
    return f"{public_url}/reset/{token.reveal()}"


def email_proof_link(public_url: str, token: SecretText) -> str:
    """Write the link that proves a new address."""
    return f"{public_url}/email/verify/{token.reveal()}"


def email_undo_link(public_url: str, token: SecretText) -> str:
    """Write the link that takes a change of address back."""
    return f"{public_url}/email/undo/{token.reveal()}"


def sign_in_link(public_url: str) -> str:
    """Write the link to where one signs in."""
    return f"{public_url}/sign-in"


def forgot_link(public_url: str) -> str:
    """Write the link to where one asks for a new password."""
    return f"{public_url}/forgot"


def link_invalid() -> DomainError:
    """Make the error for a link that was used, has expired, or was never given out."""
    message = "This link was used before, has expired, or is incomplete: ask for a new one."
    return DomainError(
        ErrorKind.INVALID, "link-invalid", message, fields={"token": "is not, or no longer, valid"}
    )
