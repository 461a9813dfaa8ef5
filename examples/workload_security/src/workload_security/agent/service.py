"""What the agent says to the service; it survives that nobody answers."""

import json
from collections.abc import Mapping
from typing import Any

from domicile_sdk import Unreachable
from domicile_sdk.exchange import Answer, Request
from domicile_sdk.service import check_address
from domicile_sdk.transport import Transport

_TIMEOUT_SECONDS = 10.0
_UNTIL_LATER = {429, 500, 502, 503, 504}


class Stopped(Exception):
    """The service refuses; `status` 401 is for good, and others, as of a suspended account, may pass."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class WorkloadService:
    """The service in the region of the account. No answer, and one of an overloaded service, is `Unreachable`."""

    def __init__(self, url: str) -> None:
        check_address(url)
        self._url = url.rstrip("/")
        self._transport = Transport()

    def enrol(self, token: str, computer: str, platform: str) -> str:
        """Enrol with an activation token; gives the agent's credential."""
        body = {"token": token, "computer": computer, "platform": platform}
        return json.loads(self._ask("POST", "/agents/enrol", {}, body).content)["credential"]

    def policy(self, credential: str, etag: str) -> tuple[str, dict[str, Any]] | None:
        """Ask for the policy, saying which one is applied; None: it is still the one."""
        headers = {"Authorization": f"Bearer {credential}"} | ({"If-None-Match": etag} if etag else {})
        answer = self._ask("GET", "/agents/policy", headers)
        if answer.status == 304:
            return None
        return answer.headers["etag"], json.loads(answer.content)

    def tell(self, credential: str, findings: list[dict[str, object]]) -> None:
        """Tell findings; the service passes over what it has."""
        self._ask(
            "POST", "/agents/findings", {"Authorization": f"Bearer {credential}"}, {"findings": findings}
        )

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: object = None) -> Answer:
        content = None if body is None else json.dumps(body).encode()
        sent = {**headers, "Content-Type": "application/json"}
        answer = self._transport.send(Request(method, self._url + path, sent, content, _TIMEOUT_SECONDS))
        if answer.status in _UNTIL_LATER:
            raise Unreachable(f"{method} {path}: {answer.status}")
        if answer.status >= 400:
            raise Stopped(answer.status, answer.body().text_or_empty("detail"))
        return answer
