import pytest

from domicile.identity.passwords.domain import parse_password
from domicile.kernel.text import Refused, check_line, check_time_zone


def test_a_password_is_counted_in_code_points_after_normalisation():
    assert parse_password("ﬀi" * 8, min_length=15, context=()) == "ffi" * 8
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


@pytest.mark.parametrize(
    "blank", ["\u3164", "\u2800 \u2800", "\u115f\u1160", "\uffa0", "\ufe0f", "\u034f", "\u0301", "\u200d"]
)
def test_a_line_that_shows_nothing_is_refused(blank: str):
    with pytest.raises(Refused, match="visible"):
        check_line(blank, longest=100)


@pytest.mark.parametrize("line", ["Ann", "अ", "محمد", "\u3164x", "42", "?", "👩\u200d🔬", "क्\u200dष", "한글"])
def test_a_line_that_shows_something_is_taken(line: str):
    assert check_line(line, longest=100) == line


@pytest.mark.parametrize("name", ["localtime", "Factory", "Europe/Atlantis", ""])
def test_a_time_zone_is_a_place_that_every_machine_knows(name: str):
    with pytest.raises(Refused, match="IANA"):
        check_time_zone(name)
