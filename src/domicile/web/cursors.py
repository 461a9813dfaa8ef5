"""Cursors: where a list goes on, opaque, authenticated, and bound to who asked for what."""

import base64
import binascii
import hmac

import msgspec

from domicile.infra.secrets import KeyedHash
from domicile.kernel.errors import invalid
from domicile.kernel.paging import LARGEST_LIMIT, Page, PageRequest, parse_limit

_TAG_BYTES = 16


class Cursors:
    """Writes and reads cursors; a changed one, or another account's or query's, is `invalid-input` on the field `cursor`."""

    def __init__(self, keyed_hash: KeyedHash) -> None:
        self._hash = keyed_hash

    def page_request(
        self, limit: str | None, cursor: str | None, *, scope: str, largest: int = LARGEST_LIMIT
    ) -> PageRequest:
        """Read `limit` and `cursor`; `scope` names the account (or person), the list and its filters."""
        after = self._read(cursor, scope) if cursor is not None else None
        return PageRequest(parse_limit(limit, largest=largest), after)

    def next_of(self, page: Page[object], *, scope: str) -> str | None:
        """Write the cursor of the next page; None on the last."""
        if page.next_after is None:
            return None
        payload = msgspec.msgpack.encode(page.next_after)
        return _text(self._tag(payload, scope) + payload)

    def _read(self, cursor: str, scope: str) -> tuple[str, ...]:
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _refused() from None
        tag, payload = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
        if _text(raw) != cursor or not hmac.compare_digest(tag, self._tag(payload, scope)):
            raise _refused()
        return msgspec.msgpack.decode(payload, type=tuple[str, ...])

    def _tag(self, payload: bytes, scope: str) -> bytes:
        return self._hash.of(f"{scope}\0{payload.hex()}")[:_TAG_BYTES]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _refused() -> Exception:
    return invalid({"cursor": "does not belong to this list: begin again without it"})
