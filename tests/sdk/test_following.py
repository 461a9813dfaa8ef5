"""How a guard keeps up with a real region: from its first second, while it waits, when it is refused, until it is stopped."""

import asyncio
import threading
import time

import pytest

from domicile_sdk import AsyncGuard, Clock, Guard, Refused
from tests.support.sdk import RealStage, SteadyClock, in_thread, refusal, until_refused


def test_a_removal_reaches_a_guard_that_waits_within_its_answer_and_the_thread_ends_in_the_middle_of_one(
    real: RealStage,
):
    removed = real.user("read-only")
    with Guard(real.service()) as guard:
        assert guard.authenticate(removed.authorization).id == removed.id
        assert guard.is_fresh and guard.state.last_failure == ""
        real.remove(removed)
        acknowledged = time.monotonic()
        asyncio.run(until_refused(in_thread(guard), removed.authorization, "token-void"))
        assert time.monotonic() - acknowledged < 10
        ended = time.monotonic()

    assert time.monotonic() - ended < 10, "and not after the 25 seconds of the answer"
    assert "domicile-guard" not in {thread.name for thread in threading.enumerate()}


async def test_without_the_feed_nobody_is_believed_from_sixty_seconds_on_and_with_it_everybody_again(
    real: RealStage,
):
    steady, caller = SteadyClock(), real.user("read-only")
    clock = Clock(now=lambda: real.clock().timestamp(), steady=steady)
    async with AsyncGuard(real.service(clock=clock)) as guard:
        assert await refusal(guard.authenticate, caller.authorization) is None
        steady.seconds += guard.worst_case_seconds
        assert await refusal(guard.authenticate, caller.authorization) is None
        steady.seconds += 0.1
        assert await refusal(guard.authenticate, caller.authorization) == "revocations-stale"
        assert not guard.is_fresh and (guard.state.feed_age_seconds or 0) > 60
        await guard.stop()
        assert await refusal(guard.authenticate, caller.authorization) is None, "starting again is enough"


async def test_a_wrong_credential_of_the_service_lets_nobody_in_and_is_told_without_being_shown(
    real: RealStage, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("domicile_sdk.guard._PATIENCE_SECONDS", 0.2)
    caller, wrong = real.user("read-only"), "dmv_wrong"
    service = real.service(token=wrong)
    async with AsyncGuard(service) as guard:
        assert await refusal(guard.authenticate, caller.authorization) == "revocations-stale"
        assert not guard.is_fresh and guard.state.feed_age_seconds is None
        assert "401" in guard.state.last_failure
        assert wrong not in guard.state.last_failure + repr(service)


async def test_where_nobody_answers_callers_are_refused_for_now(
    real: RealStage, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("domicile_sdk.guard._PATIENCE_SECONDS", 0.2)
    caller, key = real.user("read-only"), real.api_key("read-only")
    async with AsyncGuard(real.service(url="http://127.0.0.1:1")) as guard:
        assert await refusal(guard.authenticate, caller.authorization) == "keys-stale"
        assert await refusal(guard.authenticate, key.authorization) == "domicile-unreachable"


async def test_callers_that_come_while_a_guard_starts_wait_for_it(real: RealStage):
    caller, guard = real.user("read-only"), AsyncGuard(real.service())
    try:
        asked = [guard.authenticate(caller.authorization) for _ in range(5)]
        assert {principal.id for principal in await asyncio.gather(*asked)} == {caller.id}
    finally:
        await guard.stop()


async def test_after_a_fault_of_its_own_a_guard_looks_again(
    real: RealStage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("domicile_sdk.guard._AFTER_FAULT_SECONDS", 0.01)
    caller, faults = real.user("read-only"), [RuntimeError("a fault")]
    guard = AsyncGuard(real.service())
    read_feed = guard._follower.read_feed

    def read_feed_later(*, wait_seconds: int = 0):
        if faults:
            raise faults.pop()
        return read_feed(wait_seconds=wait_seconds)

    monkeypatch.setattr(guard._follower, "read_feed", read_feed_later)
    async with guard:
        assert await refusal(guard.authenticate, caller.authorization) is None
    assert "A fault of the SDK" in caplog.text


async def test_what_domicile_says_of_an_api_key_is_what_its_caller_is_told(real: RealStage):
    elsewhere = real.world.key(real.account.api, allowedCIDRs=["203.0.113.0/24"]).api.authorization
    async with AsyncGuard(real.service()) as guard:
        with pytest.raises(Refused) as refused:
            await guard.authenticate(elsewhere)

    assert (refused.value.status, refused.value.code) == (403, "address-not-allowed")
    assert "error=" not in refused.value.challenge
