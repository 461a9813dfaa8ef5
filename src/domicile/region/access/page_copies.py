"""Pages of users as answered before, dropped with every change to their account; they depend on the account and the query alone."""

import time

from domicile.kernel.ids import AccountId
from domicile.region.entering.door import Door
from domicile.web.edge import Keep

_MOST_ACCOUNTS = 256
_MOST_PAGES_EACH = 16
_LARGEST_PAGE = 64 * 1024
_SECONDS = 10.0
"""The last activity of a user may be written down by another process, which the access log does not tell of."""


class PageCopies:
    """The pages of one region's accounts that were asked for lately."""

    def __init__(self, door: Door) -> None:
        self._standings = door.standings
        self._pages: dict[AccountId, dict[bytes, tuple[float, bytes]]] = {}
        door.standings.on_change.append(self._drop)

    def find(self, account: AccountId, query: bytes) -> bytes | Keep:
        """Give the page of a query, or the means to keep what the database answers."""
        held = self._pages.get(account, {}).get(query)
        if held is not None and held[0] > time.monotonic():
            return held[1]
        generation = self._standings.generation

        def keep(body: bytes) -> None:
            if generation == self._standings.generation and len(body) <= _LARGEST_PAGE:
                self._keep(account, query, body)

        return keep

    def _keep(self, account: AccountId, query: bytes, body: bytes) -> None:
        if len(self._pages) >= _MOST_ACCOUNTS:
            self._pages.clear()
        pages = self._pages.setdefault(account, {})
        if len(pages) >= _MOST_PAGES_EACH:
            pages.clear()
        pages[query] = time.monotonic() + _SECONDS, body

    def _drop(self, account: AccountId | None) -> None:
        if account is None:
            self._pages.clear()
        else:
            self._pages.pop(account, None)
