import asyncio
import base64
import os
from collections.abc import Generator

import pytest

from domicile.infra.passwords import PasswordHasher
from domicile.infra.secrets import SecretText
from domicile.kernel.errors import DomainError

PASSWORD = SecretText("correct horse battery staple")


@pytest.fixture
def hasher() -> Generator[PasswordHasher]:
    hasher = PasswordHasher(threads=1, queue=2)
    yield hasher
    hasher.close()


async def test_a_hash_is_argon2id_with_the_stated_cost_and_a_salt_of_its_own(hasher: PasswordHasher):
    first, second = await hasher.hash(PASSWORD), await hasher.hash(PASSWORD)
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    salts = [base64.b64decode(f"{kept.split('$')[4]}==") for kept in (first, second)]
    assert [len(salt) for salt in salts] == [16, 16]
    assert salts[0] != salts[1]
    assert await hasher.verify(PASSWORD, first)
    assert not await hasher.verify(SecretText("another"), first)


async def test_nobodys_hash_matches_nothing(hasher: PasswordHasher):
    assert not await hasher.verify(PASSWORD, None)
    assert not await hasher.verify(PASSWORD, "no hash at all")


async def test_whoever_comes_when_the_queue_is_full_is_told_to_come_back(hasher: PasswordHasher):
    kept = await hasher.hash(PASSWORD)
    done = await asyncio.gather(*(hasher.verify(PASSWORD, kept) for _ in range(5)), return_exceptions=True)
    refused = [one for one in done if isinstance(one, DomainError)]
    assert done.count(True) == 3
    assert [(one.kind, one.code, one.facts) for one in refused] == [
        ("overloaded", "too-busy", {"retryAfter": 2})
    ] * 2
    assert await hasher.verify(PASSWORD, kept)


async def test_whoever_hangs_up_leaves_room_for_another(hasher: PasswordHasher):
    kept = await hasher.hash(PASSWORD)
    waiting = [asyncio.create_task(hasher.verify(PASSWORD, kept)) for _ in range(3)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await hasher.verify(PASSWORD, kept)


async def test_the_event_loop_keeps_its_priority(hasher: PasswordHasher):
    before = os.getpriority(os.PRIO_PROCESS, 0)
    await hasher.hash(PASSWORD)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
