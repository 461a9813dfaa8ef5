from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from litestar import Litestar, Response
from litestar.testing import TestClient

from domicile.console.mailbox.routes import create_mailbox_router
from domicile.console.static_files import create_static_router
from domicile.infra.mail.keeping import MailKeeper
from domicile.infra.mail.mailbox import Mailbox
from domicile.infra.mail.message import MailMessage
from domicile.infra.mail.mime import build_mime
from domicile.infra.mail.settings import sender_address
from domicile.kernel.errors import DomainError

_NOW = datetime(2026, 11, 23, 14, 0, 5, tzinfo=UTC)
_MAIL = MailMessage(
    to="ana@example.com",
    subject="<script>alert(1)</script>",
    text="Follow http://localhost:8800/verify <b>",
    html='<html><head><title>x</title></head><body><a target="_blank" href="http://localhost:8800/verify">Go</a></body></html>',
    message_id_seed="1",
)


_HOSTS = {
    "id.example.com": 200,
    "127.0.0.1:8800": 200,
    "[::1]:8800": 200,
    "localhost": 200,
    "evil.test:8800": 403,
    "[": 403,
    "[::1": 403,
}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient[Litestar]]:
    app = Litestar(
        [create_mailbox_router(Mailbox(tmp_path / "mail"), "testserver.local"), create_static_router()],
        openapi_config=None,
    )
    with TestClient(app) as client:
        yield client


@pytest.fixture
def keeper(tmp_path: Path) -> MailKeeper:
    return MailKeeper(tmp_path / "mail")


def _keep(keeper: MailKeeper, mail: MailMessage = _MAIL) -> str:
    source = build_mime(mail, sender=sender_address("Domicile <no-reply@localhost>"), now=_NOW).as_bytes()
    return keeper.keep(source, received=_NOW)


def test_a_strange_host_name_reads_no_mail(tmp_path: Path):
    app = Litestar(
        [create_mailbox_router(Mailbox(tmp_path / "mail"), "id.example.com")],
        openapi_config=None,
        exception_handlers={DomainError: lambda _request, error: Response(error.code, status_code=403)},
    )
    with TestClient(app) as client:
        asked = {name: client.get("/mailbox", headers={"Host": name}).status_code for name in _HOSTS}

    assert asked == _HOSTS


def test_an_empty_mailbox_says_what_will_appear(client: TestClient[Litestar]):
    page = client.get("/mailbox")

    assert page.status_code == 200
    assert "No mail yet" in page.text
    assert "appears here" in page.text


def test_the_list_shows_time_recipient_and_subject_newest_first(
    client: TestClient[Litestar], keeper: MailKeeper
):
    names = [_keep(keeper) for _ in range(2)]

    page = client.get("/mailbox").text

    assert page.index(names[1]) < page.index(names[0])
    assert "ana@example.com" in page
    assert "2026-11-23 14:00:05" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page


def test_older_mails_are_one_page_on(client: TestClient[Litestar], keeper: MailKeeper):
    names = [_keep(keeper) for _ in range(51)]

    first = client.get("/mailbox").text
    older = client.get("/mailbox", params={"before": names[1]}).text

    assert f"/mailbox?before={names[1]}" in first
    assert names[0] not in first
    assert names[0] in older
    assert names[1] not in older


def test_a_mail_is_shown_with_headers_text_and_a_frame_for_its_html(
    client: TestClient[Litestar], keeper: MailKeeper
):
    name = _keep(keeper)

    page = client.get(f"/mailbox/{name}").text

    assert f'src="/mailbox/{name}/html"' in page
    assert 'sandbox="allow-popups allow-top-navigation-by-user-activation"' in page
    assert "&lt;b&gt;" in page
    assert "auto-generated" in page
    assert "<script" not in page


def test_the_html_of_a_mail_is_sandboxed_and_its_links_replace_the_page(
    client: TestClient[Litestar], keeper: MailKeeper
):
    answer = client.get(f"/mailbox/{_keep(keeper)}/html")

    policy = answer.headers["content-security-policy"]
    assert policy.startswith(
        "sandbox allow-popups allow-top-navigation-by-user-activation; default-src 'none';"
    )
    assert "allow-scripts" not in policy
    assert "frame-ancestors 'self'" in policy
    assert '<head><base target="_top">' in answer.text
    assert 'target="_blank"' not in answer.text


def test_a_mail_is_downloaded_as_it_was_kept(
    client: TestClient[Litestar], keeper: MailKeeper, tmp_path: Path
):
    name = _keep(keeper)

    answer = client.get(f"/mailbox/{name}/source")

    assert answer.content == (tmp_path / "mail" / f"{name}.eml").read_bytes()
    assert answer.headers["content-type"] == "message/rfc822"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}.eml"'


@pytest.mark.parametrize(
    "name", ["nothing", "20261123T140000.000005Z-000001", "..%2F..%2Fetc%2Fpasswd", "%00"]
)
@pytest.mark.parametrize("part", ["", "/html", "/source"])
def test_a_mail_that_is_not_there_is_a_page_that_leads_back(
    client: TestClient[Litestar], name: str, part: str
):
    answer = client.get(f"/mailbox/{name}{part}")

    assert answer.status_code == 404
    assert "root:" not in answer.text


@pytest.mark.parametrize("part", ["", "/html", "/source"])
def test_no_page_is_stored_or_tells_where_it_was_left_from(
    client: TestClient[Litestar], keeper: MailKeeper, part: str
):
    headers = client.get(f"/mailbox/{_keep(keeper)}{part}").headers

    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_page_runs_nothing_and_asks_no_one_else(client: TestClient[Litestar], keeper: MailKeeper):
    _keep(keeper)

    answer = client.get("/mailbox")

    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "//" not in answer.text.replace("<!doctype html>", "")


def test_a_style_sheet_is_cached_for_ever_under_its_version_and_asked_for_otherwise(
    client: TestClient[Litestar],
):
    page = client.get("/mailbox").text
    start = page.index("/static/base.css?v=")
    address = page[start : page.index('"', start)]

    versioned, plain = client.get(address), client.get("/static/base.css")

    assert versioned.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in versioned.headers["cache-control"]
    assert plain.headers["cache-control"] == "no-cache"
    again = client.get("/static/base.css", headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["none.css", "..%2Froutes.py", "%2e%2e"])
def test_no_other_file_is_served(client: TestClient[Litestar], name: str):
    assert client.get(f"/static/{name}").status_code == 404
