"""A real nginx by the configuration of the example, and a service behind it that tells what it was sent."""

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

CONFIGURATION = Path(__file__).parents[2] / "examples" / "forward_authentication" / "nginx.conf"
_PATIENCE_SECONDS = 10
_MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/example.conf;
}}
"""


@dataclass(frozen=True)
class Answer:
    """What came back through the proxy."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def seen(self) -> dict[str, Any]:
        """What the service says that it was sent."""
        assert self.status == 200, (self.status, self.body)
        return json.loads(self.body)


@dataclass(frozen=True)
class Proxy:
    """nginx on a port of this machine."""

    port: int

    def ask(self, method: str, target: str, *headers: tuple[str, str | None]) -> Answer:
        """Send a request with its target as it stands, which clients for HTTP would bring into order."""
        lines = [f"{method} {target} HTTP/1.1", "Host: workload.example.com", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers if value is not None]
        lines += ["Content-Length: 2", "", "{}"] if method in {"POST", "PUT"} else ["", ""]
        with socket.create_connection(("127.0.0.1", self.port), timeout=_PATIENCE_SECONDS) as connection:
            connection.sendall("\r\n".join(lines).encode())
            with connection.makefile("rb") as file:
                return _read(file.read())


def _read(raw: bytes) -> Answer:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = b"".join(re.findall(rb"[0-9a-f]+\r\n(.+?)\r\n", body, re.DOTALL))
    return Answer(int(first.split()[1]), headers, body)


class _Service(BaseHTTPRequestHandler):
    """Tells method, target and headers of every request."""

    protocol_version = "HTTP/1.1"

    def _tell(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told = {"method": self.command, "target": self.path, "headers": dict(self.headers.items())}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _tell  # noqa: N815  # as the parent looks for them

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name of the parent's
        """Keep quiet."""


@contextmanager
def service() -> Generator[int]:
    """Serve the service; gives its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def nginx(folder: Path, *, domicile: int, service: int) -> Generator[Proxy]:
    """Run nginx by the example's configuration, with ports of this test in place of its own."""
    program = _find_nginx()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    text = CONFIGURATION.read_text()
    for given, ours in (("127.0.0.1:8800", domicile), ("127.0.0.1:9000", service), ("listen 8080", port)):
        assert text.count(f"{given};") == 1
        text = text.replace(f"{given};", f"{given.rpartition(':')[0] or 'listen 127.0.0.1'}:{ours};")
    (folder / "example.conf").write_text(text)
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder))
    errors = folder / "error.log"
    process = subprocess.Popen(
        [program, "-p", str(folder), "-e", str(errors), "-c", str(folder / "nginx.conf")]
    )
    try:
        _wait_for(port, process, errors)
        yield Proxy(port)
    finally:
        process.terminate()
        process.wait(_PATIENCE_SECONDS)


def _find_nginx() -> str:
    """Find the program; without it the test is left out, but in CI it fails."""
    if found := shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"):
        return found
    missing = "nginx is not installed: apt-get install nginx-light"
    return pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)


def _wait_for(port: int, process: subprocess.Popen[bytes], errors: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, errors.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    pytest.fail("nginx did not start")
