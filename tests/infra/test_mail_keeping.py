import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domicile.infra.mail.keeping import MailKeeper, list_mails, read_mail

_NOW = datetime(2026, 11, 23, 14, 0, 0, 5, tzinfo=UTC)
_SOURCE = b"From: a@example.com\r\nTo: b@example.com\r\nSubject: =?utf-8?b?5oub5b6F?=\r\n\r\nHello\r\n"


def test_a_mail_is_kept_under_its_time_and_number_for_its_owner_alone(tmp_path: Path):
    folder = tmp_path / "mail"

    MailKeeper(folder).keep(_SOURCE, received=_NOW)

    [file] = folder.iterdir()
    assert file.name == "20261123T140000.000005Z-000001.eml"
    assert file.read_bytes() == _SOURCE
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_names_sort_by_arrival_through_equal_times_restarts_and_a_clock_that_steps_back(tmp_path: Path):
    names = [
        MailKeeper(tmp_path).keep(_SOURCE, received=_NOW + timedelta(seconds=offset))
        for offset in (0, 0, 5, -3600, 0, 5, 6, *[6] * 10)
    ]

    assert names == sorted(names)
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z-\d{6}", name) for name in names)


def test_a_list_shows_decoded_headers_newest_first_and_goes_on_where_it_ended(tmp_path: Path):
    keeper = MailKeeper(tmp_path)
    names = [keeper.keep(_SOURCE, received=_NOW) for _ in range(5)]

    first = list_mails(tmp_path, limit=3)
    rest = list_mails(tmp_path, limit=3, before=first[-1].name)

    assert [mail.name for mail in first + rest] == names[::-1]
    assert (first[0].to, first[0].subject) == ("b@example.com", "招待")


def test_a_mail_is_found_with_and_without_the_ending_of_its_file(tmp_path: Path):
    name = MailKeeper(tmp_path).keep(_SOURCE, received=_NOW)

    assert read_mail(tmp_path, name) == read_mail(tmp_path, f"{name}.eml")
    assert read_mail(tmp_path, name) is not None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../secret",
        "../secret.eml",
        "/etc/passwd",
        "secret",
        "20261123T140000.000005Z-000001\n",
        "a\x00b",
        "x" * 5000,
    ],
)
def test_no_other_name_leads_to_a_file(tmp_path: Path, name: str):
    folder = tmp_path / "mail"
    MailKeeper(folder)
    for place in (tmp_path, folder):
        (place / "secret.eml").write_bytes(_SOURCE)

    assert read_mail(folder, name) is None
    assert list_mails(folder) == []


def test_a_folder_that_is_not_there_yet_is_an_empty_mailbox(tmp_path: Path):
    assert list_mails(tmp_path / "none") == []
    assert read_mail(tmp_path / "none", "20261123T140000.000005Z-000001") is None


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: =?bad?q?x?=\r\n\r\n",
        b"Content-Type: text/html\r\n\r\n<p>",
        b"To: <<\r\n\r\n",
    ],
)
def test_a_mail_that_is_hardly_one_can_still_be_listed_and_read(tmp_path: Path, source: bytes):
    name = MailKeeper(tmp_path).keep(source, received=_NOW)

    assert [mail.name for mail in list_mails(tmp_path)] == [name]
    mail = read_mail(tmp_path, name)
    assert mail is not None
    assert mail.source == source
