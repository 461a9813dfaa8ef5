"""The verdict on the worked example: right only if every single answer is."""

from dataclasses import replace

from domicile.apps.cli.example.report import Access, Cell, Finding, Place, Report

GOOD = Finding("changes the alias", "403", "403")
PLACE = Place("Account A", "004217730956", "us-1", region="us-1", database="region-us-1.db", rows=3)
CELL = Cell("User 1", "Account A", Access.READ, Access.READ, (GOOD,))
REPORT = Report(users=(("User 1", "user-1@example.com"),), places=(PLACE,), cells=(CELL,))


def test_a_table_that_is_as_it_should_be_has_no_deviations():
    assert REPORT.deviations == ()


def test_one_wrong_answer_names_its_cell_and_the_question():
    wrong = replace(CELL, findings=(GOOD, replace(GOOD, seen="200")))

    assert replace(REPORT, cells=(wrong,)).deviations == (
        "User 1 in Account A: expected read only, seen read only",
        "  changes the alias: expected 403, seen 200",
    )


def test_another_access_than_expected_is_a_deviation():
    assert replace(REPORT, cells=(replace(CELL, seen=Access.FULL),)).deviations != ()


def test_data_in_another_region_or_nowhere_is_a_deviation():
    assert replace(REPORT, places=(replace(PLACE, region="de-1"),)).deviations != ()
    assert replace(REPORT, places=(replace(PLACE, rows=0),)).deviations != ()
