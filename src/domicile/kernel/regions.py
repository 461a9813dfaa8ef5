"""What a region is: a legal place that a customer chooses, once, for each account."""

from dataclasses import dataclass

from domicile.kernel.ids import RegionId


@dataclass(frozen=True, slots=True)
class Region:
    """One region of the platform as everyone may see it."""

    id: RegionId
    name: str
    base_url: str
    """The public address under which the region's API is reached, without a slash at the end."""
    is_open: bool
    """Whether new accounts may be created there."""
    is_discreet: bool
    """Whether alias and role stay in the region: the membership index then holds ids and states only."""
