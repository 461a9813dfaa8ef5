"""The reference service beside a platform of a test: its server in a thread, at an address that outlives it, and agents as processes."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx2
import uvicorn

from domicile.infra.webhooks import webhook_secret
from domicile_sdk import Clock, read_manifest
from tests.support.api import Api, LiveServer
from tests.support.services import EXAMPLE, SERVICE_CREDENTIAL
from tests.support.world import until
from workload_security.app import build_app
from workload_security.settings import Settings

_ROOT = EXAMPLE.parents[2]
_SOURCES = os.pathsep.join(str(_ROOT / each) for each in ("sdk/src", "examples/workload_security/src"))
REGIONS = ("us-1", "de-1")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def write_manifest_for(folder: Path, port: int) -> Path:
    """Write the manifest of the example for a service at another port."""
    shutil.copytree(EXAMPLE.parent / "schemas", folder / "schemas")
    manifest = folder / "service.toml"
    manifest.write_text(EXAMPLE.read_text().replace("localhost:8810", f"127.0.0.1:{port}"))
    return manifest


@dataclass
class Workload:
    """The service, which can be ended and begun again on the same data."""

    platform: LiveServer
    data: Path
    port: int
    client: httpx2.Client = field(init=False)
    _server: uvicorn.Server | None = None
    _thread: threading.Thread | None = None

    def __post_init__(self) -> None:
        self.client = httpx2.Client(base_url=self.url, timeout=10)
        self.data.mkdir(exist_ok=True)
        keyring = self.platform.settings.root_key.open()
        for region in REGIONS:
            secret = webhook_secret(keyring, "workload", region).reveal()
            (self.data / f"{region}.webhook-secret").write_text(f"{secret}\n")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def as_(self, api: Api) -> Api:
        """Give a client of the service with the credential of one of Domicile's."""
        return Api(self.client, api.authorization)

    def start(self) -> None:
        clock = self.platform.clock
        settings = Settings(
            domicile_url=self.platform.url,
            credential=SERVICE_CREDENTIAL,
            data=self.data,
            manifest=read_manifest(EXAMPLE),
            clock=Clock(now=lambda: clock().timestamp()),
        )
        started = Future[uvicorn.Server]()
        self._thread = threading.Thread(target=lambda: asyncio.run(_serve(settings, self.port, started)))
        self._thread.start()
        server = self._server = started.result(10)
        until(lambda: server.started or server.should_exit, bool)

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(20)
            assert not self._thread.is_alive()
            self._server = self._thread = None


async def _serve(settings: Settings, port: int, started: Future[uvicorn.Server]) -> None:
    """Build and serve in one thread, which alone may use its databases."""
    try:
        app = cast("Any", build_app(settings))
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, ws="none"))
        started.set_result(server)
        await server.serve()
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)


@contextmanager
def workload_running(platform: LiveServer, data: Path, port: int) -> Generator[Workload]:
    """Run the service until the body ends."""
    workload = Workload(platform, data, port)
    try:
        with workload.client:
            workload.start()
            yield workload
    finally:
        workload.stop()


@contextmanager
def workload_process(platform: LiveServer, data: Path, port: int) -> Generator[subprocess.Popen[str]]:
    """Run the service as its operator does, with its settings in the environment, until the body ends."""
    given = {
        "PYTHONPATH": _SOURCES,
        "WORKLOAD_DOMICILE_URL": platform.url,
        "WORKLOAD_CREDENTIAL": SERVICE_CREDENTIAL,
        "WORKLOAD_DATA": str(data),
        "WORKLOAD_PORT": str(port),
    }
    command = [sys.executable, "-m", "workload_security"]
    process = subprocess.Popen(command, env={**os.environ, **given}, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=20)


@contextmanager
def agent_running(
    workload: Workload, home: Path, *, token: str = "", computer: str = "web-1"
) -> Generator[subprocess.Popen[str]]:
    """Run an agent, which looks ten times a second, until the body ends."""
    command = [sys.executable, "-m", "workload_security.agent", "--service", f"{workload.url}/de-1"]
    given = ["--home", str(home), "--computer", computer, "--token", token, "--every", "0.1"]
    process = subprocess.Popen(
        [*command, *given], env={**os.environ, "PYTHONPATH": _SOURCES}, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=20)
