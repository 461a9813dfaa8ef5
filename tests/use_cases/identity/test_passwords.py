"""Setting passwords: the rules, the lists, a second factor beside a short one; and hashes that are made anew."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from argon2 import PasswordHasher as Argon2
from sqlalchemy import select, update

from domicile.identity.events.service import list_own_events
from domicile.identity.events.store import security_events
from domicile.identity.passwords.domain import NewHash, Rating
from domicile.identity.passwords.service import password_too_short_alone, rate_password
from domicile.identity.passwords.store import is_short, passwords, put_hash, replace_hash
from domicile.identity.recovery.service import change_password, forgot_password, reset_password
from domicile.identity.registration.service import WantedSignUp, sign_up
from domicile.identity.registration.store import sign_ups
from domicile.identity.signing_in.service import sign_in
from domicile.identity.users.domain import User
from domicile.identity.users.store import users
from domicile.infra.databases import IdentityTx
from domicile.infra.imported_hashes import accept_hash
from domicile.infra.password_screen import PasswordScreen
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import MFA, Person
from domicile.kernel.errors import DomainError
from domicile.kernel.ids import UserId
from domicile.kernel.paging import PageRequest
from tests.support.old_hashes import SCHEMES, old_hash
from tests.support.people import ORIGIN, PASSWORD, People
from tests.support.refusals import refusal_of

NEW = "a pelican folds seven maps"
SHORT = "tF7#kQ2v"


def configured(people: People, **wanted: Any) -> People:
    """Give the same people under other settings of passwords."""
    chosen = msgspec.structs.replace(people.plane.settings.passwords, **wanted)
    settings = msgspec.structs.replace(people.plane.settings, passwords=chosen)
    screen = PasswordScreen(people.plane.passwords, chosen)
    people.plane = replace(people.plane, settings=settings, screen=screen)
    return people


async def set_factor(people: People, user: UserId, *, there: bool) -> None:
    change = update(users).where(users.c.user_id == user).values(mfa_enabled=there)
    await people.database.run_tx(lambda tx: tx.execute(change))


def with_factor(person: Person) -> Person:
    """The same person, in a session in which they have used a second factor."""
    return replace(person, mfa_enabled=True, methods=("pwd", "otp", MFA))


async def kept(people: People, user: UserId) -> tuple[str, bool, Any]:
    query = select(passwords.c.hash, passwords.c.is_short, passwords.c.changed_at)
    row = await people.database.read(lambda tx: tx.first(query.where(passwords.c.user_id == user)))
    assert row
    return row.hash, row.is_short, row.changed_at


async def keep(people: People, user: User, text: str) -> None:
    new = NewHash(text, is_short=False)
    await people.database.run_tx(lambda tx: put_hash(tx, user.id, new, now=people.clock()))


async def change(people: People, person: Person, new: str, *, current: str = PASSWORD) -> None:
    await change_password(people.plane, person, SecretText(current), SecretText(new))


async def reset_link(people: People) -> str:
    await forgot_password(people.plane, "ann@example.com", ORIGIN)
    await people.deliver()
    return people.token_to("ann@example.com")


REFUSED = [
    ("passwordpassword", "common"),
    ("qwertyuiopasdfgh", "common"),
    ("abcdefghijklmnop", "run of neighbouring"),
    ("xk9xk9xk9xk9xk9xk9", "over and over"),
    ("Ann.Example.2026", "your own name"),
    ("domicile domicile", "name of this platform"),
    ("fourteen chars", "at least 15"),
    ("with a NUL\x00 inside", "control characters"),
    ("x" * 4096, "at most 256"),
]


@pytest.mark.parametrize(("typed", "why"), REFUSED)
async def test_each_way_to_set_a_password_keeps_the_same_rules_and_says_why(
    people: People, typed: str, why: str
):
    ann = await people.signed_in_person()
    link = await reset_link(people)
    wanted = WantedSignUp("new@example.com", "Ann Example", SecretText(typed), None, None)

    signing_up = await refusal_of(sign_up(people.plane, wanted))
    changing = await refusal_of(change(people, ann, typed))
    resetting = await refusal_of(reset_password(people.plane, link, SecretText(typed), ORIGIN))

    assert [error.code for error in (signing_up, changing, resetting)] == ["invalid-input"] * 3
    for error, field in ((signing_up, "password"), (changing, "newPassword"), (resetting, "password")):
        assert why in error.fields[field]
        assert typed not in str(error.fields)
    assert await people.sign_in()
    await reset_password(people.plane, link, SecretText(NEW), ORIGIN)


async def test_refused_changes_and_resets_are_among_the_security_events(people: People):
    ann = await people.signed_in_person()
    link = await reset_link(people)
    await refusal_of(change(people, ann, "passwordpassword"))
    await refusal_of(reset_password(people.plane, link, SecretText("passwordpassword"), ORIGIN))

    events = [
        found.event for found in (await list_own_events(people.plane, ann, PageRequest(25, None))).items
    ]
    assert [(event.type, event.outcome) for event in events[:2]] == [
        ("audit.password_reset.v1", "refused"),
        ("audit.password_updated.v1", "refused"),
    ]
    trace = str(await people.database.read(lambda tx: tx.all(select(security_events))))
    assert "passwordpassword" not in trace


async def test_a_present_password_of_four_thousand_characters_is_refused_before_it_is_hashed(
    people: People, monkeypatch: pytest.MonkeyPatch
):
    ann = await people.signed_in_person()
    hashed: list[object] = []
    in_pool = people.plane.passwords.in_pool

    async def counting(work: Callable[[], object]) -> object:
        hashed.append(work)
        return await in_pool(work)

    monkeypatch.setattr(people.plane.passwords, "in_pool", counting)
    long = "x" * 4096
    for attempt in (
        sign_in(people.plane, "ann@example.com", SecretText(long), ORIGIN),
        sign_in(people.plane, "nobody@example.com", SecretText(long), ORIGIN),
        change(people, ann, NEW, current=long),
        rate_password(people.plane, SecretText(long), email="", name=""),
    ):
        assert "at most 256" in str((await refusal_of(attempt)).fields)
    assert hashed == []


async def test_a_password_is_known_however_its_letters_were_composed(people: People):
    await people.register(password="e\u0301te\u0301 au bord du lac")
    assert await people.sign_in(password="été au bord du lac")
    assert (await refusal_of(people.sign_in(password="ete au bord du lac"))).code == "sign-in-failed"
    assert (await refusal_of(people.sign_in(password="été au bord du lac\x00"))).code == "sign-in-failed"


async def test_the_operators_list_is_asked(people: People, tmp_path: Path):
    path = tmp_path / "list.txt"
    path.write_text("Seven Moons Over Acme\n", encoding="utf-8")
    configured(people, blocklist_file=str(path))
    ann = await people.signed_in_person()
    refusal = await refusal_of(change(people, ann, "seven moons OVER acme"))
    assert "on the list" in refusal.fields["newPassword"]
    await change(people, ann, "eight moons over acme")


async def test_a_password_that_became_known_is_refused_where_it_is_set_and_not_asked_for_while_it_is_typed(
    people: People, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []

    async def has(_self: object, password: SecretText) -> bool:
        asked.append(password.reveal())
        return password.reveal() == NEW

    monkeypatch.setattr("domicile.infra.breached.BreachedPasswords.has", has)
    ann = await people.signed_in_person()
    await change(people, ann, NEW)
    await change(people, ann, PASSWORD, current=NEW)
    assert asked == []

    configured(people, breached_url="https://ranges.example/")
    assert (await rate_password(people.plane, SecretText(NEW), email="", name="")).reason is None
    assert asked == []
    refusal = await refusal_of(change(people, ann, NEW))
    assert "breach" in refusal.fields["newPassword"]
    await change(people, ann, "an orchard under seven moons")
    assert asked == [NEW, "an orchard under seven moons"]


async def test_a_short_password_wants_a_second_factor_beside_it(people: People):
    user = await people.register()
    ann = await people.who_holds(await people.sign_in())
    assert "at least 15" in (await refusal_of(change(people, ann, SHORT))).fields["newPassword"]

    await set_factor(people, user.id, there=True)
    ann = with_factor(ann)
    assert "at least 8" in (await refusal_of(change(people, ann, "tF7#kQ2"))).fields["newPassword"]
    await change(people, ann, SHORT)
    assert await people.database.read(lambda tx: is_short(tx, user.id))
    assert (await kept(people, user.id))[1]

    await change(people, ann, NEW, current=SHORT)
    assert not await people.database.read(lambda tx: is_short(tx, user.id))


async def test_a_short_password_can_be_set_by_mail_where_a_second_factor_is(people: People):
    user = await people.register()
    link = await reset_link(people)
    assert "at least 15" in str(
        (await refusal_of(reset_password(people.plane, link, SecretText(SHORT), ORIGIN))).fields
    )
    await set_factor(people, user.id, there=True)
    await reset_password(people.plane, link, SecretText(SHORT), ORIGIN)
    assert await people.database.read(lambda tx: is_short(tx, user.id))


async def test_nobody_is_short_who_has_no_password(people: People):
    assert not await people.database.read(lambda tx: is_short(tx, UserId("nobody")))
    error = password_too_short_alone()
    assert (error.kind, error.code) == ("conflict", "password-too-short-alone")


async def test_a_factor_that_goes_while_a_short_password_is_set_leaves_the_long_one(people: People):
    user = await people.register()
    ann = with_factor(await people.who_holds(await people.sign_in()))

    refusal = await refusal_of(change(people, ann, SHORT))

    assert "no second factor any more" in refusal.fields["newPassword"]
    assert await people.sign_in(password=PASSWORD)
    assert not (await kept(people, user.id))[1]
    assert (await people.who_holds(await people.sign_in())).epoch == 1


async def test_of_a_short_password_and_the_removal_of_the_last_factor_one_wins(people: People):
    user = await people.register()
    ann = with_factor(await people.who_holds(await people.sign_in()))
    await set_factor(people, user.id, there=True)

    async def remove(tx: IdentityTx) -> None:
        if await is_short(tx, user.id):
            raise password_too_short_alone()
        await tx.execute(update(users).where(users.c.user_id == user.id).values(mfa_enabled=False))

    results = await asyncio.gather(
        change(people, ann, SHORT), people.database.run_tx(remove), return_exceptions=True
    )

    assert sum(isinstance(result, DomainError) for result in results) == 1
    query = select(users.c.mfa_enabled, passwords.c.is_short).join(passwords)
    assert tuple(await people.database.read(lambda tx: tx.first(query)) or ()) in {
        (True, True),
        (False, False),
    }


async def test_both_lengths_are_settings(people: People):
    configured(people, min_length=20, min_length_with_factor=12)
    ann = await people.signed_in_person()
    assert (
        "at least 20" in (await refusal_of(change(people, ann, "nineteen characters"))).fields["newPassword"]
    )
    await set_factor(people, ann.user_id, there=True)
    ann = with_factor(ann)
    assert "at least 12" in (await refusal_of(change(people, ann, SHORT))).fields["newPassword"]
    await change(people, ann, "nineteen characters")
    assert await people.database.read(lambda tx: is_short(tx, ann.user_id))


@pytest.mark.parametrize(
    ("typed", "score", "why"),
    [
        ("", 0, "at least 15"),
        ("passwordpassword", 0, "common"),
        ("Ann Example 2026", 1, "your own name"),
        ("seven maps", 1, "at least 15"),
        ("a pelican folds seven maps", 4, None),
        ("with a line\nbreak in it", 1, "control characters"),
    ],
)
async def test_a_password_is_rated_while_it_is_typed(people: People, typed: str, score: int, why: str | None):
    rating = await rate_password(people.plane, SecretText(typed), email="ann@example.com", name="Ann Example")
    assert rating.score == score
    assert (rating.reason is None) if why is None else (why in (rating.reason or ""))
    assert bool(rating.suggestions) is (why is not None)


async def test_beside_a_second_factor_a_shorter_password_is_rated_as_it_will_be_judged(people: People):
    async def rated(*, mfa_enabled: bool) -> Rating:
        typed = SecretText(SHORT)
        return await rate_password(people.plane, typed, email="", name="", mfa_enabled=mfa_enabled)

    alone, beside = await rated(mfa_enabled=False), await rated(mfa_enabled=True)
    assert "at least 15" in (alone.reason or "")
    assert beside.reason is None and beside.score > alone.score


async def test_whoever_types_leaves_room_for_who_signs_in(people: People):
    await people.register()
    wanted = [rate_password(people.plane, SecretText(NEW), email="", name="") for _ in range(20)]
    results, signed_in = await asyncio.gather(
        asyncio.gather(*wanted, return_exceptions=True), people.sign_in()
    )
    assert signed_in
    refused = [result.code for result in results if isinstance(result, DomainError)]
    assert refused == ["too-busy"] * 12
    assert (await rate_password(people.plane, SecretText(NEW), email="", name="")).score == 4


@pytest.mark.parametrize(
    "weak",
    [{"time_cost": 1}, {"memory_cost": 8 * 1024}, {"parallelism": 2}, {"hash_len": 16}, {"salt_len": 8}],
)
async def test_a_hash_with_other_parameters_is_made_anew_and_the_password_counts_as_unchanged(
    people: People, weak: dict[str, int]
):
    user = await people.register()
    before = (await kept(people, user.id))[2]
    today = {"time_cost": 2, "memory_cost": 19 * 1024, "parallelism": 1}
    parameters: Any = today | weak
    old = Argon2(**parameters).hash(PASSWORD)
    await keep(people, user, old)
    people.clock.advance(minutes=5)

    await people.sign_in()

    new, _, changed_at = await kept(people, user.id)
    assert new != old and not people.plane.passwords.is_outdated(new)
    assert changed_at == before
    await people.sign_in()
    assert (await kept(people, user.id))[0] == new


async def test_a_password_that_is_changed_while_its_hash_is_made_anew_stays_changed(
    people: People, monkeypatch: pytest.MonkeyPatch
):
    user = await people.register()
    old = Argon2(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    await keep(people, user, old)
    other = NewHash(await people.plane.passwords.hash(SecretText(NEW)), is_short=False)
    make = people.plane.passwords.hash

    async def change_meanwhile(password: SecretText) -> str:
        assert await people.database.run_tx(
            lambda tx: replace_hash(tx, user.id, old, other, now=people.clock())
        )
        return await make(password)

    monkeypatch.setattr(people.plane.passwords, "hash", change_meanwhile)
    await people.sign_in()
    monkeypatch.undo()

    assert (await kept(people, user.id))[0] == other.hash
    assert await people.sign_in(password=NEW)
    assert (await refusal_of(people.sign_in(password=PASSWORD))).code == "sign-in-failed"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("typed", ["secret", "ﬁne cafe\u0301"], ids=["plain", "not normal"])
async def test_an_imported_hash_is_verified_once_and_then_ours(people: People, scheme: str, typed: str):
    user = await people.register()
    await keep(people, user, accept_hash(old_hash(scheme, typed)))

    assert (await refusal_of(people.sign_in(password="another"))).code == "sign-in-failed"
    assert (await kept(people, user.id))[0].startswith("imported:")
    assert await people.sign_in(password=typed)

    text, short, _ = await kept(people, user.id)
    assert not people.plane.passwords.is_outdated(text)
    assert short
    assert await people.sign_in(password=typed)
    assert (await refusal_of(people.sign_in(password="another"))).code == "sign-in-failed"


async def test_an_imported_hash_is_verified_whatever_form_the_other_system_hashed(people: People):
    user = await people.register()
    await keep(people, user, accept_hash(old_hash("bcrypt", "fine café")))
    assert await people.sign_in(password="ﬁne cafe\u0301")


async def test_a_wrong_password_of_an_imported_hash_costs_one_of_ours_too(
    people: People, monkeypatch: pytest.MonkeyPatch
):
    user = await people.register()
    await keep(people, user, accept_hash(old_hash("bcrypt", "secret")))
    compared: list[str] = []
    matches = people.plane.passwords._matches

    def counting(password: SecretText, text: str) -> bool:
        compared.append(text)
        return matches(password, text)

    monkeypatch.setattr(people.plane.passwords, "_matches", counting)
    await refusal_of(people.sign_in(password="another"))
    assert [people.plane.passwords.is_outdated(text) for text in compared] == [False]


async def test_two_first_sign_ins_at_once_both_succeed_and_leave_one_hash(people: People):
    user = await people.register()
    await keep(people, user, accept_hash(old_hash("bcrypt", "secret")))
    assert all(await asyncio.gather(*(people.sign_in(password="secret") for _ in range(4))))
    assert (await kept(people, user.id))[0].startswith("$argon2id$")
    assert await people.sign_in(password="secret")


async def test_nothing_of_a_refused_sign_up_is_stored(people: People):
    await refusal_of(people.ask_to_sign_up("new@example.com", password="passwordpassword"))
    assert await people.database.read(lambda tx: tx.all(select(sign_ups))) == []
