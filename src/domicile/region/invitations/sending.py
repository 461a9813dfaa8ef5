"""Gives invitations the links that their mails carry, at the moment at which they leave."""

from domicile.infra.databases import RegionTx
from domicile.kernel.ids import AccountId, InvitationId
from domicile.region.invitations import store
from domicile.region.invitations.domain import Offer
from domicile.region.invitations.offering import judge
from domicile.region.mail_pace.service import keep_pace
from domicile.region.plane import RegionPlane


async def give_link(
    plane: RegionPlane, account: AccountId, invitation: InvitationId, *, sends: int, token: str
) -> Offer | None:
    """Make `token` the one link of an open invitation, keeping its hash alone; gives what the mail says.

    None, and nothing to send, if it no longer stands open, or if a link was asked for again after the `sends`-th time.
    `NotYet`, and nothing changed, if the address was mailed too often within the hour, by whomever: strangers are not to be
    flooded by many accounts together.
    """

    async def work(tx: RegionTx) -> Offer | None:
        now = plane.clock()
        linked = await store.set_link(
            tx, account, invitation, token_hash=plane.link_hash.of(token), sends=sends, now=now
        )
        offered = await store.find_offered(tx, account, invitation) if linked is not None else None
        offer = await judge(plane, tx, offered) if offered is not None else None
        if offer is None or not offer.stands:
            return None
        this = (account, invitation, sends)
        await keep_pace(plane, tx, offer.invitation.email_key, this=this, now=now)
        return offer

    return await plane.database.run_tx(work)
