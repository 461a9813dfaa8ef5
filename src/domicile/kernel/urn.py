"""Uniform resource names of Domicile (RFC 8141 in shape): six parts, of which clients read region and account."""

import re
from dataclasses import dataclass

from domicile.kernel.ids import AccountId, ApiKeyId, RegionId, UserId

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""What the id of a person or a key can look like, whether there is one or not."""


@dataclass(frozen=True, slots=True)
class UrnMaker:
    """Makes the names of one account's things: `urn:<namespace>:<service>:<region>:<account>:<type>/<id>`."""

    namespace: str
    region: RegionId
    account: AccountId

    def make(self, kind: str, item: str, *, service: str = "identity") -> str:
        """Name one thing; index 3 is its region and index 4 its account, which clients rely on."""
        return f"urn:{self.namespace}:{service}:{self.region}:{self.account}:{kind}/{item}"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts or is asked about inside an account: a user, an API key, or the system itself."""

    kind: str
    """`user`, `apikey` or `system`."""
    id: str

    @staticmethod
    def user(user: UserId) -> "Principal":
        """Name a person."""
        return Principal("user", user)

    @staticmethod
    def api_key(key: ApiKeyId) -> "Principal":
        """Name an API key."""
        return Principal("apikey", key)


SYSTEM = Principal("system", "domicile")
"""The platform itself, where no person or key asked."""


def find_principal(text: str) -> Principal | None:
    """Read a principal out of a full URN or its last part (`user/<id>`, `apikey/<id>`); None for anything else.

    Only the last part counts: a question is always about the account that it is asked in.
    """
    kind, slash, item = text.rpartition(":")[2].partition("/")
    if not slash or kind not in {"user", "apikey"} or not _ID.fullmatch(item):
        return None
    return Principal(kind, item)
