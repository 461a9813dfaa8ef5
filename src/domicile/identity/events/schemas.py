"""A person's own security events on the wire."""

from typing import ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.identity.events.domain import RecordedSecurityEvent
from domicile.kernel.clock import whole_seconds
from domicile.web.bodies import Wire


class SecurityEventBody(Wire, frozen=True):
    """One thing that happened to the caller, or that somebody tried."""

    example: ClassVar[dict[str, object]] = {
        "eventID": "01933b1c-9b10-7d22-8f31-52c1e7a90b44",
        "time": "2026-05-01T08:00:00Z",
        "type": "audit.user-signed-in.v1",
        "outcome": "success",
        "sourceAddress": "198.51.100.7",
        "requestID": "0f8b5c1e2d3a",
        "details": {"sessionID": "01933b1c-9b0f-7a51-b1c2-9e8d7c6b5a40"},
    }

    event_id: str = field(name="eventID")
    time: str
    type: str
    outcome: str
    source_address: str
    request_id: str = field(name="requestID")
    details: dict[str, str]


class SecurityEventsBody(Wire, frozen=True):
    """A page of security events; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"events": [SecurityEventBody.example]}

    events: list[SecurityEventBody]
    next: str | UnsetType = UNSET


def shape_event(recorded: RecordedSecurityEvent) -> SecurityEventBody:
    """Write a security event for the wire."""
    event = recorded.event
    return SecurityEventBody(
        event_id=recorded.event_id,
        time=whole_seconds(event.at),
        type=event.type,
        outcome=event.outcome,
        source_address=event.source_address,
        request_id=event.request_id,
        details=dict(event.details),
    )
