"""The revocation feed on the wire, compactly."""

from typing import ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.kernel.clock import whole_seconds
from domicile.region.revocations.domain import Revocations
from domicile.web.bodies import Wire, or_unset


class RevocationsBody(Wire, frozen=True):
    """The next rows of a region's feed."""

    example: ClassVar[dict[str, object]] = {
        "rows": [
            [
                *(4711, "membership", "004217730956"),
                *("01890a5d-ac96-774b-bcce-b302099a8057", "2026-05-01T08:00:00Z"),
            ]
        ],
        "head": 4711,
        "next": 4711,
        "reset": False,
    }

    rows: list[list[int | str]]
    """`[number, kind, accountID, subject, at]`, in the order of their numbers; `kind` is `membership`, `role`, `account` or `api-key`."""
    head: int
    """The number of the region's latest change; with `next` below it more can be read at once."""
    following: int = field(name="next")
    """What to give as `since` next time."""
    reset: bool
    """Whether the feed begins anew: forget every row held, and believe no token with a `seq` below `floor`."""
    floor: int | UnsetType = UNSET
    """Only with `reset`."""


def shape_revocations(found: Revocations) -> RevocationsBody:
    """Write a piece of the feed for the wire."""
    return RevocationsBody(
        rows=[
            [row.seq, row.kind, row.account_id, row.subject_id, whole_seconds(row.at)] for row in found.rows
        ],
        head=found.head,
        following=found.following,
        reset=found.floor is not None,
        floor=or_unset(found.floor),
    )
