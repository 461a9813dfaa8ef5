"""A person is told of a sign-in from a device that they have not used in ninety days, and of no other."""

from dataclasses import replace
from ipaddress import ip_address

import pytest
from sqlalchemy import select

from domicile.identity.known_devices.domain import MOST_KNOWN
from domicile.identity.known_devices.service import device_mark
from domicile.identity.known_devices.store import known_devices
from domicile.identity.signing_in.service import sign_in
from domicile.infra.databases import IdentityTx
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Origin
from tests.support.people import ORIGIN, PASSWORD, People, statements_of

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
NEWER = FIREFOX.replace("128.0", "129.0")
HOME = Origin("request-1", ip_address("198.51.100.7"), FIREFOX)
ELSEWHERE = replace(HOME, address=ip_address("203.0.113.5"))


async def sign_in_from(people: People, origin: Origin) -> None:
    await sign_in(people.plane, "ann@example.com", SecretText(PASSWORD), origin)


async def notices(people: People) -> int:
    await people.deliver()
    return len(
        [mail for mail in people.mails_to("ann@example.com") if "new device" in mail.header("subject")]
    )


async def test_nobody_is_told_of_the_device_on_which_they_signed_up_and_everybody_of_the_next(people: People):
    await people.register()
    await sign_in_from(people, HOME)
    assert await notices(people) == 0
    await sign_in_from(people, ELSEWHERE)
    assert await notices(people) == 1
    await sign_in_from(people, ELSEWHERE)
    await sign_in_from(people, HOME)
    assert await notices(people) == 1


async def test_an_update_and_a_new_address_of_the_same_provider_make_no_new_device(people: People):
    await people.register()
    await sign_in_from(people, HOME)
    await sign_in_from(people, replace(HOME, address=ip_address("198.51.7.200"), user_agent=NEWER))
    assert await notices(people) == 0
    await sign_in_from(people, replace(HOME, user_agent=FIREFOX.replace("Linux", "Windows")))
    assert await notices(people) == 1


async def test_a_device_is_forgotten_after_ninety_days_without_use(people: People):
    await people.register()
    await sign_in_from(people, HOME)
    for _ in range(3):
        people.clock.advance(days=89)
        await sign_in_from(people, HOME)
    assert await notices(people) == 0
    people.clock.advance(days=91)
    await sign_in_from(people, HOME)
    assert await notices(people) == 1


async def test_a_known_device_costs_no_statement_more_than_a_session_does(people: People):
    await people.register()
    await sign_in_from(people, HOME)
    async with statements_of(people.database) as log:
        await sign_in_from(people, HOME)
    said = [statement.split()[0] for statement in log.statements]
    assert [verb for verb in said if verb not in {"BEGIN", "COMMIT"}] == [
        "SELECT",
        "SELECT",
        "INSERT",
        "INSERT",
    ]


async def test_of_devices_only_hashes_are_kept_and_of_too_many_the_newest(people: People):
    user = await people.register()
    for number in range(MOST_KNOWN + 5):
        people.clock.advance(minutes=1)
        await sign_in_from(people, replace(HOME, address=ip_address(f"10.{number}.0.1")))

    async def marks(tx: IdentityTx) -> set[bytes]:
        mine = select(known_devices.c.mark).where(known_devices.c.user_id == user.id)
        return {row.mark for row in await tx.all(mine)}

    newest = {
        device_mark(people.plane, replace(HOME, address=ip_address(f"10.{number}.0.1")))
        for number in range(5, MOST_KNOWN + 5)
    }
    assert await people.database.read(marks) == newest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ip_address("2001:db8::1"), ip_address("2001:db8:ffff::1")),
        (ip_address("198.51.100.7"), ip_address("198.51.0.0")),
    ],
    ids=["IPv6 of one provider", "IPv4 of one provider"],
)
def test_a_wide_range_is_one_place(people: People, one: object, other: object):
    marks = [device_mark(people.plane, replace(ORIGIN, address=each)) for each in (one, other)]  # pyright: ignore[reportArgumentType]
    assert marks[0] == marks[1]
    assert device_mark(people.plane, replace(ORIGIN, address=None)) not in marks
