"""What an audit event is, how one is made from who calls and what they did, and which events are asked for."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domicile.kernel.callers import Caller, Origin, Person
from domicile.kernel.clock import parse_moment
from domicile.kernel.errors import invalid
from domicile.kernel.ids import AccountId
from domicile.kernel.urn import SYSTEM, Principal, find_principal

SUCCESS = "success"
REFUSED = "refused"

_TYPE = re.compile(r"[A-Za-z0-9._-]{0,100}\*?")
_LONGEST_PRINCIPAL = 200


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One thing that happened in an account."""

    account_id: AccountId
    type: str
    """`audit.<object>_<verb>.v1`."""
    principal: Principal
    principal_email: str
    """As it was at the time; empty for keys and the system, and once the person was erased."""
    outcome: str
    """`success` or `refused`."""
    request_id: str
    source_address: str
    details: dict[str, Any]
    """Ids and names of what changed; never a secret. E-mail addresses in it are kept apart, so that they can be erased."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """What of a recorded event its place in the tree rests on."""

    details: dict[str, Any]
    """With null in the place of what is personal."""
    salt: bytes | None
    personal: str | None
    """In canonical form; None, as the salt, once the person was erased."""
    commitment: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event with the id and the place that it was given."""

    event_id: str
    seq: int
    """Its place among the account's events, from 0 without gaps, in the order of the commits."""
    event: AuditEvent
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That an event is in the tree of a size."""

    event_id: str
    seq: int
    leaf_hash: bytes
    size: int
    root: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """That the tree of a size begins with an earlier one."""

    former_size: int
    former_root: bytes
    size: int
    root: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which events are asked for; what is None is not asked about."""

    since: datetime | None = None
    before: datetime | None = None
    """Events at this moment are left out."""
    type: str | None = None
    """A whole type, or the beginning of some with `*` at the end."""
    principal: Principal | None = None
    outcome: str | None = None

    @property
    def is_everything(self) -> bool:
        """Tell whether nothing is left out."""
        return self == EVERYTHING

    def told(self) -> dict[str, str]:
        """Write the filters by the names that they have in the API."""
        members = {
            "from": self.since.isoformat() if self.since else None,
            "to": self.before.isoformat() if self.before else None,
            "type": self.type,
            "principal": f"{self.principal.kind}/{self.principal.id}" if self.principal else None,
            "outcome": self.outcome,
        }
        return {name: value for name, value in members.items() if value is not None}


EVERYTHING = Filters()


def parse_filters(
    *, since: str | None, before: str | None, type_: str | None, principal: str | None, outcome: str | None
) -> Filters:
    """Read filters; `invalid-input` names every one that cannot be understood."""
    faults: dict[str, str] = {}
    first, end = _parse_moment("from", since, faults), _parse_moment("to", before, faults)
    if first is not None and end is not None and end < first:
        faults["to"] = "must not be before from"
    if type_ is not None and not (type_ and _TYPE.fullmatch(type_)):
        faults["type"] = "must be a type such as audit.apiKey_created.v1, or the beginning of one and *"
    who = _find_principal(principal) if principal is not None else None
    if principal is not None and who is None:
        faults["principal"] = "must be a URN, or user/<id>, apikey/<id> or system/domicile"
    if outcome not in {None, SUCCESS, REFUSED}:
        faults["outcome"] = "must be success or refused"
    if faults:
        raise invalid(faults)
    return Filters(first, end, type_, who, outcome)


def _parse_moment(name: str, text: str | None, faults: dict[str, str]) -> datetime | None:
    if text is None:
        return None
    moment = parse_moment(text)
    if moment is None:
        faults[name] = "must be a moment such as 2026-05-01T08:00:00Z"
    return moment


def _find_principal(text: str) -> Principal | None:
    if len(text) > _LONGEST_PRINCIPAL or not text.isprintable():
        return None
    if text.rpartition(":")[2] == f"{SYSTEM.kind}/{SYSTEM.id}":
        return SYSTEM
    return find_principal(text)


def by_caller(
    caller: Caller, type_: str, details: dict[str, Any], *, now: datetime, outcome: str = SUCCESS
) -> AuditEvent:
    """Describe what a caller did, or was refused to do, in the account they are in."""
    return _event(
        caller.account_id,
        type_,
        caller.principal,
        email=caller.email,
        origin=caller.origin,
        details=details,
        now=now,
        outcome=outcome,
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
    outcome: str = SUCCESS,
) -> AuditEvent:
    return AuditEvent(
        account_id=account,
        type=type_,
        principal=principal,
        principal_email=email,
        outcome=outcome,
        request_id=origin.request_id,
        source_address=str(origin.address or ""),
        details=details,
        at=now,
    )
