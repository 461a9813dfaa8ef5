"""A real server with an empty data folder, a real browser, and people who each sit at a browser of their own."""

import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, sync_playwright

from domicile.infra.mail.keeping import list_mails, read_mail
from tests.support.api import Installation
from tests.support.browsing import PASSWORD, Visitor, visit
from tests.support.services import EXAMPLE, register

_NUMBERS = count(1)
_VERIFY_LINK = re.compile(r"/verify/(\S+)")
_PATIENCE_SECONDS = 30
_QUIET = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the server."""
    return tmp_path_factory.mktemp("console")


@pytest.fixture(scope="session")
def server_url(data: Path) -> Generator[str]:
    """The address of a server process of this run alone, which has registered the service of the example."""
    config = register(Installation(None, data), EXAMPLE)
    with serving(data, "--config", str(config)) as url:
        yield url


@contextmanager
def serving(data: Path, *more: str) -> Generator[str]:
    """Run a server process; gives its address."""
    port = _free_port()
    command = [sys.executable, "-m", "domicile.apps.cli", "serve", "--port", str(port), "--data", str(data)]
    command += more
    log = data / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        _wait_until_ready(f"http://localhost:{port}", process, log)
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(_PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Generator[Browser]:
    """A browser for one file: while its driver runs, this thread has an event loop going, and no async test could have another."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def others() -> tuple[str, ...]:
    """The addresses beside the server's that browsers may be led to."""
    return ()


@pytest.fixture
def new_visitor(
    browser: Browser, server_url: str, others: tuple[str, ...]
) -> Generator[Callable[..., Visitor]]:
    """Lets people sit down; at the end no browser may have complained, or asked anybody else for anything."""
    visitors: list[Visitor] = []

    def sit_down(**options: Any) -> Visitor:
        visitors.append(visit(browser, server_url, others, **options))
        return visitors[-1]

    yield sit_down
    for visitor in visitors:
        visitor.context.close()
    complaints = [complaint for visitor in visitors for complaint in visitor.complaints.all()]
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def visitor(new_visitor: Callable[..., Visitor]) -> Visitor:
    return new_visitor()


@pytest.fixture
def newcomer(new_visitor: Callable[..., Visitor], data: Path) -> Callable[[str], Visitor]:
    """Signs a person of a name up and in, on the short way; their address is theirs alone in this run."""

    def arrive(name: str) -> Visitor:
        visitor = new_visitor()
        visitor.address = f"{name.lower()}.{next(_NUMBERS)}@example.com"
        form: dict[str, str | float | bool] = {"email": visitor.address, "password": PASSWORD}
        visitor.post("/sign-up", form | {"name": f"{name} Example"})
        visitor.post(f"/verify/{_mailed_token(data / 'mail', visitor.address)}", {})
        visitor.post("/sign-in", {"email": visitor.address})
        visitor.post("/sign-in/password", {"password": PASSWORD})
        visitor.open("/accounts")
        assert visitor.heading() == "Your accounts"
        return visitor

    return arrive


def _mailed_token(folder: Path, address: str) -> str:
    """Wait for the mail of a sign-up, and read the secret in its link."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for summary in list_mails(folder):
            mail = read_mail(folder, summary.name)
            if summary.to == address and mail and (found := _VERIFY_LINK.search(mail.text or "")):
                return found[1]
        time.sleep(0.02)
    pytest.fail(f"no mail to {address}")


def _free_port() -> int:
    """Find a port below those that the system gives out by itself, which the server's own mailbox asks for first."""
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as found:
            try:
                found.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    pytest.fail("no port is free")


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"{url}/healthz", timeout=2):  # noqa: S310  # our own address
                return
        except (URLError, ConnectionError):
            time.sleep(0.05)
    pytest.fail(f"the server is not ready:\n{log.read_text(errors='replace')}")
