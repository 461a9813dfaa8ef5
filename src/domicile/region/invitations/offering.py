"""Offers as they are judged: what is stored of an invitation, together with whether it still stands."""

from domicile.infra.databases import RegionTx
from domicile.region.invitations.domain import Offer, Offered, could_offer
from domicile.region.plane import RegionPlane
from domicile.region.roles.service import find_role


async def judge(plane: RegionPlane, tx: RegionTx, offered: Offered) -> Offer | None:
    """Make the offer that an invitation is: it stands as long as whoever made it could make it still; None without such a role."""
    account = offered.account_id
    wanted = await find_role(tx, plane.catalogue, account, offered.invitation.role_id)
    held = await find_role(tx, plane.catalogue, account, offered.held) if offered.held else None
    if wanted is None:
        return None
    return Offer(
        account_id=account,
        invitation=offered.invitation,
        alias=offered.alias,
        locale=offered.invitation.locale or offered.locale,
        inviter=offered.inviter or offered.alias,
        role=wanted.role,
        stands=held is not None and could_offer(held.role, wanted.role),
    )


def address_of_link(plane: RegionPlane, token: str) -> str:
    """Write the link of a token: always to the region's own public address, whatever a request claimed."""
    return f"{plane.region.base_url}/join/{token}"
