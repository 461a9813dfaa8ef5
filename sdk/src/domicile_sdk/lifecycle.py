"""What a service is told of accounts: verifies and reads the messages (Standard Webhooks 1.0), and tells late and repeated ones."""

import hmac
import json
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from standardwebhooks import Webhook

from domicile_sdk.clock import Clock
from domicile_sdk.exchange import Fields

_TOLERANCE_SECONDS: Final = 300
_BEGINNING: Final = "whsec_"
_MOST_DIGITS: Final = 12


class MessageRefused(ValueError):
    """The message is not one of Domicile's, or too old, or has another form; the text says which, and nothing of the message."""


class Happening(StrEnum):
    """What happened to an account."""

    ACCOUNT_CREATED = "account.created"
    ACCOUNT_SUSPENDED = "account.suspended"
    """Stop whatever the service does for it."""
    ACCOUNT_RESTORED = "account.restored"
    ACCOUNT_PURGED = "account.purged"
    """Delete everything of it, and give the receipt."""
    MEMBER_REMOVED = "member.removed"


@dataclass(frozen=True, slots=True)
class LifecycleEvent:
    """One thing that happened."""

    id: str
    """The same whenever it is told again."""
    happening: Happening
    account: str
    region: str
    seq: int
    """Of two events of an account the one with the higher number happened later."""
    at: str
    """RFC 3339."""
    user: str
    """Of `member.removed`; else empty."""
    receipt: str
    """The id of the account's deletion receipt, of `account.purged`; else empty."""

    @property
    def concerns(self) -> str:
        """Name what it is about: the account, or one of its users."""
        return f"{self.account}/{self.user}" if self.user else self.account


class LifecycleReader:
    """Reads the messages of one region; while a secret is being replaced, by the old one too."""

    def __init__(self, secrets: Sequence[str], *, clock: Clock | None = None) -> None:
        if not secrets or not all(
            secret.startswith(_BEGINNING) and secret != _BEGINNING for secret in secrets
        ):
            raise ValueError(f"there is a secret, and each begins with {_BEGINNING}")
        self._signers = [Webhook(secret) for secret in secrets]
        self._clock = clock or Clock()

    def read(self, headers: Mapping[str, str], body: bytes) -> LifecycleEvent | None:
        """Verify a message, whose headers may have names in any case, and read it; None for an event of a kind that is not known."""
        found = {name.lower(): value for name, value in headers.items()}
        self._verify(found, body)
        try:
            return _read_event(found["webhook-id"], Fields.of(json.loads(body)))
        except (ValueError, RecursionError):
            raise MessageRefused("the message has another form") from None

    def _verify(self, headers: Mapping[str, str], body: bytes) -> None:
        id_, moment = headers.get("webhook-id", ""), _moment(headers.get("webhook-timestamp", ""))
        if not id_ or moment is None:
            raise MessageRefused("the message is not signed")
        if abs(self._clock.now() - moment.timestamp()) > _TOLERANCE_SECONDS:
            raise MessageRefused("the message is from another time")
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise MessageRefused("the message is no text") from None
        shown = [each.encode() for each in headers.get("webhook-signature", "").split(" ")]
        expected = [signer.sign(id_, moment, text).encode() for signer in self._signers]
        if not any(hmac.compare_digest(ours, theirs) for ours in expected for theirs in shown):
            raise MessageRefused("the signature does not fit")


class EventOrder:
    """Tells which events are news, by the number of the last one that was taken in about the same account or user.

    The numbers are the service's to keep, wherever it likes: they are read from, and noted in, what it gives.
    """

    def __init__(self, numbers: MutableMapping[str, int]) -> None:
        self._numbers = numbers

    def is_news(self, event: LifecycleEvent) -> bool:
        """Tell whether an event is neither one that was taken in, nor older than one."""
        return event.seq > self._numbers.get(event.concerns, 0)

    def note(self, event: LifecycleEvent) -> None:
        """Note that an event was taken in."""
        self._numbers[event.concerns] = event.seq


def _moment(text: str) -> datetime | None:
    if not (text.isascii() and text.isdigit() and len(text) < _MOST_DIGITS):
        return None
    return datetime.fromtimestamp(int(text), UTC)


def _read_event(id_: str, message: Fields) -> LifecycleEvent | None:
    kind, data = message.text("type"), message.inner("data")
    if kind not in set(Happening):
        return None
    happening = Happening(kind)
    return LifecycleEvent(
        id=id_,
        happening=happening,
        account=data.text("accountID"),
        region=data.text("region"),
        seq=data.whole("seq"),
        at=message.text("timestamp"),
        user=data.text("userID") if happening is Happening.MEMBER_REMOVED else "",
        receipt=data.text("receiptID") if happening is Happening.ACCOUNT_PURGED else "",
    )
