"""Use cases about the audit events of an account."""

from domicile.kernel.callers import Caller
from domicile.kernel.paging import Page, PageRequest
from domicile.region.audit import store
from domicile.region.audit.domain import RecordedEvent
from domicile.region.plane import RegionPlane


async def list_events(plane: RegionPlane, caller: Caller, page: PageRequest) -> Page[RecordedEvent]:
    """List what happened in the caller's account, newest first."""
    caller.require("audit:log:read")
    return await plane.database.read(lambda tx: store.list_events(tx, caller.account_id, page))
