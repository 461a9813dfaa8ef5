"""Inviting a whole list: sent in batches under keys of their own, each line with its own result, and safe to run again."""

import csv
import os
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, TextIO
from uuid import uuid4

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from domicile.apps.cli.address_list import Line, formula_safe
from domicile.apps.cli.api import Answer, Api, JsonObject, items_of, object_of, refusal, text_of
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.printing import show_note

_BATCH: Final = 100
_TRIES: Final = 5
_LONGEST_PAUSE_SECONDS: Final = 60
_HEADINGS: Final = ("line", "email", "role", "result", "reason", "id", "link")


class Result(StrEnum):
    """What came of one line."""

    CREATED = "created"
    OPEN = "open"
    """There is an open invitation to the address, from an earlier run or otherwise."""
    MEMBER = "member"
    """The address is a user of the account already."""
    REPEATED = "repeated"
    """A line before it asks for the same."""
    REFUSED = "refused"
    NOT_TRIED = "not-tried"
    """The day's cap, or the connection, ended the run before it."""

    @property
    def is_failure(self) -> bool:
        """Tell whether something is left to be done about the line."""
        return self in {Result.REFUSED, Result.NOT_TRIED}


_QUIET_CODES: Final = {"invitation-open": Result.OPEN, "already-member": Result.MEMBER}
_CAP: Final = "too-many-invitations"


@dataclass(frozen=True)
class Told:
    """The result of one line, as it is printed, written, and given as JSON."""

    line: int
    email: str
    role: str
    result: Result
    reason: str = ""
    id: str = ""
    link: str = ""

    def __str__(self) -> str:
        told = f"line {self.line}: {self.email or '(no address)'}: {self.result}"
        return " ".join([told, *(part for part in (self.reason and f"({self.reason})", self.link) if part)])


@dataclass(frozen=True)
class Import:
    """One run over a list."""

    api: Api
    delivery: str
    waits: bool
    """Whether to wait for the day's cap instead of ending the run."""

    def run(self, lines: Sequence[Line]) -> Iterator[list[Told]]:
        """Send the lines batch by batch; gives the results of each as they come, in the order of the list.

        When the run cannot go on, what is left is `not-tried`: nothing is lost, and running it again doubles nothing.
        """
        ended = ""
        for batch in _batches(lines):
            if ended:
                yield [_not_tried(line, ended) for line in batch]
                continue
            told, ended = self._send(batch)
            yield told

    def _send(self, batch: Sequence[Line]) -> tuple[list[Told], str]:
        """Send one batch, waiting for the day's cap if that is wished; gives its results, and why the run ends, if it does."""
        results = {line.number: told for line in batch if (told := _settled(line))}
        ended = ""
        while not ended and (wanted := [line for line in batch if line.number not in results]):
            try:
                answers = items_of(self._call(wanted).body(), "results")
            except CommandError as error:
                ended = error.message
                continue
            capped = [_cap_of(answer) for answer in answers]
            answered = zip(wanted, answers, capped, strict=True)
            results |= {line.number: _told(line, answer) for line, answer, cap in answered if not cap}
            if seconds := max(capped, default=0):
                ended = self._at_the_cap(seconds)
        return [results.get(line.number) or _not_tried(line, ended) for line in batch], ended

    def _at_the_cap(self, seconds: int) -> str:
        """Wait until the account may invite again, if that is wished; otherwise tell why the run ends."""
        if not self.waits:
            return f"the account may invite no more today: run this again in {_span(seconds)}"
        show_note(f"The account may invite no more today: waiting {_span(seconds)}.")
        time.sleep(seconds)
        return ""

    def _call(self, wanted: Sequence[Line]) -> Answer:
        """Send one request, again if need be: its key keeps what was done from being done twice."""
        body: JsonObject = {"invitations": [_entry(line) for line in wanted], "delivery": self.delivery}
        headers = {"Idempotency-Key": str(uuid4())}
        tries = 0
        while True:
            tries += 1
            try:
                answer = self.api.send("POST", "/invitations/bulk", body=body, headers=headers)
            except CommandError as error:
                if error.code is not Exit.UNREACHABLE or tries == _TRIES:
                    raise
                time.sleep(2 ** (tries - 1))
                continue
            if 200 <= answer.status < 300:
                return answer
            pause = _pause_of(answer)
            if pause is None or tries == _TRIES:
                raise refusal(answer)
            time.sleep(pause)


def _batches(lines: Sequence[Line]) -> Iterator[Sequence[Line]]:
    for start in range(0, len(lines), _BATCH):
        yield lines[start : start + _BATCH]


def _entry(line: Line) -> dict[str, str]:
    entry = {"email": line.email, "roleID": line.role}
    return entry | ({"locale": line.locale} if line.locale else {})


def _settled(line: Line) -> Told | None:
    if line.fault:
        return Told(line.number, line.email, line.role, Result.REFUSED, line.fault)
    if line.repeats:
        return Told(line.number, line.email, line.role, Result.REPEATED, f"as line {line.repeats}")
    return None


def _told(line: Line, answer: JsonObject) -> Told:
    made, problem = object_of(answer, "invitation"), object_of(answer, "problem")
    if made:
        return Told(
            line.number,
            line.email,
            line.role,
            Result.CREATED,
            id=text_of(made, "id"),
            link=text_of(made, "link"),
        )
    result = _QUIET_CODES.get(text_of(problem, "code"), Result.REFUSED)
    fields = [f"{name} {reason}" for name, reason in object_of(problem, "fields").items()]
    reason = "; ".join(fields) or text_of(problem, "message")
    return Told(line.number, line.email, line.role, result, reason)


def _not_tried(line: Line, why: str) -> Told:
    return _settled(line) or Told(line.number, line.email, line.role, Result.NOT_TRIED, why)


def _cap_of(answer: JsonObject) -> int:
    problem = object_of(answer, "problem")
    seconds = problem.get("retryAfter")
    return seconds if text_of(problem, "code") == _CAP and isinstance(seconds, int) else 0


def _pause_of(answer: Answer) -> int | None:
    """Tell how long a server that has too much to do asks to be left alone; None where that is no matter of a minute."""
    seconds = answer.headers.get("Retry-After", "")
    if answer.status not in {429, 503} or not seconds.isdigit():
        return None
    return int(seconds) if int(seconds) <= _LONGEST_PAUSE_SECONDS else None


def _span(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def as_document(told: Sequence[Told]) -> JsonObject:
    """Make the JSON of a run: each line's result, and how many there are of each."""
    results = [{name: value for name, value in asdict(each).items() if value != ""} for each in told]
    return {"results": results, "summary": {str(result): count for result, count in _counted(told).items()}}


def summary(told: Sequence[Told]) -> str:
    """Tell in one line how many lines came to what."""
    counted = ", ".join(f"{count} {result}" for result, count in _counted(told).items())
    return f"{len(told)} lines: {counted}"


def _counted(told: Sequence[Told]) -> dict[Result, int]:
    counts = {result: sum(each.result is result for each in told) for result in Result}
    return {result: count for result, count in counts.items() if count}


@contextmanager
def results_file(path: Path | None) -> Generator["ResultsFile"]:
    """Open a new file for results, readable by its owner alone, because links may be in it; None: they go nowhere."""
    if path is None:
        yield ResultsFile(None)
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(
            Exit.USAGE,
            f"{path} cannot be made: {error.strerror}. Name a file that is not there. Nothing was sent.",
        ) from None
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        results = ResultsFile(file)
        results.write([_HEADINGS])
        yield results


@dataclass(frozen=True)
class ResultsFile:
    """Where results are written as they come, so that a run that is cut off leaves those that it had."""

    file: TextIO | None

    def add(self, told: Sequence[Told]) -> None:
        """Write results down."""
        self.write([[str(value) for value in asdict(each).values()] for each in told])

    def write(self, rows: Sequence[Sequence[str]]) -> None:
        """Write rows down at once, with no cell that a spreadsheet takes for a formula."""
        if self.file is not None:
            csv.writer(self.file).writerows([[formula_safe(cell) for cell in row] for row in rows])
            self.file.flush()


@contextmanager
def progress(total: int, doing: str = "Inviting") -> Generator[Callable[[int], None]]:
    """Show on standard error how far a run has come, if somebody is looking; gives what tells it of so many more lines."""
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda count: bar.advance(task, count)
