"""Lists of people who are brought over: JSON Lines, an object a line, or CSV (RFC 4180) with a header."""

import json
from collections.abc import Iterator, Mapping
from typing import Final, cast

from domicile.apps.cli.address_list import csv_rows, read_text
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.importing_people import PersonLine
from domicile.identity.people_import.service import WantedPerson
from domicile.infra.secrets import SecretText

_FIELDS: Final = ("email", "name", "locale", "timezone", "passwordHash")
_BY_HEADING: Final = {field.lower(): field for field in _FIELDS}


def read_people(source: str) -> list[PersonLine]:
    """Read a file, or standard input for `-`; what begins with `{` is JSON Lines. Blank lines are passed over.

    A file that cannot be understood as a whole ends the command before anything is done; a line that cannot is in nobody's way.
    """
    text = read_text(source)
    lines = list(_from_json_lines(text) if text.lstrip().startswith("{") else _from_csv(text))
    if not lines:
        raise CommandError(Exit.USAGE, "There is nobody on the list.")
    return _marking_repeats(lines)


def _from_json_lines(text: str) -> Iterator[PersonLine]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            found: object = json.loads(line)
            json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair is no text
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            yield _faulty(number, "is not a JSON object")
            continue
        members = cast("dict[str, object]", found)
        unknown = [name for name in members if name not in _FIELDS]
        no_texts = [name for name in _FIELDS if not isinstance(members.get(name, ""), str)]
        fault = _fault_of(unknown, no_texts)
        texts = {name: value for name, value in members.items() if isinstance(value, str)}
        yield PersonLine(number, _person(texts), fault)


def _fault_of(unknown: list[str], no_texts: list[str]) -> str:
    if unknown:
        return f"has a member that is not known: {', '.join(map(repr, unknown))}"
    return f"must have texts as {', '.join(no_texts)}" if no_texts else ""


def _from_csv(text: str) -> Iterator[PersonLine]:
    rows = list(csv_rows(text))
    if not rows:
        return
    headings = [_BY_HEADING.get(heading.lower(), "") for heading in rows[0][1]]
    if "" in headings or "email" not in headings or len(set(headings)) < len(headings):
        raise CommandError(
            Exit.USAGE,
            f"The first line must be a header of these columns, email among them, each once: {', '.join(_FIELDS)}. Nothing was done.",
        )
    for number, row in rows[1:]:
        fault = "" if len(row) == len(headings) else f"has {len(row)} cells, and the header {len(headings)}"
        yield PersonLine(number, _person(dict(zip(headings, row, strict=False))), fault)


def _person(texts: Mapping[str, str]) -> WantedPerson:
    hashed = texts.get("passwordHash")
    return WantedPerson(
        email=texts.get("email", "").strip(),
        name=texts.get("name", ""),
        locale=texts.get("locale") or None,
        time_zone=texts.get("timezone") or None,
        password_hash=SecretText(hashed) if hashed else None,
    )


def _faulty(number: int, fault: str) -> PersonLine:
    return PersonLine(number, _person({}), fault)


def _marking_repeats(lines: list[PersonLine]) -> list[PersonLine]:
    first: dict[str, int] = {}
    marked: list[PersonLine] = []
    for line in lines:
        key = line.person.email.lower()
        earlier = line.number if line.fault or not key else first.setdefault(key, line.number)
        repeats = earlier if earlier != line.number else 0
        marked.append(PersonLine(line.number, line.person, line.fault, repeats))
    return marked
