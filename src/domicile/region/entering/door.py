"""The door of a region: recognises who calls by key, token or session, and lets people into accounts."""

import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, NoReturn

from uuid_utils import uuid7

from domicile.infra.databases import RegionTx
from domicile.kernel.callers import Caller, Origin, Person
from domicile.kernel.errors import DomainError, ErrorKind, not_found, unauthenticated
from domicile.kernel.ids import AccountId, ApiKeyId
from domicile.kernel.permissions import Circumstances, MembershipStanding, Rule, refusal
from domicile.kernel.roles import BE_THERE
from domicile.region.audit.domain import by_person
from domicile.region.audit.refusals import Refusals
from domicile.region.audit.store import append_audit, mark_once, take_mark
from domicile.region.entering.domain import LIFETIME, AccountToken
from domicile.region.entering.keys import TokenKeys
from domicile.region.memberships.store import list_places
from domicile.region.plane import RegionPlane
from domicile.region.standing.domain import ApiKeyCopy, MemberCopy
from domicile.region.standing.service import Standings

_SIGNED_IN: Final = "signed-in"
_HIDDEN = {Rule.PLACE_EXISTS, Rule.PLACE_ENABLED}


@dataclass(frozen=True, slots=True)
class Door:
    """One region's plane with the copies and the keys by which callers are recognised."""

    plane: RegionPlane
    standings: Standings
    keys: TokenKeys
    refusals: Refusals = field(default_factory=Refusals)

    async def from_api_key(self, key: ApiKeyId, secret: str, origin: Origin) -> Caller:
        """Recognise an API key; `credential-refused` for an unknown, wrong, locked or expired one, without saying which."""
        copy = await self.standings.find_key(key)
        now = self.plane.clock()
        if copy is None:
            raise unauthenticated("credential-refused", "This credential is not, or no longer, valid here.")
        circumstances = Circumstances(now, origin.address)
        caller = self._caller(copy, circumstances, "api-key", origin)
        if not self.knows_secret(copy, secret, now):
            self.refusals.note_api_key(caller, "wrong-secret")
            raise unauthenticated("credential-refused", "This credential is not, or no longer, valid here.")
        return self._admit(caller)

    def knows_secret(self, copy: ApiKeyCopy, secret: str, now: datetime) -> bool:
        """Compare a secret, in constant time, with the key's and with the one before the last rotation while that holds."""
        hashed = self.plane.key_hash.of(secret)
        if hmac.compare_digest(hashed, copy.secret_hash):
            return True
        former, until = copy.former_secret_hash, copy.former_until
        return (
            former is not None and until is not None and now < until and hmac.compare_digest(hashed, former)
        )

    async def from_account_token(self, token: str, origin: Origin) -> Caller:
        """Recognise an account token and look its holder's present place up; `credential-refused` otherwise."""
        now = self.plane.clock()
        facts = await self.keys.recognise(token, now=now)
        copy = await self.standings.find_member(facts.account_id, facts.user_id) if facts else None
        if facts is None or copy is None:
            raise unauthenticated("credential-refused", "This credential is not, or no longer, valid here.")
        circumstances = Circumstances(now, origin.address, facts.epoch, facts.mfa_used)
        caller = self._caller(copy, circumstances, "account-token", origin)
        return self._admit(replace(caller, authenticated_at=facts.authenticated_at))

    async def from_person(self, person: Person, account: AccountId, *, to: str = BE_THERE) -> Caller:
        """Recognise a signed-in person in one of their accounts; `not-found` where they have no place in force.

        `to` is what they come for, where that may be open to them though entering is not: restoring the account.
        """
        copy = await self.standings.find_member(account, person.user_id)
        if copy is None:
            raise not_found("account")
        circumstances = Circumstances(
            self.plane.clock(), person.origin.address, person.epoch, person.mfa_used
        )
        caller = self._caller(_informed(copy, person), circumstances, "session", person.origin)
        caller = replace(caller, authenticated_at=person.authenticated_at)
        decision = caller.may(to)
        if not decision.allowed and decision.steps[-1].rule in _HIDDEN:
            self.refusals.note_entry(caller, str(decision.steps[-1].rule))
            raise not_found("account")
        return self._admit(caller, to=to)

    async def enter(self, person: Person, account: AccountId, *, through: str | None = None) -> AccountToken:
        """Let a person into one of their accounts: a token signed by this region, good for ten minutes.

        An event of its own in the account's audit, and for a session that was not there before a sign-in too; `through` names the
        service that they come into.
        `not-found` where they have no place, `account-suspended` where nobody has.
        """
        # Asked first: what is decided on below may be newer than this number says, and never older.
        _, as_of = await self.standings.find_member_as_of(account, person.user_id)
        caller = await self.from_person(person, account)
        now = self.plane.clock()
        session = self.fingerprint(person)

        async def record(tx: RegionTx) -> None:
            if await mark_once(tx, account, session, _SIGNED_IN, now=now):
                methods = list(person.methods)
                signed_in = {"userID": person.user_id, "session": session, "methods": methods}
                event = by_person(person, account, "audit.user-signed-in.v1", signed_in, now=now)
                await append_audit(tx, event)
            details = {"userID": person.user_id, "roleID": caller.role_id}
            details |= {"service": through} if through else {}
            await append_audit(tx, by_person(person, account, "audit.account_entered.v1", details, now=now))

        await self.plane.database.run_tx(record)
        expires_at = (now + LIFETIME).replace(microsecond=0)
        token = self.keys.sign(self._claims(person, caller, now, expires_at, as_of=as_of))
        return AccountToken(token, expires_at, account, caller.role_id)

    async def note_sign_out(self, person: Person) -> None:
        """Write down that a person signed out, in each account of this region that their session had entered."""
        now, session = self.plane.clock(), self.fingerprint(person)

        async def record(tx: RegionTx) -> None:
            for place in await list_places(tx, person.user_id):
                if await take_mark(tx, place.account_id, session, _SIGNED_IN):
                    told = {"userID": person.user_id, "session": session}
                    event = by_person(person, place.account_id, "audit.user-signed-out.v1", told, now=now)
                    await append_audit(tx, event)

        await self.plane.database.run_tx(record)

    def fingerprint(self, person: Person) -> str:
        """Tell a session from others under the region's own key: nothing of a session leaves the identity plane."""
        return self.plane.link_hash.of(f"session {person.first_session_id}").hex()[:32]

    def _claims(
        self, person: Person, caller: Caller, now: datetime, expires_at: datetime, *, as_of: int
    ) -> dict[str, object]:
        return {
            "sub": self.plane.urns(caller.account_id).make("user", person.user_id),
            "account": caller.account_id,
            "region": self.plane.id,
            "role": caller.role_id,
            "levels": dict(caller.role.service_roles),
            "amr": list(person.methods),
            "auth_time": int(person.authenticated_at.timestamp()),
            "epoch": person.epoch,
            "sid": person.session_id,
            "seq": as_of,
            "jti": str(uuid7()),
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
        }

    def _caller(
        self,
        copy: ApiKeyCopy | MemberCopy,
        circumstances: Circumstances,
        method: str,
        origin: Origin,
    ) -> Caller:
        name, email = (copy.name, copy.email) if isinstance(copy, MemberCopy) else (copy.alias, "")
        tell = self.refusals.note_action
        return Caller(copy.standing, circumstances, copy.role, name, email, method, origin, tell)

    def _admit(self, caller: Caller, *, to: str = BE_THERE) -> Caller:
        decision = caller.may(to)
        if not decision.allowed and not caller.may(BE_THERE).allowed:
            reason = str(decision.steps[-1].rule)
            if caller.principal.kind == "apikey":
                self.refusals.note_api_key(caller, reason)
            else:
                self.refusals.note_entry(caller, reason)
            raise refusal(decision, caller.role_id, caller.standing)
        self.standings.note_activity(caller.account_id, caller.principal, caller.circumstances.now)
        return caller


def _informed(copy: MemberCopy, person: Person) -> MemberCopy:
    """Take from the session whether its person has a second factor: it was read just now, and the copy may lag behind."""
    place = copy.standing.place
    if not isinstance(place, MembershipStanding) or place.mfa_enabled == person.mfa_enabled:
        return copy
    place = replace(place, mfa_enabled=person.mfa_enabled)
    return replace(copy, standing=replace(copy.standing, place=place))


def refuse_outside() -> NoReturn:
    """Refuse a person who has not entered an account (`account-token-required`)."""
    raise DomainError(
        ErrorKind.FORBIDDEN,
        "account-token-required",
        "Enter an account first: POST /api/accounts/{id}/token gives the token to use here.",
    )
