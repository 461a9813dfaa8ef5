"""What a leaf of the tree of audit events commits to: one canonical form, which docs/audit.md tells to third parties."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, cast

from domicile.kernel.canonical_json import canonical, check_canonical
from domicile.kernel.hash_tree import hash_leaf
from domicile.region.audit.domain import AuditEvent, RecordedEvent

FORM = 1
"""The version of this form, in every leaf."""
EXPORT_FORM = "domicile-audit-log/1"
"""Names the form of an exported log, in its first line."""
SALT_BYTES = 32
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"]+@[^\s@<>()\[\],;:\"]+")


@dataclass(frozen=True, slots=True)
class SealedEvent:
    """An event parted into what its leaf says and what it only commits to."""

    details: dict[str, Any]
    personal: str
    salt: bytes
    commitment: bytes


def seal_event(event: AuditEvent, salt: bytes) -> SealedEvent:
    """Part an event: address and source of the principal, and every text with an e-mail address in it, are personal.

    ValueError for details that have no one form (see `canonical`).
    """
    check_canonical(event.details)
    told: dict[str, str] = {}
    details = _set_apart(event.details, "", told)
    personal = canonical(
        {"principalEmail": event.principal_email, "sourceAddress": event.source_address, "details": told}
    )
    return SealedEvent(details, personal, salt, commit(salt, personal))


def commit(salt: bytes, personal: str) -> bytes:
    """Commit to a personal part so that nobody without the salt can try out what it was."""
    return sha256(salt + personal.encode()).digest()


def _set_apart(value: Any, pointer: str, told: dict[str, str]) -> Any:  # noqa: ANN401  # any JSON
    """Give a copy with null in the place of every personal text, which goes into `told` by its JSON Pointer (RFC 6901)."""
    match value:
        case dict():
            members = cast("dict[str, Any]", value)
            return {
                name: _set_apart(member, f"{pointer}/{_escaped(name)}", told)
                for name, member in members.items()
            }
        case list() | tuple():
            items = cast("list[Any]", value)
            return [_set_apart(item, f"{pointer}/{place}", told) for place, item in enumerate(items)]
        case str() if _ADDRESS.search(value):
            told[pointer] = str(value)
            return None
        case _:
            return value


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def put_back(details: dict[str, Any], personal: Mapping[str, str]) -> dict[str, Any]:
    """Give the details as they were told, with the personal texts in their places."""
    return _put_back(details, "", personal) if personal else details


def _put_back(value: Any, pointer: str, personal: Mapping[str, str]) -> Any:  # noqa: ANN401  # any JSON
    match value:
        case dict():
            members = cast("dict[str, Any]", value)
            return {
                name: _put_back(member, f"{pointer}/{_escaped(name)}", personal)
                for name, member in members.items()
            }
        case list():
            items = cast("list[Any]", value)
            return [_put_back(item, f"{pointer}/{place}", personal) for place, item in enumerate(items)]
        case None:
            return personal.get(pointer)
        case _:
            return value


def read_personal(personal: str | None) -> tuple[str, str, dict[str, str]]:
    """Read a personal part: address and source of the principal, and texts of the details; nothing of an erased one."""
    if personal is None:
        return "", "", {}
    read = json.loads(personal)
    return read["principalEmail"], read["sourceAddress"], read["details"]


def addresses_in(personal: str) -> frozenset[str]:
    """Find the e-mail addresses that a personal part names, in lower case."""
    email, _, details = read_personal(personal)
    return frozenset(found for text in (email, *details.values()) for found in _addresses(text))


def _addresses(text: str) -> Iterator[str]:
    for found in _ADDRESS.findall(text):
        yield found.rstrip(".").casefold()


def leaf_of(event: AuditEvent, sealed: SealedEvent, *, event_id: str, seq: int) -> dict[str, Any]:
    """Say what the leaf of an event says."""
    return _leaf(event, sealed.details, sealed.commitment, event_id=event_id, seq=seq)


def leaf_to_tell(recorded: RecordedEvent) -> dict[str, Any]:
    """Say what the leaf of a recorded event says, out of what is kept of it."""
    evidence = recorded.evidence
    return _leaf(
        recorded.event,
        evidence.details,
        evidence.commitment,
        event_id=recorded.event_id,
        seq=recorded.seq,
    )


def _leaf(
    event: AuditEvent, details: dict[str, Any], commitment: bytes, *, event_id: str, seq: int
) -> dict[str, Any]:
    return {
        "form": FORM,
        "eventID": event_id,
        "seq": seq,
        "accountID": event.account_id,
        "time": precise(event.at),
        "type": event.type,
        "principal": {"kind": event.principal.kind, "id": event.principal.id},
        "outcome": event.outcome,
        "requestID": event.request_id,
        "details": details,
        "commitment": commitment.hex(),
    }


def hash_of_leaf(leaf: Mapping[str, Any]) -> bytes:
    """Hash a leaf."""
    return hash_leaf(canonical(dict(leaf)).encode())


def precise(moment: datetime) -> str:
    """Write a moment as RFC 3339 in UTC with six digits of a second, as it is kept."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
