"""What a review shows, and at which moments it can be asked for."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from domicile.kernel.clock import whole_seconds
from domicile.kernel.errors import invalid
from domicile.kernel.permissions import Decision
from domicile.region.roster.domain import Entry

REVIEW: Final = "identity:access:review"
MEMORY: Final = timedelta(days=365)
"""For how long it can be told who had access."""

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})")


@dataclass(frozen=True, slots=True)
class Reviewed:
    """An entry of the roster, with the decision on whether it can enter."""

    entry: Entry
    decision: Decision


def parse_moment(text: str, *, now: datetime) -> datetime:
    """Read the moment of a review (RFC 3339, whole seconds); refuses the future and what is no longer remembered."""
    moment = _read(text)
    if moment is None:
        raise invalid({"at": "must be a moment such as 2026-01-31T12:00:00Z"})
    if moment > now:
        raise invalid({"at": "must not lie in the future"})
    if moment < (earliest := now - MEMORY):
        raise invalid({"at": f"is remembered from {whole_seconds(earliest)} on"})
    return moment


def _read(text: str) -> datetime | None:
    if not _MOMENT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
