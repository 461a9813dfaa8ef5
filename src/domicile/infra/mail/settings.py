"""How to reach the mail server, as an operator says it."""

import ipaddress
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Annotated, Literal

from msgspec import Meta, Struct

from domicile.infra.secrets import SecretText


def decode_secret(kind: type, value: object) -> SecretText:
    """Read a secret out of a configuration file; the `dec_hook` of msgspec."""
    if kind is not SecretText or not isinstance(value, str):
        raise NotImplementedError(f"no way to read {kind.__name__}")
    return SecretText(value)


class MailSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One SMTP server, and who the mails are from."""

    host: str
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    tls: Literal["none", "starttls", "tls"] = "starttls"
    username: str = ""
    """Empty: the server wants no credentials."""
    password: SecretText | None = None
    sender: str = "Domicile <no-reply@localhost>"
    timeout_seconds: Annotated[float, Meta(gt=0, le=45)] = 10.0
    """For the whole of one mail, from connecting to the server's last answer; well under the minute for which a row is claimed."""

    def __post_init__(self) -> None:
        sender_address(self.sender)
        if bool(self.username) != (self.password is not None):
            raise ValueError("username and password belong together: give both, or neither")
        if self.username and self.tls == "none" and not _is_this_machine(self.host):
            raise ValueError("a password is only sent over TLS: set tls to starttls or tls")


def sender_address(sender: str) -> Address:
    """Read `Name <address>`; a sender that cannot stand in a header raises ValueError."""
    name, address = parseaddr(sender)
    local, _, domain = address.rpartition("@")
    if not local or not domain or not address.isascii() or any(ord(character) < 32 for character in sender):
        raise ValueError("sender must be an address such as Domicile <no-reply@example.com>")
    return Address(name, local, domain)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
