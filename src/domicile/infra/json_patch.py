"""Differences of JSON documents as JSON Patch (RFC 6902)."""

from typing import Any


def compare_json(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """Say how the second comes of the first, as the operations of a JSON Patch, in the order in which they apply."""
    import jsonpatch  # noqa: PLC0415  # asked for by few

    return jsonpatch.make_patch(before, after).patch
