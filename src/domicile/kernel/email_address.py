"""What an e-mail address is to us, once it has been read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An e-mail address: as its owner writes it, and as it is told from others."""

    shown: str
    key: str
    """The same for upper and lower case and for a domain in Unicode and in ASCII; ASCII throughout. Mail is sent to it."""
