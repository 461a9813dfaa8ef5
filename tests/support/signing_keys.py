"""An operator who rotates and withdraws the signing keys of a running server, from another process as it were."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from domicile.apps.signing_keys import (
    Outcome,
    list_signing_keys,
    rotate_signing_keys,
    withdraw_signing_keys,
)
from tests.support.api import LiveServer
from tests.support.postgres import run_apart


@dataclass
class Operator:
    """Another process beside the server, on the same databases, with the same clock."""

    server: LiveServer

    def list_keys(self, owner: str = "de-1") -> list[dict[str, str]]:
        return self._apart(lambda: list_signing_keys(self.server.settings, [owner]))

    def current(self, owner: str = "de-1") -> str:
        (kid,) = [key["kid"] for key in self.list_keys(owner) if key["state"] == "current"]
        return kid

    def rotate(self, owner: str = "de-1") -> Outcome:
        return self._do(rotate_signing_keys, owner)

    def withdraw(self, owner: str = "de-1") -> Outcome:
        return self._do(withdraw_signing_keys, owner)

    def _do(self, what: Callable[..., Any], owner: str) -> Outcome:
        planned = [(owner, self.current(owner))]
        (outcome,) = self._apart(lambda: what(self.server.settings, planned, self.server.clock))
        return outcome

    def _apart(self, work: Callable[[], Any]) -> Any:  # noqa: ANN401  # whatever is asked for
        found: list[Any] = []

        async def run() -> None:
            found.append(await work())

        run_apart(run())
        return found[0]
