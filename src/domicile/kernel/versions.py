"""Versions of items, and changes that are meant for one of them only."""

from collections.abc import Callable

from domicile.kernel.errors import stale

Precondition = Callable[[str | int], None]
"""Refuses (`stale-version`) a change that was meant for another version than the one given."""


def expecting(versions: tuple[str, ...] | None) -> Precondition:
    """Make a precondition that accepts the named versions; None: every version."""

    def check(version: str | int) -> None:
        if versions is not None and str(version) not in versions:
            raise stale()

    return check
