"""Passwords over HTTP: bad ones on every route that takes one, rated while they are typed, and nowhere in the logs."""

import logging
from typing import Any

import pytest

from domicile.identity.passwords.domain import NewHash
from domicile.identity.passwords.store import put_hash
from domicile.kernel.ids import UserId
from tests.support.old_hashes import old_hash
from tests.support.world import PASSWORD, Person, World

LONG = "x" * 4096
_PATHS = (
    ("POST", "/api/signup", {"email": "new@example.com", "name": "New"}, "password"),
    ("POST", "/api/sessions", {"email": "nobody@example.com"}, "password"),
    ("POST", "/api/password/check", {}, "password"),
    ("POST", "/api/me/password", {"newPassword": "a pelican folds seven maps"}, "currentPassword"),
    ("POST", "/api/me/password", {"currentPassword": PASSWORD}, "newPassword"),
    ("POST", "/api/me/email", {"email": "other@example.com"}, "password"),
    ("POST", "/api/me/export", {}, "password"),
    ("DELETE", "/api/me", {}, "password"),
)


@pytest.fixture(scope="module")
def ann(world: World) -> Person:
    return world.person("Ann Example")


@pytest.mark.parametrize(("method", "path", "body", "field"), _PATHS, ids=lambda value: str(value)[:24])
@pytest.mark.parametrize(
    "typed", [LONG, "\u0301" * 4096, "\ufdfa" * 257], ids=["letters", "marks", "ligatures"]
)
def test_a_password_of_four_thousand_characters_is_refused_on_every_route(
    ann: Person, method: str, path: str, body: dict[str, Any], field: str, typed: str
) -> None:
    answer = ann.api.send(method, path, body | {field: typed})
    assert answer.status_code == 400, answer.text
    assert answer.json()["fields"] == {field: "must be at most 256 characters long"}
    assert typed[:20] not in answer.text


def test_a_reset_refuses_a_bad_password_and_leaves_the_link_good(world: World) -> None:
    person = world.person("Rea Example")
    world.anyone.call("POST", "/api/password/forgot", {"email": person.email}, status=202)
    token = world.token_to(person.email, "reset")
    for typed in (LONG, "passwordpassword", "with a NUL\x00 in the middle", "short"):
        body = {"token": token, "password": typed}
        refused = world.anyone.call("POST", "/api/password/reset", body, status=400)
        assert list(refused["fields"]) == ["password"]
    done = {"token": token, "password": "a pelican folds seven maps"}
    world.anyone.call("POST", "/api/password/reset", done, status=204)
    world.sign_in(person.email, password="a pelican folds seven maps")


def test_accents_are_one_password_however_they_were_typed_and_a_nul_is_another(world: World) -> None:
    person = world.person("Eli Example", password="e\u0301te\u0301 au bord du lac")
    world.sign_in(person.email, password="été au bord du lac")
    for typed in ("été au bord du lac\x00", "ete au bord du lac", "ÉTÉ AU BORD DU LAC"):
        body = {"email": person.email, "password": typed}
        assert world.anyone.call("POST", "/api/sessions", body, status=401)["type"].endswith(
            "/sign-in-failed"
        )


def test_a_password_is_rated_without_a_session(world: World) -> None:
    weak = world.anyone.call("POST", "/api/password/check", {"password": "qwertyuiopasdfgh"})
    assert (weak["score"] <= 1, weak["acceptable"]) == (True, False)
    assert "common" in weak["why"] and weak["suggestions"]

    own = {"password": "Zorblax-zorblax-77", "email": "q@zorblax.example", "name": "Zorblax"}
    assert "your own name" in world.anyone.call("POST", "/api/password/check", own)["why"]
    assert world.anyone.call("POST", "/api/password/check", own | {"email": "", "name": ""})["acceptable"]

    strong = world.anyone.call("POST", "/api/password/check", {"password": "a pelican folds seven maps"})
    assert strong == {"score": 4, "acceptable": True, "suggestions": []}


def test_hints_are_bounded(world: World) -> None:
    body = {"password": "a pelican folds seven maps", "email": "x" * 255, "name": "x" * 4096}
    refused = world.anyone.call("POST", "/api/password/check", body, status=400)
    assert set(refused["fields"]) == {"email", "name"}


def test_no_password_that_was_typed_is_logged(
    world: World, ann: Person, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    typed = "grommet-typed-in-confidence"
    with caplog.at_level(logging.DEBUG):
        world.anyone.post("/api/password/check", {"password": typed, "surplus": 1})
        world.anyone.post("/api/password/check", {"password": typed})
        ann.api.post("/api/me/password", {"currentPassword": typed, "newPassword": typed})
    printed = capfd.readouterr()
    assert "grommet" not in caplog.text + printed.out + printed.err


def test_a_hash_that_cannot_be_verified_any_more_lets_nobody_in(world: World) -> None:
    person = world.person("Old Example")
    identity = world.server.node.identity
    for text in (
        "imported:" + old_hash("bcrypt", "old")[:-1],
        "imported:",
        "imported:$2b$31$" + "a" * 53,
        "",
    ):
        new = NewHash(text, is_short=False)
        put = identity.database.run_tx(
            lambda tx, new=new: put_hash(tx, UserId(person.id), new, now=identity.clock())
        )
        world.server.run(put)
        body = {"email": person.email, "password": "old"}
        assert world.anyone.post("/api/sessions", body).status_code == 401
