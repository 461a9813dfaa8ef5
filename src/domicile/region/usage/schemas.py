"""Usage on the wire."""

from typing import ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.kernel.clock import whole_seconds
from domicile.region.usage.domain import Outcome, Said, ShownRecord
from domicile.web.bodies import Wire


class RecordBody(Wire, frozen=True, forbid_unknown_fields=True):
    """So much of something was used at a moment."""

    example: ClassVar[dict[str, object]] = {
        "id": "2026-11-27T10/web-1",
        "accountID": "004217730956",
        "meter": "computer-hours",
        "quantity": 1,
        "time": "2026-11-23T13:00:00Z",
    }

    id: str
    """The service's own name of the record, the same however often it is reported."""
    account_id: str = field(name="accountID")
    meter: str
    """Of the service's manifest."""
    quantity: int
    """Whole, in the unit of the meter."""
    time: str


class RecordsBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What the service measured, of many accounts."""

    example: ClassVar[dict[str, object]] = {"records": [RecordBody.example]}

    records: list[RecordBody]


class RecordOutcomeBody(Wire, frozen=True):
    """What came of one record."""

    example: ClassVar[dict[str, object]] = {"id": "2026-11-27T10/web-1", "outcome": "counted"}

    id: str
    outcome: str
    """`counted`, `repeated` for an id of the account that was counted before, or `passed-over` for an account that the region does not have."""


class RecordOutcomesBody(Wire, frozen=True):
    """What came of all of them, in their order."""

    example: ClassVar[dict[str, object]] = {"results": [RecordOutcomeBody.example]}

    results: list[RecordOutcomeBody]


class UsageBody(Wire, frozen=True):
    """So much of something was used at a moment."""

    example: ClassVar[dict[str, object]] = {
        "time": "2026-11-27T10:00:00Z",
        "service": "workload",
        "dimension": "computer-hours",
        "quantity": 1,
    }

    time: str
    service: str
    dimension: str
    """The meter."""
    quantity: int


class UsagePageBody(Wire, frozen=True):
    """A page of records, the newest first; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"usage": [UsageBody.example]}

    usage: list[UsageBody]
    next: str | UnsetType = UNSET


def read_record(body: RecordBody) -> Said:
    """Take a record as it was said."""
    return Said(body.id, body.account_id, body.meter, body.quantity, body.time)


def shape_outcome(said: Said, outcome: Outcome) -> RecordOutcomeBody:
    """Show what came of a record."""
    return RecordOutcomeBody(said.id, outcome)


def shape_usage(shown: ShownRecord) -> UsageBody:
    """Show a record to the account."""
    record = shown.record
    return UsageBody(whole_seconds(record.at), shown.service, record.meter, record.quantity)
