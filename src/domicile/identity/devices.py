"""What a program said of itself (`User-Agent`), as a few names that people know; a hint, and no proof."""

from dataclasses import dataclass
from typing import Final

_PROGRAMS: Final = {
    "Edg/": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
    "domicile-cli": "Domicile CLI",
}
"""The first mark that is found counts: most browsers also claim to be others."""
_LONGEST_NAME: Final = 60
_SYSTEMS: Final = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


@dataclass(frozen=True, slots=True)
class Device:
    """The program that somebody uses, and the system under it; each empty where it is none that we know."""

    program: str
    system: str

    def __str__(self) -> str:
        """Name it in words that are the same in every language; empty if nothing of it is known."""
        return ", ".join(name for name in (self.program, self.system) if name)


def device_of(user_agent: str) -> Device:
    """Recognise a device; nothing that a stranger wrote is ever repeated."""
    return Device(_known(_PROGRAMS, user_agent), _known(_SYSTEMS, user_agent))


def device_name(user_agent: str) -> str:
    """Name a device to its own person: what we know of it, else the beginning of what it said of itself."""
    found = device_of(user_agent)
    if not found.program:
        return user_agent[:_LONGEST_NAME] or "Unknown device"
    return f"{found.program} on {found.system}" if found.system else found.program


def _known(names: dict[str, str], user_agent: str) -> str:
    return next((name for mark, name in names.items() if mark in user_agent), "")
