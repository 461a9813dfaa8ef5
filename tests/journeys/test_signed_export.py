"""What a person takes along is signed by identity, and verifies offline until a single character of it is changed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from domicile.identity.export.statement import NotAsSignedError, verify_export
from tests.support.api import LiveServer
from tests.support.world import PASSWORD, Person, World, until

STATEMENT_KEYS = "/.well-known/domicile/identity/statement-keys.json"


def exported(person: Person) -> dict[str, Any]:
    return person.api.call("POST", "/api/me/export", {"password": PASSWORD})


@pytest.fixture(scope="module")
def person(world: World) -> Person:
    made = world.person("Zoë Prüfer-Ōkubo", address=world.address("zoe"))
    world.account(made, "jp-1")
    made.api.call("POST", "/api/me/export", {"password": PASSWORD})
    return made


@pytest.fixture(scope="module")
def keys(world: World) -> dict[str, Any]:
    return world.anyone.call("GET", STATEMENT_KEYS)


def test_an_export_verifies_and_says_of_whom_and_when(
    world: World, person: Person, keys: dict[str, Any]
) -> None:
    document = exported(person)

    claims = verify_export(document, keys)

    assert claims["iss"] == world.server.settings.public_url
    assert claims["sub"] == person.id
    assert claims["events"] == len(document["events"]) > 2
    assert claims["iat"] == int(world.server.clock().timestamp())
    assert len(claims["sha256"]) == 64
    assert next(reversed(document)) == "signed"


def test_an_export_that_was_written_out_differently_is_still_good(
    person: Person, keys: dict[str, Any]
) -> None:
    document = exported(person)
    again = json.loads(json.dumps(document, indent=4, sort_keys=True, ensure_ascii=True))

    assert verify_export(again, keys) == verify_export(document, keys)


def _changes(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the ways to every text, number and list in a document."""
    if isinstance(value, dict):
        return [each for name in value for each in _changes(value[name], (*path, name))]
    if isinstance(value, list):
        return [path, *(each for n, item in enumerate(value) for each in _changes(item, (*path, n)))]
    return [path]


def _changed(document: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    copy = json.loads(json.dumps(document))
    holder = copy
    for step in path[:-1]:
        holder = holder[step]
    before = holder[path[-1]]
    match before:
        case bool():
            after: Any = not before
        case int():
            after = before + 1
        case str():
            after = (("a" if before[0] != "a" else "b") + before[1:]) if before else "x"
        case list():
            after = [*before, {"one": "more"}]
        case _:
            after = "something"
    holder[path[-1]] = after
    return copy


def test_whatever_is_changed_is_noticed(person: Person, keys: dict[str, Any]) -> None:
    document = exported(person)
    paths = _changes(document)
    assert len(paths) > 40

    for path in paths:
        with pytest.raises(NotAsSignedError):
            verify_export(_changed(document, path), keys)
    for change in (
        {"more": 1},
        {"events": document["events"][1:]},
        {"events": [*document["events"], document["events"][0]]},
        {"events": [document["events"][1], document["events"][0], *document["events"][2:]]},
        {"profile": document["profile"] | {"weight": 61.5}},
    ):
        with pytest.raises(NotAsSignedError):
            verify_export(document | change, keys)
    without = {name: told for name, told in document.items() if name != "profile"}
    with pytest.raises(NotAsSignedError):
        verify_export(without, keys)


def test_a_statement_of_somebody_else_or_of_another_kind_is_no_signature(
    world: World, person: Person, keys: dict[str, Any]
) -> None:
    document, other = exported(person), exported(world.person("Bob Example"))
    regional = world.anyone.call("GET", "/.well-known/domicile/de-1/statement-keys.json")
    signer = world.server.node.identity.signer
    claims = verify_export(document, keys)

    for signed in (other["signed"], "", "e30.e30.e30", None, signer.sign(claims, type_="at+jwt")):
        with pytest.raises(NotAsSignedError):
            verify_export(document | {"signed": signed}, keys)
    with pytest.raises(NotAsSignedError, match="not signed with these keys"):
        verify_export(document, regional)
    with pytest.raises(NotAsSignedError, match="not signed with these keys"):
        verify_export(document, {"keys": "none"})


def test_a_moment_at_which_the_key_did_not_sign_is_refused(
    world: World, person: Person, keys: dict[str, Any]
) -> None:
    document = exported(person)
    (key,) = keys["keys"]

    for life in (
        {"signsFrom": "2027-01-01T00:00:00Z"},
        {"signedUntil": "2026-11-01T00:00:00Z", "state": "former"},
    ):
        with pytest.raises(NotAsSignedError, match="did not sign at the time"):
            verify_export(document, {"keys": [key | life]})
    with pytest.raises(NotAsSignedError, match="withdrawn on 2026-12-01"):
        verify_export(document, {"keys": [key | {"withdrawn": "2026-12-01T00:00:00Z"}]})


def test_an_export_from_before_a_rotation_verifies_after_it(own_server: LiveServer, own_world: World) -> None:
    person = own_world.person()
    document = exported(person)
    keeper = own_server.node.keepers["identity"]
    rotation = own_server.run(keeper.rotate(keeper.keys.key_id))
    own_server.clock.now = rotation.signs_from
    until(lambda: keeper.keys.key_id, lambda kid: kid == rotation.kid)

    keys = own_world.anyone.call("GET", STATEMENT_KEYS)

    assert len(keys["keys"]) == 2
    assert verify_export(document, keys)["sub"] == person.id
    assert verify_export(exported(person), keys)["sub"] == person.id


def test_the_command_verifies_a_file_and_names_what_is_wrong(
    world: World, person: Person, keys: dict[str, Any], tmp_path: Path
) -> None:
    answer = person.api.post("/api/me/export", {"password": PASSWORD})
    good, changed, doubled, kept = (tmp_path / name for name in ("good", "changed", "doubled", "keys"))
    good.write_bytes(answer.content)
    changed.write_bytes(answer.content.replace(b"jp-1", b"jp-2", 1))
    doubled.write_bytes(b'{"profile":{},' + answer.content[1:])
    kept.write_text(json.dumps(keys))

    def verify(file: Path, *more: str) -> tuple[int, str]:
        words = [sys.executable, "-m", "domicile.apps.cli", "me", "verify-export", str(file), *more]
        ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        return ended.returncode, ended.stdout + ended.stderr

    code, said = verify(good, "--keys", str(kept), "--json", "--url", "http://127.0.0.1:9")
    assert (code, json.loads(said)["isGenuine"], json.loads(said)["sub"]) == (0, True, person.id)
    assert verify(good, "--url", world.server.settings.public_url)[0] == 0
    for file, why in ((changed, "not what was signed"), (doubled, "says something twice")):
        code, said = verify(file, "--keys", str(kept))
        assert code == 1
        assert why in " ".join(said.split())
    assert verify(tmp_path / "none", "--keys", str(kept))[0] == 2
    assert verify(good, "--keys", str(good))[0] == 1
