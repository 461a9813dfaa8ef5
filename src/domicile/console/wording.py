"""Words of the console: how moments, devices, and refused inputs are told to a reader."""

from datetime import datetime
from zoneinfo import ZoneInfo


def told(reason: str, label: str) -> str:
    """Tell what is wrong with an input in one sentence; `reason` is in the words of a problem's `fields`."""
    joint = " " if reason.startswith(("must", "is ")) else ": "
    return f"{label}{joint}{reason}."


def moment_in(at: datetime, time_zone: str) -> str:
    """Write a moment to the minute, as clocks in a zone show it."""
    return f"{day_in(at, time_zone)}, {at.astimezone(ZoneInfo(time_zone)):%H:%M}"


def day_in(at: datetime, time_zone: str) -> str:
    """Write the day of a moment, as calendars in a zone show it."""
    return f"{at.astimezone(ZoneInfo(time_zone)):%d\u00a0%b\u00a0%Y}"


def told_days(days: int) -> str:
    """Tell how many days are left."""
    return "1 day left" if days == 1 else f"{days} days left"
