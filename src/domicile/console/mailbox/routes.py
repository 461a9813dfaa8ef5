"""The pages on which a newcomer reads what the embedded mailbox has caught; served with that mailbox only."""

import re
from typing import Any
from urllib.parse import urlsplit

from litestar import MediaType, Request, Response, Router, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery

from domicile.console.pages import PAGE_HEADERS, Pages
from domicile.console.static_files import load_static_files
from domicile.infra.mail.keeping import KeptMail
from domicile.infra.mail.mailbox import Mailbox
from domicile.kernel.errors import forbidden

_PER_PAGE = 50
_OF_THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})
_MAIL_POLICY = (
    "sandbox allow-popups allow-top-navigation-by-user-activation; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""Of a mail's own HTML, which is a stranger's: it may look as it likes, run nothing, and fetch nothing."""
_TARGET = re.compile(r"""\btarget=(["'])_blank\1""", re.IGNORECASE)
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)
_OPEN_IN_TOP_WINDOW = '<base target="_top">'


def create_mailbox_router(mailbox: Mailbox, public_host: str) -> Router:
    """Make the routes under `/mailbox`, answered under the public host name and those of this machine only.

    Another name in a request means that somebody's DNS points at this machine, so that a strange page could read the mails.
    """
    pages = Pages(load_static_files())
    names = _OF_THIS_MACHINE | {public_host}

    def check_host(request: Request[Any, Any, Any]) -> None:
        if _host_name(request.headers.get("host", "")) not in names:
            raise forbidden("not-permitted", f"The mailbox can be read at http://{public_host} only.")

    return Router(
        "/mailbox",
        route_handlers=[_list_mails, _show_mail, _show_html, _download],
        dependencies={
            "mailbox": Provide(lambda: mailbox, sync_to_thread=False),
            "pages": Provide(lambda: pages, sync_to_thread=False),
        },
        include_in_schema=False,
        before_request=check_host,
    )


def _host_name(host: str) -> str | None:
    """Give the name in a `Host` header, without its port; None for what cannot be one, such as `[`."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


@get("/", sync_to_thread=True)
def _list_mails(
    mailbox: NamedDependency[Mailbox], pages: NamedDependency[Pages], before: FromQuery[str | None] = None
) -> Response[str]:
    mails = mailbox.list_mails(limit=_PER_PAGE + 1, before=before)
    older = mails[_PER_PAGE - 1].name if len(mails) > _PER_PAGE else None
    return pages.render("mailbox/templates/list.html", mails=mails[:_PER_PAGE], older=older, before=before)


@get("/{name:str}", sync_to_thread=True)
def _show_mail(
    mailbox: NamedDependency[Mailbox], pages: NamedDependency[Pages], name: FromPath[str]
) -> Response[str]:
    mail = mailbox.read_mail(name)
    if mail is None:
        return _missing(pages)
    return pages.render("mailbox/templates/mail.html", mail=mail)


@get("/{name:str}/html", sync_to_thread=True)
def _show_html(
    mailbox: NamedDependency[Mailbox], pages: NamedDependency[Pages], name: FromPath[str]
) -> Response[str]:
    mail = mailbox.read_mail(name)
    if mail is None or mail.html is None:
        return _missing(pages)
    headers = {**PAGE_HEADERS, "Content-Security-Policy": _MAIL_POLICY}
    return Response(_with_links_to_top(mail.html), media_type=MediaType.HTML, headers=headers)


@get("/{name:str}/source", sync_to_thread=True)
def _download(
    mailbox: NamedDependency[Mailbox], pages: NamedDependency[Pages], name: FromPath[str]
) -> Response[bytes] | Response[str]:
    mail = mailbox.read_mail(name)
    return _missing(pages) if mail is None else _as_download(mail)


def _as_download(mail: KeptMail) -> Response[bytes]:
    disposition = f'attachment; filename="{mail.name}.eml"'
    headers = {**PAGE_HEADERS, "Content-Disposition": disposition}
    return Response(mail.source, media_type="message/rfc822", headers=headers)


def _with_links_to_top(html: str) -> str:
    """Let links replace the mailbox page: a window opened from the sandbox would stay in it, without scripts and forms."""
    html = _TARGET.sub('target="_top"', html)
    head = _HEAD.search(html)
    at = head.end() if head else 0
    return f"{html[:at]}{_OPEN_IN_TOP_WINDOW}{html[at:]}"


def _missing(pages: Pages) -> Response[str]:
    return pages.render("mailbox/templates/missing.html", status_code=404)
