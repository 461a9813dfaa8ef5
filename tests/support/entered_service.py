"""A little service of the platform: people come in from the console, and it shows them who they are."""

import json
import secrets
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import Request, urlopen

_SECONDS = 10


@dataclass
class EnteredService:
    """What the service knows: where Domicile is, its credential, and the sessions that it gave out."""

    url: str
    credential: str
    domicile: str = ""
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)

    def admit(self, code: str) -> str | None:
        """Exchange a code, and begin a session of its own; None if the code is not good."""
        admitted = self._ask("/api/services/workload/sessions", self.credential, {"code": code})
        if admitted is None:
            return None
        session = secrets.token_urlsafe(16)
        self.sessions[session] = self._ask("/api/whoami", admitted["token"]) or {}
        return session

    def _ask(self, path: str, token: str, body: object = None) -> dict[str, Any] | None:
        headers = {
            "Api-Version": "v1",
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
        }
        content = json.dumps(body).encode() if body is not None else None
        try:
            with urlopen(Request(f"{self.domicile}{path}", content, headers), timeout=_SECONDS) as answer:  # noqa: S310  # our own server
                return json.loads(answer.read())
        except OSError:
            return None


def _handler(service: EnteredService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # as the parent looks for it
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            cookies = SimpleCookie(self.headers.get("Cookie", ""))
            if url.path == "/enter":
                self._enter(query, cookies["state"].value if "state" in cookies else None)
            elif "session" in cookies and (who := service.sessions.get(cookies["session"].value)):
                self._show(
                    f"You are {who['name']}, {who['levels']['workload']} in {who['accountID']}, at {url.path}"
                )
            else:
                state = secrets.token_urlsafe(16)
                onward = urlencode({"state": state, "return": url.path})
                self._lead(f"{service.domicile}/services/workload/open?{onward}", f"state={state}")

        def _enter(self, query: dict[str, str], state: str | None) -> None:
            session = service.admit(query.get("code", "")) if query.get("state", state) == state else None
            if session is None:
                self._show("Nobody comes in like this")
            else:
                self._lead(query.get("return", "/"), f"session={session}")

        def _lead(self, location: str, cookie: str) -> None:
            self.send_response(303)
            self.send_header("Location", location)
            self.send_header("Set-Cookie", f"{cookie}; Path=/; HttpOnly; SameSite=Lax")
            self.end_headers()

        def _show(self, text: str) -> None:
            page = f"<!doctype html><html lang=en><title>Workload</title><link rel=icon href='data:,'><h1>{escape(text)}</h1>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name of the parent's
            """Keep quiet."""

    return Handler


@contextmanager
def entered_service(credential: str) -> Generator[EnteredService]:
    """Serve it at a port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    service = EnteredService(f"http://localhost:{server.server_address[1]}", credential)
    server.RequestHandlerClass = _handler(service)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
