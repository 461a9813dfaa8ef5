"""Guards: the rules by which a service lets Domicile decide on requests to it, by method and path; the first that fits decides."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from domicile.kernel.text import Refused

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""What guards can be about; a request by any other method fits none."""
MOST_GUARDS: Final = 200
MOST_SEGMENTS: Final = 32
ONE: Final = "*"
"""Stands in a pattern for any one segment."""
REST: Final = "**"
"""Stands at the end of a pattern for any number of segments, none included."""

_LITERAL = re.compile(r"[A-Za-z0-9._~!$&'()+,=:@-]{1,200}")


@dataclass(frozen=True, slots=True)
class Guard:
    """What one kind of request asks for."""

    methods: frozenset[str]
    """`GET` stands for `HEAD` too."""
    pattern: str
    """Segments, of which `*` is any one and a last `**` any number; `/` alone is the root."""
    permission: str | None = None
    """None: whoever has a place in the account, or everybody if it is public."""
    is_public: bool = False
    """Whether nobody is asked who they are."""


class GuardTable:
    """The guards of one service, made ready once: one expression for each method."""

    def __init__(self, guards: Sequence[Guard]) -> None:
        by_method = {method: _guards_for(method, guards) for method in METHODS}
        self._exact = {method: _compile(found) for method, found in by_method.items() if found}
        self._loose = {method: _compile(found, re.IGNORECASE) for method, found in by_method.items() if found}

    def find(self, method: str, path: str) -> Guard | None:
        """Find the first guard that fits a path in its normal form; None where there is none, which is a refusal.

        Raises `Refused` for a path that another guard would decide on if letters of both cases were the same: nobody here
        knows how the service reads them.
        """
        if method not in self._exact:
            return None
        found, loosely = _find(self._exact[method], path), _find(self._loose[method], path)
        if found is not loosely:
            raise Refused("must be written as the service writes it, in upper and lower case")
        return found


_Compiled = tuple[re.Pattern[str], tuple[Guard, ...]]


def _guards_for(method: str, guards: Iterable[Guard]) -> tuple[Guard, ...]:
    return tuple(guard for guard in guards if method in _methods_of(guard))


def _methods_of(guard: Guard) -> frozenset[str]:
    return guard.methods | {"HEAD"} if "GET" in guard.methods else guard.methods


def _compile(guards: tuple[Guard, ...], flags: re.RegexFlag = re.NOFLAG) -> _Compiled:
    # Alternatives are tried in their order, so that the group that took part is the first guard that fits.
    return re.compile(
        "|".join(f"({_expression(guard.pattern)})" for guard in guards), flags | re.ASCII
    ), guards


def _expression(pattern: str) -> str:
    segments = _segments(pattern)
    if not segments:
        return "/"
    if segments == [REST]:
        return "/.*"
    written = {ONE: "/[^/]+", REST: "(?:/.*)?"}
    return "".join(written.get(segment, f"/{re.escape(segment)}") for segment in segments)


def _find(compiled: _Compiled, path: str) -> Guard | None:
    expression, guards = compiled
    fitting = expression.fullmatch(path)
    return guards[fitting.lastindex - 1] if fitting and fitting.lastindex else None


def _segments(pattern: str) -> list[str]:
    return pattern[1:].split("/") if pattern != "/" else []


def guard_faults(guards: Sequence[Guard], permissions: frozenset[str]) -> Iterator[str]:
    """Say what is wrong with the guards of a service that has these permissions, a sentence each."""
    if len(guards) > MOST_GUARDS:
        yield f"guards: there are more than {MOST_GUARDS}; let patterns with * or ** stand for several"
        return
    for index, guard in enumerate(guards):
        faults = [*_method_faults(guard), *_pattern_faults(guard.pattern)]
        if guard.permission is not None and guard.permission not in permissions:
            faults.append(
                f"permission: full-access has no {guard.permission}; add it there, or ask for another"
            )
        if not faults:
            faults += _order_faults(index, guards)
        yield from (f"guards[{index}].{fault}" for fault in faults)


def _method_faults(guard: Guard) -> Iterator[str]:
    if not guard.methods:
        yield "methods: is empty; leave it out for every method"
    if unknown := sorted(guard.methods - METHODS):
        yield f"methods: {', '.join(unknown)} cannot be guarded; there are {', '.join(sorted(METHODS))}"


def _pattern_faults(pattern: str) -> Iterator[str]:
    if not pattern.startswith("/"):
        yield f"path: {pattern!r} must begin with /"
        return
    segments = _segments(pattern)
    if len(segments) > MOST_SEGMENTS:
        yield f"path: has more than {MOST_SEGMENTS} segments"
    for place, segment in enumerate(segments, 1):
        if segment == REST and place < len(segments):
            yield "path: ** can stand at the end alone; use * for one segment"
        elif segment in {".", ".."} or not (segment in {ONE, REST} or _LITERAL.fullmatch(segment)):
            yield f"path: the segment {segment!r} must be *, a last **, or letters, digits and punctuation, none encoded"


def _order_faults(index: int, guards: Sequence[Guard]) -> Iterator[str]:
    guard = guards[index]
    broader = [
        (place, earlier)
        for place, earlier in enumerate(guards[:index])
        if _covers(_segments(earlier.pattern.lower()), _segments(guard.pattern.lower()))
    ]
    taken = frozenset[str]().union(*(_methods_of(earlier) for _, earlier in broader))
    if _methods_of(guard) <= taken:
        places = ", ".join(f"guards[{place}]" for place, _ in broader)
        yield f"path: never decides, because {places} before it takes all that would fit; put the narrower first"


def _covers(broad: list[str], narrow: list[str]) -> bool:
    """Tell whether every path that fits the second pattern fits the first."""
    if broad == [REST]:
        return True
    if not broad or not narrow or narrow[0] == REST:
        return broad == narrow
    return broad[0] in {ONE, narrow[0]} and _covers(broad[1:], narrow[1:])
