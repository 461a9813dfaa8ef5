"""The rules of throttling, on their own: however tries are spread, no more are verified than the rules say."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domicile.identity.throttling.domain import (
    FIRST_DELAY,
    FREE_FAILURES,
    LONGEST_DELAY,
    Bucket,
    Counter,
    Rule,
    Rules,
    counted,
    delay_after,
    eased,
    is_closed,
    network_of,
    nothing_counted,
    range_of,
    wait_of,
)

RULES = Rules(most_failures=100, range_failures=20)
START = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
NO_WAIT = timedelta(0)
OF_PERSONS: tuple[Bucket, ...] = (Bucket.FAMILIAR, Bucket.STRANGERS, Bucket.SESSION)


def after(failures: int, bucket: Bucket, *, at: datetime = START) -> Counter:
    return Counter(failures, at, at)


@pytest.mark.parametrize("most", range(20, 101))
def test_all_buckets_of_a_person_together_never_pass_the_standards_hundred(most: int):
    rules = Rules(most_failures=most, range_failures=20)

    limits = [rules.of(bucket).closes_at for bucket in OF_PERSONS]
    assert all(limit is not None and limit >= FREE_FAILURES for limit in limits)
    assert sum(limit or 0 for limit in limits) <= most <= 100


def test_delays_begin_with_the_fifth_failure_and_double_up_to_fifteen_minutes():
    rule = RULES.of(Bucket.STRANGERS)

    waits = [delay_after(failures, rule).total_seconds() for failures in (0, 4, 5, 6, 7, 14, 15, 49, 10**6)]
    assert waits == [0, 0, 1, 2, 4, 512, 900, 900, 900]


def test_the_failure_that_closes_a_factor_closes_it_for_good():
    rule = RULES.of(Bucket.STRANGERS)
    last = after(50, Bucket.STRANGERS)

    assert is_closed(last, rule) and not is_closed(after(49, Bucket.STRANGERS), rule)
    assert wait_of(last, rule, now=START + timedelta(days=10_000)) == LONGEST_DELAY


@given(gaps=st.lists(st.integers(0, 2_000), max_size=300))
def test_however_a_stranger_spreads_their_tries_no_more_are_verified_than_the_rule_says(gaps: list[int]):
    rule, counter, now = RULES.of(Bucket.STRANGERS), nothing_counted(START), START
    verified: list[datetime] = []
    for gap in gaps:
        now += timedelta(seconds=gap)
        if wait_of(counter, rule, now=now) == NO_WAIT:
            counter = counted(counter, rule, now=now)
            verified.append(now)

    assert len(verified) == counter.failures <= 50
    for place, begin in enumerate(verified):
        within_a_minute = [at for at in verified[place:] if at < begin + timedelta(minutes=1)]
        # 5 are free, and 1 + 2 + 4 + 8 + 16 seconds leave room for six more.
        assert len(within_a_minute) <= 11
        assert len([at for at in verified[place:] if at < begin + timedelta(hours=1)]) <= 18


@given(failures=st.integers(0, 10**9), seconds=st.integers(-(10**9), 10**9))
def test_nobody_ever_waits_longer_than_twice_the_longest_delay_whatever_the_clocks_say(failures, seconds):
    for bucket in Bucket:
        counter = after(failures, bucket)
        waited = wait_of(counter, RULES.of(bucket), now=START + timedelta(seconds=seconds))
        assert NO_WAIT <= waited <= 2 * LONGEST_DELAY


@given(failures=st.integers(1, 500), minutes=st.integers(0, 10_000))
def test_time_makes_failures_of_a_range_forgotten_one_by_one_and_those_of_a_person_never(failures, minutes):
    now = START + timedelta(minutes=minutes)
    left = {bucket: eased(after(failures, bucket), RULES.of(bucket), now=now).failures for bucket in Bucket}

    assert left[Bucket.RANGE] == max(0, failures - minutes // 5)
    assert left[Bucket.WIDE_RANGE] == max(0, failures - minutes)
    assert {left[bucket] for bucket in OF_PERSONS} == {failures}


@given(gaps=st.lists(st.integers(0, 900), min_size=1, max_size=60))
def test_easing_in_many_steps_forgets_as_much_as_easing_in_one(gaps: list[int]):
    rule = Rule(20, eases_every=timedelta(minutes=5))
    stepped, now = after(40, Bucket.RANGE), START
    for gap in gaps:
        now += timedelta(seconds=gap)
        stepped = eased(stepped, rule, now=now)

    assert stepped.failures == eased(after(40, Bucket.RANGE), rule, now=now).failures


@pytest.mark.parametrize(
    ("address", "narrow", "around"),
    [
        ("198.51.100.77", "198.51.100.77/32", "198.51.100.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/64", "fe80::/48"),
    ],
)
def test_an_address_is_in_the_range_of_its_customer_and_in_the_network_around_it(address, narrow, around):
    parsed = ip_address(address)

    assert (str(range_of(parsed)), str(network_of(parsed))) == (narrow, around)


class Throttle(RuleBasedStateMachine):
    """A person, whoever guesses at them, and time: what strangers do never shows where the person is known."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.counters = {bucket: nothing_counted(START) for bucket in OF_PERSONS}
        self.in_a_row = dict.fromkeys(OF_PERSONS, 0)

    def _try(self, bucket: Bucket, *, succeeds: bool) -> None:
        counter, bounds = self.counters[bucket], RULES.of(bucket)
        if wait_of(counter, bounds, now=self.now) > NO_WAIT:
            return
        self.counters[bucket] = (
            nothing_counted(self.now) if succeeds else counted(counter, bounds, now=self.now)
        )
        self.in_a_row[bucket] = 0 if succeeds else self.in_a_row[bucket] + 1

    @rule(bucket=st.sampled_from(OF_PERSONS), times=st.integers(1, 60))
    def fail(self, bucket: Bucket, times: int) -> None:
        for _ in range(times):
            self._try(bucket, succeeds=False)

    @rule(bucket=st.sampled_from(OF_PERSONS))
    def succeed(self, bucket: Bucket) -> None:
        before = dict(self.counters)
        self._try(bucket, succeeds=True)
        others = [other for other in OF_PERSONS if other is not bucket]
        assert all(self.counters[other] == before[other] for other in others)

    @rule(seconds=st.integers(1, 3600))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @invariant()
    def what_is_counted_is_what_failed_in_a_row_and_within_the_limit(self) -> None:
        for bucket in OF_PERSONS:
            assert self.counters[bucket].failures == self.in_a_row[bucket]
        assert sum(self.in_a_row.values()) <= 100

    @invariant()
    def who_has_failed_less_than_five_times_in_a_row_never_waits(self) -> None:
        for bucket in OF_PERSONS:
            waits = wait_of(self.counters[bucket], RULES.of(bucket), now=self.now)
            if self.in_a_row[bucket] < FREE_FAILURES:
                assert waits == NO_WAIT
            elif self.counters[bucket].last_at == self.now:
                assert waits >= FIRST_DELAY


TestThrottle = Throttle.TestCase
