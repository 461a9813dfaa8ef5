"""What a password must be, and how it is told why one is refused."""

import pytest

from domicile.identity.passwords.domain import (
    context_words,
    count_characters,
    normalise_password,
    parse_password,
    rate,
)
from domicile.kernel.strength import Strength, Weakness
from domicile.kernel.text import Refused

WIDE = "".join(chr(0xFEE0 + ord(letter)) if letter != " " else "\u3000" for letter in "full width")
ANN = context_words("ann.long@example-labs.com", "Ann Long Müller", ("domicile", "workload"))


@pytest.mark.parametrize(
    ("typed", "counted"),
    [
        ("fifteen letters", 15),
        ("e\u0301" * 15, 15),
        ("é" * 15, 15),
        ("👩\u200d🔬" * 5, 15),
        (WIDE, 10),
        ("ﾊﾞﾊﾞ", 2),
        ("\ufdfa", 1),
        ("ﬀi" * 5, 10),
        ("한글" * 4, 8),
        (" " * 15, 15),
    ],
)
def test_no_way_of_writing_a_password_makes_it_longer_than_it_is(typed: str, counted: int):
    assert count_characters(typed) == counted


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("e\u0301te\u0301 au bord du lac", "été au bord du lac"),
        (f"{WIDE} words here", "full width words here"),
        ("👩\u200d🔬 walks past the 👩\u200d🚀", "👩\u200d🔬 walks past the 👩\u200d🚀"),
        ("\u202esdrow detrevni neves", "\u202esdrow detrevni neves"),
        (" leading and trailing ", " leading and trailing "),
        ("a\u0301\u0301\u0301 marks on marks ok", "á\u0301\u0301 marks on marks ok"),
    ],
)
def test_a_password_is_kept_in_its_compatible_form_and_otherwise_as_typed(typed: str, kept: str):
    assert parse_password(typed, min_length=15, context=()) == kept


@pytest.mark.parametrize("sign", ["\x00", "\n", "\t", "\x1b", "\x7f", "\x85", "\u0378", "\uffff"])
def test_what_is_no_text_is_refused_where_a_password_is_set_and_compared_where_one_is_shown(sign: str):
    with pytest.raises(Refused, match="control characters"):
        parse_password(f"seven maps{sign}fold a pelican", min_length=15, context=())
    assert sign in normalise_password(f"seven maps{sign}fold a pelican")


def test_half_a_surrogate_pair_is_refused_everywhere():
    with pytest.raises(Refused, match="text"):
        normalise_password("half a pair \ud83d of surrogates")


@pytest.mark.parametrize("typed", ["x" * 4096, "\ufdfa" * 4096, "\x00" * 4096, "e\u0301" * 2048])
def test_four_thousand_characters_are_refused_wherever_they_are_typed(typed: str):
    with pytest.raises(Refused, match="at most 256"):
        normalise_password(typed)
    with pytest.raises(Refused, match="at most 256"):
        parse_password(typed, min_length=8, context=())


@pytest.mark.parametrize("length", [64, 128, 256])
def test_long_passwords_are_taken_whole(length: int):
    typed = "".join(chr(0x4E00 + number) for number in range(length))
    assert parse_password(typed, min_length=15, context=()) == typed


@pytest.mark.parametrize(
    "typed",
    [
        "ann.long@example-labs.com",
        "Ann Long MU\u0308LLER",
        "annlongmuller22",
        "AnnLongExample1",
        "domicile domicile",
        "D0m1c1le-D0m1c1le",
        "workload workload 7",
        "ann.long ann.long ann.long",
    ],
)
def test_a_password_has_something_of_its_own_beside_what_anybody_knows(typed: str):
    context = (*ANN, "muller")
    with pytest.raises(Refused, match="your own name"):
        parse_password(typed, min_length=8, context=context)


@pytest.mark.parametrize(
    "typed",
    ["ann sails past grey windmills", "long winters in a small harbour", "come along, said the compass"],
)
def test_a_word_that_others_know_may_be_in_a_password_with_enough_beside_it(typed: str):
    assert parse_password(typed, min_length=15, context=ANN) == typed


def test_short_parts_of_domains_are_no_words():
    assert "com" not in ANN
    assert {"ann", "long", "example", "labs", "müller", "ann long müller", "domicile"} <= set(ANN)


def test_no_composition_is_demanded():
    for typed in ("alllowercaseandlong", "ALLUPPERCASEANDLONG", "84629057318465920", "!?%&/()=+*#'_-:;"):
        assert parse_password(typed, min_length=15, context=()) == typed


def test_a_rating_says_why_and_what_to_do():
    weak = rate(Strength(2.0, Weakness.COMMON), broken_rule=None, missing=0)
    assert weak.score == 0 and weak.reason and "common" in weak.reason
    assert any("nothing to do with each other" in each for each in weak.suggestions)

    short = rate(Strength(7.0, None), broken_rule="must be longer", missing=4)
    assert (short.score, short.reason) == (1, "must be longer")
    assert short.suggestions[0].startswith("Add 4 more characters")

    fair = rate(Strength(7.0, None), broken_rule=None, missing=0)
    assert fair.reason is None and any("longer" in each for each in fair.suggestions)

    strong = rate(Strength(14.0, None), broken_rule=None, missing=0)
    assert (strong.score, strong.reason, strong.suggestions) == (4, None, ())


def test_what_is_refused_never_scores_more_than_one():
    assert [Strength(20.0, weakness).score for weakness in Weakness] == [1] * len(Weakness)
    assert [Strength(guesses, None).score for guesses in (2.9, 3, 6, 8, 10)] == [0, 1, 2, 3, 4]
