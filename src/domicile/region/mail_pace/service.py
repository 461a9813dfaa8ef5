"""Keeps the pace: a mail to an address that was mailed often enough within the hour waits."""

from datetime import datetime, timedelta

from domicile.infra.databases import RegionTx
from domicile.infra.outbox import NotYet
from domicile.kernel.ids import AccountId, InvitationId
from domicile.region.mail_pace import store
from domicile.region.plane import RegionPlane

_HOUR = timedelta(hours=1)


async def keep_pace(
    plane: RegionPlane,
    tx: RegionTx,
    email_key: str,
    *,
    this: tuple[AccountId, InvitationId, int],
    now: datetime,
) -> None:
    """Count a mail that is about to leave, named by its account, invitation and number; tried again, it counts once.

    `NotYet` if the address has had its fill: strangers are not to be flooded by many accounts together.
    """
    address = plane.link_hash.of(f"address {email_key}")
    sent, oldest = await store.count_mails_since(tx, address, now - _HOUR, but=this)
    if sent >= plane.settings.invitations.mails_per_address_per_hour and oldest is not None:
        raise NotYet(oldest + _HOUR, "address-mailed-too-often")
    await store.note_mail(tx, this, address_hash=address, now=now)


async def forget_mails(plane: RegionPlane) -> int:
    """Forget when addresses were mailed, once that no longer counts; tells how many rows went."""
    before = plane.clock() - _HOUR
    return await plane.database.run_tx(lambda tx: store.forget_mails(tx, before=before))
