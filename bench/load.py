"""The load: a closed loop of keep-alive connections on raw sockets, much cheaper than any server that it asks (RFC 9112)."""

import math
import select
import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle

_LARGEST_READ = 65536
_DRAIN_SECONDS = 30.0
_LENGTH = b"content-length: "
_END_OF_HEAD = b"\r\n\r\n"


class UnexpectedAnswer(Exception):
    """An answer had another status than the load was told to expect; what was measured is worth nothing."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Connections that each send the next request as soon as they have the answer to the one before."""

    name: str
    requests: Iterator[bytes]
    connections: int = 16
    status: bytes | None = b"200"
    """What every answer must have; None: any, and every answer's is remembered with the moment of its request."""


@dataclass(slots=True)
class Sample:
    """What one stream saw."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    """Of every answer that came in time, in seconds."""
    late: int = 0
    """How many more answers came after the time was over."""
    statuses: list[tuple[float, bytes]] = field(default_factory=list)
    """When each request was sent (`time.perf_counter`) and how it was answered, if the stream allows any status."""

    @property
    def rate(self) -> float:
        """Answers in a second."""
        return len(self.latencies) / self.seconds

    @property
    def p50(self) -> float:
        """The latency that half of the answers kept below, in seconds."""
        return statistics.median(self.latencies) if self.latencies else math.inf

    @property
    def p99(self) -> float:
        """The latency that 99 of 100 answers kept below, in seconds."""
        return sorted(self.latencies)[int(len(self.latencies) * 0.99)] if self.latencies else math.inf


@dataclass(slots=True)
class _Lane:
    connection: socket.socket
    stream: Stream
    sample: Sample
    sent_at: float = 0.0
    part: bytes = b""
    is_waiting: bool = False

    def send(self, now: float) -> None:
        request = next(self.stream.requests)
        if self.connection.send(request) != len(request):
            raise BlockingIOError("a request did not fit into the socket's buffer")
        self.sent_at, self.is_waiting = now, True

    def take(self, now: float) -> bool:
        """Read what has come; True once the answer is whole."""
        data = self.connection.recv(_LARGEST_READ)
        if not data:
            raise ConnectionError(f"{self.stream.name}: the server hung up")
        data = self.part + data if self.part else data
        if not _is_whole(data):
            self.part = data
            return False
        self.part, self.is_waiting = b"", False
        self._note(data, now)
        return True

    def _note(self, data: bytes, now: float) -> None:
        status, expected = data[9:12], self.stream.status
        if expected is None:
            self.sample.statuses.append((self.sent_at, status))
        elif status != expected:
            raise UnexpectedAnswer(f"{self.stream.name}: {data.decode(errors='replace')}")
        self.sample.latencies.append(now - self.sent_at)


def always(request: bytes) -> Iterator[bytes]:
    """Send the same request for ever."""
    return cycle((request,))


def drive(port: int, streams: Sequence[Stream], *, seconds: float) -> list[Sample]:
    """Ask for so many seconds, all streams at once; gives what each saw, in their order.

    Answers that are still due at the end are waited for and not counted, so that the server is at rest afterwards.
    """
    samples = [Sample(seconds) for _ in streams]
    lanes = {
        lane.connection.fileno(): lane
        for stream, sample in zip(streams, samples, strict=True)
        for lane in (_Lane(_connect(port), stream, sample) for _ in range(stream.connections))
    }
    poller = select.epoll()
    for number in lanes:
        poller.register(number, select.EPOLLIN)
    try:
        _turn(poller, lanes, seconds)
        _drain(poller, lanes)
    finally:
        poller.close()
        for lane in lanes.values():
            lane.connection.close()
    return samples


def _turn(poller: select.epoll, lanes: dict[int, _Lane], seconds: float) -> None:
    clock = time.perf_counter
    end = clock() + seconds
    for lane in lanes.values():
        lane.send(clock())
    while (left := end - clock()) > 0:
        for number, _ in poller.poll(left):
            lane, now = lanes[number], clock()
            if lane.take(now) and now < end:
                lane.send(now)


def _drain(poller: select.epoll, lanes: dict[int, _Lane]) -> None:
    give_up_at = time.perf_counter() + _DRAIN_SECONDS
    late = {number: lane for number, lane in lanes.items() if lane.is_waiting}
    while late and time.perf_counter() < give_up_at:
        for number, _ in poller.poll(1.0):
            lane = late.get(number)
            if lane is not None and lane.take(time.perf_counter()):
                lane.sample.latencies.pop()
                lane.sample.late += 1
                del late[number]


def _is_whole(data: bytes) -> bool:
    head = data.find(_END_OF_HEAD)
    if head < 0:
        return False
    at = data.find(_LENGTH, 0, head + 2)
    length = int(data[at + len(_LENGTH) : data.find(b"\r", at)]) if at >= 0 else 0
    return len(data) >= head + len(_END_OF_HEAD) + length


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setblocking(False)
    return connection
