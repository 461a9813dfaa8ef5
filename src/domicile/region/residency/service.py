"""Where an account's data lies: the region, its database, and how many rows of which table."""

from dataclasses import dataclass

from domicile.kernel.callers import Caller
from domicile.region.plane import RegionPlane
from domicile.region.residency.store import count_rows


@dataclass(frozen=True, slots=True)
class Residency:
    """The whereabouts of one account's data."""

    database: str
    """The engine and the database's name, without address or credentials."""
    rows: dict[str, int]


async def describe_residency(plane: RegionPlane, caller: Caller) -> Residency:
    """Count what the region holds of the caller's account, read from the database itself."""
    caller.require("identity:account:read")
    rows = await plane.database.read(lambda tx: count_rows(tx, caller.account_id))
    return Residency(plane.database.label, rows)
