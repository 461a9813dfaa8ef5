"""Secrets: texts that do not print, keys apart by purpose, values bound to their context, one root key for all processes."""

import random
import stat
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime
from math import log2
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domicile.identity.passkeys.domain import Purpose
from domicile.identity.passkeys.service import new_challenge
from domicile.identity.recovery_codes.domain import new_codes
from domicile.identity.sessions.service import new_session_token
from domicile.infra.one_time_codes import new_totp_secret
from domicile.infra.secrets import (
    Keyring,
    SecretText,
    has_checksum,
    load_root_key,
    new_api_key_secret,
    new_link_token,
    with_checksum,
)

ROOT = Keyring(bytes(range(32)))
SOME_TIME = datetime(2026, 11, 23, 14, tzinfo=UTC)
CANARY = "canary-19ce"


def test_a_secret_shows_itself_only_when_asked_by_name():
    secret = SecretText(CANARY)

    shown = f"{secret} {secret!r} {[secret]}"
    assert CANARY not in shown
    assert secret.reveal() == CANARY
    assert (secret == SecretText(CANARY), secret == SecretText("other"), secret == CANARY) == (
        True,
        False,
        False,
    )


def test_keys_and_hashes_do_not_show_themselves():
    shown = f"{ROOT!r} {ROOT.hasher('x')!r} {ROOT.sealer('x')!r}"

    assert bytes(range(32)).hex() not in shown and "\\x" not in shown


def test_each_purpose_has_a_key_of_its_own():
    purposes = ["links de-1", "links us-1", "api keys de-1", "sessions"]

    assert len({ROOT.derive(purpose) for purpose in purposes}) == len(purposes)
    assert ROOT.hasher("x").of("text") != ROOT.hasher("y").of("text")
    assert Keyring(bytes(32)).derive("x") != ROOT.derive("x")


def test_a_keyed_hash_knows_its_own_text_only():
    hashed = ROOT.hasher("x").of("text")

    assert len(hashed) == 32
    assert ROOT.hasher("x").of("text") == hashed
    assert ROOT.hasher("x").of("Text") != hashed
    assert ROOT.hasher("y").of("text") != hashed


@given(plain=st.binary(max_size=200), context=st.text(max_size=20))
def test_what_was_sealed_opens_in_its_context(plain: bytes, context: str):
    sealer = ROOT.sealer("x")

    assert sealer.open(sealer.seal(plain, context=context), context=context) == plain


@given(place=st.integers(0, 36), bit=st.integers(0, 7))
def test_a_sealed_value_with_any_bit_changed_does_not_open(place: int, bit: int):
    sealed = bytearray(ROOT.sealer("x").seal(b"plaintext", context="here"))
    sealed[place] ^= 1 << bit

    with pytest.raises(ValueError, match="was changed"):
        ROOT.sealer("x").open(bytes(sealed), context="here")


def test_a_sealed_value_opens_in_no_other_context_and_with_no_other_key():
    sealed = ROOT.sealer("x").seal(b"plaintext", context="account 1")

    for sealer, context in ((ROOT.sealer("x"), "account 2"), (ROOT.sealer("y"), "account 1")):
        with pytest.raises(ValueError, match="was changed"):
            sealer.open(sealed, context=context)


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(12), bytes(27)])
def test_what_is_too_short_to_be_sealed_does_not_open(sealed: bytes):
    with pytest.raises(ValueError, match="was changed"):
        ROOT.sealer("x").open(sealed, context="here")


def test_the_root_key_is_made_once_for_its_owner_only(tmp_path: Path):
    path = tmp_path / "new" / "secret.key"

    first, second = load_root_key(path), load_root_key(path)

    assert first.derive("x") == second.derive("x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret.key"]


def _derived(path: str) -> bytes:
    return load_root_key(Path(path)).derive("x")


def test_processes_that_start_at_once_agree_on_one_root_key(tmp_path: Path):
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        keys = list(pool.map(_derived, [str(tmp_path / "secret.key")] * 8))

    assert len(set(keys)) == 1


def test_starts_at_once_under_one_process_id_as_in_containers_agree_on_one_root_key(tmp_path: Path):
    for number in range(20):
        with ThreadPoolExecutor(8) as pool:
            keys = list(pool.map(_derived, [str(tmp_path / f"{number}.key")] * 8))

        assert len(set(keys)) == 1


@pytest.mark.parametrize("text", ["", CANARY, "ab" * 31, "0x" + "ab" * 31])
def test_a_root_key_file_that_holds_no_key_is_refused_without_being_shown(tmp_path: Path, text: str):
    (tmp_path / "secret.key").write_text(text)

    with pytest.raises(ValueError, match="64 hexadecimal") as refused:
        load_root_key(tmp_path / "secret.key")
    assert CANARY not in str(refused.value)


def test_secrets_are_long_differ_and_carry_their_checksum():
    secrets = {new_api_key_secret().reveal() for _ in range(50)}

    assert len(secrets) == 50
    assert all(len(secret) == 49 and secret.isalnum() and has_checksum(secret) for secret in secrets)
    assert len({new_link_token() for _ in range(50)}) == 50


def _challenge() -> bytes:
    drawn = new_challenge(
        Purpose.ASSERTION, None, "sign-in 1", needs_uv=True, user_handle=None, now=SOME_TIME
    )
    return drawn.secret


_DRAWN: dict[str, tuple[Callable[[], str | bytes], int, int]] = {
    "token of a session": (lambda: new_session_token().reveal()[4:-6], 62, 256),
    "link": (new_link_token, 64, 256),
    "key": (lambda: new_api_key_secret().reveal()[:-6], 62, 256),
    "secret of an app": (lambda: new_totp_secret().reveal(), 32, 160),
    "recovery code": (lambda: new_codes()[0].replace("-", ""), 32, 80),
    "challenge of a passkey": (_challenge, 256, 256),
}
"""What is drawn for somebody: how, of how many letters, and the bits that it has at least."""


@pytest.mark.parametrize("kind", _DRAWN)
def test_what_is_drawn_for_somebody_has_its_bits_and_cannot_be_foretold(kind: str):
    draw, letters, bits = _DRAWN[kind]
    before = random.getstate()
    try:
        drawn: set[str | bytes] = set()
        for _ in range(1000):
            random.seed(1)
            drawn.add(draw())
    finally:
        random.setstate(before)

    assert len(drawn) == 1000
    assert len({letter for one in drawn for letter in one}) == letters
    assert all(len(one) * log2(letters) >= bits for one in drawn)


@given(body=st.text("0123456789abcXYZ", min_size=1, max_size=60), place=st.integers(0, 59))
def test_a_mistyped_secret_is_told_from_a_true_one(body: str, place: int):
    secret = with_checksum(body)
    at = place % len(body)
    mistyped = secret[:at] + ("Q" if secret[at] != "Q" else "R") + secret[at + 1 :]

    assert has_checksum(secret)
    assert not has_checksum(mistyped)
