"""Brings people over from another system, line by line: each is a transaction of its own, so that a run can be cut off."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domicile.apps.operate import opened_node
from domicile.identity.people_import.service import WantedPerson, import_person, rehearse_import
from domicile.identity.plane import IdentityPlane
from domicile.infra.settings import Settings
from domicile.kernel.errors import DomainError, ErrorKind


class Result(StrEnum):
    """What came of one line."""

    CREATED = "created"
    KNOWN = "known"
    """The address is a user's already, who stays as they are."""
    REPEATED = "repeated"
    """A line before it has the same address."""
    REFUSED = "refused"


@dataclass(frozen=True)
class PersonLine:
    """One line of a list: who it is about, or what is wrong with it."""

    number: int
    """Where it begins in the file, from 1."""
    person: WantedPerson
    fault: str = ""
    """Why it is not even tried; empty: it is."""
    repeats: int = 0
    """The number of the line that has the same address; 0: none before it."""


@dataclass(frozen=True)
class Told:
    """The result of one line, as it is printed and given as JSON."""

    line: int
    email: str
    result: Result
    reason: str = ""
    id: str = ""
    """Of the user whose address it is."""

    def __str__(self) -> str:
        told = f"line {self.line}: {self.email or '(no address)'}: {self.result}"
        return f"{told} ({self.reason})" if self.reason else told


async def import_people(
    settings: Settings, lines: Sequence[PersonLine], tell: Callable[[Told], None], *, is_rehearsal: bool
) -> None:
    """Import everybody on a list in its order, or rehearse it; `tell` hears the result of each line as it comes."""
    async with opened_node(settings) as node:
        for line in lines:
            tell(_settled(line) or await _import(node.identity, line, is_rehearsal=is_rehearsal))


def _settled(line: PersonLine) -> Told | None:
    if line.fault:
        return Told(line.number, line.person.email, Result.REFUSED, line.fault)
    if line.repeats:
        return Told(line.number, line.person.email, Result.REPEATED, f"as line {line.repeats}")
    return None


async def _import(plane: IdentityPlane, line: PersonLine, *, is_rehearsal: bool) -> Told:
    do = rehearse_import if is_rehearsal else import_person
    try:
        imported = await do(plane, line.person)
    except DomainError as refused:
        if refused.kind is not ErrorKind.INVALID:
            raise
        reason = "; ".join(f"{name} {why}" for name, why in refused.fields.items()) or refused.message
        return Told(line.number, line.person.email, Result.REFUSED, reason)
    return Told(line.number, line.person.email, Result(imported.result), id=imported.user_id or "")
