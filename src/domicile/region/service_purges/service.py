"""Use cases of a service about accounts that it was to delete."""

from collections.abc import Mapping

from domicile.infra.databases import RegionTx
from domicile.kernel.errors import invalid
from domicile.kernel.ids import find_account_id
from domicile.kernel.paging import Page, PageRequest
from domicile.region.entering.domain import issuer_of
from domicile.region.plane import RegionPlane
from domicile.region.service_identity.domain import ServiceCaller
from domicile.region.service_purges import store
from domicile.region.service_purges.domain import (
    RECEIPT_TYPE,
    ServicePurge,
    claims_of,
    deleted_faults,
    no_purge,
)


async def list_owed(plane: RegionPlane, service: ServiceCaller, page: PageRequest) -> Page[ServicePurge]:
    """List the accounts that the service was asked to delete, and has given no receipt for."""
    return await plane.database.read(lambda tx: store.list_owed_by(tx, service.name, page))


async def describe_purge(plane: RegionPlane, service: ServiceCaller, account_id: str) -> ServicePurge:
    """Read back what the service was asked, and its receipt; `not-found`."""
    return await plane.database.read(lambda tx: _get(tx, service, account_id))


async def acknowledge_purge(
    plane: RegionPlane,
    service: ServiceCaller,
    account_id: str,
    *,
    deleted: Mapping[str, int],
    remaining: int,
) -> ServicePurge:
    """Take a service's word that nothing of an account remains, and sign a receipt for it; what comes again gives the first one.

    `invalid-input` while anything remains, `not-found` for an account that it was not asked to delete.
    """
    faults = deleted_faults(deleted)
    if remaining != 0:
        faults["remaining"] = "must be 0, counted after the deletion: delete what remains, then say so"
    if faults:
        raise invalid(faults)

    async def work(tx: RegionTx) -> ServicePurge:
        purge = await _get(tx, service, account_id)
        now = plane.clock()
        claims = claims_of(purge, deleted, issuer=issuer_of(plane.region), region=plane.id, now=now)
        await store.acknowledge(tx, purge, plane.signer.sign(claims, type_=RECEIPT_TYPE), now=now)
        return await _get(tx, service, account_id)

    return await plane.database.run_tx(work)


async def _get(tx: RegionTx, service: ServiceCaller, account_id: str) -> ServicePurge:
    account = find_account_id(account_id)
    found = await store.find_purge(tx, service.name, account) if account else None
    if found is None:
        raise no_purge()
    return found
