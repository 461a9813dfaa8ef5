"""What a door believes of an account token (OWASP ASVS 5.0, V9): its own region's keys, kind, audience and time, and nothing that a token says of itself."""

import base64
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from domicile.infra.signing import new_signer
from domicile.kernel.callers import Origin
from domicile.kernel.signing_keys import CLOCK_SKEW
from domicile.region.audit_tree.domain import CHECKPOINT_TYPE
from domicile.region.entering.domain import LIFETIME, TOKEN_TYPE, audience_of, issuer_of
from domicile.region.purging.domain import RECEIPT_TYPE
from tests.support.refusals import refusal_of
from tests.support.region import ACCOUNT, ADDRESS, OWNER, LiveRegion, live_region

ORIGIN = Origin("request-1", ADDRESS, "tests/1.0")


@pytest.fixture
async def region(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[LiveRegion]:
    async with live_region(make_database("region"), tmp_path) as region:
        yield region


def claims_of(region: LiveRegion, **changes: object) -> dict[str, Any]:
    now = int(region.clock().timestamp())
    claims: dict[str, Any] = {
        "iss": issuer_of(region.plane.region),
        "aud": audience_of("domicile", region.plane.id),
        "sub": f"urn:domicile:identity:de-1:{ACCOUNT}:user/{OWNER}",
        "account": ACCOUNT,
        "amr": ["pwd"],
        "epoch": 0,
        "auth_time": 0,
        "nbf": now,
        "exp": now + int(LIFETIME.total_seconds()),
    }
    return claims | changes


def signed(region: LiveRegion, claims: Mapping[str, Any], **header: object) -> str:
    """Sign with the region's own key, and whatever header."""
    signer = region.plane.signer._signer
    head = {"alg": "ES256", "kid": signer.key_id, "typ": TOKEN_TYPE} | header
    return jwt.encode(head, dict(claims), signer._key, algorithms=["ES256", "HS256"])


def is_known(region: LiveRegion, token: str) -> bool:
    return region.door.keys.verify(token, now=region.clock()) is not None


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_a_token_of_the_regions_own_is_believed(region: LiveRegion):
    caller = await region.door.from_account_token(signed(region, claims_of(region)), ORIGIN)

    assert (caller.account_id, caller.principal.id) == (ACCOUNT, OWNER)


async def test_no_algorithm_but_the_one_of_the_code_is_believed(region: LiveRegion):
    key = region.plane.signer._signer
    claims, public = claims_of(region), json.dumps(key.public_key()).encode()
    unsigned = f"{_part({'alg': 'none', 'kid': key.key_id, 'typ': TOKEN_TYPE})}.{_part(claims)}."
    head = {"alg": "HS256", "kid": key.key_id, "typ": TOKEN_TYPE}
    by_public_key = jwt.encode(head, claims, OctKey.import_key(public), algorithms=["HS256"])

    assert is_known(region, signed(region, claims))
    for token in (unsigned, unsigned + "c2ln", by_public_key):
        assert not is_known(region, token)
        assert (await refusal_of(region.door.from_account_token(token, ORIGIN))).code == "credential-refused"


async def test_a_key_that_the_token_brings_along_or_points_to_is_not_looked_at(region: LiveRegion):
    mine = ECKey.generate_key("P-256", {"kid": region.plane.signer.key_id}, private=True)
    public = mine.as_dict(private=False)
    claims, head = claims_of(region), {"alg": "ES256", "typ": TOKEN_TYPE, "kid": mine.kid}

    for more in (
        {},
        {"jwk": public},
        {"jku": "http://127.0.0.1:9/jwks.json"},
        {"x5u": "http://127.0.0.1:9/x"},
    ):
        token = jwt.encode(head | more, claims, mine, algorithms=["ES256"])
        assert not is_known(region, token), more


@pytest.mark.parametrize("kid", ["", "de-1.0000000000000000", "us-1.x", "../../etc/passwd", "a" * 5000])
async def test_a_key_id_only_chooses_among_the_regions_own_keys(region: LiveRegion, kid: str):
    assert not is_known(region, signed(region, claims_of(region), kid=kid))


async def test_the_key_of_another_region_or_of_identity_is_a_strangers(region: LiveRegion):
    for owner in ("us-1", "identity", "de-1"):
        stranger = new_signer(owner)
        assert not is_known(region, stranger.sign(claims_of(region), type_=TOKEN_TYPE))


@pytest.mark.parametrize("kind", [CHECKPOINT_TYPE, RECEIPT_TYPE, "domicile-export+jwt", "JWT", "AT+JWT", ""])
async def test_a_statement_of_another_kind_is_no_token(region: LiveRegion, kind: str):
    assert not is_known(region, signed(region, claims_of(region), typ=kind))


async def test_a_token_without_a_kind_or_without_a_key_id_is_none(region: LiveRegion):
    signer = region.plane.signer._signer
    for head in ({"alg": "ES256", "kid": signer.key_id}, {"alg": "ES256", "typ": TOKEN_TYPE}):
        assert not is_known(region, jwt.encode(head, claims_of(region), signer._key, algorithms=["ES256"]))


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "urn:domicile:region:us-1"},
        {"aud": ["urn:domicile:region:de-1", "urn:domicile:region:us-1"]},
        {"aud": "urn:domicile:region:de-1 "},
        {"aud": None},
        {"iss": "http://localhost:8800/regions/us-1"},
        {"iss": "http://localhost:8800/regions/de-1/"},
    ],
)
async def test_a_token_for_somebody_else_or_by_somebody_else_is_not_believed(
    region: LiveRegion, changes: dict[str, object]
):
    assert not is_known(region, signed(region, claims_of(region, **changes)))


async def test_a_token_is_believed_within_its_time_alone(region: LiveRegion):
    now = int(region.clock().timestamp())
    skew = int(CLOCK_SKEW.total_seconds())

    assert is_known(region, signed(region, claims_of(region, exp=now + 1)))
    assert not is_known(region, signed(region, claims_of(region, exp=now)))
    assert is_known(region, signed(region, claims_of(region, nbf=now + skew)))
    assert not is_known(region, signed(region, claims_of(region, nbf=now + skew + 1)))


async def test_one_that_was_believed_before_ends_with_its_time_too(region: LiveRegion):
    token = signed(region, claims_of(region))
    assert is_known(region, token)

    region.clock.now += LIFETIME

    assert not is_known(region, token)


async def test_a_token_by_a_key_that_this_node_has_not_heard_of_makes_it_look(region: LiveRegion):
    old = region.keeper.keys.key_id
    made = await region.keeper.rotate_now(old)  # by the database alone: this node has not looked yet
    assert region.plane.signer.key_id == old
    token = signed(region, claims_of(region))

    async with region.counting_queries() as queries:
        for _ in range(20):
            junk = signed(region, claims_of(region), kid="de-1.ffffffffffffffff")
            assert (
                await refusal_of(region.door.from_account_token(junk, ORIGIN))
            ).code == "credential-refused"

    assert region.plane.signer.key_id == made.kid
    assert len(queries) <= 4
    assert (await refusal_of(region.door.from_account_token(token, ORIGIN))).code == "credential-refused"
    assert (
        await region.door.from_account_token(signed(region, claims_of(region)), ORIGIN)
    ).account_id == ACCOUNT
