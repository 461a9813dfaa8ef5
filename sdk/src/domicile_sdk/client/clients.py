"""Clients of Domicile's API, for threads and for event loops; what they say is in `calls`."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from types import TracebackType
from typing import Self, TypeVar

from domicile_sdk.client.answers import Account, Decision, Item, Revocations, ServiceEntry, User, Whoami
from domicile_sdk.client.calls import Calls
from domicile_sdk.client.sending import Page, Sender
from domicile_sdk.exchange import Conversation
from domicile_sdk.transport import AsyncTransport, Transport, converse, converse_async

ResultT = TypeVar("ResultT")


class Domicile:
    """The API under one credential. Refusals are `Problem`, and `Unreachable` says that there was no answer.

    `authorization` is a whole header: `ApiKey id:secret`, or what a caller sent. It is in no repr.
    """

    def __init__(self, url: str, authorization: str, *, transport: Transport | None = None) -> None:
        self._calls = Calls(Sender(url, authorization))
        self._transport = transport or Transport()

    def acting_for(self, authorization: str) -> "Domicile":
        """Give the same client under another credential, over the same connections."""
        return Domicile(self._calls.sender.url, authorization, transport=self._transport)

    def whoami(self) -> Whoami:
        """Ask who the credential is."""
        return self._run(self._calls.whoami())

    def account(self, account: str) -> Account:
        """Describe the account with this id."""
        return self._run(self._calls.account(account))

    def users(self) -> Iterator[User]:
        """List all users of the account, page by page as they are asked for."""
        return self._all(self._calls.users)

    def services(self) -> list[ServiceEntry]:
        """List the services that run in the account's region."""
        return self._run(self._calls.services())

    def items(self, service: str, kind: str) -> Iterator[Item]:
        """List all items of a kind, named by its plural, page by page as they are asked for."""
        return self._all(lambda cursor: self._calls.items(service, kind, cursor))

    def item(self, service: str, kind: str, name: str) -> Item:
        """Describe an item."""
        return self._run(self._calls.item(service, kind, name))

    def create_item(
        self,
        service: str,
        kind: str,
        name: str,
        *,
        spec: Mapping[str, object],
        labels: Mapping[str, str] | None = None,
        target: Mapping[str, str] | None = None,
    ) -> Item:
        """Make an item; the problem `item-exists` if there is one with this name."""
        return self._run(
            self._calls.create_item(service, kind, name, spec=spec, labels=labels or {}, target=target)
        )

    def change_item(
        self,
        service: str,
        kind: str,
        name: str,
        *,
        spec: Mapping[str, object] | None = None,
        labels: Mapping[str, str] | None = None,
        target: Mapping[str, str] | None = None,
        if_match: int | None = None,
    ) -> Item:
        """Replace `spec`, `labels` or `target`, each as a whole; the problem `stale-version` if the version is not `if_match` any more."""
        return self._run(
            self._calls.change_item(
                service, kind, name, spec=spec, labels=labels, target=target, if_match=if_match
            )
        )

    def delete_item(self, service: str, kind: str, name: str, *, if_match: int | None = None) -> None:
        """Delete an item."""
        self._run(self._calls.delete_item(service, kind, name, if_match=if_match))

    def revocations(self, since: int | None = None, *, region: str = "") -> Revocations:
        """Read the revocation feed once, after a number; a guard follows it by itself. A service's own credential names the region."""
        return self._run(self._calls.revocations(since, region))

    def check(self, action: str, *, principal: str = "") -> Decision:
        """Ask whether an action is allowed: to the credential, or to another principal of the account."""
        return self._run(self._calls.check(action, principal))

    def close(self) -> None:
        """Close the connections, also of clients that act for others."""
        self._transport.close()

    def _run(self, steps: Conversation[ResultT]) -> ResultT:
        return converse(steps, self._transport.send)

    def _all(self, ask: Callable[[str], Conversation[Page[ResultT]]]) -> Iterator[ResultT]:
        page = self._run(ask(""))
        yield from page.entries
        while page.next:
            page = self._run(ask(page.next))
            yield from page.entries

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncDomicile:
    """`Domicile` for event loops."""

    def __init__(self, url: str, authorization: str, *, transport: AsyncTransport | None = None) -> None:
        self._calls = Calls(Sender(url, authorization))
        self._transport = transport or AsyncTransport()

    def acting_for(self, authorization: str) -> "AsyncDomicile":
        """Give the same client under another credential, over the same connections."""
        return AsyncDomicile(self._calls.sender.url, authorization, transport=self._transport)

    async def whoami(self) -> Whoami:
        """Ask who the credential is."""
        return await self._run(self._calls.whoami())

    async def account(self, account: str) -> Account:
        """Describe the account with this id."""
        return await self._run(self._calls.account(account))

    def users(self) -> AsyncIterator[User]:
        """List all users of the account, page by page as they are asked for."""
        return self._all(self._calls.users)

    async def services(self) -> list[ServiceEntry]:
        """List the services that run in the account's region."""
        return await self._run(self._calls.services())

    def items(self, service: str, kind: str) -> AsyncIterator[Item]:
        """List all items of a kind, named by its plural, page by page as they are asked for."""
        return self._all(lambda cursor: self._calls.items(service, kind, cursor))

    async def item(self, service: str, kind: str, name: str) -> Item:
        """Describe an item."""
        return await self._run(self._calls.item(service, kind, name))

    async def create_item(
        self,
        service: str,
        kind: str,
        name: str,
        *,
        spec: Mapping[str, object],
        labels: Mapping[str, str] | None = None,
        target: Mapping[str, str] | None = None,
    ) -> Item:
        """Make an item; the problem `item-exists` if there is one with this name."""
        return await self._run(
            self._calls.create_item(service, kind, name, spec=spec, labels=labels or {}, target=target)
        )

    async def change_item(
        self,
        service: str,
        kind: str,
        name: str,
        *,
        spec: Mapping[str, object] | None = None,
        labels: Mapping[str, str] | None = None,
        target: Mapping[str, str] | None = None,
        if_match: int | None = None,
    ) -> Item:
        """Replace `spec`, `labels` or `target`, each as a whole; the problem `stale-version` if the version is not `if_match` any more."""
        return await self._run(
            self._calls.change_item(
                service, kind, name, spec=spec, labels=labels, target=target, if_match=if_match
            )
        )

    async def delete_item(self, service: str, kind: str, name: str, *, if_match: int | None = None) -> None:
        """Delete an item."""
        await self._run(self._calls.delete_item(service, kind, name, if_match=if_match))

    async def revocations(self, since: int | None = None, *, region: str = "") -> Revocations:
        """Read the revocation feed once, after a number; a guard follows it by itself. A service's own credential names the region."""
        return await self._run(self._calls.revocations(since, region))

    async def check(self, action: str, *, principal: str = "") -> Decision:
        """Ask whether an action is allowed: to the credential, or to another principal of the account."""
        return await self._run(self._calls.check(action, principal))

    async def close(self) -> None:
        """Close the connections, also of clients that act for others."""
        await self._transport.close()

    async def _run(self, steps: Conversation[ResultT]) -> ResultT:
        return await converse_async(steps, self._transport.send)

    async def _all(self, ask: Callable[[str], Conversation[Page[ResultT]]]) -> AsyncIterator[ResultT]:
        page = await self._run(ask(""))
        for entry in page.entries:
            yield entry
        while page.next:
            page = await self._run(ask(page.next))
            for entry in page.entries:
                yield entry

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
