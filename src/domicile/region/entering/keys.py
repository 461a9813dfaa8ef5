"""The region's signing key in use: signs account tokens and verifies them (RFC 7515, RFC 7518 ES256)."""

import secrets
from datetime import datetime

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet
from joserfc.jws import extract_compact

from domicile.infra.databases import Database, RegionTx
from domicile.infra.secrets import Sealer, digest
from domicile.kernel.ids import AccountId, RegionId, UserId
from domicile.kernel.regions import Region
from domicile.region.entering.domain import ALGORITHM, TOKEN_TYPE, TokenFacts, audience_of, issuer_of
from domicile.region.entering.store import find_current_key, insert_current_key

_MOST_VERIFIED = 20_000
_LONGEST_TOKEN = 4096


class TokenKeys:
    """Signs with the region's own key and accepts nothing that another key, issuer, audience or type made."""

    def __init__(self, region: Region, namespace: str, key: ECKey) -> None:
        self._key = key
        self._keys = KeySet([key])
        self._issuer = issuer_of(region)
        self._audience = audience_of(namespace, region.id)
        self._verified: dict[bytes, TokenFacts] = {}

    def sign(self, claims: dict[str, object]) -> str:
        """Sign claims; issuer and audience are the region's."""
        header = {"alg": ALGORITHM, "kid": str(self._key.kid), "typ": TOKEN_TYPE}
        told = {"iss": self._issuer, "aud": self._audience, **claims}
        return jwt.encode(header, told, self._key, algorithms=[ALGORITHM])

    def jwks(self) -> dict[str, object]:
        """Give the public keys (RFC 7517)."""
        return dict(self._keys.as_dict(private=False))

    def peek(self, mark: bytes) -> TokenFacts | None:
        """Recognise, by its mark, a token that was verified before; whether it has expired is for the caller to see."""
        return self._verified.get(mark)

    def verify(self, token: str, *, now: datetime) -> TokenFacts | None:
        """Verify a token's signature, type, issuer, audience and times; None, without a reason, if any is wrong."""
        if len(token) > _LONGEST_TOKEN or not token.isascii():
            return None
        mark = mark_of(token.encode())
        facts = self._verified.get(mark) or self._decode(token)
        if facts is None or facts.expires_at <= now.timestamp():
            return None
        if len(self._verified) >= _MOST_VERIFIED:
            self._verified.clear()
        self._verified[mark] = facts
        return facts

    def _decode(self, token: str) -> TokenFacts | None:
        try:
            found = jwt.decode(token, self._keys, algorithms=[ALGORITHM])
        except (JoseError, ValueError, TypeError):  # the library trips over a `crit` that is no list of texts
            return None
        claims = found.claims
        right = (
            found.header.get("typ") == TOKEN_TYPE
            and claims.get("iss") == self._issuer
            and claims.get("aud") == self._audience
        )
        if not right:
            return None
        return TokenFacts(
            account_id=AccountId(claims["account"]),
            user_id=UserId(str(claims["sub"]).rpartition("/")[2]),
            epoch=int(claims["epoch"]),
            expires_at=float(claims["exp"]),
        )


def claimed_region(token: str) -> RegionId | None:
    """Read, unverified, which region a token says it is of: the first part of its key id; None for what is no token."""
    if len(token) > _LONGEST_TOKEN or not token.isascii():
        return None
    try:
        header = extract_compact(token.encode()).headers()
    except (JoseError, ValueError):
        return None
    return RegionId(str(header.get("kid", "")).partition(".")[0])


def mark_of(token: bytes) -> bytes:
    """Fingerprint a token, so that no copy of it is kept."""
    return digest(token)


async def open_token_keys(
    region: Region, namespace: str, database: Database[RegionTx], sealer: Sealer, *, now: datetime
) -> TokenKeys:
    """Load the region's signing key, making it on the first start; of several nodes that start at once one makes it."""

    async def load(tx: RegionTx) -> tuple[str, bytes]:
        while (found := await find_current_key(tx)) is None:
            made = ECKey.generate_key(
                "P-256",
                {"kid": f"{region.id}.{secrets.token_hex(8)}", "use": "sig", "alg": ALGORITHM},
                private=True,
            )
            plain = msgspec.json.encode(made.as_dict(private=True))
            sealed = sealer.seal(plain, context=f"signing key {made.kid}")
            public = {str(name): str(value) for name, value in made.as_dict(private=False).items()}
            await insert_current_key(tx, str(made.kid), sealed=sealed, public=public, now=now)
        return found

    kid, sealed = await database.run_tx(load)
    key = ECKey.import_key(msgspec.json.decode(sealer.open(sealed, context=f"signing key {kid}")))
    return TokenKeys(region, namespace, key)
