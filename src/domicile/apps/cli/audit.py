"""Commands about what happened in an account: list, export, checkpoint, checkpoints, proof, verify."""

import os
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

from cyclopts import App, Parameter

from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import EVERYTHING, IN_USE, AssumeYes, InAccount, Paging
from domicile.apps.cli.output import Column, show_document, show_item, show_list
from domicile.apps.cli.printing import as_text
from domicile.apps.cli.signed_in import account_api

audit = App(name="audit")
# By its path, so that the others do not load the cryptography.
audit.command(
    "domicile.apps.cli.verifying:verify_file", name="verify", help="Verify an exported log, without a server."
)

_COLUMNS = (
    Column("No.", "seq", is_whole=True),
    Column("Time", "time", is_whole=True),
    Column("Event", "event", is_whole=True),
    Column("Outcome", "outcome"),
    Column("By", "principalURN"),
    Column("Email", "principalEmail"),
)
_CHECKPOINT_COLUMNS = (
    Column("Events", "size", is_whole=True),
    Column("Time", "time", is_whole=True),
    Column("Root", "rootHash", is_whole=True),
)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which events are asked for; all, if nothing is given."""

    since: Annotated[
        str | None, Parameter(name="--from", help="From this moment on, like 2026-05-01T00:00:00Z.")
    ] = None
    before: Annotated[str | None, Parameter(name="--to", help="Before this moment.")] = None
    type: Annotated[
        str | None, Parameter(help="Of this type, like audit.apiKey_created.v1, or audit.apiKey_* .")
    ] = None
    principal: Annotated[
        str | None, Parameter(help="By this principal: a URN, user/ID, apikey/ID or system/domicile.")
    ] = None
    outcome: Annotated[Literal["success", "refused"] | None, Parameter(help="With this outcome.")] = None

    def params(self) -> dict[str, str | int]:
        """Write what was given as the API names it."""
        members = {
            "from": self.since,
            "to": self.before,
            "type": self.type,
            "principal": self.principal,
            "outcome": self.outcome,
        }
        return {name: value for name, value in members.items() if value is not None}


ALL = Selection()


@audit.command(name="list")
def list_events(
    *, selection: Selection = ALL, paging: Paging = EVERYTHING, server: InAccount = IN_USE
) -> None:
    """List what happened in the account, newest first."""
    with account_api(server) as api:
        body = api.collect("/logs", "logs", paging, params=selection.params())
    show_list(body, "logs", _COLUMNS, server, empty="Nothing of that kind has happened in the account.")


@audit.command(name="export")
def export_events(
    *,
    form: Annotated[
        Literal["jsonl", "csv"], Parameter(name="--format", help="jsonl can be verified, csv is for reading.")
    ] = "jsonl",
    output: Annotated[
        Path | None,
        Parameter(name=["--output", "-o"], help="The file to write; standard output, if not given."),
    ] = None,
    selection: Selection = ALL,
    yes: AssumeYes = False,
    server: InAccount = IN_USE,
) -> None:
    """Export what happened in the account, oldest first; the export is recorded too."""
    if output is not None and output.exists() and not yes:
        raise CommandError(Exit.USAGE, f"{output} is there already: say --yes to write it anew.")
    with (
        account_api(server) as api,
        api.stream("/logs/export", params={"format": form, **selection.params()}) as (headers, pieces),
    ):
        count = int(headers.get("Audit-Event-Count", "0"))
        if output is None:
            _copy(pieces, sys.stdout.buffer, lambda _: None)
            return
        with _new_file(output) as file, _progress(count) as advance:
            _copy(pieces, file, advance)
    if server.json:
        show_document({"file": str(output), "format": form, "events": count})
    else:
        print(as_text(f"{count} events are in {output}."))


def _copy(pieces: Iterator[bytes], file: BinaryIO, advance: Callable[[int], None]) -> None:
    for piece in pieces:
        file.write(piece)
        advance(piece.count(b"\n"))


@contextmanager
def _new_file(path: Path) -> Generator[BinaryIO]:
    """Write a file, readable by its owner alone, that has its name only once it is whole."""
    partial = path.with_name(f"{path.name}.part")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            yield file
        partial.replace(path)
    except OSError as error:
        raise CommandError(Exit.REFUSED, f"{path} cannot be written: {error.strerror}.") from None
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _progress(count: int) -> Generator[Callable[[int], None]]:
    """Show how far it is, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - only where somebody is looking
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("Exporting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("export", total=count)
        yield lambda lines: bar.advance(task, lines)


@audit.command(name="checkpoint")
def show_checkpoint(*, server: InAccount = IN_USE) -> None:
    """Show the latest signed checkpoint; with --json it can be kept in a file, for `verify --checkpoint`."""
    with account_api(server) as api:
        answer = api.call("GET", "/logs/checkpoint")
    show_item(answer, server)


@audit.command(name="checkpoints")
def list_checkpoints(*, paging: Paging = EVERYTHING, server: InAccount = IN_USE) -> None:
    """List the signed checkpoints, the latest first."""
    with account_api(server) as api:
        body = api.collect("/logs/checkpoints", "checkpoints", paging)
    show_list(
        body,
        "checkpoints",
        _CHECKPOINT_COLUMNS,
        server,
        empty="There is no checkpoint yet. Make one: domicile audit checkpoint",
    )


@audit.command(name="proof")
def show_proof(
    event: Annotated[
        str | None, Parameter(help="Id of the event to prove; without it: that one log extends another.")
    ] = None,
    /,
    *,
    size: Annotated[
        int | None, Parameter(help="In the log of so many events; the present one, if not given.")
    ] = None,
    former: Annotated[int | None, Parameter(name="--from", help="The earlier size.")] = None,
    later: Annotated[
        int | None, Parameter(name="--to", help="The later size; the present one, if not given.")
    ] = None,
    server: InAccount = IN_USE,
) -> None:
    """Show the proof that an event is in the log, or that the log extends an earlier one (RFC 9162)."""
    members = {"eventID": event, "size": size, "from": former, "to": later}
    params = {name: value for name, value in members.items() if value is not None}
    with account_api(server) as api:
        answer = api.call("GET", "/logs/proof", params=params)
    show_item(answer, server)
