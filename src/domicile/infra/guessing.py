"""Estimates how many guesses a password withstands, with zxcvbn (Wheeler, USENIX Security 2016) and its lists."""

import math
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from domicile.kernel.strength import Strength, Weakness

REFUSED_BELOW = 6.0
"""Power of ten: what falls to a million guesses falls to somebody who tries patiently over a network."""
_PIECE = 72
"""Code points that the estimator takes at once; its work grows with their square."""
_MOST_SUBSTITUTES = 6
"""Different signs that may stand for letters; each doubles the readings that the estimator tries, or trebles them."""
_SIGNS = "4@8({[<3691!|70$5+%2"
_ONE_READING = str.maketrans("@{[<!|$", "4(((115")
_LOCK = threading.Lock()
"""The estimator keeps the words of one question in a variable of its module."""
_ORDER = (
    Weakness.CONTEXT,
    Weakness.COMMON,
    Weakness.REPEATED,
    Weakness.KEYBOARD,
    Weakness.SEQUENCE,
)
_BY_PATTERN = {
    "repeat": Weakness.REPEATED,
    "spatial": Weakness.KEYBOARD,
    "sequence": Weakness.SEQUENCE,
}
_BY_DICTIONARY = {"user_inputs": Weakness.CONTEXT, "passwords": Weakness.COMMON}


def estimate(password: str, context: Sequence[str]) -> Strength:
    """Estimate a normalised password; `context` holds words that a guesser tries first.

    Takes milliseconds of a processor, and a tenth of a second at worst: not for the event loop. The lists, 15 MiB, are loaded by the
    first call. What needs fewer than a million guesses is weak, and so is every common password, however it is spelled.
    """
    if not password:
        return Strength(0.0, Weakness.GUESSABLE)
    unit = _unit(password)
    found = [_guess(unit[start : start + _PIECE], context) for start in range(0, len(unit), _PIECE)]
    guesses = sum(each["guesses_log10"] for each in found) + math.log10(len(password) / len(unit))
    if _is_common(password):
        return Strength(guesses, Weakness.COMMON)
    if guesses >= REFUSED_BELOW:
        return Strength(guesses, None)
    kinds = {kind for each in found for kind in _kinds(each["sequence"])}
    if len(unit) < len(password):
        kinds.add(Weakness.REPEATED)
    return Strength(guesses, next((kind for kind in _ORDER if kind in kinds), Weakness.GUESSABLE))


def _unit(password: str) -> str:
    """Give the piece that a long password repeats, or all of it (the border table of Knuth, Morris and Pratt)."""
    if len(password) <= _PIECE:
        return password
    borders = [0] * len(password)
    for index in range(1, len(password)):
        border = borders[index - 1]
        while border and password[border] != password[index]:
            border = borders[border - 1]
        borders[index] = border + (password[border] == password[index])
    period = len(password) - borders[-1]
    return password[:period] if period * 2 <= len(password) else password


def _guess(piece: str, context: Sequence[str]) -> Mapping[str, Any]:  # Any: the estimator's own findings
    from zxcvbn import zxcvbn  # noqa: PLC0415  # its lists take 15 MiB, which an idle server does without

    if len(set(piece) & set(_SIGNS)) > _MOST_SUBSTITUTES:
        piece = piece.translate(_ONE_READING)
    with _LOCK:
        return cast("Mapping[str, Any]", zxcvbn(piece, user_inputs=list(context), max_length=_PIECE))


def _is_common(password: str) -> bool:
    from zxcvbn.matching import RANKED_DICTIONARIES  # noqa: PLC0415  # see above

    return password.casefold() in cast("Mapping[str, Mapping[str, int]]", RANKED_DICTIONARIES)["passwords"]


def _kinds(sequence: Iterable[Mapping[str, Any]]) -> Iterator[Weakness]:
    """Name what a password is made of, also inside of what it repeats."""
    for match in sequence:
        pattern = str(match["pattern"])
        if pattern == "dictionary" and (kind := _BY_DICTIONARY.get(match["dictionary_name"])):
            yield kind
        if pattern in _BY_PATTERN:
            yield _BY_PATTERN[pattern]
        yield from _kinds(match.get("base_matches") or ())
