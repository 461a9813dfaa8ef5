"""Time as the rest of the code sees it: aware, UTC, and passed in."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", flags=re.ASCII
)

Clock = Callable[[], datetime]
"""Gives the present moment, aware and in UTC."""


def utc_now() -> datetime:
    """Read the machine's clock."""
    return datetime.now(UTC)


def whole_seconds(moment: datetime) -> str:
    """Write a moment as RFC 3339 in UTC with whole seconds and `Z`, the only form on the wire."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_moment(text: str) -> datetime | None:
    """Read a moment with its zone (RFC 3339); None for anything else."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:  # the 31st of June
        return None


def days_until(moment: datetime, now: datetime) -> int:
    """Count the days to a moment, rounded up; 0 once it has come."""
    return max(0, -((now - moment) // timedelta(days=1)))
