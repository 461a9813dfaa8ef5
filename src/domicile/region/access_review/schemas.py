"""The review on the wire, as JSON and as rows for a spreadsheet."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.kernel.clock import whole_seconds
from domicile.region.access.schemas import StepBody, shape_steps
from domicile.region.access_review.domain import Reviewed
from domicile.region.plane import RegionPlane
from domicile.region.roster.domain import Entry, EntryKind
from domicile.web.bodies import Wire, or_unset
from domicile.web.spreadsheets import write_rows

_USER = "urn:domicile:identity:de-1:004217730956:user/01890a5d-ac96-774b-bcce-b302099a8057"


class AccessEntryBody(Wire, frozen=True):
    """Somebody or something that can enter the account, or could if it were enabled, unlocked or accepted."""

    example: ClassVar[dict[str, object]] = {
        "principalURN": _USER,
        "kind": "user",
        "id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "name": "Ada Example",
        "email": "ada@example.com",
        "roleID": "read-only",
        "roleName": "Read only",
        "levels": {
            "identity": "read-only",
            "audit": "read-only",
            "billing": "read-only",
            "cloudaccounts": "read-only",
        },
        "state": "enabled",
        "canEnter": True,
        "steps": [
            {"rule": "account-active", "held": True, "fact": "the account is active"},
            {"rule": "place-exists", "held": True, "fact": "membership with role read-only"},
            {"rule": "place-enabled", "held": True, "fact": "the membership is enabled"},
            {"rule": "role-permits", "held": True, "fact": "every principal may ask about itself"},
        ],
        "mfaEnabled": False,
        "given": "2026-03-02T10:15:00Z",
        "givenByURN": _USER,
        "givenBy": "Ada Example",
        "lastActivity": "2026-05-01T08:00:00Z",
    }

    principal_urn: str = field(name="principalURN")
    """Of an invitation: its own URN."""
    kind: str
    """`user`, `apikey` or `invitation`."""
    id: str
    role_id: str = field(name="roleID")
    """Held; of an invitation: offered."""
    role_name: str
    levels: dict[str, str]
    """What the role gives, service by service."""
    state: str
    """`enabled`, `disabled`, `locked`, `expired` or `invited`."""
    can_enter: bool
    """As decided by the function that enforces; of a key: from the networks of its list."""
    steps: list[StepBody]
    """The chain of that decision; its last link settled it."""
    name: str | UnsetType = UNSET
    """Of the user, or the alias of the key; absent for who is no user any more, as is `email`."""
    email: str | UnsetType = UNSET
    mfa_enabled: bool | UnsetType = UNSET
    networks: list[str] | UnsetType = UNSET
    """Where a key may be used from; absent: from anywhere."""
    expiry: str | UnsetType = UNSET
    given: str | UnsetType = UNSET
    """When the user joined, the key was made, the address invited."""
    given_by_urn: str | UnsetType = field(default=UNSET, name="givenByURN")
    """Who invited the user, or made the key or the invitation; absent where that is not remembered."""
    given_by: str | UnsetType = UNSET
    """Their name, or alias, while they are in the account."""
    last_activity: str | UnsetType = UNSET
    stands: bool | UnsetType = UNSET
    """Of an invitation: whether its maker may still make it; one that does not stand cannot be accepted."""


class AccessReviewBody(Wire, frozen=True):
    """A page of everyone and everything that can enter; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"entries": [AccessEntryBody.example]}

    entries: list[AccessEntryBody]
    next: str | UnsetType = UNSET


def shape_reviewed(plane: RegionPlane, reviewed: Reviewed) -> AccessEntryBody:
    """Write an entry for the wire."""
    entry = reviewed.entry
    giver = entry.given_by
    urns = plane.urns(entry.standing.account.id)
    return AccessEntryBody(
        principal_urn=urns.make(entry.kind, entry.id),
        kind=entry.kind,
        id=entry.id,
        role_id=entry.role.id,
        role_name=entry.role.name,
        levels=dict(entry.role.service_roles),
        state=entry.state,
        can_enter=reviewed.decision.allowed,
        steps=shape_steps(reviewed.decision),
        name=or_unset(entry.name or None),
        email=or_unset(entry.email or None),
        mfa_enabled=or_unset(entry.mfa_enabled),
        networks=or_unset(list(entry.networks) or None),
        expiry=or_unset(whole_seconds(entry.expires_at) if entry.expires_at else None),
        given=or_unset(whole_seconds(entry.given_at) if entry.given_at else None),
        given_by_urn=or_unset(urns.make(giver.principal.kind, giver.principal.id) if giver else None),
        given_by=or_unset(giver.name or None if giver else None),
        last_activity=or_unset(whole_seconds(entry.last_activity_at) if entry.last_activity_at else None),
        stands=or_unset(entry.stands),
    )


_COLUMNS = (
    *("kind", "id", "name", "email", "roleID", "roleName", "levels", "state", "canEnter", "settledBy"),
    *("because", "mfaEnabled", "networks", "expiry", "given", "givenBy", "lastActivity", "stands", "urn"),
)


async def write_csv(plane: RegionPlane, pages: AsyncIterator[Sequence[Reviewed]]) -> AsyncGenerator[bytes]:
    """Write a review as CSV, its head first, page by page."""
    yield write_rows([_COLUMNS])
    async for page in pages:
        yield write_rows([_cells(plane, reviewed) for reviewed in page])


def _cells(plane: RegionPlane, reviewed: Reviewed) -> tuple[str, ...]:
    entry, settled = reviewed.entry, reviewed.decision.steps[-1]
    return (
        *(entry.kind, entry.id, entry.name, entry.email, entry.role.id, entry.role.name),
        " ".join(f"{service}/{level}" for service, level in entry.role.service_roles),
        *(entry.state, _yes_no(reviewed.decision.allowed), settled.rule, settled.fact),
        *(_yes_no(entry.mfa_enabled), " ".join(entry.networks)),
        *(whole_seconds(at) if at else "" for at in (entry.expires_at, entry.given_at)),
        _giver_of(entry),
        whole_seconds(entry.last_activity_at) if entry.last_activity_at else "",
        _yes_no(entry.stands),
        plane.urns(entry.standing.account.id).make(EntryKind(entry.kind), entry.id),
    )


def _giver_of(entry: Entry) -> str:
    if (giver := entry.given_by) is None:
        return ""
    return giver.name or f"{giver.principal.kind}/{giver.principal.id}"


def _yes_no(value: bool | None) -> str:  # noqa: FBT001  # the value itself is what is written
    return "" if value is None else "yes" if value else "no"
