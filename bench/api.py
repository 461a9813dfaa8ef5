"""Domicile's public API as the bench calls it outside of what is measured, and the requests that are measured, as bytes."""

import http.client
import json
from dataclasses import dataclass
from typing import Any

from bench.seed import PASSWORD

_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Api:
    """Calls with one credential, or none."""

    port: int
    authorization: str = ""

    def call(self, method: str, path: str, body: object = None, *, status: int = 200) -> dict[str, Any]:
        """Call, and give the body of an answer that must have this status (Any: JSON)."""
        answered, content = self._send(method, path, body)
        if answered != status:
            raise RuntimeError(f"{method} {path} was answered {answered}: {content.decode()}")
        return json.loads(content) if content else {}

    def status_of(self, method: str, path: str) -> int:
        """Call, and give the status alone."""
        return self._send(method, path, None)[0]

    def sign_in(self, email: str) -> "Api":
        """Begin a session of a seeded person."""
        made = self.call("POST", "/api/sessions", {"email": email, "password": PASSWORD}, status=201)
        return Api(self.port, f"Bearer {made['token']}")

    def enter(self, account: str) -> "Api":
        """Enter an account with a session."""
        return Api(
            self.port,
            f"Bearer {self.call('POST', f'/api/accounts/{account}/token', status=201)['token']}",
        )

    def make_key(self, alias: str) -> tuple[str, "Api"]:
        """Create an API key with full access; gives its id, and calls with it."""
        made = self.call("POST", "/api/apikeys", {"alias": alias, "roleID": "full-access"}, status=201)
        return made["id"], Api(self.port, f"ApiKey {made['id']}:{made['secret']}")

    def request(self, method: str, path: str, body: object = None, *more: str) -> bytes:
        """Write a request down as it goes over the wire, with more lines of its head."""
        content = json.dumps(body).encode() if body is not None else b""
        head = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Api-Version: v1", *more]
        head += [f"Authorization: {self.authorization}"] if self.authorization else []
        if content:
            head += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        return "\r\n".join([*head, "", ""]).encode() + content

    def _send(self, method: str, path: str, body: object) -> tuple[int, bytes]:
        headers = {"Api-Version": "v1", "Content-Type": "application/json"}
        if self.authorization:
            headers["Authorization"] = self.authorization
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_SECONDS)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()
