"""What a guard promises, of threads and of event loops, against a real platform and against the SDK's own fake of one."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import pytest

from domicile_sdk import AsyncGuard, Guard, PrincipalKind
from tests.support.sdk import Ask, FakeStage, Stage, in_thread, refusal, until_refused

GUARDS = ["real, threads", "real, event loop", "fake, threads", "fake, event loop"]


@pytest.fixture(params=GUARDS)
def stage(request: pytest.FixtureRequest) -> Stage:
    return request.getfixturevalue("real") if request.param.startswith("real") else FakeStage()


@pytest.fixture
async def ask(stage: Stage, request: pytest.FixtureRequest) -> AsyncGenerator[Ask]:
    """Asks the guard of the test."""
    of_threads = "threads" in request.node.callspec.params["stage"]
    async with AsyncExitStack() as ends:
        match stage:
            case FakeStage():
                fake = stage.region
                yield in_thread(fake.guard()) if of_threads else fake.async_guard().authenticate
            case _ if of_threads:
                yield in_thread(ends.enter_context(Guard(stage.service())))
            case _:
                yield (await ends.enter_async_context(AsyncGuard(stage.service()))).authenticate


async def test_a_user_is_recognised_with_what_the_level_grants_and_nothing_else(stage: Stage, ask: Ask):
    caller = stage.user("auditor")

    principal = await ask(caller.authorization)

    assert (principal.kind, principal.id, principal.account) == (
        PrincipalKind.USER,
        caller.id,
        caller.account,
    )
    assert principal.region == "de-1"
    assert principal.urn == f"urn:domicile:identity:de-1:{caller.account}:user/{caller.id}"
    assert principal.permissions == {"workload:finding:read"}
    assert not principal.allows("workload:policy:read")
    assert principal.signed_in_within(600) and not principal.used_mfa
    assert len({principal, await ask(caller.authorization)}) == 1


async def test_an_api_key_is_recognised_and_refused_from_the_moment_on_when_it_is_locked(
    stage: Stage, ask: Ask
):
    key = stage.api_key("read-only")

    principal = await ask(key.authorization)

    assert (principal.kind, principal.id, principal.account) == (
        PrincipalKind.API_KEY,
        key.id,
        key.account,
    )
    assert principal.allows("workload:policy:read") and not principal.allows("workload:policy:update")
    assert not principal.signed_in_within(10**9) and not principal.used_mfa
    stage.lock(key)
    assert await refusal(ask, key.authorization) == "credential-refused"


async def test_a_removed_user_is_refused_and_a_bystander_is_not(stage: Stage, ask: Ask):
    removed, bystander = stage.user("read-only"), stage.user("read-only")
    for caller in (removed, bystander):
        assert await refusal(ask, caller.authorization) is None

    stage.remove(removed)

    await until_refused(ask, removed.authorization, "token-void")
    assert await refusal(ask, bystander.authorization) is None


async def test_a_caller_of_another_region_is_refused(stage: Stage, ask: Ask):
    assert await refusal(ask, stage.stranger().authorization) == "wrong-region"


async def test_a_token_ends_with_its_ten_minutes_also_when_it_was_seen_before(stage: Stage, ask: Ask):
    caller = stage.user("read-only")
    assert await refusal(ask, caller.authorization) is None

    stage.pass_time(604)
    assert await refusal(ask, caller.authorization) is None, "clocks may be five seconds apart"
    stage.pass_time(1)

    assert await refusal(ask, caller.authorization) == "token-expired"
    stage.pass_time(-605)


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic YTpi", "ApiKey dom_de-1_x", "ApiKey a:b c", "ApiKey a:\u00e9"],
)
async def test_who_sends_no_credential_is_nobody(stage: Stage, ask: Ask, authorization: str | None):
    assert await refusal(ask, authorization) == "not-authenticated"


@pytest.mark.parametrize("authorization", ["Bearer x", "Bearer a.b.c", "Bearer dms_x", "Bearer \u00e9.e30.x"])
async def test_what_is_no_account_token_is_refused(stage: Stage, ask: Ask, authorization: str):
    assert await refusal(ask, authorization) == "token-invalid"


async def test_a_token_of_a_withdrawn_key_is_refused_and_one_of_the_new_key_is_not(stage: Stage, ask: Ask):
    caller = stage.user("read-only")
    assert await refusal(ask, caller.authorization) is None

    stage.withdraw_keys()
    renewed = stage.again(caller)

    assert await refusal(ask, renewed.authorization) is None, "the key is looked for at once"
    assert await refusal(ask, caller.authorization) == "key-unknown", "though it was seen before"
    assert await refusal(ask, renewed.authorization) is None
