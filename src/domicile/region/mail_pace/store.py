"""When addresses were mailed, and all the SQL about it; of an address only its keyed hash is there."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text, delete, func, select

from domicile.infra.databases import RegionTx
from domicile.infra.planes import REGION, UtcTime
from domicile.kernel.ids import AccountId, InvitationId

invitation_mails = Table(
    "invitation_mails",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("invitation_id", Text, primary_key=True),
    Column("sends", BigInteger, primary_key=True),
    Column("address_hash", LargeBinary, nullable=False),
    Column("sent_at", UtcTime, nullable=False),
    Index("ix_invitation_mails_address", "address_hash", "sent_at"),
    Index("ix_invitation_mails_sent_at", "sent_at"),
)


async def count_mails_since(
    tx: RegionTx, address_hash: bytes, since: datetime, *, but: tuple[AccountId, InvitationId, int]
) -> tuple[int, datetime | None]:
    """Count the mails to an address after a moment, of any account, and give the time of the oldest; `but` names one to leave out."""
    account, invitation, sends = but
    itself = (
        (invitation_mails.c.account_id == account)
        & (invitation_mails.c.invitation_id == invitation)
        & (invitation_mails.c.sends == sends)
    )
    sent = (invitation_mails.c.address_hash == address_hash) & (invitation_mails.c.sent_at > since)
    counted = select(func.count().label("sent"), func.min(invitation_mails.c.sent_at).label("oldest"))
    row = (await tx.execute(counted.where(sent, ~itself))).one()
    return row.sent, row.oldest


async def note_mail(
    tx: RegionTx, mail: tuple[AccountId, InvitationId, int], *, address_hash: bytes, now: datetime
) -> None:
    """Remember that a mail leaves; the same one, tried again, counts once, and as of now."""
    account, invitation, sends = mail
    row = tx.insert(invitation_mails).values(
        account_id=account, invitation_id=invitation, sends=sends, address_hash=address_hash, sent_at=now
    )
    key = [invitation_mails.c.account_id, invitation_mails.c.invitation_id, invitation_mails.c.sends]
    await tx.execute(row.on_conflict_do_update(index_elements=key, set_={"sent_at": now}))


async def forget_mails(tx: RegionTx, *, before: datetime) -> int:
    """Forget the mails that no longer count; tells how many."""
    return await tx.count(delete(invitation_mails).where(invitation_mails.c.sent_at <= before))
