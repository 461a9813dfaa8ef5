"""Waits for something that must be refused, and gives the refusal."""

from collections.abc import Awaitable

import pytest

from domicile.kernel.errors import DomainError


async def refusal_of(attempt: Awaitable[object]) -> DomainError:
    """Give the error of an attempt; one that succeeds fails the test."""
    with pytest.raises(DomainError) as refused:
        await attempt
    return refused.value
