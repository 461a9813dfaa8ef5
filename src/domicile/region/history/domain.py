"""What is remembered of an access each time that it changes: everything lasting that a decision depends on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from domicile.kernel.clock import whole_seconds
from domicile.kernel.ids import RoleId
from domicile.kernel.permissions import AccountState, MemberState

Facts = Mapping[str, Any]
"""What a thing was from a moment on, as JSON; each kind has names of its own."""


class Remembered(StrEnum):
    """What history is kept of."""

    ACCOUNT = "account"
    MEMBERSHIP = "membership"
    API_KEY = "api-key"
    ROLE = "role"


@dataclass(frozen=True, slots=True)
class Became:
    """What a thing became at a moment; `facts` is None for one that ended then."""

    kind: Remembered
    subject_id: str
    facts: Facts | None
    at: datetime


def account_facts(state: AccountState, *, mfa_required: bool) -> Facts:
    """Write down what an account became."""
    return {"state": state, "mfaRequired": mfa_required}


def member_facts(role: RoleId, state: MemberState) -> Facts:
    """Write down what a user's place became."""
    return {"roleID": role, "state": state}


def key_facts(
    alias: str, role: RoleId, *, is_enabled: bool, expires_at: datetime | None, networks: tuple[str, ...]
) -> Facts:
    """Write down what an API key became; never anything of its secret."""
    return {
        "alias": alias,
        "roleID": role,
        "enabled": is_enabled,
        "expiry": whole_seconds(expires_at) if expires_at else None,
        "networks": list(networks),
    }


def role_facts(name: str, service_roles: tuple[tuple[str, str], ...]) -> Facts:
    """Write down what a role of the account's own became."""
    return {"name": name, "serviceRoles": [list(pair) for pair in service_roles]}
