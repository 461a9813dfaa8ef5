"""Connections as uvicorn serves them (RFC 9112), with an end to how long, and how slow, the head of a request may be."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD_BYTES = 64 * 1024
"""Beyond what came with its first piece, which the event loop bounds."""
HEAD_SECONDS = 20.0
"""For the whole of a head, from its first piece, or from the beginning of the connection."""


class Connection(HttpToolsProtocol):
    """Ends a connection whose request has a head without end; the parser itself would keep all of it."""

    _is_in_head = True
    _head_bytes: int | None = None
    """Of the head under way, after its first piece; None: that piece has not been seen whole."""
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  # as in uvicorn
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse a piece; only where it leaves a head unfinished is there anything to count."""
        super().data_received(data)
        if not self._is_in_head:
            return
        self._head_bytes = 0 if self._head_bytes is None else self._head_bytes + len(data)
        if self._head_bytes > LARGEST_HEAD_BYTES:
            self.send_400_response("The head of this request is too large.")
        else:
            self._expect_head()

    def on_message_begin(self) -> None:
        """Enter a head."""
        self._is_in_head, self._head_bytes = True, None
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Leave a head."""
        self._is_in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
