"""The region's signing key in use for account tokens: signs and verifies them (RFC 7519, RFC 9068)."""

from datetime import datetime

from joserfc.errors import JoseError
from joserfc.jws import extract_compact

from domicile.infra.secrets import digest
from domicile.infra.signing import Signer
from domicile.kernel.callers import MFA
from domicile.kernel.ids import AccountId, RegionId, UserId
from domicile.kernel.regions import Region
from domicile.region.entering.domain import TOKEN_TYPE, TokenFacts, audience_of, issuer_of

_MOST_VERIFIED = 20_000
_LONGEST_TOKEN = 4096


class TokenKeys:
    """Signs with the region's own key and accepts nothing that another key, issuer, audience or type made."""

    def __init__(self, region: Region, namespace: str, signer: Signer) -> None:
        self._signer = signer
        self._issuer = issuer_of(region)
        self._audience = audience_of(namespace, region.id)
        self._verified: dict[bytes, TokenFacts] = {}

    def sign(self, claims: dict[str, object]) -> str:
        """Sign claims; issuer and audience are the region's."""
        return self._signer.sign({"iss": self._issuer, "aud": self._audience, **claims}, type_=TOKEN_TYPE)

    def jwks(self) -> dict[str, object]:
        """Give the public keys (RFC 7517)."""
        return self._signer.jwks()

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
        claims = self._signer.read(token, type_=TOKEN_TYPE)
        if claims is None or claims.get("iss") != self._issuer or claims.get("aud") != self._audience:
            return None
        return TokenFacts(
            account_id=AccountId(claims["account"]),
            user_id=UserId(str(claims["sub"]).rpartition("/")[2]),
            epoch=int(claims["epoch"]),
            mfa_used=MFA in claims["amr"],
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
