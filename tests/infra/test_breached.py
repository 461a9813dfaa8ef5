"""Looking up what became known, against a real server that answers well, badly, slowly, endlessly, or with another address."""

import hashlib
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import structlog.testing

from domicile.infra.breached import BreachedPasswords
from domicile.infra.secrets import SecretText

KNOWN = SecretText("correct horse battery staple")
DIGEST = hashlib.sha1(KNOWN.reveal().encode(), usedforsecurity=False).hexdigest().upper()
PREFIX, SUFFIX = DIGEST[:5], DIGEST[5:]
OTHER = "0018A45C4D1DEF81644B54AB7F969B88D65"


@dataclass
class RangeServer:
    """What it answers, and what it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = f"{OTHER}:12\r\n{SUFFIX}:7\r\n".encode()
    headers: dict[str, str] = field(default_factory=dict)
    pause_seconds: float = 0
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def running(server: RangeServer) -> Generator[RangeServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append((self.path, dict(self.headers)))
            ended.wait(server.pause_seconds)
            try:
                self.send_response(server.status)
                for name, value in ({"Content-Length": str(len(server.body))} | server.headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(server.body)
            except OSError:
                pass  # the client had enough

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
            pass

    ended = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        threading.Thread(target=http.serve_forever, daemon=True).start()
        server.url = f"http://127.0.0.1:{http.server_port}/range"
        try:
            yield server
        finally:
            ended.set()
            http.shutdown()


@pytest.fixture
def server() -> Generator[RangeServer]:
    with running(RangeServer()) as running_server:
        yield running_server


async def look_up(url: str, password: SecretText = KNOWN) -> tuple[bool, list[dict[str, object]]]:
    breached = BreachedPasswords(url)
    try:
        with structlog.testing.capture_logs() as logs:
            return await breached.has(password), [dict(line) for line in logs]
    finally:
        await breached.close()


async def test_five_digits_of_a_hash_are_all_that_leaves(server: RangeServer):
    assert await look_up(server.url) == (True, [])
    (path, headers) = server.asked[0]
    assert path == f"/range/{PREFIX}"
    assert headers["Add-Padding"] == "true"
    assert SUFFIX not in str(server.asked) and KNOWN.reveal() not in str(server.asked)


async def test_a_password_that_is_not_in_its_range_is_not_known(server: RangeServer):
    assert await look_up(server.url, SecretText("an orchard under seven moons")) == (False, [])


async def test_padding_is_not_taken_for_a_find(server: RangeServer):
    server.body = f"{OTHER}:3\r\n{SUFFIX}:0\r\n".encode()
    assert await look_up(server.url) == (False, [])


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (503, b"", {}),
        (404, b"", {}),
        (302, b"", {"Location": "/range/elsewhere"}),
        (200, b"", {}),
        (200, b"<html>Sign in to the hotel's network</html>", {}),
        (200, f"{SUFFIX}:many".encode(), {}),
        (200, f"{SUFFIX[:-1]}:7".encode(), {}),
        (200, b"\xff\xfe", {}),
        (200, f"{OTHER}:1\r\n".encode() * 20_000, {}),
        (200, b"short", {"Content-Length": "4096"}),
        (200, b"\x1f\x8b\x08" + b"\x00" * 40, {"Content-Encoding": "gzip"}),
    ],
    ids=[
        "down",
        "missing",
        "redirect",
        "empty",
        "html",
        "no number",
        "short",
        "no text",
        "huge",
        "cut",
        "gzip",
    ],
)
async def test_whatever_else_it_answers_a_password_can_be_set(
    server: RangeServer, status: int, body: bytes, headers: dict[str, str]
):
    server.status, server.body, server.headers = status, body, headers
    found, logs = await look_up(server.url)

    assert not found
    assert [(line["event"], line["log_level"], line["failures"]) for line in logs] == [
        ("breached_lookup_failed", "warning", 1)
    ]
    assert PREFIX not in str(logs)
    assert len(server.asked) == 1


async def test_it_is_waited_for_two_seconds(server: RangeServer):
    server.pause_seconds = 30
    begun = time.monotonic()
    found, logs = await look_up(server.url)

    assert not found
    assert time.monotonic() - begun < 4
    assert len(logs) == 1


async def test_failures_are_counted():
    with running(RangeServer()) as gone:
        url = gone.url
    breached = BreachedPasswords(url)
    with structlog.testing.capture_logs() as logs:
        assert [await breached.has(KNOWN) for _ in range(3)] == [False] * 3
    await breached.close()
    assert [line["failures"] for line in logs] == [1, 2, 3]
