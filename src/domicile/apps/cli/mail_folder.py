"""The embedded mailbox as files: every mail that an installation without a mail server has sent (RFC 5322)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

_LINK = re.compile(r"https?://[^\s<>\"']+")


@dataclass(frozen=True)
class Mail:
    """One mail that was kept; `number` counts from 1 in the order of arrival."""

    number: int
    time: str
    to: str
    subject: str
    text: str

    @property
    def links(self) -> tuple[str, ...]:
        """The links in the text, in order, each once."""
        return tuple(dict.fromkeys(_LINK.findall(self.text)))


class MailFolder:
    """A folder of `<time>-<n>.eml` files, whose names sort by arrival; nothing in it is ever changed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def exists(self) -> bool:
        """Say whether the folder is there."""
        return self.directory.is_dir()

    def mails(self, *, after: int = 0) -> Iterator[Mail]:
        """Read the mails in the order of arrival, those with a number above `after`."""
        paths = sorted(self.directory.glob("*.eml"))
        for number, path in enumerate(paths[after:], start=after + 1):
            yield _read_mail(number, path)


def _read_mail(number: int, path: Path) -> Mail:
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    part = message.get_body(preferencelist=("plain",))
    return Mail(
        number=number,
        time=path.name.rpartition("-")[0],
        to=str(message.get("To", "")),
        subject=str(message.get("Subject", "")),
        text="" if part is None else str(part.get_content()),
    )
