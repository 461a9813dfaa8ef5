"""The HTTP edge of audit events."""

from typing import Annotated

from litestar import get
from litestar.di import Provide
from litestar.params import FromQuery, QueryParameter, SkipValidation
from litestar.response import Stream

from domicile.kernel.callers import Caller
from domicile.kernel.clock import whole_seconds
from domicile.kernel.errors import invalid
from domicile.region.audit import service
from domicile.region.audit.domain import Filters, parse_filters
from domicile.region.audit.export import write_csv, write_json_lines
from domicile.region.audit.schemas import (
    CheckpointBody,
    CheckpointsBody,
    LogsBody,
    ProofBody,
    shape_checkpoint,
    shape_consistency,
    shape_event,
    shape_inclusion,
)
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.web.bodies import or_unset
from domicile.web.operations import Access, operation

_FORMS = {
    "jsonl": (write_json_lines, "application/x-ndjson"),
    "csv": (write_csv, "text/csv"),
}
_MOST_DIGITS = 15

_Since = Annotated[
    str | None, QueryParameter(name="from", description="Only from this moment on (RFC 3339).")
]
_Before = Annotated[str | None, QueryParameter(name="to", description="Only before this moment (RFC 3339).")]
_Type = Annotated[
    str | None, QueryParameter(name="type", description="Only of this type; `audit.apiKey_*` is a beginning.")
]
_Principal = Annotated[
    str | None,
    QueryParameter(name="principal", description="Only by this principal: a URN, or its last part."),
]
_Outcome = Annotated[str | None, QueryParameter(name="outcome", description="`success` or `refused`.")]


async def provide_filters(
    since: _Since = None,
    before: _Before = None,
    type_: _Type = None,
    principal: _Principal = None,
    outcome: _Outcome = None,
) -> Filters:
    """Give handlers the filters of their request."""
    return parse_filters(since=since, before=before, type_=type_, principal=principal, outcome=outcome)


_FILTERS = {"filters": Provide(provide_filters)}


@get(
    "/api/logs",
    summary="List what happened in the account",
    tags=["Audit"],
    dependencies=_FILTERS,
    opt=operation(Access.ACCOUNT, permission="audit:log:read"),
)
async def list_logs(
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    regions: SkipValidation[Regions],
    *,
    filters: SkipValidation[Filters],
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> LogsBody:
    """Newest first: who did what, when and from where. What a person does outside any account is not here."""
    scope = f"logs {caller.account_id} {_scope_of(filters)}".rstrip()
    request = regions.cursors.page_request(limit, cursor, scope=scope)
    page = await service.list_events(plane, caller, request, filters)
    shown = [shape_event(plane, recorded) for recorded in page.items]
    return LogsBody(logs=shown, next=or_unset(regions.cursors.next_of(page, scope=scope)))


def _scope_of(filters: Filters) -> str:
    return " ".join(f"{name}={value}" for name, value in filters.told().items())


@get(
    "/api/logs/export",
    summary="Export what happened in the account",
    tags=["Audit"],
    dependencies=_FILTERS,
    opt=operation(
        Access.ACCOUNT,
        permission="audit:log:read",
        errors=("audit-log-broken",),
        streams=tuple(media_type for _, media_type in _FORMS.values()),
    ),
)
async def export_logs(
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    filters: SkipValidation[Filters],
    form: Annotated[
        str | None,
        QueryParameter(name="format", description="`jsonl`, which can be verified offline, or `csv`."),
    ] = None,
) -> Stream:
    """Oldest first, as a stream; an audit event of its own. `domicile audit verify` checks the JSON Lines offline."""
    if (chosen := _FORMS.get(form or "jsonl")) is None or form == "":
        raise invalid({"format": "must be jsonl or csv"})
    export = await service.begin_export(plane, caller, filters, form=form or "jsonl")
    write, media_type = chosen
    day = whole_seconds(export.checkpoint.at)[:10]
    name = f"audit-{export.account_id}-{day}.{form or 'jsonl'}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Audit-Event-Count": str(export.count),
    }
    return Stream(write(plane, export), media_type=media_type, headers=headers)


@get(
    "/api/logs/checkpoint",
    summary="Show the latest signed checkpoint of the log",
    tags=["Audit"],
    opt=operation(Access.ACCOUNT, permission="audit:log:read", errors=("audit-log-broken",)),
)
async def get_checkpoint(
    caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]
) -> CheckpointBody:
    """Signed now if anything has happened since the last one. Kept elsewhere, it shows later that nothing was changed."""
    return shape_checkpoint(plane, await service.get_checkpoint(plane, caller))


@get(
    "/api/logs/checkpoints",
    summary="List the signed checkpoints of the log",
    tags=["Audit"],
    opt=operation(Access.ACCOUNT, permission="audit:log:read"),
)
async def list_checkpoints(
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    regions: SkipValidation[Regions],
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> CheckpointsBody:
    """The latest first; those that are older than the oldest event that is kept are gone."""
    scope = f"checkpoints {caller.account_id}"
    request = regions.cursors.page_request(limit, cursor, scope=scope)
    page = await service.list_signed(plane, caller, request)
    shown = [shape_checkpoint(plane, made) for made in page.items]
    return CheckpointsBody(checkpoints=shown, next=or_unset(regions.cursors.next_of(page, scope=scope)))


@get(
    "/api/logs/proof",
    summary="Prove that an event is in the log, or that the log extends an earlier one",
    tags=["Audit"],
    opt=operation(Access.ACCOUNT, permission="audit:log:read", errors=("not-found", "audit-log-broken")),
)
async def get_proof(
    caller: SkipValidation[Caller],
    plane: SkipValidation[RegionPlane],
    *,
    event_id: Annotated[
        str | None, QueryParameter(name="eventID", description="The event whose inclusion is asked for.")
    ] = None,
    size: FromQuery[str | None] = None,
    former: Annotated[
        str | None,
        QueryParameter(name="from", description="The earlier size; 0, that of nothing, by itself."),
    ] = None,
    later: Annotated[
        str | None, QueryParameter(name="to", description="The later size; the present one by itself.")
    ] = None,
) -> ProofBody:
    """With `eventID`, and `size` if another than the present one: inclusion. With `from` and `to`: consistency (RFC 9162)."""
    if event_id is None:
        if size is not None:
            raise invalid({"size": "goes with eventID; sizes of earlier and later logs are from and to"})
        sizes = _read_size("from", former) or 0, _read_size("to", later)
        return shape_consistency(await service.prove_consistency(plane, caller, *sizes))
    if unfit := {
        name: "does not go with eventID" for name, value in (("from", former), ("to", later)) if value
    }:
        raise invalid(unfit)
    wanted = _read_size("size", size)
    return shape_inclusion(await service.prove_inclusion(plane, caller, event_id, wanted))


def _read_size(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise invalid({name: "must be a whole number"})
    return int(text)


ROUTES = [list_logs, export_logs, get_checkpoint, list_checkpoints, get_proof]
