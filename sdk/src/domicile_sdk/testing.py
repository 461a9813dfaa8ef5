"""A region of Domicile in memory, for the tests of a service: tokens, keys, revocations and failures, without a network.

Its guards are the real ones but for the network: the same verifier, the same feed, the same refusals.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

from domicile_sdk.clock import Clock
from domicile_sdk.exchange import Answer, Request, Unreachable
from domicile_sdk.following import Follower, State
from domicile_sdk.manifest import Manifest
from domicile_sdk.principal import Principal
from domicile_sdk.problem import Problem
from domicile_sdk.service import Service
from domicile_sdk.transport import converse

URL = "https://domicile.example"
_SERVICE_TOKEN = "a-service-of-a-test"  # noqa: S105  # good for nothing
_BEGINNING = 1_800_000_000.0
_TOKEN_SECONDS = 600


@dataclass(frozen=True, slots=True)
class FakeApiKey:
    """An API key of a fake region."""

    id: str
    authorization: str
    """The whole header."""


class FakeRegion:
    """A region that does what it is told, at a time of day that stands still until `advance`."""

    def __init__(
        self,
        manifest: Manifest,
        *,
        region: str = "de-1",
        namespace: str = "domicile",
        begins_at: float = _BEGINNING,
    ) -> None:
        self.manifest = manifest
        self.region = region
        self.namespace = namespace
        self.is_reachable = True
        """Set it to False, and every request is lost."""
        self._begins_at = begins_at
        """The time of day, in seconds since 1970, at which it stands still first."""
        self._passed = 0.0
        self._rows: list[tuple[int, str, str, str]] = []
        self._head = 0
        self._floor = 0
        self._api_keys: dict[str, dict[str, object]] = {}
        """Authorization → what whoami answers."""
        self._keys: list[ECKey] = []
        self.rotate_keys()

    # ------------------------------------------------------------ what a test may do

    def service(self) -> Service:
        """Describe the service under test, as its own configuration would."""
        clock = Clock(now=self._now, steady=self._steady)
        return Service(
            manifest=self.manifest,
            region=self.region,
            url=URL,
            token=_SERVICE_TOKEN,
            namespace=self.namespace,
            clock=clock,
        )

    def guard(self) -> "FakeGuard":
        """Make a guard for a WSGI service, or for code that calls `authenticate` itself."""
        return FakeGuard(self)

    def async_guard(self) -> "AsyncFakeGuard":
        """Make a guard for an ASGI service."""
        return AsyncFakeGuard(self)

    def token(
        self,
        *,
        user: str = "",
        account: str = "004217730956",
        role: str = "full-access",
        levels: Mapping[str, str] | None = None,
        amr: Sequence[str] = ("pwd",),
        signed_in_seconds_ago: float = 0,
    ) -> str:
        """Make an account token, as somebody gets who enters the account now; `levels` is full access to the service if not given."""
        now = int(self._now())
        claims: dict[str, object] = {
            "iss": self._issuer,
            "aud": f"urn:{self.namespace}:region:{self.region}",
            "sub": f"urn:{self.namespace}:identity:{self.region}:{account}:user/{user or uuid.uuid4()}",
            "account": account,
            "region": self.region,
            "role": role,
            "levels": dict(levels if levels is not None else {self.manifest.name: "full-access"}),
            "amr": list(amr),
            "auth_time": now - int(signed_in_seconds_ago),
            "epoch": 1,
            "sid": str(uuid.uuid4()),
            "seq": self._head,
            "jti": str(uuid.uuid4()),
            "iat": now,
            "nbf": now,
            "exp": now + _TOKEN_SECONDS,
        }
        return self.sign(claims)

    def sign(self, claims: Mapping[str, object], *, header: Mapping[str, str] | None = None) -> str:
        """Sign whatever claims with the region's key, for tests of tokens that should be refused."""
        key = self._keys[-1]
        head = {"alg": "ES256", "typ": "at+jwt", "kid": str(key.kid), **(header or {})}
        return jwt.encode(head, dict(claims), key, algorithms=["ES256"])

    def api_key(
        self,
        *,
        account: str = "004217730956",
        role: str = "full-access",
        levels: Mapping[str, str] | None = None,
    ) -> FakeApiKey:
        """Make an API key."""
        key_id = f"dom_{self.region}_{uuid.uuid4().hex[:22]}"
        key = FakeApiKey(key_id, f"ApiKey {key_id}:{uuid.uuid4().hex}")
        self._api_keys[key.authorization] = {
            "principalURN": f"urn:{self.namespace}:identity:{self.region}:{account}:apikey/{key_id}",
            "kind": "apikey",
            "id": key_id,
            "name": "test",
            "method": "api-key",
            "identityURL": URL,
            "accountID": account,
            "region": self.region,
            "roleID": role,
            "levels": dict(levels if levels is not None else {self.manifest.name: "full-access"}),
            "baseURL": URL,
        }
        return key

    def lock_api_key(self, key: FakeApiKey) -> None:
        """Refuse a key from now on."""
        self._api_keys.pop(key.authorization, None)

    def revoke_user(self, user: str, *, account: str = "004217730956") -> None:
        """Do what a removal, another role or a changed password does to the tokens of a user."""
        self._append("membership", account, user)

    def revoke_role(self, role: str, *, account: str = "004217730956") -> None:
        """Do what another bundle of rights does to the tokens with a role."""
        self._append("role", account, role)

    def revoke_account(self, account: str = "004217730956") -> None:
        """Make void every token of an account."""
        self._append("account", account, account)

    def forget_rows(self) -> None:
        """Begin the feed anew, as a region does that has forgotten old rows: tokens made before now cannot be judged."""
        self._append("api-key", "", "")
        self._rows.clear()
        self._floor = self._head

    def rotate_keys(self) -> None:
        """Sign with a new key from now on; the former ones stay in the key set."""
        key_id = f"{self.region}.{uuid.uuid4().hex[:8]}"
        self._keys.append(ECKey.generate_key("P-256", {"kid": key_id, "use": "sig", "alg": "ES256"}))

    def withdraw_keys(self) -> None:
        """Do what an operator does whose key has leaked: a new key, and none of the former ones in the key set."""
        self.rotate_keys()
        del self._keys[:-1]

    def published_keys(self) -> list[dict[str, object]]:
        """Give the key set, as JSON Web Keys (RFC 7517)."""
        return [dict(key.as_dict(private=False)) for key in self._keys]

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._passed += seconds

    # ------------------------------------------------------------ what a region answers

    def answer(self, request: Request) -> Answer:
        """Answer a request at once, as the region's HTTP does; `Unreachable` while it is not reachable."""
        if not self.is_reachable:
            raise Unreachable("the fake region is not reachable")
        address = urlsplit(request.url)
        authorization = request.headers.get("Authorization", "")
        match address.path:
            case "/.well-known/domicile":
                return _json(200, {"regions": [self._description()]})
            case "/jwks.json":
                return _json(200, {"keys": self.published_keys()})
            case "/api/revocations" if authorization == f"Bearer {_SERVICE_TOKEN}":
                since = parse_qs(address.query).get("since", [""])[0]
                return _json(200, self._feed_after(int(since) if since else None))
            case "/api/whoami" if authorization in self._api_keys:
                return _json(200, self._api_keys[authorization])
            case _:
                return _problem(
                    401, "credential-refused", "This credential is not, or no longer, valid here."
                )

    @property
    def _issuer(self) -> str:
        return f"{URL}/regions/{self.region}"

    def _description(self) -> dict[str, object]:
        return {
            "id": self.region,
            "issuer": self._issuer,
            "baseURL": URL,
            "jwksURI": f"{URL}/jwks.json",
            "revocationsURI": f"{URL}/api/revocations?region={self.region}",
        }

    def _feed_after(self, since: int | None) -> dict[str, object]:
        is_new = since is None or not self._floor <= since <= self._head
        after = self._floor if since is None or is_new else since
        told: dict[str, object] = {
            "rows": [[*row, "2027-01-15T08:00:00Z"] for row in self._rows if row[0] > after],
            "head": self._head,
            "next": self._head,
            "reset": is_new,
        }
        return told | ({"floor": self._floor} if is_new else {})

    def _append(self, kind: str, account: str, subject: str) -> None:
        self._head += 1
        self._rows.append((self._head, kind, account, subject))

    def _now(self) -> float:
        return self._begins_at + self._passed

    def _steady(self) -> float:
        return self._passed


class FakeGuard:
    """A guard that asks its region before each caller, so that a test need not wait for news."""

    def __init__(self, region: FakeRegion) -> None:
        self._region = region
        self._follower = Follower(region.service(), jitter=lambda: 0.5)

    @property
    def state(self) -> State:
        """How fresh the knowledge is."""
        self._keep_up()
        return self._follower.state

    def authenticate(self, authorization: str | None) -> Principal:
        """Recognise a caller by the header `Authorization`; raises `Refused`."""
        self._keep_up()
        known = self._follower.recognise(authorization)
        return known or converse(self._follower.ask_about_caller(authorization), self._region.answer)

    def _keep_up(self) -> None:
        for steps in (self._follower.fetch_keys(), self._follower.read_feed()):
            try:
                converse(steps, self._region.answer)
            except (Unreachable, Problem):
                continue


class AsyncFakeGuard:
    """`FakeGuard` for ASGI services."""

    def __init__(self, region: FakeRegion) -> None:
        self._guard = FakeGuard(region)

    @property
    def state(self) -> State:
        """How fresh the knowledge is."""
        return self._guard.state

    async def start(self) -> None:
        """Do nothing: there is nothing in the background."""

    async def stop(self) -> None:
        """Do nothing."""

    async def authenticate(self, authorization: str | None) -> Principal:
        """Recognise a caller by the header `Authorization`; raises `Refused`."""
        return self._guard.authenticate(authorization)


def _json(status: int, body: Mapping[str, object]) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps(body).encode())


def _problem(status: int, code: str, detail: str) -> Answer:
    return _json(status, {"type": f"{URL}/problems/{code}", "status": status, "detail": detail, "fields": {}})
