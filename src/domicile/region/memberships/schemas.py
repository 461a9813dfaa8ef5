"""The users of an account on the wire."""

from typing import ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.kernel.clock import whole_seconds
from domicile.kernel.faults import Faults
from domicile.kernel.ids import AccountId
from domicile.kernel.permissions import Absence
from domicile.region.memberships.domain import Member, MemberChange, check_member_state
from domicile.region.plane import RegionPlane
from domicile.region.roles.domain import check_role_id
from domicile.web.bodies import Wire, given, or_unset


class UserBody(Wire, frozen=True):
    """A user of the account."""

    example: ClassVar[dict[str, object]] = {
        "id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "name": "Ada Example",
        "email": "ada@example.com",
        "roleID": "full-access",
        "locale": "en",
        "timezone": "Europe/Madrid",
        "state": "enabled",
        "mfaEnabled": False,
        "created": "2026-03-02T10:15:00Z",
        "lastModified": "2026-03-02T10:15:00Z",
        "lastActivity": "2026-05-01T08:00:00Z",
        "urn": "urn:domicile:identity:de-1:004217730956:user/01890a5d-ac96-774b-bcce-b302099a8057",
    }

    id: str
    name: str
    email: str
    role_id: str = field(name="roleID")
    locale: str
    timezone: str
    state: str
    """`enabled`, or `disabled` in this account only."""
    mfa_enabled: bool
    created: str
    last_modified: str
    urn: str
    last_activity: str | UnsetType = UNSET
    """Absent until the user has been active in the account."""
    disabled_by_platform: bool | UnsetType = UNSET
    """True where the operator of the platform has disabled the person everywhere; otherwise absent."""


class UsersBody(Wire, frozen=True):
    """A page of users; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"users": [UserBody.example]}

    users: list[UserBody]
    next: str | UnsetType = UNSET


class UserChangeBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What to change of a user's place in the account."""

    example: ClassVar[dict[str, object]] = {"roleID": "read-only"}

    role_id: str | UnsetType = field(default=UNSET, name="roleID")
    state: str | UnsetType = UNSET


def read_member_change(body: UserChangeBody) -> MemberChange:
    """Read what a modification asks for; `invalid-input` names every fault."""
    faults = Faults()
    change = MemberChange(
        role_id=faults.take("roleID", check_role_id, given(body.role_id)),
        state=faults.take("state", check_member_state, given(body.state)),
    )
    faults.settle()
    return change


def shape_member(plane: RegionPlane, account: AccountId, member: Member) -> UserBody:
    """Write a user of an account for the wire."""
    seen = member.last_activity_at
    return UserBody(
        id=member.user_id,
        name=member.name,
        email=member.email,
        role_id=member.role_id,
        locale=member.locale,
        timezone=member.time_zone,
        state=member.state,
        mfa_enabled=member.mfa_enabled,
        created=whole_seconds(member.created_at),
        last_modified=whole_seconds(member.modified_at),
        last_activity=or_unset(whole_seconds(seen) if seen else None),
        urn=plane.urns(account).make("user", member.user_id),
        disabled_by_platform=member.absence is Absence.DISABLED or UNSET,
    )
