"""Labels, by which things can be chosen, and the selectors that choose."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domicile.kernel.errors import invalid

MOST_LABELS: Final = 20
MOST_REQUIREMENTS: Final = 10
LONGEST_SELECTOR: Final = 1_000

_KEY = r"[a-z0-9](?:[a-z0-9./-]{0,61}[a-z0-9])?"
_VALUE = r"[A-Za-z0-9._-]{0,63}"
_VALUES = rf"\(\s*{_VALUE}\s*(?:,\s*{_VALUE}\s*)*\)"
_REQUIREMENT = re.compile(
    rf"\s*(?:(?P<absent>!)\s*(?P<no>{_KEY})"
    rf"|(?P<key>{_KEY})(?:\s*(?P<is>==?|!=)\s*(?P<value>{_VALUE})|\s+(?P<among>in|notin)\s*(?P<values>{_VALUES}))?)\s*"
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One part of a selector: a label must be there, or must not."""

    key: str
    values: frozenset[str] | None
    """One of these; None: whatever it is."""
    is_wanted: bool
    """False: nothing that has such a label is chosen."""


def label_faults(labels: Mapping[str, str]) -> dict[str, str]:
    """Say what is wrong with labels, by JSON pointer (RFC 6901)."""
    if len(labels) > MOST_LABELS:
        return {"/labels": f"must be at most {MOST_LABELS}"}
    faults: dict[str, str] = {}
    for key, value in labels.items():
        if not re.fullmatch(_KEY, key):
            faults["/labels"] = "a key has 1 to 63 small letters, digits, inner dots, slashes and hyphens"
        elif not re.fullmatch(_VALUE, value):
            faults[f"/labels/{key.replace('/', '~1')}"] = (
                "must have at most 63 letters, digits, dots, hyphens and underscores"
            )
    return faults


def parse_selector(text: str | None) -> tuple[Requirement, ...]:
    """Read a selector such as `stage=live,!retired,tier in (a,b)`; all of its parts must hold. `invalid-input` on `selector`.

    `key!=value` and `key notin (...)` also choose what has no such label.
    """
    if text is None or not text.strip():
        return ()
    if len(text) > LONGEST_SELECTOR:
        raise invalid({"selector": f"must have at most {LONGEST_SELECTOR} characters"})
    read: list[Requirement] = []
    at = 0
    while True:
        found = _REQUIREMENT.match(text, at)
        if found is None or (found.end() < len(text) and text[found.end()] != ","):
            raise invalid(
                {"selector": "must be parts like stage=live, stage!=live, stage, !stage, stage in (a,b)"}
            )
        read.append(_requirement(found))
        if found.end() == len(text):
            break
        at = found.end() + 1
    if len(read) > MOST_REQUIREMENTS:
        raise invalid({"selector": f"must have at most {MOST_REQUIREMENTS} parts"})
    return tuple(read)


def _requirement(found: re.Match[str]) -> Requirement:
    if found["absent"]:
        return Requirement(found["no"], None, is_wanted=False)
    if found["among"]:
        values = frozenset(value.strip() for value in found["values"][1:-1].split(","))
        return Requirement(found["key"], values, is_wanted=found["among"] == "in")
    if found["is"]:
        return Requirement(found["key"], frozenset({found["value"]}), is_wanted=found["is"] != "!=")
    return Requirement(found["key"], None, is_wanted=True)
