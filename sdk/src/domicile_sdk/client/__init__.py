"""The API of Domicile, for services: one core that says what is sent and read, and two clients over it."""

from domicile_sdk.client.answers import (
    Account,
    Decision,
    Item,
    Revocation,
    Revocations,
    ServiceEntry,
    User,
    Whoami,
)
from domicile_sdk.client.clients import AsyncDomicile, Domicile

__all__ = [
    "Account",
    "AsyncDomicile",
    "Decision",
    "Domicile",
    "Item",
    "Revocation",
    "Revocations",
    "ServiceEntry",
    "User",
    "Whoami",
]
