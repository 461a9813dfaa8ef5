"""Inviting many addresses with one request: each has its own result, the good ones are made, and none undoes another."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from domicile.infra.databases import RegionTx
from domicile.infra.idempotency import RequestKey
from domicile.infra.secrets import digest
from domicile.kernel.callers import Caller
from domicile.kernel.errors import DomainError
from domicile.region.invitations.domain import (
    INVITE,
    Outcome,
    Room,
    Wanted,
    refusal_of,
    repeated,
)
from domicile.region.invitations.service import make_invitation, measure_room
from domicile.region.plane import RegionPlane

_CHUNK: Final = 50
"""Invitations of one transaction: long enough to be quick, short enough that others get their turn in between."""


async def invite_members(
    plane: RegionPlane, caller: Caller, wanted: Iterable[Wanted], request: RequestKey | None
) -> tuple[Outcome, ...]:
    """Offer each address a place; gives what came of each, in the order in which they were wanted.

    Entries are taken as their turn comes, so that reading a thousand addresses holds nobody up.

    The codes of single refusals are those of `invite_member`, and `invitation-repeated`; only `reauthentication-required` is about
    the caller and refuses what is left of the request, which is then repeated and goes on. Each chunk is a transaction that also
    keeps its results under the request's key: repeated after a crash, the request goes on where it ended, and doubles nothing.
    """
    caller.require(INVITE)
    outcomes: list[Outcome] = []
    for number, chunk in enumerate(_chunks(_marking_repeats(wanted))):
        outcomes += await _invite_chunk(plane, caller, chunk, _key_of_chunk(request, number))
    return tuple(outcomes)


def _marking_repeats(wanted: Iterable[Wanted]) -> Iterator[Wanted]:
    seen: set[str] = set()
    for each in wanted:
        if isinstance(each, DomainError):
            yield each
            continue
        yield repeated(each.email) if each.email_key in seen else each
        seen.add(each.email_key)


def _chunks(wanted: Iterator[Wanted]) -> Iterator[Sequence[Wanted]]:
    while chunk := tuple(islice(wanted, _CHUNK)):
        yield chunk


def _key_of_chunk(request: RequestKey | None, number: int) -> RequestKey | None:
    """Derive the key of one chunk; the first has the request's own, so that the same key with another body is refused at once."""
    if request is None or number == 0:
        return request
    return RequestKey(digest(request.key + number.to_bytes(4)), request.digest)


async def _invite_chunk(
    plane: RegionPlane, caller: Caller, chunk: Sequence[Wanted], request: RequestKey | None
) -> list[Outcome]:
    account, principal = caller.account_id, caller.principal.id

    async def work(tx: RegionTx) -> list[Outcome]:
        earlier = await plane.idempotency.recall(
            tx, request, list[Outcome], owner_id=account, principal_id=principal
        )
        if earlier is not None:
            return earlier
        outcomes: list[Outcome] = []
        room = await measure_room(plane, tx, account)
        for each in chunk:
            outcomes.append(await _invite_one(plane, tx, caller, each, room))
            if (made := outcomes[-1].invitation) is not None:
                room = room.after_one(made.created_at)
        kept = [replace(outcome, token=None) for outcome in outcomes]
        await plane.idempotency.keep(tx, request, kept, owner_id=account, principal_id=principal)
        return outcomes

    return await plane.database.run_tx(work)


async def _invite_one(
    plane: RegionPlane, tx: RegionTx, caller: Caller, wanted: Wanted, room: Room
) -> Outcome:
    if isinstance(wanted, DomainError):
        return Outcome(None, refusal_of(wanted))
    try:
        made = await make_invitation(plane, tx, caller, wanted, room)
    except DomainError as error:
        if error.code == "reauthentication-required":
            raise
        return Outcome(None, refusal_of(error))
    return Outcome(made.invitation, token=made.token)
