"""How what an item held differs from what it held before, line by line, for people to read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import takewhile

from domicile.console.items.json_text import pretty_by_name
from domicile.region.item_log.domain import Contents

_AROUND = 3
"""Lines that are shown before and after what differs."""
_MOST_PAIRS = 1_000_000
"""Lines of one side times lines of the other up to which they are matched: the time grows faster than that."""


class Mark(StrEnum):
    """What became of a line."""

    ADDED = "+"
    REMOVED = "-"
    SAME = " "
    SKIPPED = "…"
    """Stands for lines that are the same, and not shown."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a difference."""

    mark: Mark
    text: str


def compare(before: Contents | None, after: Contents | None) -> tuple[Line, ...]:
    """Say line by line how one comes of the other; None: the item was not there. Empty where nothing differs."""
    old, new = _lines(before), _lines(after)
    if old == new:
        return ()
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    middle = _match(old[head : len(old) - tail], new[head : len(new) - tail])
    return tuple(
        _shorten([*_marked(Mark.SAME, old[:head]), *middle, *_marked(Mark.SAME, old[len(old) - tail :])])
    )


def _lines(contents: Contents | None) -> list[str]:
    """Write what an item held, with members in the order of their names, for that of an object says nothing."""
    if contents is None:
        return []
    return pretty_by_name(contents.as_json()).split("\n")


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))


def _match(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    """Match what is between the common head and tail; where that is too much, all of it counts as replaced."""
    if len(old) * len(new) > _MOST_PAIRS:
        yield from _marked(Mark.REMOVED, old)
        yield from _marked(Mark.ADDED, new)
        return
    for tag, first, last, new_first, new_last in SequenceMatcher(None, old, new).get_opcodes():
        if tag == "equal":
            yield from _marked(Mark.SAME, old[first:last])
            continue
        yield from _marked(Mark.REMOVED, old[first:last])
        yield from _marked(Mark.ADDED, new[new_first:new_last])


def _marked(mark: Mark, lines: Sequence[str]) -> list[Line]:
    return [Line(mark, line) for line in lines]


def _shorten(lines: Sequence[Line]) -> Iterator[Line]:
    """Leave out what is the same and far from what differs."""
    changed = [at for at, line in enumerate(lines) if line.mark is not Mark.SAME]
    shown = {near for at in changed for near in range(at - _AROUND, at + _AROUND + 1)}
    was_shown = True
    for at, line in enumerate(lines):
        if at in shown:
            yield line
        elif was_shown:
            yield Line(Mark.SKIPPED, "")
        was_shown = at in shown
