"""The contacts of an account: whom they begin with, what may be on a list, and what the audit says of a change."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from domicile.kernel.errors import DomainError
from domicile.kernel.roles import PREDEFINED_ROLES, READ_ONLY
from domicile.kernel.versions import expecting
from domicile.region.contacts.schemas import ContactsChangeBody, read_contacts_change
from domicile.region.contacts.service import change_contacts, describe_contacts
from domicile.region.contacts.store import insert_contacts
from tests.support.refusals import refusal_of
from tests.support.region import ACCOUNT, OTHER_ACCOUNT, LiveRegion, live_region

ANY_VERSION = expecting(None)


@pytest.fixture
async def region(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[LiveRegion]:
    async with live_region(make_database("region"), tmp_path) as live:
        for account in (ACCOUNT, OTHER_ACCOUNT):
            await live.plane.database.run_tx(
                lambda tx, account=account: insert_contacts(tx, account, "ada@example.com", now=live.clock())
            )
        yield live


async def test_every_list_begins_with_the_creators_address(region: LiveRegion):
    found = await describe_contacts(region.plane, region.person())

    assert found.billing == found.operations == found.general == ("ada@example.com",)
    assert found.version == 1


async def test_a_list_is_replaced_as_a_whole_and_the_others_stay(region: LiveRegion):
    change = read_contacts_change(ContactsChangeBody(billing=["Pay@Example.com", "b@example.com"]))

    changed = await change_contacts(region.plane, region.person(), change, expecting(("1",)))

    assert changed.billing == ("Pay@example.com", "b@example.com")
    assert changed.general == ("ada@example.com",)
    assert changed.version == 2
    assert await describe_contacts(region.plane, region.person()) == changed
    other = await describe_contacts(region.plane, region.person(account=OTHER_ACCOUNT))
    assert other.billing == ("ada@example.com",)


async def test_the_audit_says_which_lists_changed_and_no_address(region: LiveRegion):
    body = ContactsChangeBody(
        billing=["pay@example.com", "b@example.com"],
        general=["ada@example.com"],
        operations=["o@example.com"],
    )
    await change_contacts(region.plane, region.person(), read_contacts_change(body), ANY_VERSION)

    (event,) = await region.events()
    assert event.type == "audit.contacts_updated.v1"
    assert event.details == {"addresses": {"billing": 2, "operations": 1}}


async def test_what_changes_nothing_is_no_change(region: LiveRegion):
    body = ContactsChangeBody(general=["ada@example.com"])
    same = await change_contacts(region.plane, region.person(), read_contacts_change(body), ANY_VERSION)

    assert same.version == 1
    assert await region.events() == []


async def test_a_change_of_an_older_version_is_refused(region: LiveRegion):
    change = read_contacts_change(ContactsChangeBody(general=["b@example.com"]))
    await change_contacts(region.plane, region.person(), change, expecting(("1",)))
    again = read_contacts_change(ContactsChangeBody(general=["c@example.com"]))

    refused = await refusal_of(change_contacts(region.plane, region.person(), again, expecting(("1",))))

    assert refused.code == "stale-version"


async def test_read_only_sees_contacts_and_changes_none(region: LiveRegion):
    reader = region.person(PREDEFINED_ROLES[READ_ONLY])
    change = read_contacts_change(ContactsChangeBody(general=["b@example.com"]))

    assert (await describe_contacts(region.plane, reader)).general == ("ada@example.com",)
    refused = await refusal_of(change_contacts(region.plane, reader, change, ANY_VERSION))
    assert refused.code == "not-permitted"


@pytest.mark.parametrize(
    ("addresses", "reason"),
    [
        ([], "must hold at least one address"),
        ([f"user{number}@example.com" for number in range(6)], "must hold at most 5 addresses"),
        (["a@example.com", "A@EXAMPLE.com"], "address 2 is there twice"),
        (["a@example.com", "nobody"], "address 2 must be an e-mail address such as ann@example.com"),
        (["a@example.com\r\nBcc: b@example.com"], "address 1 must not contain spaces"),
        ([""], "address 1 must be an e-mail address"),
    ],
)
def test_a_list_with_a_fault_is_refused_with_its_name_and_the_others_are_told_too(
    addresses: list[str], reason: str
):
    with pytest.raises(DomainError) as refused:
        read_contacts_change(ContactsChangeBody(billing=addresses, general=["nobody"]))

    assert refused.value.fields["billing"].startswith(reason)
    assert set(refused.value.fields) == {"billing", "general"}
