"""Which keys count for tokens, and when: published long before it signs, believed no longer than its tokens live."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domicile.kernel.ids import REGION_PATTERN
from domicile.kernel.signing_keys import (
    CLOCK_SKEW,
    KEYS_KEPT_SECONDS,
    LONGEST_TOKEN,
    PUBLISHED_AHEAD,
    KeyState,
    SigningKey,
)
from domicile.region.entering.domain import LIFETIME

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
KEY = SigningKey("de-1.a", KeyState.CURRENT, {}, NOW, NOW, None, None)


def test_a_key_is_known_to_every_verifier_before_it_signs():
    assert timedelta(seconds=KEYS_KEPT_SECONDS) + CLOCK_SKEW < PUBLISHED_AHEAD


def test_no_token_lives_longer_than_its_key_is_believed():
    assert LIFETIME <= LONGEST_TOKEN


@pytest.mark.parametrize("state", [KeyState.NEXT, KeyState.CURRENT])
def test_a_key_that_signs_or_will_counts_for_ever(state: KeyState):
    assert replace(KEY, state=state).counts_for_tokens(NOW + timedelta(days=4000))


def test_a_former_key_counts_until_its_last_token_has_expired_and_not_a_moment_longer():
    former = replace(KEY, state=KeyState.FORMER, signed_until=NOW)
    last = NOW + LONGEST_TOKEN + CLOCK_SKEW

    assert former.tokens_until == last
    assert former.counts_for_tokens(last - timedelta(microseconds=1))
    assert not former.counts_for_tokens(last)


def test_a_withdrawn_key_counts_for_nothing_at_once():
    withdrawn = replace(KEY, state=KeyState.WITHDRAWN, signed_until=NOW, withdrawn_at=NOW)

    assert not withdrawn.counts_for_tokens(NOW)
    assert not withdrawn.counts_for_tokens(NOW - timedelta(hours=1))


@pytest.mark.parametrize(
    ("state", "seconds", "is_due"),
    [
        (KeyState.NEXT, -1, False),
        (KeyState.NEXT, 0, True),
        (KeyState.CURRENT, 1, False),
        (KeyState.WITHDRAWN, 1, False),
    ],
)
def test_only_the_next_key_becomes_due_and_only_at_its_time(state: KeyState, seconds: int, is_due: bool):
    assert replace(KEY, state=state).is_due(NOW + timedelta(seconds=seconds)) is is_due


def test_no_region_can_be_called_as_identity_is():
    assert not REGION_PATTERN.fullmatch("identity")
