"""Reads and verifies an account token, as far as the token itself can tell (RFC 7519, RFC 9068, RFC 8725)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.jws import extract_compact

from domicile_sdk.exchange import Fields
from domicile_sdk.refusal import KeyUnknown, TokenInvalid, TokenOfAnotherRegion

_ALGORITHM = "ES256"
_TYPE = "at+jwt"
LONGEST_TOKEN = 8192
"""Letters; what is longer is not looked at."""


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What a verified token says."""

    urn: str
    user: str
    account: str
    region: str
    role: str
    levels: Mapping[str, str]
    amr: tuple[str, ...]
    auth_time: int
    seq: int
    """The number in the region's access log up to which it tells the truth."""
    not_before: float
    """Seconds since 1970."""
    expires_at: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the tokens of one region have in common."""

    region: str
    issuer: str
    audience: str


def claimed_key(token: str, expected: Expected) -> str:
    """Read, unverified, by which key a token says that it was signed.

    `TokenInvalid` for what cannot be an account token, and `TokenOfAnotherRegion` for what says itself that it is none of this region.
    """
    if len(token) > LONGEST_TOKEN or not token.isascii():
        raise TokenInvalid("This is no account token.")
    try:
        read = extract_compact(token.encode())
        header, claims = Fields.of(read.headers()), Fields.of(json.loads(read.payload))
        kind, key, issuer = (header.text("alg"), header.text("typ")), header.text("kid"), claims.text("iss")
    except (JoseError, ValueError, RecursionError):
        raise TokenInvalid("This is no account token.") from None
    if kind != (_ALGORITHM, _TYPE):
        raise TokenInvalid("This is no account token.")
    if issuer != expected.issuer:
        raise TokenOfAnotherRegion(f"This service takes tokens of the region {expected.region} alone.")
    return key


def read_token(token: str, keys: Mapping[str, ECKey], expected: Expected) -> TokenFacts:
    """Verify signature, kind, issuer, audience and region, and read the claims; whether it is in time is for the caller to see.

    `KeyUnknown` if its key is not among those given.
    """
    key = keys.get(claimed_key(token, expected))
    if key is None:
        raise KeyUnknown("The token was signed with a key that the region does not, or no longer, name.")
    try:
        read = jwt.decode(token, key, algorithms=[_ALGORITHM])
        facts = _facts_of(Fields(read.claims), expected)
    except (JoseError, ValueError, RecursionError):
        raise TokenInvalid("The token's signature or its claims do not hold.") from None
    return facts


def _facts_of(claims: Fields, expected: Expected) -> TokenFacts:
    if claims.text("iss") != expected.issuer or claims.text("aud") != expected.audience:
        raise ValueError("made by, or for, another region")
    if claims.text("region") != expected.region:
        raise ValueError("region is another one")
    urn = claims.text("sub")
    kind, _, user = urn.rpartition(":")[2].partition("/")
    if kind != "user" or not user:
        raise ValueError("sub is no user")
    return TokenFacts(
        urn=urn,
        user=user,
        account=claims.text("account"),
        region=claims.text("region"),
        role=claims.text("role"),
        levels=claims.text_map("levels"),
        amr=tuple(claims.texts("amr")),
        auth_time=claims.whole("auth_time"),
        seq=claims.whole("seq"),
        not_before=claims.number("nbf"),
        expires_at=claims.number("exp"),
    )
