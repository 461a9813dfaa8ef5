"""Changing one's address: proved by a link to the new one, and taken back by a link to the former one, whatever happened since."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select

from domicile.identity.addresses.store import email_changes, email_undo_links
from domicile.identity.departure.service import delete_myself
from domicile.identity.disabling.service import disable_person
from domicile.identity.email_change.service import (
    ask_for_email,
    cancel_email,
    forget_old_changes,
    prove_email,
    undo_email,
)
from domicile.identity.events.domain import SecurityEventType
from domicile.identity.events.store import security_events
from domicile.identity.passwords.store import passwords
from domicile.identity.recovery.service import forgot_password, reset_password
from domicile.identity.registration.service import verify_sign_up
from domicile.identity.users.domain import User
from domicile.identity.users.service import describe_self
from domicile.identity.users.store import find_user, find_user_by_email
from domicile.infra.mail.facts import fact_for_text
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Person
from domicile.kernel.errors import DomainError
from tests.support.people import ORIGIN, PASSWORD, People

OLD, NEW, THIRD = "ann@example.com", "ann.b@example.com", "ann.c@example.com"
BETTER = "a pelican folds seven maps"


async def ask(people: People, person: Person, email: str = NEW, *, password: str = PASSWORD) -> None:
    await ask_for_email(people.plane, person, email, SecretText(password))
    await people.deliver()


async def changed(people: People, person: Person, email: str = NEW) -> User:
    """Ask for an address, and follow the link in its mail."""
    await ask(people, person, email)
    user = await prove_email(people.plane, people.token_to(email), ORIGIN)
    await people.deliver()
    return user


async def user_of(people: People, person: Person) -> User:
    found = await people.database.read(lambda tx: find_user(tx, person.user_id))
    assert found
    return found


async def renewed(people: People, person: Person) -> Person:
    """The person as their session tells of them now."""
    user = await user_of(people, person)
    return replace(person, email=user.email, epoch=user.epoch, version=user.version)


async def test_the_new_address_takes_the_place_of_the_former_once_it_is_proved(people: People):
    person = await people.signed_in_person()
    await ask(people, person)
    assert (await user_of(people, person)).email == OLD
    assert (await describe_self(people.plane, person)).pending_email == NEW

    await prove_email(people.plane, people.token_to(NEW), ORIGIN)

    assert (await user_of(people, person)).email == NEW
    assert (await describe_self(people.plane, person)).pending_email is None
    assert (await people.sign_in(NEW)).user.id == person.user_id
    with pytest.raises(DomainError, match="sign-in-failed"):
        await people.sign_in(OLD)


async def test_the_present_address_hears_of_it_at_once_and_the_former_one_afterwards(people: People):
    person = await people.signed_in_person()
    await ask(people, person)
    asked = people.mails_to(OLD)[-1]
    assert fact_for_text(NEW) in (asked.text or "") and "/email/undo/" in (asked.text or "")

    await prove_email(people.plane, people.token_to(NEW), ORIGIN)
    await people.deliver()

    told = people.mails_to(OLD)[-1]
    assert (told.text or "").startswith("Your email address was changed")
    assert "/email/undo/" in (told.text or "")
    assert people.token_to(OLD) not in str(
        await people.database.read(lambda tx: tx.all(select(email_undo_links)))
    )


async def test_the_session_that_asked_goes_on_and_every_other_ends(people: People):
    await people.register()
    mine, other = await people.sign_in(), await people.sign_in()
    person = await people.who_holds(mine)

    user = await changed(people, person)

    assert (await people.who_holds(mine)).email == NEW
    assert user.epoch == person.epoch + 1
    with pytest.raises(DomainError, match="session-ended"):
        await people.who_holds(other)


async def test_a_wrong_password_changes_nothing_and_is_written_down(people: People):
    person = await people.signed_in_person()

    with pytest.raises(DomainError, match="password-wrong"):
        await ask(people, person, password="another horse altogether")

    assert await people.database.read(lambda tx: tx.all(select(email_changes))) == []
    events = await people.database.read(lambda tx: tx.all(select(security_events)))
    assert ("refused", SecurityEventType.EMAIL_REQUESTED) in {(row.outcome, row.type) for row in events}


async def test_ones_own_address_and_what_is_none_are_refused_in_the_field(people: People):
    person = await people.signed_in_person()

    for email in ("ANN@example.com", "no address"):
        with pytest.raises(DomainError) as refused:
            await ask(people, person, email)
        assert list(refused.value.fields) == ["email"]


async def test_an_address_of_somebody_else_is_taken_down_alike_and_its_owner_hears_of_it(people: People):
    await people.register("bob@example.com")
    person = await people.signed_in_person()

    await ask(people, person, "bob@example.com")

    mail = people.mails_to("bob@example.com")[-1]
    assert (mail.text or "").startswith("This address is yours already")
    assert "/email/" not in (mail.text or "")
    assert (await describe_self(people.plane, person)).pending_email == "bob@example.com"


async def test_another_wish_takes_the_place_of_the_first(people: People):
    person = await people.signed_in_person()
    await ask(people, person)
    first = people.token_to(NEW)

    await ask(people, person, THIRD)

    with pytest.raises(DomainError, match="link-invalid"):
        await prove_email(people.plane, first, ORIGIN)
    assert (await prove_email(people.plane, people.token_to(THIRD), ORIGIN)).email == THIRD


async def test_a_wish_that_was_taken_back_leads_nowhere(people: People):
    person = await people.signed_in_person()
    await ask(people, person)

    await cancel_email(people.plane, person)

    with pytest.raises(DomainError, match="link-invalid"):
        await prove_email(people.plane, people.token_to(NEW), ORIGIN)
    with pytest.raises(DomainError, match="not-found"):
        await cancel_email(people.plane, person)


@pytest.mark.parametrize("hours", [24, 25])
async def test_the_link_to_the_new_address_is_good_for_a_day(people: People, hours: int):
    person = await people.signed_in_person()
    await ask(people, person)
    people.clock.advance(hours=hours)

    with pytest.raises(DomainError, match="link-invalid"):
        await prove_email(people.plane, people.token_to(NEW), ORIGIN)


async def test_of_many_clicks_at_once_one_counts(people: People):
    person = await people.signed_in_person()
    await ask(people, person)
    token = people.token_to(NEW)

    done = await asyncio.gather(
        *(prove_email(people.plane, token, ORIGIN) for _ in range(8)), return_exceptions=True
    )

    assert sum(isinstance(one, User) for one in done) == 1
    assert {str(one) for one in done if not isinstance(one, User)} == {"link-invalid"}


async def test_of_two_people_who_prove_one_address_at_once_one_gets_it(people: People):
    ann, bob = await people.signed_in_person(), await people.signed_in_person("bob@example.com")
    await ask(people, ann)
    of_ann = people.token_to(NEW)
    await ask(people, bob)
    of_bob = people.token_to(NEW)

    done = await asyncio.gather(
        *(prove_email(people.plane, token, ORIGIN) for token in (of_ann, of_bob)), return_exceptions=True
    )

    assert sorted(type(one).__name__ for one in done) == ["DomainError", "User"]
    assert {str(one) for one in done if isinstance(one, DomainError)} == {"link-invalid"}


async def test_who_signs_up_with_the_address_first_has_it(people: People):
    person = await people.signed_in_person()
    await ask(people, person)
    token = people.token_to(NEW)
    await people.register(NEW)

    with pytest.raises(DomainError, match="link-invalid"):
        await prove_email(people.plane, token, ORIGIN)
    assert (await user_of(people, person)).email == OLD


async def test_five_wishes_an_hour_are_enough(people: People):
    person = await people.signed_in_person()
    for number in range(5):
        await ask(people, person, f"ann{number}@example.com")

    with pytest.raises(DomainError, match="too-many-email-changes"):
        await ask(people, person)

    people.clock.advance(hours=1, seconds=1)
    await ask(people, person)


async def test_an_address_is_not_flooded_by_many_people(people: People):
    for number in range(7):
        person = await people.signed_in_person(f"user{number}@example.com")
        await ask(people, person, "victim@example.com")

    assert len(people.mails_to("victim@example.com")) == 5


async def test_the_undo_link_puts_the_address_back_and_only_a_new_password_lets_anybody_in(people: People):
    await people.register()
    mine = await people.sign_in()
    person = await people.who_holds(mine)
    await changed(people, person)

    await undo_email(people.plane, people.token_to(OLD), ORIGIN)

    assert (await user_of(people, person)).email == OLD
    assert await people.database.read(lambda tx: tx.all(select(passwords))) == []
    with pytest.raises(DomainError, match="session-ended"):
        await people.who_holds(mine)
    for email in (OLD, NEW):
        with pytest.raises(DomainError, match="sign-in-failed"):
            await people.sign_in(email)
    await people.deliver()
    await reset_password(people.plane, people.token_to(OLD), SecretText(BETTER), ORIGIN)
    assert (await people.sign_in(OLD, password=BETTER)).user.id == person.user_id


async def test_the_undo_link_of_the_first_mail_works_before_and_after_the_change(people: People):
    person = await people.signed_in_person()
    await ask(people, person)
    early, proof = people.token_to(OLD), people.token_to(NEW)

    await prove_email(people.plane, proof, ORIGIN)
    await undo_email(people.plane, early, ORIGIN)

    assert (await user_of(people, person)).email == OLD
    for token in (early, proof):
        with pytest.raises(DomainError, match="link-invalid"):
            await undo_email(people.plane, token, ORIGIN)


async def test_undoing_what_is_only_wished_ends_the_wish_and_the_sessions(people: People):
    await people.register()
    mine = await people.sign_in()
    await ask(people, await people.who_holds(mine))
    proof = people.token_to(NEW)

    await undo_email(people.plane, people.token_to(OLD), ORIGIN)

    with pytest.raises(DomainError, match="link-invalid"):
        await prove_email(people.plane, proof, ORIGIN)
    with pytest.raises(DomainError, match="session-ended"):
        await people.who_holds(mine)


async def test_a_thief_who_moves_on_does_not_outrun_the_link(people: People):
    person = await people.signed_in_person()
    await changed(people, person)
    undo = people.token_to(OLD)
    await changed(people, await renewed(people, person), THIRD)
    later_undo = people.token_to(NEW)
    await ask(people, await renewed(people, person), "ann.d@example.com")
    pending = people.token_to("ann.d@example.com")

    await undo_email(people.plane, undo, ORIGIN)

    assert (await user_of(people, person)).email == OLD
    for attempt in (undo_email(people.plane, later_undo, ORIGIN), prove_email(people.plane, pending, ORIGIN)):
        with pytest.raises(DomainError, match="link-invalid"):
            await attempt


async def test_the_later_change_can_be_undone_first_and_the_earlier_afterwards(people: People):
    person = await people.signed_in_person()
    await changed(people, person)
    first = people.token_to(OLD)
    await changed(people, await renewed(people, person), THIRD)

    await undo_email(people.plane, people.token_to(NEW), ORIGIN)
    assert (await user_of(people, person)).email == NEW
    await undo_email(people.plane, first, ORIGIN)
    assert (await user_of(people, person)).email == OLD


async def test_both_links_at_once_end_in_one_address_that_is_somebodys(people: People):
    person = await people.signed_in_person()
    await ask(people, person)
    proof, undo = people.token_to(NEW), people.token_to(OLD)

    await asyncio.gather(
        prove_email(people.plane, proof, ORIGIN),
        undo_email(people.plane, undo, ORIGIN),
        return_exceptions=True,
    )

    assert (await user_of(people, person)).email == OLD
    assert await people.database.read(lambda tx: find_user_by_email(tx, NEW)) is None


@pytest.mark.parametrize(("days", "is_good"), [(6, True), (7, False)])
async def test_an_undo_link_is_good_for_seven_days_after_the_change(people: People, days: int, is_good: bool):
    person = await people.signed_in_person()
    await changed(people, person)
    people.clock.advance(days=days)
    undo = undo_email(people.plane, people.token_to(OLD), ORIGIN)

    if is_good:
        await undo
    else:
        with pytest.raises(DomainError, match="link-invalid"):
            await undo


async def test_the_former_address_may_be_somebody_elses_by_then(people: People):
    person = await people.signed_in_person()
    await changed(people, person)
    undo = people.token_to(OLD)
    await people.register(OLD)
    other = await people.who_holds(await people.sign_in(OLD))

    with pytest.raises(DomainError, match="address-in-use"):
        await undo_email(people.plane, undo, ORIGIN)
    assert (await user_of(people, person)).email == NEW

    people.clock.advance(days=1)
    await delete_myself(people.plane, other, SecretText(PASSWORD))
    await undo_email(people.plane, undo, ORIGIN)
    restored = await user_of(people, person)
    assert restored.email == OLD and restored.address_since == people.clock.now


async def test_nobody_proves_an_address_for_who_is_disabled(people: People):
    person = await people.signed_in_person()
    await ask(people, person)
    await disable_person(people.plane, person.user_id, "abuse")

    with pytest.raises(DomainError, match="link-invalid"):
        await prove_email(people.plane, people.token_to(NEW), ORIGIN)


async def test_a_reset_link_to_the_former_address_dies_with_the_change(people: People):
    person = await people.signed_in_person()
    await forgot_password(people.plane, OLD, ORIGIN)
    await people.deliver()
    reset = people.token_to(OLD)

    await changed(people, person)

    with pytest.raises(DomainError, match="link-invalid"):
        await reset_password(people.plane, reset, SecretText(BETTER), ORIGIN)


async def test_old_changes_are_forgotten_with_their_links(people: People):
    person = await people.signed_in_person()
    await changed(people, person)
    await forget_old_changes(people.plane)
    assert len(await people.database.read(lambda tx: tx.all(select(email_changes)))) == 1

    people.clock.advance(days=7, hours=2)
    await forget_old_changes(people.plane)

    for table in (email_changes, email_undo_links):
        assert await people.database.read(lambda tx, table=table: tx.all(select(table))) == []


async def test_whoever_registers_a_released_address_inherits_nothing(people: People):
    former = await people.signed_in_person()
    await people.ask_to_sign_up(OLD)
    await forgot_password(people.plane, OLD, ORIGIN)
    await people.deliver()
    old_link = people.token_to(OLD)
    await ask(people, former)
    undo, proof = people.token_to(OLD), people.token_to(NEW)
    released_at = people.clock.now
    await delete_myself(people.plane, former, SecretText(PASSWORD))
    people.clock.advance(days=1)

    user = await people.register(OLD, password=BETTER)

    assert user.id != former.user_id
    assert (await people.database.read(lambda tx: find_user(tx, user.id))).address_since == released_at  # pyright: ignore[reportOptionalMemberAccess]
    person = await people.who_holds(await people.sign_in(OLD, password=BETTER))
    assert person.address_since == released_at
    with pytest.raises(DomainError, match="sign-in-failed"):
        await people.sign_in(OLD)
    for attempt in (
        reset_password(people.plane, old_link, SecretText(BETTER), ORIGIN),
        verify_sign_up(people.plane, old_link, ORIGIN),
        undo_email(people.plane, undo, ORIGIN),
        prove_email(people.plane, proof, ORIGIN),
    ):
        with pytest.raises(DomainError, match="link-invalid"):
            await attempt


async def test_an_address_that_was_nobodys_has_no_past(people: People):
    assert (await people.register()).address_since is None
