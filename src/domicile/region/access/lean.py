"""The lean path of the hottest questions: answered from what is held in process, without a database and without the framework.

It answers only what is warm and goes well. For everything else it gives None, and the ordinary route answers, so that every rule and
every error stands in one place.
"""

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import msgspec
from litestar.types import Scope

from domicile.kernel.callers import Caller, Origin
from domicile.kernel.errors import DomainError
from domicile.kernel.guards import Guard, GuardTable
from domicile.kernel.ids import ApiKeyId, RegionId
from domicile.kernel.permissions import Address, ApiKeyStanding, Circumstances, Rule, Unasked, decide
from domicile.kernel.roles import BE_THERE
from domicile.region.access.forwarding import NOBODY, action_of, find_guard, identify, is_offered
from domicile.region.access.page_copies import PageCopies
from domicile.region.access.schemas import CheckedBody, principal_urn, shape_whoami
from domicile.region.entering.door import Door
from domicile.region.entering.doors import Doors
from domicile.region.entering.keys import mark_of
from domicile.region.standing.domain import ApiKeyCopy, MemberCopy
from domicile.web.edge import Keep
from domicile.web.forwarding import FORWARD, Headers, question_of
from domicile.web.requests import address_of

_QUESTION = re.compile(rb'\s*\{\s*"action"\s*:\s*"([a-z0-9-]{1,40}:[a-z0-9-]{1,40}:[a-z0-9-]{1,40})"\s*\}\s*')
_LONGEST_QUESTION = 256
_MOST_KNOWN = 10_000
_MOST_ANSWERS_EACH = 16
_NOTE_EVERY = timedelta(seconds=1)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Known:
    """A credential that was recognised, good for as long as its copy is the one that is held."""

    door: Door
    copy: ApiKeyCopy | MemberCopy
    peek: Callable[[], ApiKeyCopy | MemberCopy | None]
    """Gives the copy that is held now."""
    method: str
    epoch: int | None
    mfa_used: bool | None
    ends_at: datetime
    """When the token expires, or the key. A decision depends on the moment in nothing else."""
    answers: "dict[_Asked, Any]" = field(default_factory=dict["_Asked", Any])  # Any: what its `write` made
    """What was decided and written before; nothing that decides it can change without the copy."""
    note_again_at: datetime = _LONG_AGO

    def keep(self, asked: "_Asked", answer: object) -> None:
        """Remember an answer."""
        if len(self.answers) >= _MOST_ANSWERS_EACH:
            self.answers.clear()
        self.answers[asked] = answer

    def note(self, now: datetime) -> None:
        """Note that the principal is active, once a second."""
        standing = self.copy.standing
        self.door.standings.note_activity(standing.account.id, standing.principal, now)
        self.note_again_at = now + _NOTE_EVERY


AnswerT = TypeVar("AnswerT", bytes, Headers)
_Write = Callable[[_Known, bytes, Circumstances], AnswerT | None]
"""Decides and writes the answer to a question in the circumstances; None if it is for the ordinary route."""
_Asked = tuple[_Write[Any], bytes, Address | Unasked | None]


class LeanAnswers:
    """Answers `whoami`, single checks about oneself, what proxies ask, and pages of users that were answered a moment ago."""

    def __init__(self, doors: Doors, guards: Mapping[str, GuardTable]) -> None:
        self._doors = doors
        self._guards = guards
        self._pages = {region: PageCopies(door) for region, door in doors.by_region.items()}
        self._known: dict[bytes, _Known] = {}
        """By the fingerprint of the `Authorization`, so that no copy of a secret is kept."""
        for door in doors.by_region.values():
            door.keys.when_dropped(self._known.clear)

    def whoami(self, scope: Scope, authorization: bytes) -> bytes | None:
        """Answer `GET /api/whoami` for a credential that is held in process and in good standing."""
        found = self._answer(scope, authorization, b"", _write_whoami)
        return found[1] if found else None

    def check(self, scope: Scope, authorization: bytes, body: bytes) -> bytes | None:
        """Answer `POST /api/access/check` with a body of one `action` and nothing else."""
        if len(body) > _LONGEST_QUESTION:
            return None
        found = self._answer(scope, authorization, body, _write_checked)
        return found[1] if found else None

    def users(self, scope: Scope, authorization: bytes) -> bytes | Keep | None:
        """Answer `GET /api/users` with a page that is held in process; else the ordinary route's answer is to be kept."""
        found = self._answer(scope, authorization, b"identity:user:read", _write_permission)
        if found is None:
            return None
        account = found[0].copy.standing.account
        return self._pages[account.region].find(account.id, scope["query_string"])

    def forward(self, scope: Scope, authorization: bytes) -> Headers | None:
        """Answer a proxy, where the request that it holds is allowed."""
        service = scope["path"].removeprefix(FORWARD)
        try:
            guard: Guard = find_guard(self._guards, question_of(scope, service))
        except DomainError:
            return None
        if guard.is_public:
            return NOBODY
        question = f"{service} {action_of(guard)}".encode()
        found = self._answer(scope, authorization, question, _write_identity)
        return found[1] if found else None

    def _answer(
        self, scope: Scope, authorization: bytes, question: bytes, write: _Write[AnswerT]
    ) -> tuple[_Known, AnswerT] | None:
        known = self._recognise(authorization)
        if known is None or (now := known.door.plane.clock()) >= known.ends_at:
            return None
        address = address_of(scope) if _is_bound_to_networks(known.copy) else Unasked.UNASKED
        asked = write, question, address
        answer: AnswerT | None = known.answers.get(asked)
        if answer is None:
            answer = write(known, question, Circumstances(now, address, known.epoch, known.mfa_used))
            if answer is None:
                return None
            known.keep(asked, answer)
        if now >= known.note_again_at:
            known.note(now)
        return known, answer

    def _recognise(self, authorization: bytes) -> _Known | None:
        mark = mark_of(authorization)
        known = self._known.get(mark)
        if known is not None and known.peek() is known.copy:
            return known
        known = self._look_up(authorization)
        if known is not None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[mark] = known
        return known

    def _look_up(self, authorization: bytes) -> _Known | None:
        scheme, _, credential = authorization.partition(b" ")
        match scheme:
            case b"ApiKey":
                return self._look_up_key(credential)
            case b"Bearer":
                return self._look_up_token(credential)
            case _:
                return None

    def _look_up_key(self, credential: bytes) -> _Known | None:
        text, _, secret = credential.decode("latin-1").partition(":")
        parts = text.split("_", 2)
        door = self._doors.by_region.get(RegionId(parts[1])) if len(parts) == 3 else None
        if door is None:
            return None
        peek = partial(door.standings.peek_key, ApiKeyId(text))
        copy = peek()
        # A former secret, within the overlap of a rotation, is for the ordinary route.
        if copy is None or not hmac.compare_digest(door.plane.key_hash.of(secret), copy.secret_hash):
            return None
        place = copy.standing.place
        expiry = place.expiry if isinstance(place, ApiKeyStanding) else None
        return _Known(door, copy, peek, "api-key", None, None, expiry or _NEVER)

    def _look_up_token(self, token: bytes) -> _Known | None:
        mark = mark_of(token)
        for door in self._doors.by_region.values():
            if (facts := door.keys.peek(mark)) is not None:
                peek = partial(door.standings.peek_member, facts.account_id, facts.user_id)
                ends_at = datetime.fromtimestamp(facts.expires_at, UTC)
                copy = peek()
                if copy is None:
                    return None
                return _Known(door, copy, peek, "account-token", facts.epoch, facts.mfa_used, ends_at)
        return None


def _write_whoami(known: _Known, _question: bytes, circumstances: Circumstances) -> bytes | None:
    if not decide(known.copy.standing, BE_THERE, circumstances).allowed:
        return None
    return msgspec.json.encode(shape_whoami(known.door.plane, _caller(known, circumstances)))


def _write_checked(known: _Known, question: bytes, circumstances: Circumstances) -> bytes | None:
    if (asked := _QUESTION.fullmatch(question)) is None:
        return None
    decision = decide(known.copy.standing, asked[1].decode(), circumstances)
    rule = decision.steps[-1].rule
    if rule is not Rule.ROLE_PERMITS:
        return None
    urn = principal_urn(known.door.plane, _caller(known, circumstances), known.copy.standing.principal)
    return msgspec.json.encode(
        CheckedBody(action=decision.action, allowed=decision.allowed, principal_urn=urn, rule=rule)
    )


def _write_permission(known: _Known, action: bytes, circumstances: Circumstances) -> bytes | None:
    return action if decide(known.copy.standing, action.decode(), circumstances).allowed else None


def _write_identity(known: _Known, question: bytes, circumstances: Circumstances) -> Headers | None:
    service, _, action = question.decode().partition(" ")
    plane = known.door.plane
    is_allowed = is_offered(plane, service) and decide(known.copy.standing, action, circumstances).allowed
    return identify(plane, _caller(known, circumstances), service) if is_allowed else None


def _is_bound_to_networks(copy: ApiKeyCopy | MemberCopy) -> bool:
    return isinstance(copy, ApiKeyCopy) and copy.is_bound_to_networks


def _caller(known: _Known, circumstances: Circumstances) -> Caller:
    copy = known.copy
    name, email = (copy.name, copy.email) if isinstance(copy, MemberCopy) else (copy.alias, "")
    return Caller(copy.standing, circumstances, copy.role, name, email, known.method, Origin("", None))
