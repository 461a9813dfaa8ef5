"""The command that verifies an exported log: offline, with nothing but files."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from domicile.apps.cli.api import JsonObject, text_of
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import PLAIN, Output
from domicile.apps.cli.output import show_document
from domicile.apps.cli.printing import as_text, show_note
from domicile.region.audit.exported import NotALogError
from domicile.region.audit.verification import Report, verify_log


def verify_file(
    file: Annotated[Path, Parameter(help="The log, as exported in JSON Lines.")],
    /,
    *,
    keys: Annotated[
        Path | None,
        Parameter(
            help="The region's public keys (JWKS), from /.well-known/domicile/REGION/statement-keys.json."
        ),
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        Parameter(negative=(), help="A checkpoint that was kept, which the log has to extend; repeatable."),
    ] = None,
    output: Output = PLAIN,
) -> None:
    """Verify an exported log, without a server; names the first entry that is not as it was signed.

    Ends with 0 for a good log, 1 for a bad one, 2 for a file that cannot be read.
    """
    trusted = _read_json(keys) if keys is not None else None
    kept = [_read_checkpoint(path) for path in checkpoint or []]
    try:
        report = verify_log(lambda: _lines_of(file), keys=trusted, kept=kept)
    except NotALogError as error:
        raise CommandError(Exit.USAGE, f"{file} is not an exported log. {error}") from None
    except OSError as error:
        raise CommandError(Exit.USAGE, f"{file} cannot be read: {error.strerror}.") from None
    finding = report.finding
    if output.json:
        show_document(_told(report, is_trusted=trusted is not None))
    if finding is None:
        if not output.json:
            _show_good(report, is_trusted=trusted is not None)
        return
    if output.json:
        sys.exit(Exit.REFUSED)
    place = "a kept checkpoint" if finding.line is None else f"line {finding.line}"
    about = f", event {finding.event_id}" if finding.event_id else ""
    raise CommandError(
        Exit.REFUSED, f"{file} is not as it was signed: {finding.fault} at {place}{about}.", [finding.message]
    )


def _lines_of(file: Path) -> Iterator[bytes]:
    with file.open("rb") as lines:
        yield from lines


def _read_json(path: Path) -> JsonObject:
    try:
        return msgspec.json.decode(path.read_bytes(), type=JsonObject)
    except OSError as error:
        raise CommandError(Exit.USAGE, f"{path} cannot be read: {error.strerror}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise CommandError(Exit.USAGE, f"{path} is not a JSON object.") from None


def _read_checkpoint(path: Path) -> str:
    """Read a kept checkpoint: the signed statement alone, or the answer of the API around it."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise CommandError(Exit.USAGE, f"{path} cannot be read as a checkpoint.") from None
    if not text.startswith("{"):
        return text
    return text_of(_read_json(path), "signed")


def _told(report: Report, *, is_trusted: bool) -> JsonObject:
    finding, signed = report.finding, report.signed
    told: JsonObject = {"good": finding is None, "keysAreTrusted": is_trusted}
    if report.header is not None:
        told |= {"accountID": report.header.account_id, "isWhole": report.header.is_whole}
    told |= {"events": report.events, "erased": report.erased}
    if signed is not None:
        told |= {
            "region": signed.region,
            "size": signed.size,
            "rootHash": signed.root.hex(),
            "time": signed.time,
            "keyID": signed.key_id,
            "extends": [each.size for each in report.kept],
        }
    if finding is not None:
        told |= {
            "fault": finding.fault,
            "line": finding.line,
            "eventID": finding.event_id,
            "reason": finding.message,
        }
    return told


def _show_good(report: Report, *, is_trusted: bool) -> None:
    header, signed = report.header, report.signed
    assert header is not None
    assert signed is not None
    which = "all" if header.is_whole and not header.begin else "the"
    print(
        as_text(
            f"Good: {which} {report.events} events of account {signed.account_id}, as signed in {signed.region} on {signed.time} "
            f"over {signed.size} events by {signed.key_id}."
        )
    )
    if header.begin:
        print(f"The first {header.begin} events were deleted for their age; what is left of them fits.")
    if not header.is_whole:
        print("It is a selection: each event is proved, but not that none was left out.")
    if report.erased:
        print(f"Of {report.erased} events the personal part was erased.")
    for each in report.kept:
        print(as_text(f"It extends the kept checkpoint over {each.size} events of {each.time}."))
    if not is_trusted:
        show_note(
            "The keys are those in the file: that shows accidents, and no forgery. "
            f"Trust those of the region: --keys, from /.well-known/domicile/{signed.region}/statement-keys.json"
        )
