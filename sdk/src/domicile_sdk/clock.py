"""The two clocks that a service needs: the time of day for tokens, and a steady one for how old knowledge is."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


def _steady_seconds() -> float:
    """Count seconds while the machine sleeps, too: what was known before a suspension is old after it."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@dataclass(frozen=True, slots=True)
class Clock:
    """What is asked for the time; tests give one of their own."""

    now: Callable[[], float] = time.time
    """Seconds since 1970."""
    steady: Callable[[], float] = _steady_seconds
    """Seconds since whenever; never set back."""
