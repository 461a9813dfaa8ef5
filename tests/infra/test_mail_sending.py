import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from domicile.infra.databases import region_database
from domicile.infra.mail.errors import MailDeferred, MailRefused
from domicile.infra.mail.mailbox import Mailbox
from domicile.infra.mail.message import MailMessage
from domicile.infra.mail.mime import build_mime
from domicile.infra.mail.settings import MailSettings, decode_secret, sender_address
from domicile.infra.mail.smtp import SmtpMailer
from domicile.infra.secrets import SecretText
from domicile.kernel.ids import RegionId

_NOW = datetime(2026, 11, 23, 14, 0, 0, 5, tzinfo=UTC)
_SENDER = sender_address("Domicile <no-reply@mail.example.com>")
_MAIL = MailMessage(
    to="ana@example.com",
    subject="Bitte bestätigen",
    text="Guten Tag\n\nhttps://id.example.com/v#" + "t" * 120 + "\n",
    html="<!doctype html><html><head></head><body><p>Grüße 招待</p></body></html>",
    message_id_seed="outbox-17",
)


def _clock() -> datetime:
    return _NOW


@asynccontextmanager
async def _mailbox(folder: Path) -> AsyncGenerator[tuple[Mailbox, SmtpMailer]]:
    mailbox = Mailbox(folder, clock=_clock)
    await mailbox.start()
    try:
        yield mailbox, _mailer(mailbox.port)
    finally:
        await mailbox.stop()


def _mailer(port: int, *, timeout_seconds: float = 5.0) -> SmtpMailer:
    settings = MailSettings(host="127.0.0.1", port=port, tls="none", timeout_seconds=timeout_seconds)
    return SmtpMailer(settings, _clock)


@asynccontextmanager
async def _server_that(
    converses: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    *,
    ssl_context: ssl.SSLContext | None = None,
) -> AsyncGenerator[int]:
    conversations: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversations.add(asyncio.current_task())
        with suppress(OSError):
            await converses(reader, writer)
        with suppress(OSError):
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=ssl_context)
    async with server:
        yield server.sockets[0].getsockname()[1]
        async with asyncio.timeout(5):
            await asyncio.gather(*(conversation for conversation in conversations if conversation))


def _answering(**answers: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.get("greeting", "220 here").encode() + b"\r\n")
        in_data = False
        while line := await reader.readline():
            command = line[:4].decode("latin-1").strip().lower()
            if not in_data or command == ".":
                answer = answers.get(command, "250 fine")
                writer.write(answer.encode() + b"\r\n")
                in_data = answer.startswith("354")

    return converse


async def test_a_sent_mail_arrives_whole_in_the_mailbox(tmp_path: Path):
    async with _mailbox(tmp_path) as (mailbox, mailer):
        await mailer.send(_MAIL)
        [summary] = mailbox.list_mails()
        kept = mailbox.read_mail(summary.name)

    assert (summary.to, summary.subject, summary.received) == (_MAIL.to, _MAIL.subject, _NOW)
    assert kept is not None
    assert kept.text is not None
    assert kept.text.replace("\r\n", "\n") == _MAIL.text
    assert kept.html is not None
    assert kept.html.strip() == _MAIL.html
    assert kept.header("Auto-Submitted") == "auto-generated"
    assert kept.header("From") == "Domicile <no-reply@localhost>"


async def test_mails_sent_one_after_another_are_listed_newest_first(tmp_path: Path):
    async with _mailbox(tmp_path) as (mailbox, mailer):
        for number in range(12):
            await mailer.send(replace(_MAIL, subject=f"mail {number}"))
        listed = [mail.subject for mail in mailbox.list_mails()]

    assert listed == [f"mail {number}" for number in reversed(range(12))]


async def test_fifty_mails_at_once_are_fifty_files(tmp_path: Path):
    async with _mailbox(tmp_path) as (mailbox, mailer):
        await asyncio.gather(*(mailer.send(replace(_MAIL, subject=str(number))) for number in range(50)))

        assert {mail.subject for mail in mailbox.list_mails()} == {str(number) for number in range(50)}


async def test_the_mailbox_listens_on_this_machine_alone_and_stops_with_open_connections(tmp_path: Path):
    mailbox = Mailbox(tmp_path)
    await mailbox.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", mailbox.port)
    assert (await reader.readline()).startswith(b"220 localhost")

    async with asyncio.timeout(5):
        await mailbox.stop()
        assert await reader.read() == b""

    writer.close()
    with pytest.raises(RuntimeError):
        _ = mailbox.port


async def test_a_mail_over_the_limit_is_refused_for_good_and_not_kept(tmp_path: Path):
    async with _mailbox(tmp_path) as (mailbox, mailer):
        with pytest.raises(MailRefused):
            await mailer.send(replace(_MAIL, html="x" * 3 * 1024 * 1024))

        assert mailbox.list_mails() == []


async def test_a_mail_that_the_disk_does_not_take_is_deferred(tmp_path: Path):
    folder = tmp_path / "mail"
    async with _mailbox(folder) as (_, mailer):
        folder.rmdir()
        with pytest.raises(MailDeferred) as raised:
            await mailer.send(_MAIL)

    assert raised.value.code == "server-451"


@pytest.mark.parametrize(
    ("answers", "error", "code"),
    [
        ({"greeting": "554 go away"}, MailDeferred, "server-554"),
        ({"mail": "550 not you"}, MailDeferred, "server-550"),
        ({"rcpt": "550 <ana@example.com> unknown"}, MailRefused, "server-550"),
        ({"rcpt": "451 <ana@example.com> grey"}, MailDeferred, "server-451"),
        ({"data": "554 <ana@example.com> spam"}, MailRefused, "server-554"),
        ({"data": "452 full"}, MailDeferred, "server-452"),
        ({"data": "what?"}, MailDeferred, None),
    ],
)
async def test_a_servers_no_is_deferred_or_refused_without_its_words(
    answers: dict[str, str], error: type[MailDeferred | MailRefused], code: str | None
):
    async with _server_that(_answering(**answers)) as port:
        with pytest.raises(error) as raised:
            await _mailer(port).send(_MAIL)

    assert code in {None, raised.value.code}
    assert "ana" not in repr(raised.value)
    assert raised.value.__suppress_context__


async def test_a_server_that_never_answers_is_left_after_the_timeout():
    async def say_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with asyncio.timeout(5), _server_that(say_nothing) as port:
        with pytest.raises(MailDeferred) as raised:
            await _mailer(port, timeout_seconds=0.3).send(_MAIL)

    assert raised.value.code == "timeout"


async def test_a_server_that_hangs_up_is_tried_later():
    async def hang_up(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        return

    async with _server_that(hang_up) as port:
        with pytest.raises(MailDeferred):
            await _mailer(port).send(_MAIL)


async def test_a_server_that_is_not_there_is_tried_later(unused_tcp_port: int):
    with pytest.raises(MailDeferred) as raised:
        await _mailer(unused_tcp_port).send(_MAIL)

    assert raised.value.code == "connection"


async def test_a_server_without_tls_gets_no_mail_that_wants_tls(tmp_path: Path):
    async with _mailbox(tmp_path) as (mailbox, _):
        mailer = SmtpMailer(MailSettings(host="127.0.0.1", port=mailbox.port, tls="starttls"), _clock)
        with pytest.raises(MailDeferred) as raised:
            await mailer.send(_MAIL)

        assert mailbox.list_mails() == []
    assert raised.value.code == "not-supported-by-server"


async def test_no_mail_leaves_inside_a_transaction(tmp_path: Path):
    database = region_database(f"sqlite+aiosqlite:///{tmp_path / 'de-1.db'}", RegionId("de-1"))
    async with _mailbox(tmp_path / "mail") as (mailbox, mailer):
        with pytest.raises(RuntimeError, match="inside a transaction on de-1"):
            await database.run_tx(lambda _tx: mailer.send(_MAIL))

        assert mailbox.list_mails() == []
    await database.close()


def test_the_same_seed_gives_the_same_message_id_under_the_senders_domain():
    first, again, other = (
        build_mime(replace(_MAIL, message_id_seed=seed), sender=_SENDER, now=_NOW)["Message-ID"]
        for seed in ("a", "a", "b")
    )

    assert first == again != other
    assert first.endswith("@mail.example.com>")


def test_a_plain_text_in_ascii_goes_over_the_wire_as_it_is():
    source = build_mime(_MAIL, sender=_SENDER, now=_NOW).as_bytes()

    assert b"\r\nhttps://id.example.com/v#" + b"t" * 120 + b"\r\n" in source
    assert b"\r\nDate: Mon, 23 Nov 2026 14:00:00 +0000\r\n" in source


def test_a_domain_in_another_script_goes_out_in_ascii():
    source = build_mime(replace(_MAIL, to="ana@bücher.example"), sender=_SENDER, now=_NOW).as_bytes()

    assert message_from_bytes(source, policy=SMTP_POLICY)["To"] == "ana@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "address",
    [
        "ana@example.com\r\nBcc: eve@example.com",
        "ana@example.com, eve@example.com",
        "Ana <ana@example.com>",
        "=?utf-8?q?eve=40evil.example?=@example.com",
        '"a b"@example.com',
        "ana@[127.0.0.1]",
        "ana\x00@example.com",
        "ana",
        "ana@",
        "",
    ],
)
def test_an_address_that_is_more_or_less_than_one_address_is_refused(address: str):
    with pytest.raises(MailRefused):
        build_mime(replace(_MAIL, to=address), sender=_SENDER, now=_NOW)


@pytest.mark.parametrize("subject", ["Hello\r\nBcc: eve@example.com", "Hello\nthere", "a\x00b", "a\u2028b"])
def test_a_subject_with_a_line_break_or_control_character_is_refused(subject: str):
    with pytest.raises(MailRefused):
        build_mime(replace(_MAIL, subject=subject), sender=_SENDER, now=_NOW)


def test_settings_are_read_from_a_configuration_and_hide_the_password():
    settings = msgspec.convert(
        {
            "host": "mail.example.com",
            "username": "domicile",
            "password": "hunter2",
            "sender": "Cloud <cloud@example.com>",
        },
        MailSettings,
        dec_hook=decode_secret,
    )

    assert settings.password == SecretText("hunter2")
    assert "hunter2" not in repr(settings)
    assert (settings.port, settings.tls) == (587, "starttls")


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ({"username": "u", "password": "p", "tls": "none"}, "only sent over TLS"),
        ({"username": "u"}, "belong together"),
        ({"sender": "nobody"}, "sender must be"),
        ({"sender": "Domicile\r\nBcc: x@y.z <a@b.c>"}, "sender must be"),
        ({"tls": "maybe"}, "tls"),
        ({"port": 0}, "port"),
        ({"hots": "x"}, "hots"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_the_reason(entry: dict[str, object], fault: str):
    with pytest.raises(msgspec.ValidationError, match=fault):
        msgspec.convert({"host": "mail.example.com", **entry}, MailSettings, dec_hook=decode_secret)


@pytest.mark.parametrize(("verdict", "code"), [("235 welcome", None), ("535 <domicile> who?", "server-535")])
async def test_a_wrong_password_defers_mails_until_an_operator_has_mended_it(verdict: str, code: str | None):
    answers = {"ehlo": "250-here\r\n250 AUTH PLAIN", "auth": verdict, "data": "354 go on", ".": "250 taken"}
    async with _server_that(_answering(**answers)) as port:
        settings = MailSettings(
            host="127.0.0.1",
            port=port,
            tls="none",
            username="domicile",
            password=SecretText("hunter2"),
        )
        found = None
        try:
            await SmtpMailer(settings, _clock).send(_MAIL)
        except MailDeferred as error:
            found = error.code

    assert found == code


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_server_whose_certificate_nobody_vouches_for_gets_no_mail(
    tls: Literal["starttls", "tls"], tmp_path: Path
):
    context = _self_signed(tmp_path)
    heard: list[bytes] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        heard.append(await reader.readline())
        writer.write(b"250-here\r\n250 STARTTLS\r\n")
        heard.append(await reader.readline())
        writer.write(b"220 go on\r\n")
        with suppress(OSError):
            await writer.start_tls(context)
            heard.append(await reader.read())

    async with _server_that(converse, ssl_context=context if tls == "tls" else None) as port:
        settings = MailSettings(host="localhost", port=port, tls=tls)
        with pytest.raises(MailDeferred) as raised:
            await SmtpMailer(settings, _clock).send(_MAIL)

    assert raised.value.code in {"tls", "connection"}
    assert not any(b"MAIL" in line for line in heard)


def _self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
