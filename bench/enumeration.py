"""`python -m bench.enumeration`: whether the time of an answer tells if an address is somebody's."""

import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from math import sqrt
from pathlib import Path
from statistics import median

import msgspec

from bench.processes import Cores, running
from bench.seed import PASSWORD, USERS_OF_LARGE_ACCOUNT, Seeded, seed_command

_WRONG = "not the right password"
_TELLING = 3.0
"""Standard errors from one half at which a time is said to tell something: by chance that happens once in 370 times."""
_KNOWN, _UNKNOWN, _UNKNOWN_TOO = "known", "unknown", "unknown too"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that takes an address, and what must have been asked before it."""

    path: str
    status: int
    body: Callable[["Client", str], dict[str, str]]


class Client:
    """One connection, kept open; each request comes from another network, so that none has to wait for the others' failures."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._numbers = count()

    def ask(self, path: str, body: dict[str, str], *, status: int) -> tuple[float, bytes]:
        """Post; gives the seconds until the whole answer was there, and the answer."""
        content = json.dumps(body).encode()
        headers = {"Api-Version": "v1", "Content-Type": "application/json", "X-Forwarded-For": self._place()}
        begun = time.perf_counter()
        self._connection.request("POST", path, content, headers)
        answer = self._connection.getresponse()
        read = answer.read()
        took = time.perf_counter() - begun
        if answer.status != status:
            raise RuntimeError(f"{path} was answered {answer.status}: {read.decode()}")
        return took, read

    def begin(self, email: str) -> str:
        """Begin a sign-in; gives what it is known by."""
        return json.loads(self.ask("/api/sign-in", {"email": email}, status=201)[1])["signIn"]

    def _place(self) -> str:
        number = next(self._numbers)
        return f"203.{number >> 8 & 255}.{number & 255}.9"


CALLS = (
    Call("/api/sign-in", 201, lambda _, email: {"email": email}),
    Call(
        "/api/sign-in/password",
        401,
        lambda client, email: {"signIn": client.begin(email), "password": _WRONG},
    ),
    Call("/api/sessions", 401, lambda _, email: {"email": email, "password": _WRONG}),
    Call("/api/password/forgot", 202, lambda _, email: {"email": email}),
    Call("/api/signup", 202, lambda _, email: {"email": email, "name": "Ann", "password": PASSWORD}),
)


def main() -> int:
    """Measure, and print a row of a table for each path; the exit code is 1 if one of them tells something."""
    parser = argparse.ArgumentParser(prog="python -m bench.enumeration", description=__doc__)
    parser.add_argument("--samples", type=int, default=USERS_OF_LARGE_ACCOUNT, help="of each kind and path")
    wanted = parser.parse_args()
    cores = Cores.choose()
    os.sched_setaffinity(0, {cores.load})
    with tempfile.TemporaryDirectory(prefix="domicile-bench-") as folder:
        data, config = Path(folder) / "data", Path(folder) / "domicile.toml"
        config.write_text('[server]\ntrusted_proxies = ["127.0.0.1"]\n', encoding="utf-8")
        seeded = _seed(data)
        program = str(Path(sys.executable).with_name("domicile"))
        command = [program, "serve", "--config", str(config), "--data", str(data), "--port"]
        with running(cores, lambda port: [*command, str(port)], health="/healthz") as server:
            client = Client(server.port)
            for call in CALLS:
                _measure(client, call, [f"warm.{n}@example.com" for n in range(20)], [])
            measured = {
                call.path: _measure(client, call, *_addresses(seeded, wanted.samples)) for call in CALLS
            }
    print(f"{wanted.samples} of each, load average {os.getloadavg()[0]:.1f}\n")
    return _tell(measured)


def _seed(data: Path) -> Seeded:
    made = subprocess.run(seed_command(data, 1), stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(made.stdout, type=Seeded)


def _addresses(seeded: Seeded, samples: int) -> tuple[list[str], list[str]]:
    """Give the known addresses, and twice as many that are as long."""
    known = [seeded.emails[number % len(seeded.emails)] for number in range(samples)]
    return known, [email.replace("person", "nobody") for email in known]


def _measure(client: Client, call: Call, known: list[str], unknown: list[str]) -> dict[str, list[float]]:
    """Ask about all of them in a random order; the unknown ones twice, so that the run shows what chance does."""
    asked = [(_KNOWN, each) for each in known]
    asked += [(_UNKNOWN, each) for each in unknown] + [
        (_UNKNOWN_TOO, each.replace("nobody", "noones")) for each in unknown
    ]
    random.shuffle(asked)
    took: dict[str, list[float]] = {_KNOWN: [], _UNKNOWN: [], _UNKNOWN_TOO: []}
    for kind, email in asked:
        body = call.body(client, email)
        took[kind].append(client.ask(call.path, body, status=call.status)[0])
    return took


def _tell(measured: dict[str, dict[str, list[float]]]) -> int:
    print("| call | known | unknown | a known one takes longer | of two unknown ones |")
    print("| --- | --- | --- | --- | --- |")
    telling: list[str] = []
    for path, took in measured.items():
        seen, chance = longer(took[_KNOWN], took[_UNKNOWN]), longer(took[_UNKNOWN_TOO], took[_UNKNOWN])
        known, unknown = (f"{median(took[kind]) * 1000:.2f} ms" for kind in (_KNOWN, _UNKNOWN))
        print(
            f"| `{path}` | {known} | {unknown} | {seen[0]:.3f} ± {seen[1]:.3f} | {chance[0]:.3f} ± {chance[1]:.3f} |"
        )
        telling += [path] if abs(seen[0] - 0.5) > _TELLING * seen[1] else []
    for path in telling:
        print(f"\n{path} tells by its time whether an address is somebody's")
    return 1 if telling else 0


def longer(these: list[float], those: list[float]) -> tuple[float, float]:
    """Estimate how likely one of these is longer than one of those (Mann and Whitney's U over the pairs), with its standard error.

    One half: the time tells nothing.
    """
    ranked = sorted([(each, True) for each in these] + [(each, False) for each in those])
    ranks = sum(place for place, (_, is_this) in enumerate(ranked, 1) if is_this)
    n, m = len(these), len(those)
    return (ranks - n * (n + 1) / 2) / (n * m), sqrt((n + m + 1) / (12 * n * m))


if __name__ == "__main__":
    sys.exit(main())
