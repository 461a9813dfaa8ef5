"""Collects what is wrong with the fields of one body, so that all of it is told at once."""

from collections.abc import Callable
from typing import TypeVar

from domicile.kernel.errors import invalid
from domicile.kernel.text import Refused

ValueT = TypeVar("ValueT")


class Faults:
    """Runs rules field by field and remembers each refusal."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}

    def take(self, name: str, rule: Callable[[str], ValueT], text: str | None) -> ValueT | None:
        """Apply a rule to a field's text; None if it was refused, or was not there."""
        if text is None:
            return None
        try:
            return rule(text)
        except Refused as refused:
            self._fields[name] = str(refused)
            return None

    def add(self, name: str, reason: str) -> None:
        """Remember a refusal."""
        self._fields[name] = reason

    def settle(self) -> None:
        """Raise `invalid-input` if anything was refused."""
        if self._fields:
            raise invalid(self._fields)
