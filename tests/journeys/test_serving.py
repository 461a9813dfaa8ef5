"""The server as an operator starts it: whom it believes, what it says of itself, and how it ends."""

import signal

from tests.support.process import RealServer
from tests.support.process import real as real


def test_the_served_api_believes_no_forwarding_header_names_no_software_and_ends_when_told(
    real: RealServer,
) -> None:
    world = real.world()
    account = world.account(world.person())
    claims = {"X-Forwarded-For": "203.0.113.66", "Forwarded": "for=203.0.113.66"}
    changed = account.api.post(f"/api/accounts/{account.id}", {"alias": "Claimed"}, headers=claims)
    assert changed.status_code == 200
    assert "server" not in changed.headers
    assert account.api.call("GET", "/api/logs?limit=1")["logs"][0]["sourceAddress"] == "127.0.0.1"
    key = world.key(account.api)
    assert key.api.get("/api/users").status_code == 200
    assert real.process is not None
    real.process.send_signal(signal.SIGTERM)
    assert real.process.wait(timeout=20) == 0
    real.start()
    assert [each["alias"] for each in account.owner.api.call("GET", "/api/accounts")["accounts"]] == [
        "Claimed"
    ]
    assert account.api.get("/api/users").status_code == 200
    assert account.api.call("GET", f"/api/apikeys/{key.id}")["lastActivity"]
