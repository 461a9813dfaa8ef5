"""Use case of a person who takes their data along: what this region has, read here and given to nobody else."""

from collections.abc import AsyncIterator, Sequence

from domicile.infra.databases import RegionTx
from domicile.infra.email_address import parse_email_address
from domicile.kernel.callers import Person
from domicile.kernel.ids import AccountId
from domicile.kernel.paging import PageRequest
from domicile.kernel.permissions import MemberState
from domicile.kernel.urn import Principal
from domicile.region.accounts.store import find_account
from domicile.region.api_keys.store import list_keys_by
from domicile.region.audit.domain import Filters, RecordedEvent, by_person
from domicile.region.audit.store import append_audit, list_events
from domicile.region.export.domain import ExportedPlace, ExportedRegion
from domicile.region.invitations.store import list_made_by, list_made_to
from domicile.region.memberships.store import find_member, list_places
from domicile.region.plane import RegionPlane

_EVENTS_AT_ONCE = 500


async def begin_region_export(plane: RegionPlane, person: Person) -> ExportedRegion:
    """Read what the region knows of the caller; each of their accounts here notes that they took it along.

    `reauthentication-required` unless the caller has shown within ten minutes who they are.
    """
    now = plane.clock()
    person.require_fresh(now)

    async def work(tx: RegionTx) -> ExportedRegion:
        places = [
            place for place in await list_places(tx, person.user_id) if place.state is not MemberState.REMOVED
        ]
        for place in places:
            event = by_person(person, place.account_id, "audit.userData_exported.v1", {}, now=now)
            await append_audit(tx, event)
        exported = [await _export_place(tx, place.account_id, person) for place in places]
        invited = await list_made_to(
            tx, parse_email_address(person.email).key, person.user_id, since=person.address_since
        )
        shown = tuple((account, invitation.as_of(now)) for account, invitation in invited)
        return ExportedRegion(plane.id, tuple(one for one in exported if one), shown, now)

    return await plane.database.run_tx(work)


async def list_own_events(
    plane: RegionPlane, person: Person, accounts: Sequence[AccountId]
) -> AsyncIterator[tuple[RecordedEvent, ...]]:
    """Give what the caller did in accounts, page by page, newest first in each; each page is read when it is asked for."""
    mine = Filters(principal=Principal.user(person.user_id))
    for account in accounts:
        after: tuple[str, ...] | None = None
        while True:
            request = PageRequest(_EVENTS_AT_ONCE, after)
            page = await plane.database.read(
                lambda tx, account=account, request=request: list_events(tx, account, request, mine)
            )
            yield page.items
            if (after := page.next_after) is None:
                break


async def _export_place(tx: RegionTx, account_id: AccountId, person: Person) -> ExportedPlace | None:
    account = await find_account(tx, account_id)
    member = await find_member(tx, account_id, person.user_id)
    if account is None or member is None:
        return None
    return ExportedPlace(
        account_id,
        account.alias,
        member,
        await list_made_by(tx, account_id, person.user_id),
        await list_keys_by(tx, account_id, person.user_id),
    )
