"""E-mail addresses: what is one, what it is shown as, and which spellings are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domicile.infra.email_address import LONGEST_EMAIL, parse_email_address
from domicile.kernel.email_address import EmailAddress
from domicile.kernel.text import Refused


@pytest.mark.parametrize(
    ("text", "shown", "key"),
    [
        ("Ann@Example.COM", "Ann@example.com", "ann@example.com"),
        ("  ann@example.com ", "ann@example.com", "ann@example.com"),
        ("ann+lists@example.com", "ann+lists@example.com", "ann+lists@example.com"),
        ("Ann@Bücher.example.com", "Ann@bücher.example.com", "ann@xn--bcher-kva.example.com"),
        ("ann@xn--bcher-kva.example.com", "ann@bücher.example.com", "ann@xn--bcher-kva.example.com"),
        ("ann@mail.test", "ann@mail.test", "ann@mail.test"),
    ],
)
def test_an_address_is_shown_as_it_is_written_and_told_from_others_by_its_key(
    text: str, shown: str, key: str
):
    assert parse_email_address(text) == EmailAddress(shown, key)


def test_a_look_alike_domain_is_another_address():
    assert parse_email_address("a@paypal.com").key != parse_email_address("a@p\u0430ypal.com").key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@example",
        "ann@localhost",
        "ann@example.com.",
        "ann..b@example.com",
        "ann@b@example.com",
        '"ann b"@example.com',
        '"ann"@example.com',
        "Ann <ann@example.com>",
        "ann@[192.0.2.1]",
        "änn@example.com",
        "ann@example.com\n",
        "ann@example.com\r\nBcc: eve@example.com",
        "ann\0@example.com",
        "ann\u200b@example.com",
        "ann@exam\u202eple.com",
        "\ud800@example.com",
        "=?utf-8?q?ann?=@example.com",
        "ann,eve@example.com",
        f"{'a' * 65}@example.com",
        f"ann@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.example.com",
        "a" * 100_000,
    ],
)
def test_anything_else_is_refused(text: str):
    with pytest.raises(Refused):
        parse_email_address(text)


@given(st.text(max_size=300))
def test_no_text_does_more_than_be_refused_and_every_key_is_plain(text: str):
    try:
        read = parse_email_address(text)
    except Refused:
        return
    assert read.key.isascii()
    assert read.key.isprintable()
    assert read.key == read.key.lower()
    assert len(read.key) <= LONGEST_EMAIL


@given(st.from_regex(r"[a-zA-Z0-9]{1,20}@[a-z]{1,10}\.(com|test|example\.org)", fullmatch=True))
def test_what_is_shown_reads_as_the_same_address_again(text: str):
    read = parse_email_address(text)

    assert parse_email_address(read.shown) == read
    assert parse_email_address(read.key.upper()).key == read.key
