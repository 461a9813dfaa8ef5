"""What the worked example expects and what it saw."""

from dataclasses import dataclass
from enum import StrEnum


class Access(StrEnum):
    """What a user may do in an account."""

    FULL = "full access"
    READ = "read only"
    NONE = "no access"
    MIXED = "neither of these"
    """Seen where the findings fit none of the others."""


@dataclass(frozen=True)
class Finding:
    """One question put to the API, with the answer that is right and the one that came."""

    question: str
    expected: str
    seen: str

    @property
    def is_right(self) -> bool:
        """Say whether the answer that came is the right one."""
        return self.expected == self.seen


@dataclass(frozen=True)
class Cell:
    """One cell of the table: a user, an account, and what was found."""

    user: str
    account: str
    expected: Access
    seen: Access
    findings: tuple[Finding, ...]

    @property
    def is_right(self) -> bool:
        """Say whether everything in the cell is as it should be."""
        return self.expected is self.seen and all(finding.is_right for finding in self.findings)


@dataclass(frozen=True)
class Place:
    """An account of the example, and where its data lies."""

    name: str
    account_id: str
    expected_region: str
    region: str
    database: str
    rows: int

    @property
    def is_right(self) -> bool:
        """Say whether the data lies in the region that was chosen, and is there at all."""
        return self.region == self.expected_region and self.rows > 0


@dataclass(frozen=True)
class Report:
    """The whole table."""

    users: tuple[tuple[str, str], ...]
    """(name, email), in the order of the rows."""
    places: tuple[Place, ...]
    """In the order of the columns."""
    cells: tuple[Cell, ...]

    @property
    def deviations(self) -> tuple[str, ...]:
        """Name what is not as it should be, a line each; empty if all is right."""
        lines = [
            f"{place.name}: expected in {place.expected_region}, {place.rows} rows in {place.region}"
            for place in self.places
            if not place.is_right
        ]
        for cell in self.cells:
            wrong = [finding for finding in cell.findings if not finding.is_right]
            if not cell.is_right:
                lines.append(f"{cell.user} in {cell.account}: expected {cell.expected}, seen {cell.seen}")
            lines += [f"  {each.question}: expected {each.expected}, seen {each.seen}" for each in wrong]
        return tuple(lines)
