"""What an account token must be: by its head, its claims, its key, and the age of what is known."""

from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from domicile_sdk import Refused
from domicile_sdk.exchange import Request, Unreachable
from domicile_sdk.following import Follower
from domicile_sdk.testing import FakeGuard, FakeRegion
from domicile_sdk.transport import converse
from tests.support.sdk import MANIFEST


@pytest.fixture
def region() -> FakeRegion:
    return FakeRegion(MANIFEST)


@pytest.fixture
def guard(region: FakeRegion) -> FakeGuard:
    return region.guard()


def claims_of(region: FakeRegion) -> dict[str, Any]:
    return dict(jwt.decode(region.token(), region._keys[-1], algorithms=["ES256"]).claims)


def code_of(act: Callable[[], object]) -> str | None:
    try:
        act()
    except Refused as refused:
        return refused.code
    return None


WRONG_CLAIMS = [
    {"aud": "urn:domicile:region:us-1"},
    {"aud": ["urn:domicile:region:de-1"]},
    {"region": "us-1"},
    {"seq": None},
    {"seq": "5"},
    {"seq": True},
    {"sub": 5},
    {"sub": "urn:domicile:identity:de-1:004217730956:apikey/dom_de-1_x"},
    {"sub": "urn:domicile:identity:de-1:004217730956:user/"},
    {"account": None},
    {"role": None},
    {"levels": ["workload"]},
    {"levels": {"workload": 1}},
    {"amr": "mfa"},
    {"auth_time": "now"},
    {"exp": "never"},
    {"exp": float("inf")},
    {"exp": float("nan")},
    {"exp": 10**400},
    {"nbf": None},
]


@pytest.mark.parametrize("wrong", WRONG_CLAIMS, ids=str)
def test_a_claim_that_is_not_as_agreed_refuses_the_token(
    region: FakeRegion, guard: FakeGuard, wrong: dict[str, Any]
):
    good = claims_of(region)
    assert code_of(lambda: guard.authenticate(f"Bearer {region.sign(good)}")) is None

    token = region.sign({name: value for name, value in (good | wrong).items() if value is not None})

    assert code_of(lambda: guard.authenticate(f"Bearer {token}")) == "token-invalid"


@pytest.mark.parametrize(
    ("header", "code"), [({"typ": "JWT"}, "token-invalid"), ({"kid": "x"}, "key-unknown")]
)
def test_a_head_that_is_not_as_agreed_refuses_the_token(
    region: FakeRegion, guard: FakeGuard, header: dict[str, str], code: str
):
    token = region.sign(claims_of(region), header=header)

    assert code_of(lambda: guard.authenticate(f"Bearer {token}")) == code


def test_a_signature_by_another_key_under_the_same_name_or_by_another_algorithm_is_refused(
    region: FakeRegion, guard: FakeGuard
):
    claims, kid = claims_of(region), str(region._keys[-1].kid)
    public = region._keys[-1].as_pem(private=False)
    head = {"typ": "at+jwt", "kid": kid}
    forged = [
        jwt.encode({"alg": "ES256", **head}, claims, ECKey.generate_key("P-256"), algorithms=["ES256"]),
        jwt.encode({"alg": "RS256", **head}, claims, RSAKey.generate_key(2048), algorithms=["RS256"]),
        jwt.encode({"alg": "HS256", **head}, claims, OctKey.import_key(public.hex()), algorithms=["HS256"]),
    ]
    good = region.sign(claims).split(".")
    forged += [
        ".".join([good[0], good[1], ""]),
        ".".join([good[0], forged[0].split(".")[1], good[2][:-4] + "AAAA"]),
    ]

    for token in forged:
        assert code_of(lambda token=token: guard.authenticate(f"Bearer {token}")) == "token-invalid"


def test_a_token_counts_five_seconds_before_its_time_and_no_more(region: FakeRegion, guard: FakeGuard):
    ahead = claims_of(region)
    for seconds, code in ((5, None), (6, "token-expired")):
        token = region.sign({**ahead, "nbf": ahead["nbf"] + seconds})
        assert code_of(lambda token=token: guard.authenticate(f"Bearer {token}")) == code


def test_keys_that_were_fetched_five_minutes_ago_are_believed_no_more(region: FakeRegion, guard: FakeGuard):
    follower, token = guard._follower, region.token()
    guard.authenticate(f"Bearer {token}")
    region.advance(300)
    converse(follower.read_feed(), region.answer)
    assert code_of(lambda: follower.recognise(f"Bearer {token}")) is None

    region.advance(0.1)

    assert code_of(lambda: follower.recognise(f"Bearer {token}")) == "keys-stale"


def test_after_a_rotation_the_tokens_of_both_keys_are_believed(region: FakeRegion, guard: FakeGuard):
    before = region.token(user="ann")
    region.rotate_keys()
    after = region.token(user="bob")

    assert [guard.authenticate(f"Bearer {token}").id for token in (before, after)] == ["ann", "bob"]


def test_for_an_unknown_key_the_set_is_fetched_at_most_once_a_second(region: FakeRegion):
    asked: list[str] = []
    follower = Follower(region.service())

    def send(request: Request) -> Any:  # noqa: ANN401  # an answer
        asked.append(request.url)
        return region.answer(request)

    def ask(token: str) -> str | None:
        return code_of(lambda: converse(follower.ask_about_caller(f"Bearer {token}"), send))

    for steps in (follower.fetch_keys(), follower.read_feed()):
        converse(steps, region.answer)
    unknown = region.sign(claims_of(region), header={"kid": "de-1.nobody"})
    assert [ask(unknown) for _ in range(20)] == ["key-unknown"] * 20
    assert len(asked) == 2, "the description and the set, once"
    region.rotate_keys()
    assert ask(region.token()) == "key-unknown"
    region.advance(1)
    assert ask(region.token()) is None
    assert len(asked) == 4


def test_a_permission_that_no_level_holds_is_a_fault_of_the_program(region: FakeRegion, guard: FakeGuard):
    principal = guard.authenticate(f"Bearer {region.token()}")

    with pytest.raises(ValueError, match="polcy"):
        principal.allows("workload:polcy:read")


def test_what_should_be_done_by_a_person_who_is_there_can_be_asked_for(region: FakeRegion, guard: FakeGuard):
    plain = guard.authenticate(f"Bearer {region.token(signed_in_seconds_ago=601)}")
    strong = guard.authenticate(
        f"Bearer {region.token(amr=['pwd', 'otp', 'mfa'], signed_in_seconds_ago=600)}"
    )
    key = guard.authenticate(region.api_key().authorization)

    for principal in (plain, key):
        assert code_of(principal.require_second_factor) == "mfa-required"
        assert code_of(lambda principal=principal: principal.require_sign_in_within(600)) == (
            "reauthentication-required"
        )
    assert code_of(strong.require_second_factor) is None
    assert code_of(lambda: strong.require_sign_in_within(600)) is None


def test_a_level_that_the_manifest_does_not_have_grants_nothing(region: FakeRegion, guard: FakeGuard):
    for levels in ({}, {"workload": "ruler"}, {"identity": "full-access"}):
        assert guard.authenticate(f"Bearer {region.token(levels=levels)}").permissions == frozenset()


def test_addresses_that_would_carry_credentials_in_the_clear_are_refused(region: FakeRegion):
    service = region.service()
    for url in ("http://domicile.example", "ftp://localhost", "https://", "https://ann@domicile.example"):
        with pytest.raises(ValueError, match="must begin with https"):
            type(service)(manifest=MANIFEST, region="de-1", url=url, token="x")


def test_an_api_key_is_asked_about_again_where_the_answer_was_lost_and_then_refused_for_now(
    region: FakeRegion,
):
    follower, key = Follower(region.service()), region.api_key().authorization
    converse(follower.fetch_keys(), region.answer)

    def ask(lost: int) -> str | None:
        answers = iter([False] * lost + [True] * 9)

        def send(request: Request) -> Any:  # noqa: ANN401  # an answer
            if not next(answers):
                raise Unreachable("lost")
            return region.answer(request)

        return code_of(lambda: converse(follower.ask_about_caller(key), send))

    assert [ask(lost) for lost in (0, 1, 2)] == [None, None, "domicile-unreachable"]
