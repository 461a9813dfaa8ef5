"""The embedded mailbox as files: every mail that an installation without a mail server has sent (RFC 5322)."""

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

_LINK = re.compile(r"https?://[^\s<>\"']+")


@dataclass(frozen=True)
class Mail:
    """One mail that was kept."""

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

    def names(self) -> list[str]:
        """List the mails by name, in the order of arrival."""
        return sorted(path.name for path in self.directory.glob("*.eml"))

    def read(self, name: str) -> Mail:
        """Read one mail; of its parts the plain text counts."""
        content = (self.directory / name).read_bytes()
        message = message_from_bytes(content, policy=policy.default)
        part = message.get_body(preferencelist=("plain",))
        return Mail(
            time=name.rpartition("-")[0],
            to=str(message.get("To", "")),
            subject=str(message.get("Subject", "")),
            text="" if part is None else str(part.get_content()),
        )
