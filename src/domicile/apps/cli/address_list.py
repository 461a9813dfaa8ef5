"""Lists of addresses to invite, as people have them: CSV (RFC 4180) from any program, or one address a line."""

import csv
import io
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domicile.apps.cli.exits import CommandError, Exit

_COLUMNS: Final[Mapping[str, str]] = {
    "email": "email",
    "e-mail": "email",
    "role": "role",
    "roleid": "role",
    "locale": "locale",
}
"""What a heading may be called, in small letters, and what it stands for."""
_BEGIN_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Line:
    """One line of a list: what it asks for, or what is wrong with it."""

    number: int
    """Where it begins in the file, from 1."""
    email: str
    role: str
    locale: str = ""
    """Empty: the account's language."""
    fault: str = ""
    """Why it is not even sent; empty: it is."""
    repeats: int = 0
    """The number of the line that asked for the same before; 0: none did."""


def read_list(source: str, *, role: str) -> list[Line]:
    """Read a file, or standard input for `-`; `role` is for lines that say none. Blank lines are passed over.

    A file that cannot be understood as a whole ends the command before anything is sent, and says where.
    """
    rows = list(csv_rows(read_text(source)))
    if not rows:
        raise CommandError(Exit.USAGE, "There is no address in the list.")
    columns = _columns(rows[0][1])
    lines = [_line(number, row, columns, role) for number, row in (rows[1:] if columns else rows)]
    if not lines:
        raise CommandError(Exit.USAGE, "There is a header in the list, and no address after it.")
    return _marking_repeats(lines)


def read_text(source: str) -> str:
    """Read a file in UTF-8, or standard input for `-`; one that cannot be read ends the command."""
    return _decode(_read(source))


def formula_safe(cell: str) -> str:
    """Write a cell that no spreadsheet takes for a formula, with an apostrophe before what begins like one (OWASP)."""
    return f"'{cell}" if cell.startswith(_BEGIN_FORMULAS) else cell


def _read(source: str) -> bytes:
    if source == "-":
        raw = getattr(sys.stdin, "buffer", None)
        return raw.read() if raw is not None else sys.stdin.read().encode()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise CommandError(Exit.USAGE, f"{source} cannot be read: {error.strerror}.") from None


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise CommandError(
            Exit.USAGE, f"Line {line} is not UTF-8: save the list as CSV in UTF-8. Nothing was sent."
        ) from None


def csv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Take a list apart, with the number of the line at which each row begins."""
    header = text.split("\n", 1)[0]
    delimiter = ";" if ";" in header and "," not in header else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield begins, [cell.strip() for cell in row]
            begins = reader.line_num + 1
    except csv.Error as error:
        raise CommandError(
            Exit.USAGE, f"Line {begins} is not CSV: {error}. Mend its quotation marks. Nothing was sent."
        ) from None


def _columns(first: list[str]) -> list[str]:
    """Read the header; none, for a list without one. A column of another name may be a slip, and is not passed over."""
    headings = [heading.lower() for heading in first]
    if not {"email", "e-mail"} & set(headings):
        return []
    unknown = [heading for heading in first if heading.lower() not in _COLUMNS]
    columns = [_COLUMNS.get(heading, "") for heading in headings]
    if unknown or len(set(columns)) < len(columns):
        told = ", ".join(repr(heading) for heading in unknown) or "one of them twice"
        raise CommandError(
            Exit.USAGE,
            f"The header may have the columns email, role and locale; it has {told}. Nothing was sent.",
        )
    return columns


def _line(number: int, row: list[str], columns: list[str], role: str) -> Line:
    if not columns:
        fault = (
            "" if len(row) == 1 else "has several cells, and the list has no header: begin it with email,role"
        )
        return Line(number, row[0], role, fault=fault)
    cells = dict(zip(columns, row, strict=False))
    fault = "" if len(row) <= len(columns) else f"has {len(row)} cells, and the header {len(columns)}"
    return Line(number, cells.get("email", ""), cells.get("role") or role, cells.get("locale", ""), fault)


def _marking_repeats(lines: list[Line]) -> list[Line]:
    first: dict[str, Line] = {}
    marked: list[Line] = []
    for line in lines:
        earlier = None if line.fault else first.setdefault(line.email.lower(), line)
        if earlier is None or earlier is line:
            marked.append(line)
            continue
        fault = (
            ""
            if earlier.role == line.role
            else f"asks for {line.role}, and line {earlier.number} for {earlier.role}"
        )
        marked.append(Line(line.number, line.email, line.role, line.locale, fault, repeats=earlier.number))
    return marked
