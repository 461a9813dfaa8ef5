"""Verifies account tokens without asking anybody: by the key set and the revocation feed that others keep up to date."""

from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType

from domicile_sdk.account_token import Expected, TokenFacts, read_token
from domicile_sdk.key_set import KeySet, TrustedKeys
from domicile_sdk.principal import Principal, PrincipalKind
from domicile_sdk.refusal import KeysStale, RevocationsStale, TokenExpired, TokenVoid
from domicile_sdk.revocation import RevocationFeed, Verdict
from domicile_sdk.service import Service

_MOST_SEEN = 20_000
_VOID = {
    Verdict.MEMBERSHIP: "The user was removed, disabled, given another role, or has changed the password.",
    Verdict.ROLE: "The role is another bundle of rights now.",
    Verdict.ACCOUNT: "The account asks everybody for a new token.",
    Verdict.TOO_OLD: "The token is too old to be judged.",
}


@dataclass(frozen=True, slots=True)
class _Seen:
    """A token that was verified, and under which keys."""

    facts: TokenFacts
    principal: Principal
    thumbprints: frozenset[tuple[str, str]]
    issuer: str


class Verifier:
    """Verifies the account tokens of one region; any number of threads may."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._seen: dict[bytes, _Seen] = {}
        """By the SHA-256 of the token, so that no copy of it is kept."""
        self.keys = KeySet(service.clock)
        self.feed = RevocationFeed(service.clock)

    def verify(self, token: str) -> Principal:
        """Give who is calling, or raise what is wrong; what was verified before costs no signature, and every other check again.

        `KeyUnknown` may be mended by fetching the key set.
        """
        keys = self.keys.trusted()
        if keys is None:
            raise KeysStale("The region's keys cannot be fetched at present, so that nobody is believed.")
        mark = sha256(token.encode(errors="replace")).digest()
        seen = self._seen.get(mark)
        if seen is None or seen.thumbprints != keys.thumbprints or seen.issuer != keys.issuer:
            seen = self._read(token, mark, keys)
        self._check_time(seen.facts)
        self._check_revocations(seen.facts)
        return seen.principal

    def _read(self, token: str, mark: bytes, keys: TrustedKeys) -> _Seen:
        expected = Expected(self._service.region, keys.issuer, self._service.audience)
        facts = read_token(token, keys.by_id, expected)
        read = _Seen(facts, self._principal_of(facts), keys.thumbprints, keys.issuer)
        if len(self._seen) >= _MOST_SEEN:
            self._seen.clear()
        self._seen[mark] = read
        return read

    def _check_time(self, facts: TokenFacts) -> None:
        now, leeway = self._service.clock.now(), self._service.leeway_seconds
        if now >= facts.expires_at + leeway:
            raise TokenExpired("The token has expired: enter the account again.")
        if now < facts.not_before - leeway:
            raise TokenExpired("The token is not good yet: is the time of day right here?")

    def _check_revocations(self, facts: TokenFacts) -> None:
        verdict = self.feed.judge(facts.account, facts.user, facts.role, facts.seq)
        if verdict is Verdict.UNKNOWN:
            raise RevocationsStale(
                "The revocation feed cannot be read at present, so that nobody is believed."
            )
        if verdict is not Verdict.GOOD:
            raise TokenVoid(f"{_VOID[verdict]} Enter the account again.")

    def _principal_of(self, facts: TokenFacts) -> Principal:
        return Principal(
            kind=PrincipalKind.USER,
            urn=facts.urn,
            id=facts.user,
            account=facts.account,
            region=facts.region,
            role=facts.role,
            levels=MappingProxyType(dict(facts.levels)),
            amr=facts.amr,
            auth_time=facts.auth_time,
            manifest=self._service.manifest,
            now=self._service.clock.now,
        )
