"""Answers of browsers as bytes and shapes: whatever a stranger sends shows nobody and breaks nothing."""

import json
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from domicile.identity.passkeys.domain import Ceremony
from domicile.identity.passkeys.store import (
    passkey_challenges,
)
from domicile.infra.databases import IdentityTx
from tests.support.authenticator import (
    from_base64url,
    to_base64url,
)
from tests.support.passkeys import ATTEMPT, Holder


def _corrupt(credential: dict[str, Any], part: str, at: int, value: int, kind: str) -> dict[str, Any]:
    """Change one byte of a part of an answer, cut it short there, or put something in its place."""
    data = bytearray(from_base64url(credential["response"][part]))
    position = at % len(data)
    if kind == "flip":
        data[position] ^= value
    elif kind == "cut":
        del data[position:]
    else:
        data.insert(position, value)
    response = {**credential["response"], part: to_base64url(bytes(data))}
    return {**credential, "response": response}


async def test_no_change_of_any_byte_of_a_good_answer_is_taken(ann: Holder):
    # Examples are drawn first and tried one after the other, because the event loop is the test's.
    asked = await ann.ask()
    good = ann.device.get(asked.options)
    parts = ["clientDataJSON", "authenticatorData", "signature"]
    cases: list[tuple[str, int, int, str]] = []

    @hypothesis.settings(max_examples=150, database=None, derandomize=True)
    @hypothesis.given(
        st.sampled_from(parts),
        st.integers(0, 400),
        st.integers(1, 255),
        st.sampled_from(["flip", "cut", "insert"]),
    )
    def draw(part: str, at: int, value: int, kind: str) -> None:
        cases.append((part, at, value, kind))

    draw()
    for case in cases:
        await _put_back(ann, asked)
        assert await ann.show(asked, _corrupt(good, *case)) is None, case
    await _put_back(ann, asked)
    assert await ann.show(asked, good) is not None


async def _put_back(ann: Holder, asked: Ceremony) -> None:
    """Let the same challenge be asked again, so that nothing but the answer is at fault."""

    async def work(tx: IdentityTx) -> None:
        row = {
            "challenge_id": asked.challenge_id,
            "challenge": from_base64url(asked.options["challenge"]),
            "purpose": "assertion",
            "user_id": ann.person.user_id,
            "binding": ATTEMPT,
            "needs_uv": False,
            "user_handle": None,
            "expires_at": asked.expires_at,
        }
        await tx.execute(tx.insert(passkey_challenges).values(row).on_conflict_do_nothing())

    await ann.people.database.run_tx(work)


_SHAPES: dict[str, Any] = {
    "nothing": lambda _: {},
    "no response": lambda good: {k: v for k, v in good.items() if k != "response"},
    "a response that is a list": lambda good: good | {"response": []},
    "a response that is null": lambda good: good | {"response": None},
    "another type": lambda good: good | {"type": "password"},
    "no type": lambda good: {k: v for k, v in good.items() if k != "type"},
    "an id that is a number": lambda good: good | {"id": 1, "rawId": 1},
    "an id that is a list": lambda good: good | {"id": [], "rawId": []},
    "an empty id": lambda good: good | {"id": "", "rawId": ""},
    "an id with padding": lambda good: good | {"id": good["id"] + "=", "rawId": good["id"] + "="},
    "an id with noise that lenient readers pass over": lambda good: (
        good | {"id": "*" + good["id"], "rawId": "*" + good["id"]}
    ),
    "two different ids": lambda good: good | {"rawId": to_base64url(bytes(32))},
    "an id of 100 KB": lambda good: good | {"id": "A" * 100_000, "rawId": "A" * 100_000},
    "an id of 1024 octets": lambda good: (
        good | {"id": to_base64url(bytes(1024)), "rawId": to_base64url(bytes(1024))}
    ),
    **{
        f"{part}: {what}": lambda good, part=part, value=value: (
            good | {"response": good["response"] | {part: value}}
        )
        for part in ("clientDataJSON", "authenticatorData", "signature", "userHandle")
        for what, value in {
            "a number": 7,
            "a list": ["AA"],
            "an object": {},
            "true": True,
            "100 KB": "A" * 100_000,
            "not base64url": "@@@",
            "one character": "A",
            "standard base64": "+/+/",
            "line breaks": "QUFB\nQUFB",
            "a few bytes": "AAAA",
        }.items()
    },
    **{
        f"client data: {what}": lambda good, text=text: (
            good | {"response": good["response"] | {"clientDataJSON": to_base64url(text)}}
        )
        for what, text in {
            "a list": b"[]",
            "null": b"null",
            "a number": b"1e999",
            "not UTF-8": b'{"type":"\xff"}',
            "deep": b"[" * 12_000,
            "a lone surrogate": b'{"type":"webauthn.get","challenge":"\\ud800","origin":"x"}',
            "empty": json.dumps({}).encode(),
        }.items()
    },
}


@pytest.mark.parametrize("shape", _SHAPES)
async def test_an_answer_of_another_shape_shows_nobody_and_breaks_nothing(ann: Holder, shape: str):
    asked = await ann.ask()
    good = ann.device.get(asked.options)

    assert await ann.show(asked, _SHAPES[shape](good)) is None
