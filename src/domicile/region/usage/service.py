"""Use cases about usage: a service reports it, an account reads it."""

from collections.abc import Iterable, Sequence

from domicile.infra.databases import RegionTx
from domicile.kernel.callers import Caller
from domicile.kernel.errors import invalid, not_found
from domicile.kernel.ids import AccountId
from domicile.kernel.paging import Page, PageRequest
from domicile.region.accounts.store import list_there
from domicile.region.plane import RegionPlane
from domicile.region.service_identity.domain import ServiceCaller
from domicile.region.usage import store
from domicile.region.usage.domain import (
    READ_USAGE,
    Outcome,
    Said,
    ShownRecord,
    UsageRecord,
    read_records,
)


async def report_usage(plane: RegionPlane, caller: ServiceCaller, said: Sequence[Said]) -> list[Outcome]:
    """Count what a service says that accounts used, each record once; tells what came of each, in their order.

    All of them are checked first: `invalid-input` names every fault, and nothing is counted.
    """
    known = next((each for each in plane.catalogue.offered_in(plane.id) if each.name == caller.name), None)
    if known is None:
        raise not_found("service")
    now = plane.clock()
    records, faults = read_records(known, said, now=now)
    if faults:
        raise invalid(faults)

    async def work(tx: RegionTx) -> list[Outcome]:
        named = {each.account_id for each in records if each is not None}
        there = await list_there(tx, named)
        picked = _first_of_each(records, there)
        added = await store.insert_records(tx, caller.name, picked, now=now)
        return _outcomes(records, there, added)

    return await plane.database.run_tx(work)


async def list_usage(plane: RegionPlane, caller: Caller, page: PageRequest) -> Page[ShownRecord]:
    """List what was counted for the caller's account, the newest first."""
    caller.require(READ_USAGE)
    return await plane.database.read(lambda tx: store.list_records(tx, caller.account_id, page))


_Key = tuple[AccountId, str]


def _first_of_each(records: Iterable[UsageRecord | None], there: frozenset[AccountId]) -> list[UsageRecord]:
    first: dict[_Key, UsageRecord] = {}
    for each in records:
        if each is not None and each.account_id in there:
            first.setdefault((each.account_id, each.id), each)
    return list(first.values())


def _outcomes(
    records: Sequence[UsageRecord | None], there: frozenset[AccountId], added: frozenset[_Key]
) -> list[Outcome]:
    uncounted = set(added)
    outcomes: list[Outcome] = []
    for each in records:
        if each is None or each.account_id not in there:
            outcomes.append(Outcome.PASSED_OVER)
        elif (key := (each.account_id, each.id)) in uncounted:
            uncounted.remove(key)
            outcomes.append(Outcome.COUNTED)
        else:
            outcomes.append(Outcome.REPEATED)
    return outcomes
