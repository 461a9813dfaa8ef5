"""Reads e-mail addresses by one rule for the whole platform (RFC 5321, narrowed; RFC 5891 for domains)."""

import unicodedata

from email_validator import EmailNotValidError, validate_email

from domicile.kernel.email_address import EmailAddress
from domicile.kernel.text import Refused

LONGEST_EMAIL = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets


def parse_email_address(text: str) -> EmailAddress:
    """Read an e-mail address, without display name, quoted local part, address literal or SMTPUTF8; spaces around it are dropped.

    Raises `Refused`. Control and format characters and encoded words (RFC 2047) are refused before any library sees
    them: what is checked, what is shown and what a mail program makes of it must be one and the same. Domains under the
    reserved name `test` (RFC 2606) are accepted; whether a domain takes mail is not asked.
    """
    address = text.strip(" ")
    if len(address) > LONGEST_EMAIL:
        raise Refused(f"must be at most {LONGEST_EMAIL} characters long")
    if any(unicodedata.category(character)[0] in "CZ" for character in address):
        raise Refused("must not contain spaces, line breaks or invisible characters")
    if "=?" in address:
        raise Refused("must not contain an encoded word")
    try:
        read = validate_email(
            address, allow_smtputf8=False, check_deliverability=False, test_environment=True, strict=True
        )
    except EmailNotValidError:
        raise Refused("must be an e-mail address such as ann@example.com") from None
    key = f"{read.local_part}@{read.ascii_domain}".lower()
    if len(key) > LONGEST_EMAIL:
        raise Refused(f"must be at most {LONGEST_EMAIL} characters long")
    return EmailAddress(read.normalized, key)
