"""Refusals on their way into the audit: remembered in process, written down by the worker, so that none can hold up or break an answer."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domicile.infra.databases import RegionTx
from domicile.kernel.callers import Caller
from domicile.region.audit.domain import REFUSED, AuditEvent, by_caller
from domicile.region.audit.store import append_audit, mark_again
from domicile.region.audit_tree.store import has_tree
from domicile.region.plane import RegionPlane

AT_MOST_EVERY = timedelta(minutes=1)
"""One event of a principal, a type and a reason; a flood of attempts cannot fill the log."""
_MOST_KNOWN = 10_000
_AT_ONCE = 50
_READS = {"read", "review", "explain"}
"""Verbs of permissions that change nothing."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is recorded once a minute."""

    account_id: str
    subject: str
    name: str


@dataclass(frozen=True, slots=True)
class Refusals:
    """What one process was asked for and refused."""

    _waiting: dict[_Kind, AuditEvent] = field(default_factory=dict[_Kind, AuditEvent])
    _told: dict[_Kind, datetime] = field(default_factory=dict[_Kind, datetime])
    """When what was last remembered."""

    def note_api_key(self, caller: Caller, reason: str) -> None:
        """Remember that an API key was used and refused; `reason` is never shown to who used it."""
        details = {"apiKeyID": caller.principal.id, "reason": reason}
        self._note(caller, "audit.apiKey_refused.v1", reason, details)

    def note_entry(self, caller: Caller, reason: str) -> None:
        """Remember that a person was refused in an account of theirs."""
        details = {"userID": caller.principal.id, "reason": reason, "method": caller.method}
        self._note(caller, "audit.entry_refused.v1", reason, details)

    def note_action(self, caller: Caller, action: str) -> None:
        """Remember that a change was refused; questions and readings are not recorded."""
        if action.rpartition(":")[2] not in _READS:
            details = {"action": action, "roleID": caller.role_id}
            self._note(caller, "audit.access_refused.v1", action, details)

    def _note(self, caller: Caller, type_: str, reason: str, details: dict[str, str]) -> None:
        now = caller.circumstances.now
        principal = caller.principal
        kind = _Kind(caller.account_id, f"{principal.kind}/{principal.id}", f"{type_} {reason}")
        last = self._told.get(kind)
        if last is not None and now - last < AT_MOST_EVERY:
            return
        if len(self._told) >= _MOST_KNOWN:
            self._forget(now)
        if len(self._waiting) < _MOST_KNOWN:
            self._told[kind] = now
            self._waiting[kind] = by_caller(caller, type_, dict(details), now=now, outcome=REFUSED)

    def _forget(self, now: datetime) -> None:
        """Let go of what is too old to matter, or of all of it: the database knows too."""
        recent = {kind: at for kind, at in self._told.items() if now - at < AT_MOST_EVERY}
        self._told.clear()
        if len(recent) < _MOST_KNOWN:
            self._told.update(recent)

    async def write_down(self, plane: RegionPlane) -> None:
        """Write what was remembered; what fails to be written is tried again with the next."""
        while self._waiting:
            taken = sorted(self._waiting.items(), key=lambda each: each[0].account_id)[:_AT_ONCE]
            await plane.database.run_tx(lambda tx, taken=taken: _write(tx, taken))
            for kind, event in taken:
                if self._waiting.get(kind) is event:
                    del self._waiting[kind]


async def _write(tx: RegionTx, taken: list[tuple[_Kind, AuditEvent]]) -> None:
    for kind, event in taken:
        # An account that is gone for good leaves nothing, not even what was refused in it a moment before.
        if await has_tree(tx, event.account_id) and await mark_again(
            tx, event.account_id, kind.subject, kind.name, now=event.at, every=AT_MOST_EVERY
        ):
            await append_audit(tx, event)
