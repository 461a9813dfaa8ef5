"""Long JSON documents, written piece by piece, so that none is ever whole in memory."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import msgspec
from litestar import Response
from litestar.response import Stream


def _nothing_more() -> Mapping[str, object]:
    """End a document with its list."""
    return {}


async def write_document(
    head: Mapping[str, object],
    name: str,
    pages: AsyncIterator[Sequence[msgspec.Struct]],
    *,
    ending: Callable[[], Mapping[str, object]] = _nothing_more,
) -> AsyncIterator[bytes]:
    """Write a JSON object: the members of `head`, then the list `name`, whose pages are asked for as they are written, then what `ending` says.

    Whoever receives it sees by its end whether it is whole: one that breaks off is no JSON.
    """
    opening = msgspec.json.encode(dict(head))
    yield opening[:-1] + b"," + msgspec.json.encode(name) + b":["
    is_first = True
    async for page in pages:
        if page:
            items = b",".join(msgspec.json.encode(item) for item in page)
            yield items if is_first else b"," + items
            is_first = False
    last = msgspec.json.encode(dict(ending()))
    yield b"]" + (b"," if len(last) > len(b"{}") else b"") + last[1:]


def answer_with(
    pieces: AsyncIterator[bytes], *, file_name: str
) -> Response[Any]:  # Any: the shape is declared by the route, for the published document
    """Answer with a document in pieces, to be kept as a file."""
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"', "Cache-Control": "no-store"}
    return Stream(pieces, media_type="application/json", headers=headers)
