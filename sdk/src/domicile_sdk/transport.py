"""Drives conversations over HTTP, in a thread or in an event loop; everything else of the SDK does no I/O."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx2

from domicile_sdk.exchange import Answer, Conversation, Pause, Request, Unreachable

ResultT = TypeVar("ResultT")

Send = Callable[[Request], Answer]
AsyncSend = Callable[[Request], Awaitable[Answer]]


def converse(
    steps: Conversation[ResultT], send: Send, *, pause: Callable[[float], None] = time.sleep
) -> ResultT:
    """Drive a conversation to its end, and give its result."""
    try:
        step = next(steps)
        while True:
            if isinstance(step, Pause):
                pause(step.seconds)
                step = steps.send(None)
                continue
            try:
                answer = send(step)
            except Unreachable as failure:
                step = steps.throw(failure)
            else:
                step = steps.send(answer)
    except StopIteration as end:
        return end.value
    finally:
        steps.close()


async def converse_async(steps: Conversation[ResultT], send: AsyncSend) -> ResultT:
    """Drive a conversation to its end in the running event loop, and give its result."""
    try:
        step = next(steps)
        while True:
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                step = steps.send(None)
                continue
            try:
                answer = await send(step)
            except Unreachable as failure:
                step = steps.throw(failure)
            else:
                step = steps.send(answer)
    except StopIteration as end:
        return end.value
    finally:
        steps.close()


class Transport:
    """Sends requests over one pool of connections; any number of threads may."""

    def __init__(self, client: httpx2.Client | None = None) -> None:
        self._client = client or httpx2.Client()

    def send(self, request: Request) -> Answer:
        """Send one request; `Unreachable` if there is no answer. The time-out is of each of connecting, sending and each piece."""
        try:
            return _answer_of(self._client.send(_request_for(self._client, request)))
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _unreachable(request, error) from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class AsyncTransport:
    """Sends requests over one pool of connections, in one event loop."""

    def __init__(self, client: httpx2.AsyncClient | None = None) -> None:
        self._client = client or httpx2.AsyncClient()

    async def send(self, request: Request) -> Answer:
        """Send one request; `Unreachable` if the whole answer is not there in time."""
        try:
            async with asyncio.timeout(request.timeout_seconds):
                return _answer_of(await self._client.send(_request_for(self._client, request)))
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            raise _unreachable(request, error) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _request_for(client: httpx2.Client | httpx2.AsyncClient, request: Request) -> httpx2.Request:
    return client.build_request(
        request.method,
        request.url,
        headers=request.headers,
        content=request.content,
        timeout=request.timeout_seconds,
    )


def _answer_of(response: httpx2.Response) -> Answer:
    return Answer(response.status_code, dict(response.headers), response.content)


def _unreachable(request: Request, error: Exception) -> Unreachable:
    """Say what went wrong by the address and the kind of error; its text might hold more."""
    address = request.url.partition("?")[0]
    return Unreachable(f"{request.method} {address}: {type(error).__name__}")
