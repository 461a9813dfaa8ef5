"""A server at the other end of the wire that answers as it was told and remembers what it was sent."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Sent:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: object


@dataclass
class Peer:
    """Answers to come, in order, per method and path; the last one is repeated."""

    url: str = ""
    answers: dict[str, list[tuple[int, object, dict[str, str]]]] = field(default_factory=dict)
    requests: list[Sent] = field(default_factory=list)

    def answer(self, request: str, status: int, body: object = None, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.setdefault(request, []).append((status, body, named))

    def sent(self, request: str) -> list[Sent]:
        return [each for each in self.requests if f"{each.method} {each.path}" == request]


@contextmanager
def running_peer() -> Generator[Peer]:
    peer = Peer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_request(self, code: object = "-", size: object = "-") -> None:
            pass

        def reply(self) -> None:
            received = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            peer.requests.append(
                Sent(self.command, self.path, dict(self.headers), json.loads(received) if received else None)
            )
            waiting = peer.answers.get(f"{self.command} {self.path}") or [
                (404, {"message": "Not scripted."}, {})
            ]
            status, body, headers = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    for method in ("GET", "POST", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.reply)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        peer.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield peer
        finally:
            server.shutdown()
            thread.join()
