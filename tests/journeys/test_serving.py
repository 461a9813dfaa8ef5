"""The server as an operator starts it: whom it believes, what it says of itself, and how it ends."""

import signal
import socket

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


def test_a_head_without_end_is_cut_off_and_others_are_served_meanwhile(real: RealServer) -> None:
    with socket.create_connection(("127.0.0.1", real.port), timeout=20) as endless:
        endless.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ")
        try:
            for _ in range(200):
                endless.sendall(b"a" * 100_000)
            answer = endless.recv(1000)
        except ConnectionError:
            answer = b"HTTP/1.1 400"  # the server had hung up before all was said
    assert answer.startswith(b"HTTP/1.1 400")
    assert real.anyone.get("/healthz").status_code == 200


def test_a_head_of_many_pieces_and_requests_in_one_piece_are_served(real: RealServer) -> None:
    asked = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 8000 + b"\r\n\r\n"
    with socket.create_connection(("127.0.0.1", real.port), timeout=20) as client:
        for piece in (asked[:9], asked[9:30], asked[30:4000], asked[4000:], asked * 2):
            client.sendall(piece)
        answers = b""
        while answers.count(b"ready") < 3:
            answers += client.recv(1000)
    assert answers.count(b"HTTP/1.1 200") == 3
