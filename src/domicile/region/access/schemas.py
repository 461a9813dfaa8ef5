"""Questions about access and their answers on the wire."""

from collections.abc import Sequence
from typing import ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.kernel.callers import Caller, Person
from domicile.kernel.permissions import Decision
from domicile.kernel.urn import Principal
from domicile.region.access.domain import Holder
from domicile.region.plane import RegionPlane
from domicile.web.bodies import Wire, or_unset

_USER_URN = "urn:domicile:identity:de-1:004217730956:user/01890a5d-ac96-774b-bcce-b302099a8057"


class WhoamiBody(Wire, frozen=True):
    """Who is calling; account, region and role are absent for a person who has not entered an account."""

    example: ClassVar[dict[str, object]] = {
        "principalURN": _USER_URN,
        "kind": "user",
        "id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "name": "Ada Example",
        "method": "account-token",
        "identityURL": "http://localhost:8800",
        "email": "ada@example.com",
        "accountID": "004217730956",
        "region": "de-1",
        "roleID": "full-access",
        "levels": {"identity": "full-access", "audit": "full-access"},
        "baseURL": "http://localhost:8800",
    }

    principal_urn: str = field(name="principalURN")
    kind: str
    id: str
    name: str
    method: str
    identity_url: str = field(name="identityURL")
    email: str | UnsetType = UNSET
    account_id: str | UnsetType = field(default=UNSET, name="accountID")
    region: str | UnsetType = UNSET
    role_id: str | UnsetType = field(default=UNSET, name="roleID")
    levels: dict[str, str] | UnsetType = UNSET
    base_url: str | UnsetType = field(default=UNSET, name="baseURL")


class QuestionBody(Wire, frozen=True, forbid_unknown_fields=True):
    """One question among many."""

    action: str
    principal: str | UnsetType = UNSET


class CheckBody(Wire, frozen=True, forbid_unknown_fields=True):
    """One question (`action`, and `principal` if it is not about the caller), or up to 100 in `checks`."""

    example: ClassVar[dict[str, object]] = {"action": "identity:user:update"}

    action: str | UnsetType = UNSET
    principal: str | UnsetType = UNSET
    checks: list[QuestionBody] | UnsetType = UNSET


class AnswerBody(Wire, frozen=True):
    """Whether an action is allowed, and the rule that settled it."""

    action: str
    allowed: bool
    principal_urn: str = field(name="principalURN")
    rule: str


class CheckedBody(Wire, frozen=True):
    """The answer to one question, or to many, in their order."""

    example: ClassVar[dict[str, object]] = {
        "action": "identity:user:update",
        "allowed": False,
        "principalURN": _USER_URN,
        "rule": "role-permits",
    }

    action: str | UnsetType = UNSET
    allowed: bool | UnsetType = UNSET
    principal_urn: str | UnsetType = field(default=UNSET, name="principalURN")
    rule: str | UnsetType = UNSET
    results: list[AnswerBody] | UnsetType = UNSET


class StepBody(Wire, frozen=True):
    """One link of a derivation."""

    rule: str
    held: bool
    fact: str


class PermissionBody(Wire, frozen=True):
    """Whether one action is allowed, and the rule that settled it."""

    action: str
    allowed: bool
    rule: str


class HolderBody(Wire, frozen=True):
    """Somebody or something that may do what was asked about."""

    principal_urn: str = field(name="principalURN")
    kind: str
    """`user` or `apikey`."""
    name: str
    """Of the user, or the alias of the key."""
    role_id: str = field(name="roleID")
    email: str | UnsetType = UNSET


class ExplanationBody(Wire, frozen=True):
    """About one principal and one action: the decision with its derivation; the last step of a refusal is its reason.

    About a principal alone: `permissions`. About an action alone, with `principal=*`: `principals`.
    """

    example: ClassVar[dict[str, object]] = {
        "principalURN": _USER_URN,
        "action": "identity:user:update",
        "allowed": False,
        "steps": [
            {"rule": "account-active", "held": True, "fact": "the account is active"},
            {"rule": "place-exists", "held": True, "fact": "membership with role read-only"},
            {"rule": "place-enabled", "held": True, "fact": "the membership is enabled"},
            {"rule": "role-permits", "held": False, "fact": "role read-only grants identity/read-only"},
        ],
    }

    principal_urn: str | UnsetType = field(default=UNSET, name="principalURN")
    action: str | UnsetType = UNSET
    allowed: bool | UnsetType = UNSET
    steps: list[StepBody] | UnsetType = UNSET
    permissions: list[PermissionBody] | UnsetType = UNSET
    """Every action that any role can grant, sorted."""
    principals: list[HolderBody] | UnsetType = UNSET
    """A page of those who may: users, then API keys."""
    next: str | UnsetType = UNSET
    """Absent on the last page."""


def principal_urn(plane: RegionPlane, caller: Caller, principal: Principal) -> str:
    """Name a principal in the caller's account."""
    return plane.urns(caller.account_id).make(principal.kind, principal.id)


def shape_whoami(plane: RegionPlane, caller: Caller) -> WhoamiBody:
    """Tell a caller inside an account who they are."""
    return WhoamiBody(
        principal_urn=principal_urn(plane, caller, caller.principal),
        kind=caller.principal.kind,
        id=caller.principal.id,
        name=caller.name,
        method=caller.method,
        identity_url=plane.settings.public_url,
        email=or_unset(caller.email or None),
        account_id=caller.account_id,
        region=caller.region,
        role_id=caller.role_id,
        levels=dict(caller.role.service_roles),
        base_url=plane.region.base_url,
    )


def shape_person(person: Person, *, namespace: str, identity_url: str) -> WhoamiBody:
    """Tell a person outside any account who they are."""
    return WhoamiBody(
        principal_urn=f"urn:{namespace}:identity:::user/{person.user_id}",
        kind="user",
        id=person.user_id,
        name=person.name,
        method="session",
        identity_url=identity_url,
        email=person.email,
    )


def shape_answer(urn: str, decision: Decision) -> AnswerBody:
    """Write a decision without its derivation."""
    return AnswerBody(
        action=decision.action, allowed=decision.allowed, principal_urn=urn, rule=decision.steps[-1].rule
    )


def shape_steps(decision: Decision) -> list[StepBody]:
    """Write a derivation for the wire."""
    return [StepBody(rule=step.rule, held=step.held, fact=step.fact) for step in decision.steps]


def shape_explanation(urn: str, decision: Decision) -> ExplanationBody:
    """Write a decision with its derivation."""
    steps = shape_steps(decision)
    return ExplanationBody(principal_urn=urn, action=decision.action, allowed=decision.allowed, steps=steps)


def shape_permissions(urn: str, decisions: Sequence[Decision]) -> ExplanationBody:
    """Write what a principal may and may not do."""
    told = [PermissionBody(action=d.action, allowed=d.allowed, rule=d.steps[-1].rule) for d in decisions]
    return ExplanationBody(principal_urn=urn, permissions=told)


def shape_holders(
    plane: RegionPlane, action: str, holders: Sequence[Holder], following: str | None
) -> ExplanationBody:
    """Write who may do something."""
    shown = [
        HolderBody(
            principal_urn=plane.urns(entry.standing.account.id).make(entry.kind, entry.id),
            kind=entry.kind,
            name=entry.name,
            role_id=entry.role.id,
            email=or_unset(entry.email or None),
        )
        for entry in (holder.entry for holder in holders)
    ]
    return ExplanationBody(action=action, principals=shown, next=or_unset(following))
