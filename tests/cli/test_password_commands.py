"""Commands about passwords: rated, changed, forgotten, reset; none is ever an argument or printed."""

import json

import pytest

from tests.cli.conftest import Run
from tests.cli.peer import Peer

WEAK = {"score": 0, "acceptable": False, "why": "is a common password", "suggestions": ["Use words."]}
STRONG = {"score": 4, "acceptable": True, "suggestions": []}


def test_a_password_that_would_be_refused_is_said_to_be(run: Run, peer: Peer):
    peer.answer("POST /api/password/check", 200, WEAK)
    who = ("--email", "ann@example.com", "--name", "Ann", "--url", peer.url)
    ran = run("password", "check", *who, "--password-stdin", stdin="passwordpassword\n")
    assert ran.code == 1
    assert "is a common password" in ran.out and "would be refused" in ran.err
    assert "passwordpassword" not in ran.out + ran.err


def test_a_good_password_ends_with_success(run: Run, peer: Peer):
    peer.answer("POST /api/password/check", 200, STRONG)
    ran = run("password", "check", "--json", "--url", peer.url, "--password-stdin", stdin="seven maps\n")
    assert (ran.code, json.loads(ran.out)) == (0, STRONG)


@pytest.mark.parametrize("more", [(), ("--second-factor",)])
def test_a_password_is_rated_alone_or_beside_a_second_factor(run: Run, peer: Peer, more: tuple[str, ...]):
    peer.answer("POST /api/password/check", 200, STRONG)
    who = ("--email", "ann@example.com", "--url", peer.url)
    ran = run("password", "check", *who, *more, "--password-stdin", stdin="seven maps\n")
    assert ran.code == 0
    assert peer.requests[-1].body == {
        "password": "seven maps",
        "email": "ann@example.com",
        "mfaEnabled": bool(more),
    }


def test_a_password_is_changed_with_the_present_one(run: Run, signed_in: Peer):
    signed_in.answer("POST /api/me/password", 204, None)
    ran = run("password", "change", "--password-stdin", stdin="the present one\na pelican folds seven maps\n")
    assert (ran.code, ran.out) == (0, "Your password is changed. Your other sessions have ended.\n")
    assert signed_in.requests[-1].body == {
        "currentPassword": "the present one",
        "newPassword": "a pelican folds seven maps",
    }
    assert signed_in.requests[-1].headers["Authorization"] == "Bearer session-secret"


def test_changing_a_password_wants_a_session(run: Run, peer: Peer):
    ran = run("password", "change", "--url", peer.url, "--password-stdin", stdin="one\nanother\n")
    assert ran.code == 3
    assert peer.requests == []


def test_changing_a_password_wants_both_of_them(run: Run, signed_in: Peer):
    assert run("password", "change", "--password-stdin", stdin="only one\n").code == 2
    assert signed_in.sent("POST /api/me/password") == []


def test_why_a_new_password_is_refused_is_shown(run: Run, signed_in: Peer):
    refusal = {
        "message": "These fields need mending: newPassword.",
        "fields": {"newPassword": "is a common password"},
    }
    signed_in.answer("POST /api/me/password", 400, refusal)
    ran = run("password", "change", "--password-stdin", stdin="the present one\npasswordpassword\n")
    assert ran.code == 1
    assert "newPassword" in ran.err and "is a common password" in ran.err
    assert "passwordpassword" not in ran.out + ran.err


def test_a_forgotten_password_is_asked_for_and_set_with_the_link(run: Run, peer: Peer):
    peer.answer("POST /api/password/forgot", 202, {"state": "accepted"})
    peer.answer("POST /api/password/reset", 204, None)
    asked = run("password", "forgot", "ann@example.com", "--url", peer.url)
    assert (asked.code, "domicile password reset" in asked.out) == (0, True)

    link = "http://127.0.0.1:8800/reset/Zq3v0fJ8kR1nY6wP4sT9uX2bC5dE7gH0iL3mN6oQ8rS"
    done = run(
        "password", "reset", link, "--url", peer.url, "--password-stdin", stdin="a pelican folds seven maps\n"
    )
    assert done.code == 0
    assert peer.requests[-1].body == {
        "token": "Zq3v0fJ8kR1nY6wP4sT9uX2bC5dE7gH0iL3mN6oQ8rS",
        "password": "a pelican folds seven maps",
    }


@pytest.mark.parametrize("command", ["check", "change", "reset"])
def test_no_password_is_an_argument(run: Run, command: str):
    told = run("password", command, "--help").out
    assert "--password-stdin" in told
    assert "--password " not in told and "--new-password" not in told
