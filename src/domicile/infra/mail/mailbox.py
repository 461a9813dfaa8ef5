"""The embedded mailbox: a mail server for this machine alone, that delivers nothing and keeps everything (RFC 5321)."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from domicile.infra.mail.keeping import KeptMail, MailKeeper, MailSummary, list_mails, read_mail
from domicile.kernel.clock import Clock, utc_now

_LARGEST_MAIL_BYTES = 2 * 1024 * 1024
_LOOPBACK = "127.0.0.1"
_TRY_LATER = "451 The mail could not be kept; try again later"


class Mailbox:
    """One folder of kept mails, and the server that fills it; only this machine can reach it.

    Reading works without the server, and in another process.
    """

    def __init__(self, directory: Path, *, clock: Clock = utc_now, port: int = 0) -> None:
        self.directory = directory
        self._clock = clock
        self._wanted_port = port
        self._server: asyncio.Server | None = None
        self._handler: _Handler | None = None
        self._connections: set[_Connection] = set()

    @property
    def port(self) -> int:
        """The port it listens on; only while it runs."""
        if self._server is None:
            raise RuntimeError("the mailbox is not running")
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen on a free port of the loopback interface, in the running event loop."""
        # Its INFO lines name senders and recipients.
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        handler = self._handler = _Handler(MailKeeper(self.directory), self._clock)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(handler, self._connections, loop), _LOOPBACK, self._wanted_port
        )

    async def stop(self) -> None:
        """Stop listening and hang up; a mail that was acknowledged is on the disk."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._connections):
            connection.hang_up()
        await self._server.wait_closed()
        self._server = None
        if self._handler is not None:
            self._handler.close()

    def list_mails(self, *, limit: int = 50, before: str | None = None) -> list[MailSummary]:
        """List kept mails, newest first; with `before`, only those that came earlier than the mail of that name."""
        return list_mails(self.directory, limit=limit, before=before)

    def read_mail(self, name: str) -> KeptMail | None:
        """Read one kept mail by its name, with or without `.eml`; None if there is none of that name."""
        return read_mail(self.directory, name)


class _Handler:
    def __init__(self, keeper: MailKeeper, clock: Clock) -> None:
        self._keeper = keeper
        self._clock = clock
        # One thread: one writer, in order of arrival, even if a sender hangs up while its mail is being written.
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mailbox")

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        keep = partial(self._keeper.keep, envelope.original_content or b"", received=self._clock())
        try:
            await asyncio.get_running_loop().run_in_executor(self._writer, keep)
        except OSError:
            return _TRY_LATER
        return "250 Kept"

    async def handle_exception(self, _error: Exception) -> str:
        return _TRY_LATER

    def close(self) -> None:
        self._writer.shutdown()


class _Connection(SMTP):
    def __init__(
        self, handler: _Handler, open_ones: "set[_Connection]", loop: asyncio.AbstractEventLoop
    ) -> None:
        # A name is given because the library would look this machine's up in DNS.
        super().__init__(
            handler,
            data_size_limit=_LARGEST_MAIL_BYTES,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="Domicile mailbox",
            timeout=30,
            loop=loop,
        )
        self._open_ones = open_ones

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._open_ones.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._open_ones.discard(self)
        super().connection_lost(error)

    def hang_up(self) -> None:
        if self.transport is not None:
            self.transport.close()
