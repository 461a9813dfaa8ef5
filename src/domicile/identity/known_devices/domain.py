"""How long a device is known, and how many are."""

from datetime import timedelta
from typing import Final

KNOWN_FOR: Final = timedelta(days=90)
"""How long a device is known after its last use."""
NOTED_EVERY: Final = timedelta(days=1)
"""How exact the last use of a device is."""
MOST_KNOWN: Final = 20
"""Devices that are kept of one person; the one that was not used for longest goes first."""
IPV4_PREFIX: Final = 16
IPV6_PREFIX: Final = 32
"""How much of its address a device is known by: with less than this a new address of the same provider would make it new."""
