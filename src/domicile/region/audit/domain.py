"""What an audit event is, and how one is made from who calls and what they did."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domicile.kernel.callers import Caller, Origin, Person
from domicile.kernel.ids import AccountId
from domicile.kernel.urn import SYSTEM, Principal


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One thing that happened in an account."""

    account_id: AccountId
    type: str
    """`audit.<object>_<verb>.v1`."""
    principal: Principal
    principal_email: str
    """As it was at the time; empty for keys and the system."""
    outcome: str
    """`success` or `refused`."""
    request_id: str
    source_address: str
    details: dict[str, Any]
    """Ids and names of what changed; never a secret."""
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event with the id that it was given."""

    event_id: str
    event: AuditEvent


def by_caller(caller: Caller, type_: str, details: dict[str, Any], *, now: datetime) -> AuditEvent:
    """Describe what a caller did in the account they are in."""
    return _event(
        caller.account_id,
        type_,
        caller.principal,
        email=caller.email,
        origin=caller.origin,
        details=details,
        now=now,
    )


def by_person(
    person: Person, account: AccountId, type_: str, details: dict[str, Any], *, now: datetime
) -> AuditEvent:
    """Describe what a person did to an account from outside: creating it, joining it, entering it."""
    return _event(
        account,
        type_,
        Principal.user(person.user_id),
        email=person.email,
        origin=person.origin,
        details=details,
        now=now,
    )


def by_system(account: AccountId, type_: str, details: dict[str, Any], *, now: datetime) -> AuditEvent:
    """Describe what happened without anybody's request."""
    return _event(account, type_, SYSTEM, email="", origin=Origin("", None), details=details, now=now)


def _event(
    account: AccountId,
    type_: str,
    principal: Principal,
    *,
    email: str,
    origin: Origin,
    details: dict[str, Any],
    now: datetime,
) -> AuditEvent:
    return AuditEvent(
        account_id=account,
        type=type_,
        principal=principal,
        principal_email=email,
        outcome="success",
        request_id=origin.request_id,
        source_address=str(origin.address or ""),
        details=details,
        at=now,
    )
