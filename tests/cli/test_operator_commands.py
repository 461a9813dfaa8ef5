"""An operator's commands: the configuration explained, the embedded mailbox read."""

import json
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def keep_mail(data: Path, name: str, to: str, text: str) -> None:
    mail = EmailMessage()
    mail["To"] = to
    mail["Subject"] = "Confirm your address"
    mail.set_content(text)
    mail.add_alternative("<p>Hello</p>", subtype="html")
    (data / "mail").mkdir(exist_ok=True)
    (data / "mail" / name).write_bytes(bytes(mail))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    keep_mail(tmp_path, "20261123T140000.000002Z-2.eml", "bob@example.com", "Join: http://x.test/join/two\n")
    keep_mail(
        tmp_path,
        "20261123T140000.000001Z-1.eml",
        "ann@example.com",
        "Hello \x1b[2J\nhttp://x.test/verify/one\n",
    )
    return tmp_path


def test_mails_are_listed_in_the_order_of_arrival(run: Run, data: Path):
    listed = json.loads(run("mailbox", "list", "--data", str(data), "--json").out)["mails"]

    assert [(mail["number"], mail["to"], mail["time"]) for mail in listed] == [
        (1, "ann@example.com", "20261123T140000.000001Z"),
        (2, "bob@example.com", "20261123T140000.000002Z"),
    ]


def test_one_mail_is_shown_as_text_that_cannot_steer_the_terminal(run: Run, data: Path):
    shown = run("mailbox", "show", "1", "--data", str(data))

    assert "To: ann@example.com" in shown.out
    assert "Hello \\x1b[2J" in shown.out


def test_links_are_given_whole(run: Run, data: Path):
    shown = run("mailbox", "links", "--data", str(data)).out

    assert "http://x.test/verify/one" in shown
    assert "http://x.test/join/two" in shown


@pytest.mark.parametrize("number", ["0", "-1", "3"])
def test_a_mail_that_is_not_there_is_refused(run: Run, data: Path, number: str):
    assert run("mailbox", "show", "--data", str(data), "--", number).code == 1


def test_a_missing_mailbox_says_which_option_to_give(run: Run, tmp_path: Path):
    ended = run("mailbox", "list", "--data", str(tmp_path))

    assert ended.code == 1
    assert "--data" in ended.err


def test_a_sound_configuration_is_called_sound(run: Run, tmp_path: Path):
    ended = run("config", "check", "--data", str(tmp_path))

    assert ended.code == 0
    assert "us-1, de-1, jp-1" in ended.out


def test_a_fault_in_the_configuration_is_explained(run: Run, tmp_path: Path):
    config = tmp_path / "domicile.toml"
    config.write_text('[[regions]]\nid = "Nowhere"\nname = "Nowhere"\n')

    ended = run("config", "check", "--config", str(config))

    assert ended.code == 1
    assert "'Nowhere' is not a region id" in ended.err


def test_regions_are_listed_without_the_passwords_of_their_databases(run: Run, tmp_path: Path):
    config = tmp_path / "domicile.toml"
    config.write_text(
        '[[regions]]\nid = "de-1"\nname = "Germany"\ndatabase = "postgresql+asyncpg://app:pass-word@db.test/de"\n'
    )

    shown = [run("region", "list", "--config", str(config), *form).out for form in ([], ["--json"])]

    assert all("db.test/de" in text and "pass-word" not in text for text in shown)


def test_a_port_that_is_none_is_wrong_usage(run: Run):
    assert run("serve", "--port", "99999").code == 2
