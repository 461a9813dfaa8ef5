"""Accounts with audit events of every kind, and their logs as they are exported."""

from collections.abc import Sequence

from domicile.infra.databases import RegionTx
from domicile.kernel.ids import AccountId
from domicile.region.audit.domain import EVERYTHING, AuditEvent, Filters, by_caller, by_system
from domicile.region.audit.export import write_csv, write_json_lines
from domicile.region.audit.service import begin_export
from domicile.region.audit.store import append_audit
from tests.support.region import ACCOUNT, LiveRegion

INVITED = "grace@example.com"


def made_up(region: LiveRegion, number: int, account: AccountId = ACCOUNT) -> AuditEvent:
    """One event of several kinds, by its number."""
    caller, now = region.person(account=account), region.clock()
    match number % 4:
        case 0:
            details = {"invitationID": f"{number:032X}", "email": INVITED, "roleID": "read-only"}
            return by_caller(caller, "audit.invitation_created.v1", details, now=now)
        case 1:
            details = {"apiKeyID": "dom_de-1_x", "alias": "=cmd|' /C calc'!A0", "roleID": "read-only"}
            return by_caller(caller, "audit.apiKey_created.v1", details, now=now)
        case 2:
            changed = {
                "changed": {"locale": "ja", "alias": "研究所"},
                "former": None,
                "lists": [[], [1, True]],
            }
            return by_system(account, "audit.account_updated.v1", changed, now=now)
        case _:
            details = {"action": "identity:user:update"}
            return by_caller(caller, "audit.access_refused.v1", details, now=now, outcome="refused")


async def fill(region: LiveRegion, count: int, *, account: AccountId = ACCOUNT, every: float = 1) -> None:
    """Write events down, a transaction for some at a time, `every` so many seconds one."""
    written = 0
    while written < count:
        some = min(50, count - written)

        async def write(tx: RegionTx, begin: int = written, some: int = some) -> None:
            for number in range(begin, begin + some):
                await append_audit(tx, made_up(region, number, account))

        await region.plane.database.run_tx(write)
        region.clock.advance(seconds=every * some)
        written += some


async def exported(
    region: LiveRegion, filters: Filters = EVERYTHING, *, account: AccountId = ACCOUNT
) -> bytes:
    """The log as JSON Lines."""
    export = await begin_export(region.plane, region.person(account=account), filters, form="jsonl")
    return b"".join([chunk async for chunk in write_json_lines(region.plane, export)])


async def exported_csv(region: LiveRegion) -> bytes:
    """The log as CSV."""
    export = await begin_export(region.plane, region.person(), EVERYTHING, form="csv")
    return b"".join([chunk async for chunk in write_csv(region.plane, export)])


def lines_of(log: bytes | Sequence[bytes]) -> list[bytes]:
    """The lines of a log."""
    return log.splitlines() if isinstance(log, bytes) else list(log)
