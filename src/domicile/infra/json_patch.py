"""Differences of JSON documents as JSON Patch (RFC 6902)."""

import asyncio
from typing import Any


async def compare_json(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """Say how the second comes of the first, as the operations of a JSON Patch, in the order in which they apply.

    In a thread, and so outside of any transaction: of long lists it can take a second.
    """
    return await asyncio.to_thread(_compare, before, after)


def _compare(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    import jsonpatch  # noqa: PLC0415  # asked for by few

    return jsonpatch.make_patch(before, after).patch
