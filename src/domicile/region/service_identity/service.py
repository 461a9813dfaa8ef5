"""Recognises services by their credentials and by the access tokens that they get for them."""

import hmac
from collections.abc import Mapping, Sequence
from uuid import uuid4

from domicile.infra.oauth import IssuedToken, TokenAnswer, TokenEndpoint
from domicile.infra.secrets import SERVICE_TOKEN, digest
from domicile.infra.service_settings import RegisteredService
from domicile.kernel.clock import Clock
from domicile.kernel.ids import RegionId
from domicile.region.entering.domain import audience_of, issuer_of
from domicile.region.entering.keys import claimed_region
from domicile.region.regions import Regions
from domicile.region.service_identity.domain import LIFETIME, TOKEN_TYPE, ServiceCaller, no_service


class ServiceIdentities:
    """The services that one node knows."""

    def __init__(self, regions: Regions, registered: Sequence[RegisteredService], clock: Clock) -> None:
        self._regions = regions
        self._registered = {entry.service.name: entry for entry in registered}
        self._clock = clock
        self._endpoint = TokenEndpoint(self._knows, self._issue)

    def recognise(self, bearer: str) -> ServiceCaller:
        """Recognise a service by its credential or access token; `credential-refused`."""
        found = self.find(bearer) if bearer.startswith(SERVICE_TOKEN) else self._from_token(bearer)
        if found is None:
            raise no_service()
        return found

    def find(self, credential: str) -> ServiceCaller | None:
        """Recognise a service by its credential, in a time that does not tell which of them it is like."""
        found = None
        for name in self._registered:
            regions = self._regions_of(name, credential)
            if regions:
                found = ServiceCaller(name, regions)
        return found

    def answer_token_request(self, body: bytes, headers: Mapping[str, str]) -> TokenAnswer:
        """Answer a request for an access token (RFC 6749, section 4.4), whose `resource` names the region (RFC 8707)."""
        return self._endpoint.answer(body, headers)

    def _regions_of(self, name: str, credential: str) -> frozenset[RegionId]:
        """List the regions for which a credential is good; one that a region has of its own replaces there the general one."""
        entry, mark = self._registered[name], digest(credential.encode())
        good: set[RegionId] = set()
        for region in self._regions.all:
            known = entry.region_credentials.get(region.id, entry.credential)
            if known and hmac.compare_digest(mark, known) and entry.service.runs_in(region.id):
                good.add(region.id)
        return frozenset(good)

    def _knows(self, name: str, credential: str) -> bool:
        return name in self._registered and bool(self._regions_of(name, credential))

    def _issue(self, name: str, credential: str, resource: str | None) -> IssuedToken | None:
        good = [each for each in self._regions.served if each in self._regions_of(name, credential)]
        audiences = {audience_of(self._regions.namespace, region): region for region in good}
        region = audiences.get(resource) if resource else good[0] if len(good) == 1 else None
        if region is None:
            return None
        plane, now = self._regions.served[region], self._clock()
        claims: dict[str, object] = {
            "iss": issuer_of(plane.region),
            "aud": audience_of(self._regions.namespace, region),
            "sub": name,
            "client_id": name,
            "jti": str(uuid4()),
            "iat": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
        }
        return IssuedToken(plane.signer.sign(claims, type_=TOKEN_TYPE), int(LIFETIME.total_seconds()))

    def _from_token(self, token: str) -> ServiceCaller | None:
        region = claimed_region(token)
        plane = self._regions.served.get(region) if region else None
        if region is None or plane is None:
            return None
        now = self._clock()
        claims = plane.signer.read_token(token, type_=TOKEN_TYPE, now=now)
        if claims is None or claims["exp"] <= now.timestamp():
            return None
        ours = issuer_of(plane.region), audience_of(self._regions.namespace, region)
        if (claims["iss"], claims["aud"]) != ours:
            return None
        entry = self._registered.get(claims["sub"])
        if entry is None or not entry.service.runs_in(region):
            return None
        return ServiceCaller(claims["sub"], frozenset({region}))
