"""The region's signing keys in use for account tokens: signs and verifies them (RFC 7519, RFC 9068)."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from joserfc.errors import JoseError
from joserfc.jws import extract_compact

from domicile.infra.secrets import digest
from domicile.infra.signing import SigningKeys
from domicile.kernel.callers import MFA
from domicile.kernel.ids import AccountId, RegionId, UserId
from domicile.kernel.regions import Region
from domicile.kernel.signing_keys import CLOCK_SKEW
from domicile.region.entering.domain import TOKEN_TYPE, TokenFacts, audience_of, issuer_of

_MOST_VERIFIED = 20_000
_LONGEST_TOKEN = 4096


async def _look_nowhere() -> None:
    """Look for no other keys: there are none but those that are held."""


class TokenKeys:
    """Signs with the region's own key and accepts nothing that another key, issuer, audience or type made."""

    def __init__(
        self,
        region: Region,
        namespace: str,
        signer: SigningKeys,
        *,
        look_again: Callable[[], Awaitable[None]] = _look_nowhere,
    ) -> None:
        self._region = region.id
        self._signer = signer
        self._look_again = look_again
        self._issuer = issuer_of(region)
        self._audience = audience_of(namespace, region.id)
        self._verified: dict[bytes, TokenFacts] = {}
        signer.when_replaced(self._verified.clear)

    def sign(self, claims: dict[str, object]) -> str:
        """Sign claims; issuer and audience are the region's."""
        return self._signer.sign({"iss": self._issuer, "aud": self._audience, **claims}, type_=TOKEN_TYPE)

    def jwks(self, *, now: datetime) -> dict[str, object]:
        """Give the public keys for whoever verifies tokens (RFC 7517)."""
        return self._signer.token_jwks(now)

    def when_dropped(self, act: Callable[[], None]) -> None:
        """Run something whenever tokens that were verified before may count no more, since a key was withdrawn."""
        self._signer.when_replaced(act)

    def peek(self, mark: bytes) -> TokenFacts | None:
        """Recognise, by its mark, a token that was verified before; whether it has expired is for the caller to see."""
        return self._verified.get(mark)

    async def recognise(self, token: str, *, now: datetime) -> TokenFacts | None:
        """Verify a token; one by a key that this node has not heard of makes it look for that key first, if it has not just done so."""
        facts = self.verify(token, now=now)
        if facts is None and self._names_unknown_key(token):
            await self._look_again()
            facts = self.verify(token, now=now)
        return facts

    def verify(self, token: str, *, now: datetime) -> TokenFacts | None:
        """Verify a token's signature, type, issuer, audience and times; None, without a reason, if any is wrong."""
        if len(token) > _LONGEST_TOKEN or not token.isascii():
            return None
        mark = mark_of(token.encode())
        facts = self._verified.get(mark) or self._decode(token, now)
        if facts is None or facts.expires_at <= now.timestamp():
            return None
        if len(self._verified) >= _MOST_VERIFIED:
            self._verified.clear()
        self._verified[mark] = facts
        return facts

    def _names_unknown_key(self, token: str) -> bool:
        key_id = claimed_key(token)
        return key_id is not None and region_of(key_id) == self._region and not self._signer.knows(key_id)

    def _decode(self, token: str, now: datetime) -> TokenFacts | None:
        claims = self._signer.read_token(token, type_=TOKEN_TYPE, now=now)
        if claims is None or claims.get("iss") != self._issuer or claims.get("aud") != self._audience:
            return None
        if float(claims["nbf"]) > (now + CLOCK_SKEW).timestamp():
            return None
        return TokenFacts(
            account_id=AccountId(claims["account"]),
            user_id=UserId(str(claims["sub"]).rpartition("/")[2]),
            epoch=int(claims["epoch"]),
            mfa_used=MFA in claims["amr"],
            authenticated_at=datetime.fromtimestamp(int(claims["auth_time"]), UTC),
            expires_at=float(claims["exp"]),
        )


def claimed_key(token: str) -> str | None:
    """Read, unverified, the id of the key that a token names; None for what is no token."""
    if len(token) > _LONGEST_TOKEN or not token.isascii():
        return None
    try:
        header = extract_compact(token.encode()).headers()
    except (JoseError, ValueError):
        return None
    return str(header.get("kid", ""))


def region_of(key_id: str) -> RegionId:
    """Read the first part of a key's id: the region whose key it is."""
    return RegionId(key_id.partition(".")[0])


def claimed_region(token: str) -> RegionId | None:
    """Read, unverified, which region a token says it is of; None for what is no token."""
    key_id = claimed_key(token)
    return None if key_id is None else region_of(key_id)


def mark_of(token: bytes) -> bytes:
    """Fingerprint a token, so that no copy of it is kept."""
    return digest(token)
