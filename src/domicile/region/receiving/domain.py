"""What an invited person comes to know, and what becomes of an account that they join."""

from dataclasses import dataclass

from domicile.kernel.ids import AccountId, RoleId


@dataclass(frozen=True, slots=True)
class Joined:
    """An account that a person has just become a user of."""

    account_id: AccountId
    alias: str
    role_id: RoleId
