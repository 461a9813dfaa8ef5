"""Sessions in the log of an account: a sign-in when one first enters, a sign-out when it ends; and nothing of those that never came."""

import pytest

from tests.support.world import Account, World


@pytest.fixture
def labs(world: World) -> Account:
    return world.account(world.person("Ann Example"), "de-1", "Labs")


def sessions_in(account: Account) -> list[tuple[str, str, str]]:
    """What the log tells of sessions, oldest first: what, whose, and a fingerprint."""
    logs = account.api.call("GET", "/api/logs?type=audit.user-signed-*&limit=250")["logs"]
    return [(log["event"], log["principalEmail"], log["details"]["session"]) for log in reversed(logs)]


def test_a_session_that_entered_signs_in_once_and_out_once(world: World, labs: Account) -> None:
    guest = world.person("Gus Guest")
    world.join(labs, guest)
    before = sessions_in(labs)
    session = world.sign_in(guest.email)
    for _ in range(2):
        session.call("POST", f"/api/accounts/{labs.id}/token", status=201)

    session.call("DELETE", "/api/sessions/current", status=204)

    (came, left) = sessions_in(labs)[len(before) :]
    assert (came[0], left[0]) == ("user-signed-in", "user-signed-out")
    assert came[1:] == left[1:]
    assert came[1] == guest.email


def test_a_session_that_was_lifted_since_it_entered_signs_out_as_the_same(
    world: World, labs: Account
) -> None:
    guest = world.person("Gus Guest")
    world.join(labs, guest)
    before = sessions_in(labs)
    session = world.sign_in(guest.email)
    session.call("POST", f"/api/accounts/{labs.id}/token", status=201)
    lifted = session.call("POST", "/api/me/step-up", {"password": guest.password}, status=201)
    session = session.with_(f"Bearer {lifted['token']}")
    session.call("POST", f"/api/accounts/{labs.id}/token", status=201)

    session.call("DELETE", "/api/sessions/current", status=204)

    (came, left) = sessions_in(labs)[len(before) :]
    assert (came[0], left[0]) == ("user-signed-in", "user-signed-out")
    assert came[1:] == left[1:]


def test_a_session_that_never_entered_leaves_no_trace(world: World, labs: Account) -> None:
    guest = world.person("Gus Guest")
    world.join(labs, guest)
    before = sessions_in(labs)

    world.sign_in(guest.email).call("DELETE", "/api/sessions/current", status=204)

    assert sessions_in(labs) == before


def test_a_sign_out_is_told_to_every_account_that_was_entered_and_to_no_other(
    world: World, labs: Account
) -> None:
    guest = world.person("Gus Guest")
    world.join(labs, guest)
    other = world.account(labs.owner, "us-1", "Other")
    world.join(other, guest)
    session = world.sign_in(guest.email)
    session.call("POST", f"/api/accounts/{other.id}/token", status=201)
    before = sessions_in(labs)

    session.call("DELETE", "/api/sessions/current", status=204)

    assert sessions_in(labs) == before
    assert sessions_in(other)[-1][:2] == ("user-signed-out", guest.email)
