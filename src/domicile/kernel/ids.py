"""Typed identifiers and how new ones are made and recognised."""

import re
import secrets
from typing import NewType
from uuid import UUID

AccountId = NewType("AccountId", str)
"""Twelve decimal digits, leading zeros kept; never used twice."""
UserId = NewType("UserId", str)
"""A UUID, version 7, in its canonical lower-case form."""
RegionId = NewType("RegionId", str)
"""A region's short name, such as `de-1`."""
RoleId = NewType("RoleId", str)
"""`^[a-z0-9-]+$`, unique in its account, never changed."""
InvitationId = NewType("InvitationId", str)
"""32 upper-case hexadecimal digits."""
ApiKeyId = NewType("ApiKeyId", str)
"""`dom_<region>_<22 base62 characters>`: the region lets any node route it without a look-up."""
ReceiptId = NewType("ReceiptId", str)
"""`rec_<region>_<22 base62 characters>`: nobody can guess it, and the region lets any node route it."""

REGION_PATTERN = re.compile(r"[a-z]{2,8}-[0-9]{1,3}")
_ACCOUNT = re.compile(r"[0-9]{12}")
_ROLE = re.compile(r"[a-z0-9-]{1,64}")
_INVITATION = re.compile(r"[0-9A-F]{32}")
_API_KEY = re.compile(r"dom_([a-z]{2,8}-[0-9]{1,3})_[0-9A-Za-z]{22}")
_RECEIPT = re.compile(r"rec_([a-z]{2,8}-[0-9]{1,3})_[0-9A-Za-z]{22}")
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def random_base62(length: int) -> str:
    """Draw `length` characters of base 62 from the system's randomness (5.95 bits each)."""
    return base62(secrets.randbelow(62**length), width=length)


def base62(number: int, *, width: int) -> str:
    """Write a non-negative number in base 62, left-padded with `0` to `width`."""
    digits = ""
    while number:
        number, remainder = divmod(number, 62)
        digits = _BASE62[remainder] + digits
    return digits.rjust(width, "0")


def new_account_id() -> AccountId:
    """Draw an account id at random; the directory's unique key decides whether it is free."""
    return AccountId(f"{secrets.randbelow(10**12):012d}")


def new_invitation_id() -> InvitationId:
    """Draw an invitation id (128 bits)."""
    return InvitationId(secrets.token_hex(16).upper())


def new_api_key_id(region: RegionId) -> ApiKeyId:
    """Draw an API key id (131 bits) that names its region."""
    return ApiKeyId(f"dom_{region}_{random_base62(22)}")


def new_receipt_id(region: RegionId) -> ReceiptId:
    """Draw the id of a deletion receipt (131 bits) that names its region."""
    return ReceiptId(f"rec_{region}_{random_base62(22)}")


def find_account_id(text: str) -> AccountId | None:
    """Recognise an account id; None for anything else."""
    return AccountId(text) if _ACCOUNT.fullmatch(text) else None


def find_user_id(text: str) -> UserId | None:
    """Recognise a user id in its canonical form only; None for anything else."""
    try:
        return UserId(text) if str(UUID(text)) == text else None
    except ValueError:
        return None


def find_role_id(text: str) -> RoleId | None:
    """Recognise the shape of a role id; None for anything else."""
    return RoleId(text) if _ROLE.fullmatch(text) else None


def find_invitation_id(text: str) -> InvitationId | None:
    """Recognise an invitation id; None for anything else."""
    return InvitationId(text) if _INVITATION.fullmatch(text) else None


def find_api_key_id(text: str) -> ApiKeyId | None:
    """Recognise an API key id; None for anything else."""
    return ApiKeyId(text) if _API_KEY.fullmatch(text) else None


def region_of_api_key(key: ApiKeyId) -> RegionId:
    """Read the region out of an API key id that was recognised before."""
    return RegionId(key.split("_", 2)[1])


def find_receipt_id(text: str) -> ReceiptId | None:
    """Recognise the id of a deletion receipt; None for anything else."""
    return ReceiptId(text) if _RECEIPT.fullmatch(text) else None


def region_of_receipt(receipt: ReceiptId) -> RegionId:
    """Read the region out of a receipt's id that was recognised before."""
    return RegionId(receipt.split("_", 2)[1])
