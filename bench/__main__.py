"""`make bench`: seeds an installation, measures it round by round beside the bare server, checks correctness, prints the table."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
from rich.console import Console

from bench.correctness import Finding, check
from bench.load import UnexpectedAnswer
from bench.processes import Cores, domicile_command, running, with_service, yardstick_command
from bench.report import show, write_page
from bench.results import Result, results_of
from bench.rounds import INVITATIONS_PER_ACCOUNT, INVITATIONS_PER_SECOND, Rates, Rounds
from bench.seed import Seeded, seed_command

_STARTS = 3


def main() -> int:
    """Run; the exit code is 1 if an access outlived its withdrawal or an answer was not the one asked for."""
    wanted = _arguments()
    screen = Console(stderr=wanted.json, width=None if sys.stdout.isatty() else 130)
    cores = Cores.choose()
    os.sched_setaffinity(0, {cores.load})
    if not cores.are_apart:
        screen.print("[yellow]There is one core only: load and servers share it, and the ratios mean little.")
    with tempfile.TemporaryDirectory(prefix="domicile-bench-", dir=wanted.data) as folder:
        try:
            results, findings = _measure(Path(folder), cores, wanted, screen)
        except UnexpectedAnswer as unexpected:
            screen.print(f"[red]{unexpected}")
            return 1
    if wanted.json:
        told = {"results": [r.as_json() for r in results], "correct": all(f.holds for f in findings)}
        print(json.dumps(told, indent=2))
    else:
        show(results, screen)
    if wanted.markdown:
        screen.print(f"written: {write_page(results)}")
    return _judge(findings, screen)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="three rounds of 0.3 seconds: a look, not a result"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement in a round")
    parser.add_argument("--data", type=Path, help="where to put the databases; default: the temporary folder")
    parser.add_argument("--json", action="store_true", help="print every figure of every round as JSON")
    parser.add_argument("--markdown", action="store_true", help="put the table into docs/benchmarks.md")
    wanted = parser.parse_args()
    if wanted.quick:
        wanted.rounds, wanted.seconds = 3, 0.3
    return wanted


def _measure(
    folder: Path, cores: Cores, wanted: argparse.Namespace, screen: Console
) -> tuple[list[Result], list[Finding]]:
    data = folder / "data"
    seeded = _seed(data, (wanted.rounds + 1) * wanted.seconds)
    at_rest, starts = _start_again_and_again(data, cores)
    with (
        running(cores, yardstick_command(folder / "yardstick.db"), health="/hello") as yardstick,
        running(cores, domicile_command(data, *with_service(folder)), health="/healthz") as domicile,
    ):
        rounds = Rounds(yardstick, domicile, data, seeded, seconds=wanted.seconds)
        rounds.warm_up()
        seen: list[Rates] = []
        for number in range(1, wanted.rounds + 1):
            seen.append(rounds.run())
            screen.print(f"[dim]round {number} of {wanted.rounds}")
        findings = check(domicile.port, seeded)
    return results_of(seen, resident_mb=at_rest, start_seconds=starts), findings


def _seed(data: Path, seconds_of_inviting: float) -> Seeded:
    accounts = 1 + int(seconds_of_inviting * INVITATIONS_PER_SECOND / INVITATIONS_PER_ACCOUNT)
    made = subprocess.run(seed_command(data, accounts), stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(made.stdout, type=Seeded)


def _start_again_and_again(data: Path, cores: Cores) -> tuple[list[float], list[float]]:
    """Start on data that is there, and look at memory and time after the first answer."""
    at_rest: list[float] = []
    starts: list[float] = []
    for _ in range(_STARTS):
        with running(cores, domicile_command(data), health="/healthz") as server:
            at_rest.append(server.resident_mb())
            starts.append(server.seconds_to_answer)
    return at_rest, starts


def _judge(findings: list[Finding], screen: Console) -> int:
    for name in dict.fromkeys(finding.name for finding in findings):
        alike = [finding for finding in findings if finding.name == name]
        before, after, wrong = (
            sum(finding.answered_before for finding in alike),
            sum(finding.refused_after for finding in alike),
            sum(finding.wrongly_answered for finding in alike),
        )
        screen.print(
            f"{name}, {len(alike)} times under load: {before} answers before, then {after} requests refused, "
            f"{wrong} wrongly answered"
        )
    if all(finding.holds for finding in findings):
        return 0
    screen.print(
        "[red]An access outlived its withdrawal, or was never good: the figures above are worth nothing."
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
