"""Audit events on the wire."""

from typing import Any, ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.kernel.clock import whole_seconds
from domicile.region.audit.domain import ConsistencyProof, InclusionProof, RecordedEvent
from domicile.region.audit_tree.domain import Checkpoint
from domicile.region.plane import RegionPlane
from domicile.web.bodies import Wire, or_unset


class LogBody(Wire, frozen=True):
    """One thing that happened in the account."""

    example: ClassVar[dict[str, object]] = {
        "eventID": "01890a5d-ac96-774b-bcce-b302099a8057",
        "seq": 41,
        "time": "2026-05-01T08:00:00Z",
        "type": "audit.apiKey_created.v1",
        "event": "apiKey_created",
        "accountID": "004217730956",
        "principalURN": "urn:domicile:identity:de-1:004217730956:user/01890a5d-ac96-774b-bcce-b302099a8057",
        "principalEmail": "ada@example.com",
        "outcome": "success",
        "requestID": "5f0c1a7e2b9d4c6f8a3e1d2c4b5a6978",
        "sourceAddress": "192.0.2.7",
        "details": {"alias": "deploy", "roleID": "read-only"},
    }

    event_id: str = field(name="eventID")
    seq: int
    """Its place among the account's events, from 0 without gaps, in the order in which they were committed."""
    time: str
    type: str
    event: str
    """The middle part of `type`: what happened to what."""
    account_id: str = field(name="accountID")
    principal_urn: str = field(name="principalURN")
    """Who did it: a user, an API key, or the system."""
    outcome: str
    """`success` or `refused`."""
    details: dict[str, Any]  # Any: each type of event has details of its own
    principal_email: str | UnsetType = UNSET
    """As it was at the time; absent for what no person did."""
    request_id: str | UnsetType = field(default=UNSET, name="requestID")
    """Absent for what happened without anybody's request."""
    source_address: str | UnsetType = UNSET


class LogsBody(Wire, frozen=True):
    """A page of audit events; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"logs": [LogBody.example]}

    logs: list[LogBody]
    next: str | UnsetType = UNSET


class CheckpointBody(Wire, frozen=True):
    """What the account's log was at a moment, signed by its region: keep it, and any later log can be held to it."""

    example: ClassVar[dict[str, object]] = {
        "accountID": "004217730956",
        "region": "de-1",
        "size": 42,
        "rootHash": "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        "time": "2026-05-01T08:00:00Z",
        "signed": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImRvbWljaWxlLWNoZWNrcG9pbnQrand0In0.e30.c2ln",
    }

    account_id: str = field(name="accountID")
    region: str
    size: int
    """So many events the account ever had."""
    root_hash: str
    """Over all of them (RFC 9162), in hexadecimal digits."""
    time: str
    signed: str
    """The same, signed: a compact JWS of the type `domicile-checkpoint+jwt`."""


class CheckpointsBody(Wire, frozen=True):
    """A page of checkpoints; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"checkpoints": [CheckpointBody.example]}

    checkpoints: list[CheckpointBody]
    next: str | UnsetType = UNSET


class ProofBody(Wire, frozen=True):
    """A proof by RFC 9162: of inclusion, with an event, or of consistency, with an earlier size."""

    example: ClassVar[dict[str, object]] = {
        "size": 3,
        "rootHash": "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "proof": ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
        "eventID": "01890a5d-ac96-774b-bcce-b302099a8057",
        "seq": 2,
        "leafHash": "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
    }

    size: int
    root_hash: str
    proof: list[str]
    """Hashes in hexadecimal digits, the lowest first."""
    event_id: str | UnsetType = field(default=UNSET, name="eventID")
    seq: int | UnsetType = UNSET
    leaf_hash: str | UnsetType = UNSET
    from_size: int | UnsetType = UNSET
    from_root_hash: str | UnsetType = UNSET


def shape_checkpoint(plane: RegionPlane, made: Checkpoint) -> CheckpointBody:
    """Write a checkpoint for the wire."""
    return CheckpointBody(
        account_id=made.account_id,
        region=plane.id,
        size=made.size,
        root_hash=made.root.hex(),
        time=whole_seconds(made.at),
        signed=made.signed,
    )


def shape_inclusion(proof: InclusionProof) -> ProofBody:
    """Write a proof of inclusion for the wire."""
    return ProofBody(
        size=proof.size,
        root_hash=proof.root.hex(),
        proof=[step.hex() for step in proof.path],
        event_id=proof.event_id,
        seq=proof.seq,
        leaf_hash=proof.leaf_hash.hex(),
    )


def shape_consistency(proof: ConsistencyProof) -> ProofBody:
    """Write a proof of consistency for the wire."""
    return ProofBody(
        size=proof.size,
        root_hash=proof.root.hex(),
        proof=[step.hex() for step in proof.path],
        from_size=proof.former_size,
        from_root_hash=proof.former_root.hex(),
    )


def shape_event(plane: RegionPlane, recorded: RecordedEvent) -> LogBody:
    """Write an audit event for the wire."""
    event = recorded.event
    return LogBody(
        event_id=recorded.event_id,
        seq=recorded.seq,
        time=whole_seconds(event.at),
        type=event.type,
        event=event.type.removeprefix("audit.").rpartition(".")[0],
        account_id=event.account_id,
        principal_urn=plane.urns(event.account_id).make(event.principal.kind, event.principal.id),
        principal_email=or_unset(event.principal_email or None),
        outcome=event.outcome,
        request_id=or_unset(event.request_id or None),
        source_address=or_unset(event.source_address or None),
        details=event.details,
    )
