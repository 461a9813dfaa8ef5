"""Rows for spreadsheets: CSV (RFC 4180) in which no cell is ever taken for a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

CSV: Final = "text/csv; charset=utf-8"
"""The media type."""

_FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes a formula by (OWASP, CSV injection), also in full width."""


def write_rows(rows: Iterable[Sequence[str]]) -> bytes:
    """Write rows, each ended by CR LF."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([as_text(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def as_text(cell: str) -> str:
    """Make a cell a text for every spreadsheet: an apostrophe goes before what would begin a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA_BEGINNINGS) else cell
