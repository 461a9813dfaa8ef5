"""An export of audit events as text: JSON Lines that can be verified offline, and CSV (RFC 4180) that no spreadsheet runs."""

import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec

from domicile.region.audit.domain import RecordedEvent
from domicile.region.audit.leaf import EXPORT_FORM, canonical, leaf_to_tell, precise
from domicile.region.audit.service import Export, ExportedEvent, read_export
from domicile.region.audit_tree.domain import TILE, TreeView
from domicile.region.plane import RegionPlane
from domicile.web.spreadsheets import write_rows

_COLUMNS = (
    "time",
    "seq",
    "eventID",
    "type",
    "outcome",
    "principalURN",
    "principalEmail",
    "sourceAddress",
    "requestID",
    "details",
)


async def write_json_lines(plane: RegionPlane, export: Export) -> AsyncGenerator[bytes]:
    """Write an export as JSON Lines: header, events, and at the end the checkpoint and the region's public keys.

    In a whole export every tile is followed by its proof, so that a fault that was covered up is found within 256 lines; in a
    filtered one every event has a proof of its own.
    """
    yield _line(_header(plane, export))
    async for page in read_export(plane, export):
        yield b"".join(_line(line) for exported in page for line in _lines_of(export, exported))
    yield _line({"kind": "checkpoint", "signed": export.checkpoint.signed})
    yield _line({"kind": "keys", "keys": plane.signer.jwks()["keys"]})


def _header(plane: RegionPlane, export: Export) -> dict[str, Any]:
    return {
        "kind": "header",
        "form": EXPORT_FORM,
        "accountID": export.account_id,
        "region": plane.id,
        "size": export.checkpoint.size,
        "begin": export.begin,
        "peaks": _hex(export.peaks),
        "isWhole": export.filters.is_everything,
        "filters": export.filters.told(),
        "count": export.count,
    }


def _lines_of(export: Export, exported: ExportedEvent) -> list[dict[str, Any]]:
    recorded, line = exported.recorded, line_of(exported.recorded)
    if exported.proof is not None:
        return [line | {"proof": _hex(exported.proof)}]
    is_last_of_tile = (recorded.seq + 1) % TILE == 0 or recorded.seq + 1 == export.checkpoint.size
    if not is_last_of_tile or recorded.seq // TILE * TILE < export.begin:
        return [line]
    return [line, _tile_line(export.view, recorded.seq // TILE)]


def _tile_line(view: TreeView, number: int) -> dict[str, Any]:
    return {"kind": "tile", "number": number, "proof": _hex(view.prove_tile(number))}


def line_of(recorded: RecordedEvent) -> dict[str, Any]:
    """Write an event with all that its hash rests on."""
    evidence = recorded.evidence
    return {
        "kind": "event",
        "leaf": leaf_to_tell(recorded),
        "leafHash": evidence.leaf_hash.hex(),
        "salt": evidence.salt.hex() if evidence.salt is not None else None,
        "personal": json.loads(evidence.personal) if evidence.personal is not None else None,
    }


def _line(members: dict[str, Any]) -> bytes:
    return msgspec.json.encode(members) + b"\n"


def _hex(hashes: Sequence[bytes]) -> list[str]:
    return [each.hex() for each in hashes]


async def write_csv(plane: RegionPlane, export: Export) -> AsyncGenerator[bytes]:
    """Write an export as CSV, for reading; it proves nothing."""
    yield write_rows([_COLUMNS])
    async for page in read_export(plane, export):
        yield write_rows([_row(plane, exported.recorded) for exported in page])


def _row(plane: RegionPlane, recorded: RecordedEvent) -> tuple[str, ...]:
    event = recorded.event
    return (
        precise(event.at),
        str(recorded.seq),
        recorded.event_id,
        event.type,
        event.outcome,
        plane.urns(event.account_id).make(event.principal.kind, event.principal.id),
        event.principal_email,
        event.source_address,
        event.request_id,
        canonical(event.details),
    )
