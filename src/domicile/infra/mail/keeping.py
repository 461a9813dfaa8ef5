"""Mails kept as files in one folder, named so that they sort by arrival."""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

_NAME = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)-(\d{6,12})")
_TIME_FORMAT = "%Y%m%dT%H%M%S.%fZ"
_LONGEST_HEAD_BYTES = 64 * 1024
_SUFFIX = ".eml"


@dataclass(frozen=True, slots=True)
class MailSummary:
    """One kept mail as a list shows it."""

    name: str
    """The file's name without `.eml`; sorts by arrival."""
    received: datetime
    to: str
    subject: str


@dataclass(frozen=True, slots=True)
class KeptMail:
    """One kept mail, whole."""

    name: str
    received: datetime
    headers: tuple[tuple[str, str], ...]
    """Decoded, in the order of the mail."""
    text: str | None
    html: str | None
    source: bytes
    """The file's own bytes."""

    def header(self, name: str) -> str:
        """Give the first header of that name, or nothing."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


def list_mails(folder: Path, *, limit: int = 50, before: str | None = None) -> list[MailSummary]:
    """List kept mails, newest first; with `before`, only those that came earlier than the mail of that name."""
    names = sorted((name for name in _names(folder) if before is None or name < before), reverse=True)
    return [summary for name in names[:limit] if (summary := _summary(folder, name))]


def read_mail(folder: Path, name: str) -> KeptMail | None:
    """Read one kept mail by its name, with or without `.eml`; None if there is none of that name.

    A name of any other form is not looked for at all, so that none can lead out of the folder.
    """
    name = name.removesuffix(_SUFFIX)
    if _NAME.fullmatch(name) is None:
        return None
    try:
        source = (folder / f"{name}{_SUFFIX}").read_bytes()
    except FileNotFoundError:
        return None
    parsed = _parse(source)
    return KeptMail(
        name=name,
        received=_received(name),
        headers=tuple((key, str(value)) for key, value in parsed.items()),
        text=_part(parsed, "plain"),
        html=_part(parsed, "html"),
        source=source,
    )


class MailKeeper:
    """Gives names in order of arrival, also across restarts and while the clock steps back; one writer per folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._last_time, self._last_number = _position(max(_names(folder), default=""))

    def keep(self, source: bytes, *, received: datetime) -> str:
        """Write one mail to the disk, durably and in one step, and give its name.

        The files hold links that sign people in, and are for their owner's eyes only (mode 0600).
        """
        time = max(received.astimezone(UTC).strftime(_TIME_FORMAT), self._last_time)
        number = self._last_number + 1
        name = f"{time}-{number:06d}"
        _write_durably(self._folder / f"{name}{_SUFFIX}", source)
        self._last_time, self._last_number = time, number
        return name


def _names(folder: Path) -> list[str]:
    try:
        entries = os.listdir(folder)  # noqa: PTH208 - names alone; a Path for each would cost more than the reading
    except FileNotFoundError:
        return []
    return [entry[:-4] for entry in entries if entry.endswith(_SUFFIX) and _NAME.fullmatch(entry[:-4])]


def _position(name: str) -> tuple[str, int]:
    found = _NAME.fullmatch(name)
    return (found[1], int(found[2])) if found else ("", 0)


def _received(name: str) -> datetime:
    return datetime.strptime(_position(name)[0], _TIME_FORMAT).replace(tzinfo=UTC)


def _write_durably(path: Path, content: bytes) -> None:
    unfinished = path.with_suffix(".part")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _summary(folder: Path, name: str) -> MailSummary | None:
    try:
        with (folder / f"{name}{_SUFFIX}").open("rb") as file:
            head = _parse(file.read(_LONGEST_HEAD_BYTES).partition(b"\r\n\r\n")[0])
    except FileNotFoundError:  # thrown away by its owner since the folder was read
        return None
    return MailSummary(name, _received(name), to=str(head["To"] or ""), subject=str(head["Subject"] or ""))


def _parse(source: bytes) -> EmailMessage:
    return message_from_bytes(source, _class=EmailMessage, policy=SMTP)


def _part(parsed: EmailMessage, subtype: str) -> str | None:
    part = parsed.get_body(preferencelist=(subtype,))
    if part is None or part.get_content_type() != f"text/{subtype}":
        return None
    content = part.get_payload(decode=True)
    return content.decode("utf-8", errors="replace") if isinstance(content, bytes) else None
