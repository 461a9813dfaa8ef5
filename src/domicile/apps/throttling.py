"""What an operator does about failed attempts: see what is counted of a person, and clear it, or a range."""

from domicile.apps.operate import opened_node
from domicile.identity.clearing.service import CountedAttempts, clear_attempts, clear_range, list_attempts
from domicile.identity.disabling.service import find_person
from domicile.infra.settings import Settings
from domicile.kernel.clock import whole_seconds
from domicile.kernel.methods import Way


async def show_attempts(
    settings: Settings, email_or_id: str
) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Describe what is counted of a person: who they are, and a row for each factor and each bucket."""
    async with opened_node(settings) as node:
        user = (await find_person(node.identity, email_or_id)).user
        record = await list_attempts(node.identity, user.id)
    about: dict[str, object] = {
        "id": user.id,
        "email": user.email,
        "familiarSources": record.familiar_sources,
    }
    return about, [_shown(one) for one in record.counters]


def _shown(one: CountedAttempts) -> dict[str, object]:
    row: dict[str, object] = {
        "factor": one.factor.value,
        "sources": one.bucket.value,
        "failures": one.failures,
        "last": whole_seconds(one.last_at),
        "state": "closed" if one.next_at is None else "open",
    }
    return row if one.next_at is None else row | {"next": whole_seconds(one.next_at)}


async def clear_person(settings: Settings, email_or_id: str, factor: Way | None) -> dict[str, object]:
    """Forget the failures of a person, of one factor or of all; tells how many counters said any."""
    async with opened_node(settings) as node:
        user = (await find_person(node.identity, email_or_id)).user
        cleared = await clear_attempts(node.identity, user.id, factor)
    return {"id": user.id, "email": user.email, "cleared": cleared}


async def clear_address(settings: Settings, address: str) -> tuple[str, ...]:
    """Forget what is counted of the ranges that an address is in; gives them."""
    async with opened_node(settings) as node:
        return await clear_range(node.identity, address)
