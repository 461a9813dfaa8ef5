"""What a service sends to its region and how the answers are read, without sending anything."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar
from urllib.parse import urlencode

from domicile_sdk.client.sending import Page, Sender, part
from domicile_sdk.exchange import Conversation, Fields
from domicile_sdk.key_set import Region
from domicile_sdk.service import Service
from domicile_sdk.serving.answers import (
    Admitted,
    ChangePage,
    KeptPage,
    Outcome,
    Purge,
    Report,
    UsageOutcome,
    UsageRecord,
)

ResultT = TypeVar("ResultT")

WAIT_SECONDS: Final = 25
_WAIT_TIMEOUT_SECONDS = 30.0
_LARGEST_PAGE = 250
_MOST_REPORTS = 100
_MOST_RECORDS = 1000
"""In one request."""


class ServingCalls:
    """Every call of one service in one region; the region's own address is asked for before the first."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._sender: Sender | None = None

    def items(self, cursor: str) -> Conversation[KeptPage]:
        """List a page of the items of all accounts."""
        query = {"limit": str(_LARGEST_PAGE)} | ({"cursor": cursor} if cursor else {})
        sender = yield from self._here()
        return (yield from sender.get(f"{self._serving}/items?{urlencode(query)}", KeptPage.of))

    def changes(self, since: int, *, wait_seconds: int) -> Conversation[ChangePage]:
        """Read the changes after a number; with nothing to tell, the answer waits for so long."""
        query = urlencode({"since": since, "wait": wait_seconds})
        sender = yield from self._here()
        path = f"{self._serving}/changes?{query}"
        return (yield from sender.get(path, ChangePage.of, timeout_seconds=_WAIT_TIMEOUT_SECONDS))

    def report(self, reports: Sequence[Report]) -> Conversation[list[Outcome]]:
        """Say what became of items, however many; gives what came of each, in order."""
        sender = yield from self._here()
        outcomes: list[Outcome] = []
        for begin in range(0, len(reports), _MOST_REPORTS):
            body = {"statuses": [each.body() for each in reports[begin : begin + _MOST_REPORTS]]}
            outcomes += yield from sender.call("POST", f"{self._serving}/statuses", _read_outcomes, body=body)
        return outcomes

    def report_usage(self, records: Sequence[UsageRecord]) -> Conversation[list[UsageOutcome]]:
        """Say what accounts used, however many records; gives what came of each, in order."""
        sender = yield from self._here()
        outcomes: list[UsageOutcome] = []
        for begin in range(0, len(records), _MOST_RECORDS):
            body = {"records": [each.body() for each in records[begin : begin + _MOST_RECORDS]]}
            outcomes += yield from sender.call("POST", f"{self._serving}/usage", _read_usage, body=body)
        return outcomes

    def owed_purges(self, cursor: str) -> Conversation[Page[Purge]]:
        """List a page of the accounts that the service is to delete, and has given no receipt for."""
        sender = yield from self._here()
        return (yield from sender.page(f"{self._serving}/purges", "purges", Purge.of, cursor))

    def purge(self, account: str) -> Conversation[Purge]:
        """Read a purge back, with its receipt."""
        sender = yield from self._here()
        return (yield from sender.get(f"{self._serving}/purges/{part(account)}", Purge.of))

    def acknowledge_purge(self, account: str, deleted: Mapping[str, int]) -> Conversation[Purge]:
        """Give the receipt for an account of which nothing remains."""
        body = {"deleted": dict(deleted), "remaining": 0}
        return (yield from self._post(f"{self._serving}/purges/{part(account)}", Purge.of, body))

    def admit(self, code: str) -> Conversation[Admitted]:
        """Exchange the code with which a person came from the console."""
        return (yield from self._post(self._sessions, Admitted.of, {"code": code}))

    def renew(self, handle: str) -> Conversation[Admitted]:
        """Exchange the newest handle of a person who was let in."""
        return (yield from self._post(f"{self._sessions}/renew", Admitted.of, {"handle": handle}))

    @property
    def _serving(self) -> str:
        return f"/api/serving/{part(self.service.region)}"

    @property
    def _sessions(self) -> str:
        return f"/api/services/{part(self.service.manifest.name)}/sessions"

    def _post(
        self, path: str, read: Callable[[Fields], ResultT], body: Mapping[str, object]
    ) -> Conversation[ResultT]:
        sender = yield from self._here()
        return (yield from sender.call("POST", path, read, body=body))

    def _here(self) -> Conversation[Sender]:
        """Find where the region is; asked once."""
        if self._sender is None:
            bearer = f"Bearer {self.service.token}"
            platform = Sender(self.service.url, bearer)
            region = yield from platform.get("/.well-known/domicile", self._find)
            self._sender = Sender(region.base_url, bearer)
        return self._sender

    def _find(self, discovery: Fields) -> Region:
        return Region.find(discovery, self.service.region)


def _read_usage(body: Fields) -> list[UsageOutcome]:
    return [UsageOutcome.of(each) for each in body.objects("results")]


def _read_outcomes(body: Fields) -> list[Outcome]:
    return [Outcome.of(each) for each in body.objects("results")]
