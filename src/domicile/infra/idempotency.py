"""Requests that are honoured once: the answer to a creation is kept, sealed, for who repeats it under the same key."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import msgspec
from sqlalchemy import Column, Index, LargeBinary, MetaData, Table, Text, delete, select

from domicile.infra.databases import Tx
from domicile.infra.planes import UtcTime
from domicile.infra.secrets import Sealer
from domicile.kernel.clock import Clock
from domicile.kernel.errors import conflict

ResultT = TypeVar("ResultT")

MEMORY = timedelta(hours=24)
"""How long a repeated request is recognised."""


@dataclass(frozen=True, slots=True)
class RequestKey:
    """An `Idempotency-Key`, hashed, and the fingerprint of the request that came with it."""

    key: bytes
    digest: bytes


def define_idempotency_keys(metadata: MetaData, owner_column: str) -> Table:
    """Declare the table of a plane; its key begins with the owner."""
    return Table(
        "idempotency_keys",
        metadata,
        Column(owner_column, Text, primary_key=True, key="owner_id"),
        Column("principal_id", Text, primary_key=True),
        Column("request_key", LargeBinary, primary_key=True),
        Column("digest", LargeBinary, nullable=False),
        Column("sealed_result", LargeBinary, nullable=False),
        Column("created_at", UtcTime, nullable=False),
        Index("ix_idempotency_keys_created_at", "created_at"),
    )


class IdempotencyKeys:
    """Recalls and keeps the results of creations, inside the transaction that creates."""

    def __init__(self, table: Table, sealer: Sealer, clock: Clock) -> None:
        self._table = table
        self._sealer = sealer
        self._clock = clock

    async def recall(
        self, tx: Tx, request: RequestKey | None, result: type[ResultT], *, owner_id: str, principal_id: str
    ) -> ResultT | None:
        """Give what the same request made before; None if it is new.

        The same key with another body is `idempotency-key-reused` (409).
        """
        if request is None:
            return None
        mine = self._is(request, owner_id, principal_id)
        await tx.execute(delete(self._table).where(mine, self._table.c.created_at < self._clock() - MEMORY))
        row = await tx.first(select(self._table.c.digest, self._table.c.sealed_result).where(mine))
        if row is None:
            return None
        if row.digest != request.digest:
            raise reused()
        plain = self._sealer.open(row.sealed_result, context=_context(owner_id, principal_id))
        return msgspec.msgpack.decode(plain, type=result)

    async def keep(
        self, tx: Tx, request: RequestKey | None, result: object, *, owner_id: str, principal_id: str
    ) -> None:
        """Remember the result of a new request; two at once cannot both commit."""
        if request is None:
            return
        sealed = self._sealer.seal(msgspec.msgpack.encode(result), context=_context(owner_id, principal_id))
        row = {
            "owner_id": owner_id,
            "principal_id": principal_id,
            "request_key": request.key,
            "digest": request.digest,
        }
        await tx.execute(tx.insert(self._table).values(**row, sealed_result=sealed, created_at=self._clock()))

    async def forget_old(self, tx: Tx) -> int:
        """Delete what is no longer recognised; tells how many."""
        return await tx.count(delete(self._table).where(self._table.c.created_at < self._clock() - MEMORY))

    def _is(self, request: RequestKey, owner_id: str, principal_id: str):  # noqa: ANN202  # SQLAlchemy's condition
        owner = (self._table.c.owner_id == owner_id) & (self._table.c.principal_id == principal_id)
        return owner & (self._table.c.request_key == request.key)


def reused() -> Exception:
    """Make the error for a key that came back with another body."""
    return conflict(
        "idempotency-key-reused", "This Idempotency-Key was used for another request: use a new one."
    )


def _context(owner_id: str, principal_id: str) -> str:
    return f"idempotency {owner_id} {principal_id}"
