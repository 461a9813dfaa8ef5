import pytest
from hypothesis import given
from hypothesis import strategies as st

from domicile.identity.passwords.domain import parse_password
from domicile.identity.users.domain import parse_email
from domicile.kernel.text import Refused


@pytest.mark.parametrize(
    ("typed", "shown", "key"),
    [
        ("Ann@Example.COM", "Ann@example.com", "ann@example.com"),
        (" ann@example.com ", "ann@example.com", "ann@example.com"),
        ("info@Müller.de", "info@müller.de", "info@xn--mller-kva.de"),
        ("info@xn--mller-kva.de", "info@müller.de", "info@xn--mller-kva.de"),
        ("ann+tag@x.test", "ann+tag@x.test", "ann+tag@x.test"),
    ],
)
def test_an_address_is_shown_as_typed_and_told_apart_by_its_key(typed: str, shown: str, key: str):
    email = parse_email(typed)
    assert (email.shown, email.key) == (shown, key)


def test_a_look_alike_domain_is_another_address():
    assert parse_email("a@paypal.com").key != parse_email("a@p\u0430ypal.com").key


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@localhost",
        "ann@[192.0.2.1]",
        '"ann b"@example.com',
        "ann@example.com\nBcc: all@example.com",
        "ann\0@example.com",
        "=?utf-8?q?ann?=@example.com",
        "Ann <ann@example.com>",
        "änn@example.com",
        "ann@exa\u200bmple.com",
        "ann@example.com, ben@example.com",
        "a" * 65 + "@example.com",
        "a" * 250 + "@example.com",
    ],
)
def test_what_is_no_address_is_refused(typed: str):
    with pytest.raises(Refused):
        parse_email(typed)


@given(st.text(max_size=300))
def test_any_text_is_an_address_or_refused(typed: str):
    try:
        email = parse_email(typed)
    except Refused:
        return
    assert email.key.isascii()
    assert parse_email(email.shown).key == email.key


def test_a_password_is_counted_in_code_points_after_normalisation():
    assert parse_password("ﬀi" * 5, min_length=15, context=()) == "ffi" * 5
    with pytest.raises(Refused, match="at least 15"):
        parse_password("é" * 1 + "abcdefghijklm", min_length=15, context=())
    with pytest.raises(Refused, match="at least 15"):
        parse_password("e\u0301bcdefghijklmn", min_length=15, context=())


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("short", "at least 15"),
        ("a" * 257, "at most 256"),
        ("\ufdfa" * 200, "at most 256"),
        ("z" * 15, "over and over"),
        ("ann@long-example.com", "your own"),
        ("Ann Long EXAMPLE", "your own"),
    ],
)
def test_a_refused_password_says_the_rule(typed: str, reason: str):
    with pytest.raises(Refused, match=reason):
        parse_password(typed, min_length=15, context=("ann@long-example.com", "Ann Long Example"))


@pytest.mark.parametrize(
    "typed", ["correct horse battery staple", " leading and trailing ", "a" * 255 + "b", "1" * 14 + "2"]
)
def test_nothing_else_is_demanded_of_a_password(typed: str):
    assert parse_password(typed, min_length=15, context=("ann@example.com",)) == typed
