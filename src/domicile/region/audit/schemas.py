"""Audit events on the wire."""

from typing import Any, ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.kernel.clock import whole_seconds
from domicile.region.audit.domain import RecordedEvent
from domicile.region.plane import RegionPlane
from domicile.web.bodies import Wire, or_unset


class LogBody(Wire, frozen=True):
    """One thing that happened in the account."""

    example: ClassVar[dict[str, object]] = {
        "eventID": "01890a5d-ac96-774b-bcce-b302099a8057",
        "time": "2026-05-01T08:00:00Z",
        "type": "audit.apiKey_created.v1",
        "event": "apiKey_created",
        "accountID": "004217730956",
        "principalURN": "urn:domicile:identity:de-1:004217730956:user/01890a5d-ac96-774b-bcce-b302099a8057",
        "principalEmail": "ada@example.com",
        "outcome": "success",
        "requestID": "5f0c1a7e2b9d4c6f8a3e1d2c4b5a6978",
        "sourceAddress": "192.0.2.7",
        "details": {"alias": "deploy", "roleID": "read-only"},
    }

    event_id: str = field(name="eventID")
    time: str
    type: str
    event: str
    """The middle part of `type`: what happened to what."""
    account_id: str = field(name="accountID")
    principal_urn: str = field(name="principalURN")
    """Who did it: a user, an API key, or the system."""
    outcome: str
    """`success` or `refused`."""
    details: dict[str, Any]  # Any: each type of event has details of its own
    principal_email: str | UnsetType = UNSET
    """As it was at the time; absent for what no person did."""
    request_id: str | UnsetType = field(default=UNSET, name="requestID")
    """Absent for what happened without anybody's request."""
    source_address: str | UnsetType = UNSET


class LogsBody(Wire, frozen=True):
    """A page of audit events; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"logs": [LogBody.example]}

    logs: list[LogBody]
    next: str | UnsetType = UNSET


def shape_event(plane: RegionPlane, recorded: RecordedEvent) -> LogBody:
    """Write an audit event for the wire."""
    event = recorded.event
    return LogBody(
        event_id=recorded.event_id,
        time=whole_seconds(event.at),
        type=event.type,
        event=event.type.removeprefix("audit.").rpartition(".")[0],
        account_id=event.account_id,
        principal_urn=plane.urns(event.account_id).make(event.principal.kind, event.principal.id),
        principal_email=or_unset(event.principal_email or None),
        outcome=event.outcome,
        request_id=or_unset(event.request_id or None),
        source_address=or_unset(event.source_address or None),
        details=event.details,
    )
