"""The browser that the browser tests drive: the machine's own Chromium or Chrome, found on the path."""

import shutil

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

MISSING = f"no Chromium on the path ({', '.join(_NAMES)}): install Debian's package `chromium`"


def find_chromium() -> str | None:
    """Find the path of the browser."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)
