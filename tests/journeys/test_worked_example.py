"""The worked example: three people, three accounts in three regions, every cell checked through the public API."""

import pytest

from domicile.apps.cli.example.report import Report
from domicile.apps.cli.example.scenario import ACCOUNTS, REGIONS, TABLE, USERS, run_example
from domicile.apps.cli.mail_folder import MailFolder
from tests.support.api import Install, LiveServer, serving
from tests.support.people import FrozenClock
from tests.support.services import DELIVERY, EXAMPLE, register
from tests.support.stored import stored_of


@pytest.fixture(scope="module")
def report(server: LiveServer) -> Report:
    return run_example(MailFolder(server.mails), base_url=server.url)


def test_every_cell_of_the_table_comes_out_as_it_should(report: Report) -> None:
    assert not report.deviations
    seen = {(cell.user, cell.account): cell.seen for cell in report.cells}
    expected = {
        (user, account): access
        for user, row in TABLE.items()
        for account, access in zip(ACCOUNTS, row, strict=True)
    }
    assert seen == expected
    assert [name for name, _ in report.users] == list(USERS)


def test_every_account_says_that_it_lies_in_its_region(report: Report) -> None:
    assert {place.name: place.region for place in report.places} == REGIONS
    assert len({place.database for place in report.places}) == len(REGIONS)
    assert all(place.rows > 0 for place in report.places)


def test_what_is_stored_of_an_account_is_in_its_region_and_in_the_directorys_two_tables(
    server: LiveServer, report: Report
) -> None:
    for place in report.places:
        found = {table for table, rows in stored_of(server, place.account_id).items() if rows}
        allowed = {"global directory_accounts", "global directory_memberships"}
        assert {table for table in found if not table.startswith(f"{place.region} ")} == allowed
        assert {f"{place.region} accounts", f"{place.region} memberships"} <= found


def test_the_example_can_be_run_again_beside_itself(server: LiveServer, report: Report) -> None:
    again = run_example(MailFolder(server.mails), base_url=server.url)
    assert not again.deviations
    assert {place.account_id for place in again.places}.isdisjoint(
        place.account_id for place in report.places
    )


def test_what_accounts_keep_in_services_is_read_and_changed_as_roles_say(install: Install) -> None:
    installed = install()
    config = register(installed, EXAMPLE, DELIVERY)
    with serving(config, installed.data, FrozenClock()) as server:
        report = run_example(MailFolder(server.mails), base_url=server.url)

    assert not report.deviations
    asked = {
        (cell.user, cell.account): {f.question: f.seen for f in cell.findings if "keeps in" in f.question}
        for cell in report.cells
    }
    assert all(len(findings) == 4 for findings in asked.values())
    for user, account, right in (
        ("User 1", "Account A", ("200", "yes")),
        ("User 2", "Account A", ("200", "no")),
        ("User 3", "Account A", ("404", "no")),
    ):
        for service in ("workload", "delivery"):
            found = asked[user, account]
            assert (
                found[f"reads what it keeps in {service}"],
                found[f"changes what it keeps in {service}"],
            ) == right
