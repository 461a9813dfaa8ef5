"""Words of the console: how moments, devices, and refused inputs are told to a reader."""

from datetime import datetime
from zoneinfo import ZoneInfo

_BROWSERS = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}
_LONGEST_DEVICE = 60


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


def device(user_agent: str) -> str:
    """Name the device of a session by what it said of itself, which is a hint and no proof."""
    browser = next((name for mark, name in _BROWSERS.items() if mark in user_agent), None)
    system = next((name for mark, name in _SYSTEMS.items() if mark in user_agent), None)
    if browser is None:
        return user_agent[:_LONGEST_DEVICE] or "Unknown device"
    return f"{browser} on {system}" if system else browser
