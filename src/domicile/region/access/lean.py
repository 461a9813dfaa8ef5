"""The lean path of the two hottest questions: answered from the copies in process, without a database and without the framework.

It answers only what is warm and goes well. For everything else it gives None, and the ordinary route answers, so that every rule and
every error stands in one place.
"""

import hmac
import re
from dataclasses import dataclass
from datetime import datetime

import msgspec
from litestar.types import Scope

from domicile.kernel.callers import Caller, Origin
from domicile.kernel.ids import ApiKeyId, RegionId
from domicile.kernel.permissions import BE_THERE, Circumstances, Rule, Unasked, decide
from domicile.region.access.page_copies import PageCopies
from domicile.region.access.schemas import CheckedBody, principal_urn, shape_whoami
from domicile.region.entering.door import Door
from domicile.region.entering.doors import Doors
from domicile.region.entering.keys import mark_of
from domicile.region.standing.domain import ApiKeyCopy, MemberCopy
from domicile.web.edge import Keep
from domicile.web.requests import address_of

_QUESTION = re.compile(
    rb'\s*\{\s*"action"\s*:\s*"([a-z0-9-]{1,40}:[a-z0-9-]{1,40}:[a-z0-9-]{1,40})"\s*\}\s*'
)
_MOST_WRITTEN = 20_000


@dataclass(frozen=True, slots=True)
class _Known:
    """A recognised credential, and the moment it was recognised in."""

    door: Door
    copy: ApiKeyCopy | MemberCopy
    circumstances: Circumstances
    method: str


class LeanAnswers:
    """Answers `whoami`, single checks about oneself, and pages of users that were answered a moment ago."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._pages = {region: PageCopies(door) for region, door in doors.by_region.items()}
        self._written: dict[int, tuple[object, bytes, str]] = {}
        """By the identity of a copy, which is replaced when anything in it changes: the copy, its answer, its URN."""

    def whoami(self, scope: Scope, authorization: bytes) -> bytes | None:
        """Answer `GET /api/whoami` for a credential that is held in process and in good standing."""
        known = self._recognise(scope, authorization)
        if known is None or not decide(known.copy.standing, BE_THERE, known.circumstances).allowed:
            return None
        self._note(known)
        return self._write(known)[1]

    def check(self, scope: Scope, authorization: bytes, body: bytes) -> bytes | None:
        """Answer `POST /api/access/check` with a body of one `action` and nothing else."""
        question = _QUESTION.fullmatch(body)
        known = self._recognise(scope, authorization) if question else None
        if question is None or known is None:
            return None
        decision = decide(known.copy.standing, question[1].decode(), known.circumstances)
        rule = decision.steps[-1].rule
        if rule is not Rule.ROLE_PERMITS:
            return None
        self._note(known)
        return msgspec.json.encode(
            CheckedBody(
                action=decision.action,
                allowed=decision.allowed,
                principal_urn=self._write(known)[2],
                rule=rule,
            )
        )

    def users(self, scope: Scope, authorization: bytes) -> bytes | Keep | None:
        """Answer `GET /api/users` with a page that is held in process; else the ordinary route's answer is to be kept."""
        known = self._recognise(scope, authorization)
        if known is None or not decide(known.copy.standing, "identity:user:read", known.circumstances).allowed:
            return None
        self._note(known)
        account = known.copy.standing.account
        return self._pages[account.region].find(account.id, scope["query_string"])

    def _recognise(self, scope: Scope, authorization: bytes) -> _Known | None:
        scheme, _, credential = authorization.partition(b" ")
        match scheme:
            case b"ApiKey":
                return self._recognise_key(scope, credential)
            case b"Bearer":
                return self._recognise_token(credential)
            case _:
                return None

    def _recognise_key(self, scope: Scope, credential: bytes) -> _Known | None:
        text, _, secret = credential.decode("latin-1").partition(":")
        parts = text.split("_", 2)
        door = self._doors.by_region.get(RegionId(parts[1])) if len(parts) == 3 else None
        copy = door.standings.peek_key(ApiKeyId(text)) if door else None
        if door is None or copy is None:
            return None
        # A former secret, within the overlap of a rotation, is for the ordinary route.
        if not hmac.compare_digest(door.plane.key_hash.of(secret), copy.secret_hash):
            return None
        address = address_of(scope) if copy.is_bound_to_networks else Unasked.UNASKED
        return _Known(door, copy, Circumstances(door.plane.clock(), address), "api-key")

    def _recognise_token(self, token: bytes) -> _Known | None:
        mark = mark_of(token)
        for door in self._doors.by_region.values():
            facts = door.keys.peek(mark)
            if facts is not None:
                now: datetime = door.plane.clock()
                copy = door.standings.peek_member(facts.account_id, facts.user_id)
                if copy is None or facts.expires_at <= now.timestamp():
                    return None
                return _Known(door, copy, Circumstances(now, epoch=facts.epoch), "account-token")
        return None

    @staticmethod
    def _note(known: _Known) -> None:
        standing = known.copy.standing
        known.door.standings.note_activity(standing.account.id, standing.principal, known.circumstances.now)

    def _write(self, known: _Known) -> tuple[object, bytes, str]:
        written = self._written.get(id(known.copy))
        if written is not None and written[0] is known.copy:
            return written
        caller = _caller(known)
        plane = known.door.plane
        urn = principal_urn(plane, caller, caller.principal)
        written = (known.copy, msgspec.json.encode(shape_whoami(plane, caller)), urn)
        if len(self._written) >= _MOST_WRITTEN:
            self._written.clear()
        self._written[id(known.copy)] = written
        return written


def _caller(known: _Known) -> Caller:
    copy = known.copy
    name, email = (copy.name, copy.email) if isinstance(copy, MemberCopy) else (copy.alias, "")
    origin = Origin("", None)
    return Caller(copy.standing, known.circumstances, copy.role, name, email, known.method, origin)
