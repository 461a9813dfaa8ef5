"""The two servers as processes on one core, the load on another; how long they take to answer, and how much memory they hold."""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_SERVICE = Path(__file__).parents[1] / "examples" / "workload_security" / "service.toml"
_RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core the servers run on, and which the load."""

    servers: int
    load: int

    @staticmethod
    def choose() -> "Cores":
        """Take the first two cores that this process may use; with one core alone both share it."""
        cores = sorted(os.sched_getaffinity(0))
        return Cores(cores[0], cores[-1])

    @property
    def are_apart(self) -> bool:
        """Whether the load has a core of its own."""
        return self.servers != self.load


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    seconds_to_answer: float
    """From the start of the process to its first answer."""

    def processor_seconds(self) -> float:
        """Read for how long the threads of the process have run."""
        nanoseconds = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(OSError):  # it has just ended
                nanoseconds += int((task / "schedstat").read_text(encoding="ascii").split()[0])
        return nanoseconds / 1e9

    def resident_mb(self) -> float:
        """Read how much memory the process holds, in millions of bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = _RESIDENT.search(status)
        assert found
        return int(found[1]) * 1024 / 1e6


@contextlib.contextmanager
def on_core(core: int) -> Generator[None]:
    """Run the body, and every process that it starts, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def running(cores: Cores, make_command: Callable[[int], list[str]], *, health: str) -> Generator[Server]:
    """Run a server on its core until the end of the body; `make_command` is given the port to listen at."""
    port = free_port()
    with on_core(cores.servers):
        begun = time.perf_counter()
        process = subprocess.Popen(make_command(port), stdout=subprocess.DEVNULL)
    try:
        _await_answer(process, port, health)
        yield Server(process, port, time.perf_counter() - begun)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_STOP_SECONDS)


def yardstick_command(file: Path) -> Callable[[int], list[str]]:
    """Make the command of the bare server."""
    return lambda port: [sys.executable, "-m", "bench.yardstick", str(file), str(port)]


def domicile_command(data: Path, *more: str) -> Callable[[int], list[str]]:
    """Make the command of Domicile, as an operator runs it."""
    program = str(Path(sys.executable).with_name("domicile"))
    return lambda port: [program, "serve", "--data", str(data), "--port", str(port), *more]


def with_service(folder: Path) -> list[str]:
    """Write a configuration that registers the service of the example; gives the options that name it."""
    config = folder / "domicile.toml"
    config.write_text(f'[[services]]\nmanifest = "{_SERVICE}"\n', encoding="utf-8")
    return ["--config", str(config)]


def uvicorn_of(app: Any, port: int) -> uvicorn.Server:  # noqa: ANN401 # an application of ASGI
    """Make the server of an application, set as in `domicile.apps.serve`."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        loop="none",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
    )
    return uvicorn.Server(config)


def free_port() -> int:
    """Find a port that nobody listens at."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def _await_answer(process: subprocess.Popen[bytes], port: int, path: str) -> None:
    give_up_at = time.perf_counter() + _START_SECONDS
    while time.perf_counter() < give_up_at:
        if process.poll() is not None:
            raise ChildProcessError(f"{process.args} ended with {process.returncode} before it answered")
        if _answers(port, path):
            return
        time.sleep(0.002)
    raise TimeoutError(f"{process.args} has not answered within {_START_SECONDS} seconds")


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
