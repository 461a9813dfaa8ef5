"""An operator's commands about failed attempts, on an installation that nobody serves."""

import asyncio
import json
from ipaddress import ip_address
from pathlib import Path

import pytest

from domicile.apps.operate import migrate, opened_node
from domicile.identity.registration.domain import SignUp, user_from
from domicile.identity.throttling.domain import Subject
from domicile.identity.throttling.service import begin_attempt
from domicile.identity.users.domain import Profile
from domicile.identity.users.store import insert_user
from domicile.infra.email_address import parse_email_address
from domicile.infra.settings import load_settings
from domicile.kernel.callers import Origin
from domicile.kernel.clock import utc_now
from domicile.kernel.errors import DomainError
from domicile.kernel.ids import UserId
from domicile.kernel.methods import Way
from tests.cli.conftest import Run

ANN = UserId("01933b1c-9b10-7d22-8f31-52c1e7a90b44")
STRANGER = Origin("bot", ip_address("203.0.113.9"), "")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A data folder with one person in it, at whom somebody has guessed five codes and one password."""
    data = tmp_path / "data"
    settings = load_settings(None, data, {})

    async def fill() -> None:
        await migrate(settings)
        async with opened_node(settings) as node:
            now = utc_now()
            proved = SignUp(
                "1", parse_email_address("ann@example.com"), Profile("Ann", "en", "UTC"), "", now, now
            )
            user = user_from(proved, ANN, address_since=None, now=now)
            await node.identity.database.run_tx(lambda tx: insert_user(tx, user))
            for factor in [*[Way.TOTP] * 5, Way.PASSWORD]:
                await begin_attempt(node.identity, Subject.of_user(ANN), factor, STRANGER)

    asyncio.run(fill())
    return data


def may_try(data: Path, factor: Way) -> bool:
    """Tell whether a stranger's next try would be verified; that counts it."""

    async def attempt() -> bool:
        async with opened_node(load_settings(None, data, {})) as node:
            try:
                await begin_attempt(node.identity, Subject.of_user(ANN), factor, STRANGER)
            except DomainError:
                return False
            return True

    return asyncio.run(attempt())


def test_failed_attempts_of_a_person_are_shown_by_factor(run: Run, installed: Path):
    there = ("--data", str(installed))

    shown = json.loads(run("people", "attempts", "ann@example.com", "--json", *there).out)
    assert (shown["id"], shown["familiarSources"]) == (ANN, 0)
    assert [(one["factor"], one["sources"], one["failures"]) for one in shown["attempts"]] == [
        ("password", "strangers", 1),
        ("totp", "strangers", 5),
    ]
    assert all(one["state"] == "open" and one["next"].endswith("Z") for one in shown["attempts"])
    table = run("people", "attempts", ANN, *there).out
    assert "totp" in table and "Failures" in table and "Familiar sources: 0" in table


def test_one_factor_is_cleared_and_the_person_can_read_that(run: Run, installed: Path):
    there = ("--data", str(installed))

    done = run("people", "clear-attempts", "ann@example.com", "--factor", "totp", "--yes", *there)
    assert (done.code, "are forgotten" in done.out) == (0, True)
    left = json.loads(run("people", "attempts", ANN, "--json", *there).out)["attempts"]
    assert [one["factor"] for one in left] == ["password"]
    assert may_try(installed, Way.TOTP)
    again = run("people", "clear-attempts", ANN, "--factor", "passkey", "--yes", "--json", *there)
    assert json.loads(again.out) == {"id": ANN, "email": "ann@example.com", "cleared": 0}


def test_all_factors_are_cleared_at_once(run: Run, installed: Path):
    there = ("--data", str(installed))

    done = run("people", "clear-attempts", ANN, "--yes", "--json", *there)
    assert json.loads(done.out)["cleared"] == 2
    assert "Nothing has failed" in run("people", "attempts", ANN, *there).out
    assert "nothing to clear" in run("people", "clear-attempts", ANN, "--yes", *there).out


def test_the_ranges_of_an_address_are_cleared(run: Run, installed: Path):
    there = ("--data", str(installed))

    done = run("people", "clear-attempts", "--range", "203.0.113.9", "--yes", "--json", *there)
    assert json.loads(done.out) == {"ranges": ["203.0.113.9/32", "203.0.113.0/24"]}
    assert "203.0.113.0/24" in run("people", "clear-attempts", "--range", "203.0.113.9", "--yes", *there).out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--yes"], "a person, or --range"),
        ([ANN, "--range", "203.0.113.9", "--yes"], "a person, or --range"),
        (["--range", "203.0.113.9", "--factor", "totp", "--yes"], "leave --factor out"),
        (["--range", "example.com", "--yes"], "an IPv4 or IPv6 address"),
        ([ANN], "Say --yes"),
        ([ANN, "--factor", "guess", "--yes"], "guess"),
    ],
)
def test_what_is_not_to_be_understood_clears_nothing(run: Run, installed: Path, given: list[str], said: str):
    ran = run("people", "clear-attempts", *given, "--data", str(installed))

    assert (ran.code, said in ran.err + ran.out) == (2, True)
    left = json.loads(run("people", "attempts", ANN, "--json", "--data", str(installed)).out)["attempts"]
    assert sum(one["failures"] for one in left) == 6


def test_nobody_has_no_failed_attempts(run: Run, installed: Path):
    there = ("--data", str(installed))

    assert run("people", "attempts", "nobody@example.com", *there).code == 1
    assert run("people", "clear-attempts", "nobody@example.com", "--yes", *there).code == 1


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("proxy.example.com", "neither an address nor a network"),
        ("10.0.0.1/8", "host bits set"),
        ("*", "neither an address nor a network"),
        ("0.0.0.0/0", "would believe everybody"),
        ("::/0", "would believe everybody"),
    ],
)
def test_a_proxy_that_is_none_is_a_fault_of_the_configuration(
    run: Run, tmp_path: Path, proxy: str, said: str
):
    config = tmp_path / "domicile.toml"
    config.write_text(f'[server]\ntrusted_proxies = ["127.0.0.1", "10.0.0.0/8", "::1", "{proxy}"]\n')

    ran = run("config", "check", "--config", str(config))
    assert (ran.code, said in ran.err, "127.0.0.1" in ran.err) == (1, True, False)


@pytest.mark.parametrize("line", ["most_failures = 101", "most_failures = 19", "range_failures = 4"])
def test_throttling_cannot_be_set_beyond_the_standard(run: Run, tmp_path: Path, line: str):
    config = tmp_path / "domicile.toml"
    config.write_text(f"[throttling]\n{line}\n")

    ran = run("config", "check", "--config", str(config))
    assert (ran.code, "throttling" in ran.err) == (1, True)
