"""A real server in a process of its own, as an operator starts it, which tests may kill."""

import socket
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import httpx2
import pytest

from tests.support.api import Api, LiveServer
from tests.support.world import World

_PATIENCE_SECONDS = 30


@dataclass
class RealServer:
    """`domicile serve` in a process of its own, on databases that outlive it."""

    data: Path
    client: httpx2.Client
    port: int
    process: subprocess.Popen[bytes] | None = None
    config: Path | None = None
    mails: Path = field(kw_only=True)
    """The folder in which every mail is kept."""

    @property
    def anyone(self) -> Api:
        return Api(self.client)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """Everything that it has said so far."""
        return (self.data / "server.log").read_text()

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        command = [sys.executable, "-m", "domicile.apps.cli", "serve", "--port", str(self.port)]
        config = ["--config", str(self.config)] if self.config else []
        with (self.data / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--data", str(self.data), *config], stdout=log, stderr=log
            )

    def wait_until_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log
            try:
                if self.client.get("/healthz").status_code == 200:
                    return
            except httpx2.TransportError:
                time.sleep(0.02)
        pytest.fail("the server did not start")

    def world(self) -> World:
        """Make a world here; it asks of a server only what this one has too: a client for anyone, and its mails."""
        return World(cast("LiveServer", self))

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def real(tmp_path: Path) -> Generator[RealServer]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        server = RealServer(tmp_path, client, port, mails=tmp_path / "mail")
        server.start()
        try:
            yield server
        finally:
            server.kill()
