"""Commands that read the embedded mailbox of a local server: list, show, links."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.mail_folder import Mail, MailFolder
from domicile.apps.cli.options import Output
from domicile.apps.cli.output import Column, show_document, show_rows
from domicile.apps.cli.printing import as_text

mailbox = App(name="mailbox")

_COLUMNS = (
    Column("No", "number"),
    Column("Time", "time", is_whole=True),
    Column("To", "to"),
    Column("Subject", "subject"),
)
_LINK_COLUMNS = (Column("No", "number"), Column("To", "to"), Column("Link", "link", is_whole=True))

_EMPTY = "The mailbox is empty. Sign up, and a mail appears here: domicile signup EMAIL"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class InData(Output):
    """Which data folder is read."""

    data: Annotated[Path, Parameter(env_var="DOMICILE_DATA", help="The data folder of the server.")] = Path(
        "var"
    )


HERE = InData()


@mailbox.command(name="list")
def list_mails(*, source: InData = HERE) -> None:
    """List the mails that a local server has sent, oldest first."""
    folder = _open_folder(source)
    headings = [_heading(number, folder.read(name)) for number, name in enumerate(folder.names(), start=1)]
    if source.json:
        show_document({"mails": headings})
    elif headings:
        show_rows(headings, _COLUMNS)
    else:
        print(_EMPTY)


@mailbox.command(name="show")
def show_mail(
    number: Annotated[int, Parameter(help="Number of the mail in the list.")], /, *, source: InData = HERE
) -> None:
    """Show the text of one mail."""
    folder = _open_folder(source)
    names = folder.names()
    if not 1 <= number <= len(names):
        raise CommandError(Exit.REFUSED, f"There is no mail {number}. See: domicile mailbox list")
    mail = folder.read(names[number - 1])
    if source.json:
        show_document({**_heading(number, mail), "text": mail.text, "links": mail.links})
        return
    print(f"To: {as_text(mail.to)}\nSubject: {as_text(mail.subject)}\n")
    for line in mail.text.splitlines():
        print(as_text(line) if line else "")


@mailbox.command(name="links")
def list_links(*, source: InData = HERE) -> None:
    """List the links in the mails, oldest first."""
    folder = _open_folder(source)
    mails = [(number, folder.read(name)) for number, name in enumerate(folder.names(), start=1)]
    links: list[dict[str, object]] = [
        {"number": number, "to": mail.to, "link": link} for number, mail in mails for link in mail.links
    ]
    if source.json:
        show_document({"links": links})
    elif links:
        show_rows(links, _LINK_COLUMNS)
    else:
        print(_EMPTY)


def _open_folder(source: InData) -> MailFolder:
    folder = MailFolder(source.data / "mail")
    if not folder.exists():
        raise CommandError(
            Exit.REFUSED, f"There is no mailbox at {folder.directory}. Give --data as the server has it."
        )
    return folder


def _heading(number: int, mail: Mail) -> dict[str, object]:
    return {"number": number, "time": mail.time, "to": mail.to, "subject": mail.subject}
