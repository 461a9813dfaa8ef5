"""A service that is told what happens: a real HTTP server that verifies what comes by the library of the standard, and can misbehave."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Told:
    """One request as it came."""

    body: bytes
    headers: dict[str, str]

    @property
    def message(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def type(self) -> str:
        return self.message["type"]


@dataclass
class Target:
    """What the service does with what it is told."""

    url: str = ""
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    body: bytes = b""
    until: threading.Event | None = None
    """Set: no answer before it is."""

    def about(self, account: str) -> list[str]:
        return [each.type for each in self.told if each.message["data"]["accountID"] == account]


@contextmanager
def listening() -> Generator[Target]:
    target = Target()

    class Handler(BaseHTTPRequestHandler):
        def log_request(self, code: object = "-", size: object = "-") -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            target.told.append(Told(body, dict(self.headers)))
            if target.until is not None:
                target.until.wait(20)
            self.send_response(target.status)
            for name, value in target.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(target.body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        target.url = f"http://127.0.0.1:{server.server_port}/lifecycle"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield target
        finally:
            if target.until is not None:
                target.until.set()
            server.shutdown()
            thread.join()
