"""Requests and answers as values, and conversations made of them, which do no I/O themselves."""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar, cast

ResultT = TypeVar("ResultT")
_LARGEST = 1e15


class Unreachable(Exception):
    """Domicile gave no answer, or none that makes sense; the text names no credential."""


class UnexpectedForm(ValueError):
    """JSON has another form than was agreed; the text names members, and never their values."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request to send."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """They hold credentials, and are not shown."""
    content: bytes | None = field(default=None, repr=False)
    timeout_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Their names in small letters."""
    content: bytes = field(repr=False)

    def body(self) -> "Fields":
        """Read the JSON object in the answer; `Unreachable` if it is none."""
        try:
            return Fields.of(json.loads(self.content))
        except (ValueError, RecursionError):
            raise Unreachable(f"the answer ({self.status}) is not one of Domicile's") from None


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing to send for so long."""

    seconds: float


Conversation: TypeAlias = Generator[Request | Pause, Answer | None, ResultT]
"""Gives requests to send and pauses to make, is given the answers (or thrown `Unreachable`), and ends with a result.

Whoever drives it does the I/O, so that threads, event loops and tests share what is said.
"""


def ask(request: Request) -> Conversation[Answer]:
    """Send one request and give its answer."""
    answer = yield request
    if answer is None:
        raise TypeError("a request was driven as a pause")
    return answer


@dataclass(frozen=True, slots=True)
class Fields:
    """The members of a JSON object, read by type; what is not of that type is `UnexpectedForm`."""

    members: Mapping[str, object]

    @classmethod
    def of(cls, value: object) -> "Fields":
        """Take a JSON value that must be an object."""
        if not isinstance(value, dict):
            raise UnexpectedForm("not an object")
        return cls(cast("dict[str, object]", value))

    def text(self, name: str) -> str:
        """Read a text."""
        value = self.members.get(name)
        if not isinstance(value, str):
            raise UnexpectedForm(f"{name} is not a text")
        return value

    def text_or_empty(self, name: str) -> str:
        """Read a text that may be absent."""
        return self.text(name) if name in self.members else ""

    def whole(self, name: str) -> int:
        """Read a whole number."""
        value = self.members.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise UnexpectedForm(f"{name} is not a whole number")
        return value

    def number(self, name: str) -> float:
        """Read a number that is finite, and no larger than times are."""
        value = self.members.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < _LARGEST:
            raise UnexpectedForm(f"{name} is not a number")
        return float(value)

    def flag(self, name: str) -> bool:
        """Read true or false."""
        value = self.members.get(name)
        if not isinstance(value, bool):
            raise UnexpectedForm(f"{name} is neither true nor false")
        return value

    def inner(self, name: str) -> "Fields":
        """Read an object."""
        return Fields.of(self.members.get(name))

    def values(self, name: str) -> list[object]:
        """Read a list."""
        value = self.members.get(name)
        if not isinstance(value, list):
            raise UnexpectedForm(f"{name} is not a list")
        return cast("list[object]", value)

    def objects(self, name: str) -> list["Fields"]:
        """Read a list of objects."""
        return [Fields.of(value) for value in self.values(name)]

    def texts(self, name: str) -> list[str]:
        """Read a list of texts."""
        found = self.values(name)
        if not all(isinstance(value, str) for value in found):
            raise UnexpectedForm(f"{name} is not a list of texts")
        return cast("list[str]", found)

    def text_map(self, name: str) -> dict[str, str]:
        """Read an object whose members are texts."""
        found = self.inner(name).members
        if not all(isinstance(value, str) for value in found.values()):
            raise UnexpectedForm(f"{name} holds something else than texts")
        return dict(cast("Mapping[str, str]", found))
