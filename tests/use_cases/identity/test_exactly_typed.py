"""A password is compared as it is typed, however old it is (OWASP ASVS 5.0, 6.2.8 and 6.2.10)."""

import pytest

from tests.support.people import PASSWORD, People
from tests.support.refusals import refusal_of


@pytest.mark.parametrize(
    "typed",
    [PASSWORD.upper(), PASSWORD.capitalize(), f" {PASSWORD}", f"{PASSWORD} ", PASSWORD[:-1], PASSWORD * 2],
)
async def test_another_case_a_space_more_and_a_letter_less_are_other_passwords(people: People, typed: str):
    await people.register()

    assert (await refusal_of(people.sign_in(password=typed))).code == "sign-in-failed"
    assert await people.sign_in(password=PASSWORD)


async def test_a_password_of_ten_years_signs_in_as_on_the_first_day(people: People):
    user = await people.register()
    people.clock.advance(days=3653)

    assert (await people.sign_in(password=PASSWORD)).user == user
