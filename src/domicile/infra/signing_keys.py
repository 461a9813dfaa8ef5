"""The table of signing keys that each plane has, all its SQL, and the keeper that rotates them and holds them in process."""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

import structlog
from sqlalchemy import Column, Index, LargeBinary, MetaData, Row, Table, Text, select, update

from domicile.infra.databases import Database, Tx
from domicile.infra.planes import OpaqueJson, UtcTime
from domicile.infra.secrets import Sealer
from domicile.infra.signing import Signer, SigningKeys, load_signer, new_signer
from domicile.kernel.clock import Clock
from domicile.kernel.signing_keys import PUBLISHED_AHEAD, KeyState, SigningKey

TxT = TypeVar("TxT", bound=Tx)
_SECONDS_BETWEEN_LOOKS: Final = 1.0
_DESTROYED: Final = b""
_log = structlog.get_logger("domicile.signing_keys")


class RotationRefused(Exception):
    """Another rotation came first; says which."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotation that has begun, or with `now` is over."""

    former: str
    """Id of the key that signed."""
    kid: str
    """Id of the new one."""
    signs_from: datetime


def define_signing_keys(name: str, metadata: MetaData, *, info: dict[str, Any]) -> Table:
    """Declare the table of a plane: at most one key signs, and at most one is the next."""
    table = Table(
        name,
        metadata,
        Column("kid", Text, primary_key=True),
        Column("state", Text, nullable=False),
        # Empty once the key has stopped signing: then there is nothing left to steal.
        Column("sealed_private_key", LargeBinary, nullable=False),
        Column("public_key", OpaqueJson, nullable=False),
        Column("created_at", UtcTime, nullable=False),
        Column("signs_from", UtcTime, nullable=False),
        Column("signed_until", UtcTime, nullable=True),
        Column("withdrawn_at", UtcTime, nullable=True),
        info=info,
    )
    for state in (KeyState.CURRENT, KeyState.NEXT):
        only = table.c.state == state
        Index(f"uq_{name}_{state}", table.c.state, unique=True, sqlite_where=only, postgresql_where=only)
    return table


class KeyKeeper(Generic[TxT]):
    """Keeps the signing keys of one plane: makes the first, rotates them, and follows what other processes do to them."""

    def __init__(
        self, owner: str, table: Table, database: Database[TxT], sealer: Sealer, clock: Clock
    ) -> None:
        self.owner = owner
        """Whose keys they are: a region's id, or `identity`."""
        self._table = table
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._looked_at = 0.0
        self._keys: SigningKeys | None = None
        self._marks = _marks(table)

    def __repr__(self) -> str:
        return f"KeyKeeper({self.owner})"

    @property
    def keys(self) -> SigningKeys:
        """Give the keys, once they are open; the object stays the same through every rotation."""
        if self._keys is None:
            raise RuntimeError("the signing keys were not opened")
        return self._keys

    async def open(self) -> SigningKeys:
        """Load the keys, making one on the first start; of several nodes that start at once one makes it.

        ValueError if the root key is not the one under which the key that signs was sealed.
        """
        await self._database.run_tx(self._begin)
        await self.refresh()
        return self.keys

    async def refresh(self) -> None:
        """Let the next key sign if it is due, and hold what the database has if that changed."""
        async with self._one_at_a_time:
            if self._keys is not None and any(key.is_due(self._clock()) for key in self.keys.known):
                await self._database.run_tx(self._promote)
            marks = await self._database.read(lambda tx: tx.all(self._marks))
            if self._keys is None or {(m.kid, m.state, m.signs_from) for m in marks} != self._held():
                await self._load()

    async def look_again(self) -> None:
        """Look, at most once a second, whether there is a key that this process does not know; others do nothing."""
        if time.monotonic() - self._looked_at >= _SECONDS_BETWEEN_LOOKS:
            self._looked_at = time.monotonic()
            await self.refresh()

    async def rotate(self, former: str) -> Rotation:
        """Publish a new key, which takes over from `former` once every verifier has had time to learn of it.

        Raises `RotationRefused` if another rotation is under way or has taken place meanwhile.
        """
        now = self._clock()
        made, signs_from = new_signer(self.owner), now + PUBLISHED_AHEAD

        async def publish(tx: TxT) -> None:
            await self._require_current(tx, former)
            row = self._row(made, KeyState.NEXT, now, signs_from)
            added = await tx.execute(tx.insert(self._table).values(**row).on_conflict_do_nothing())
            if added.rowcount == 0:
                raise RotationRefused(f"{self.owner}: a rotation is under way already.")

        await self._database.run_tx(publish)
        return Rotation(former, made.key_id, signs_from)

    async def rotate_now(self, former: str) -> Rotation:
        """Withdraw every key of which a token may be alive, `former` before all, and sign with a new one at once.

        Raises `RotationRefused` if `former` is not the key that signs any more.
        """
        now = self._clock()
        made = new_signer(self.owner)

        async def withdraw(tx: TxT) -> None:
            await self._require_current(tx, former)
            known = [_life(row) for row in await tx.all(_everything(self._table))]
            for key in (each for each in known if each.counts_for_tokens(now)):
                has_signed = key.state is not KeyState.NEXT
                until = (key.signed_until or now) if has_signed else None
                await self._end(tx, key.kid, KeyState.WITHDRAWN, signed_until=until, withdrawn_at=now)
            await tx.execute(tx.insert(self._table).values(**self._row(made, KeyState.CURRENT, now, now)))

        await self._database.run_tx(withdraw)
        return Rotation(former, made.key_id, now)

    async def _begin(self, tx: TxT) -> None:
        if await tx.first(select(self._table.c.kid).where(self._table.c.state == KeyState.CURRENT)) is None:
            now = self._clock()
            row = self._row(new_signer(self.owner), KeyState.CURRENT, now, now)
            await tx.execute(tx.insert(self._table).values(**row).on_conflict_do_nothing())

    async def _promote(self, tx: TxT) -> None:
        """Let the next key take over; of several nodes that try one does it, and the others find it done."""
        now, table = self._clock(), self._table
        known = {row.state: _life(row) for row in await tx.all(_everything(self._table))}
        upcoming, current = known.get(KeyState.NEXT), known.get(KeyState.CURRENT)
        if upcoming is None or current is None or not upcoming.is_due(now):
            return
        await self._end(tx, current.kid, KeyState.FORMER, signed_until=now)
        # What was planned gives way to what came to be: a node that was down may be late.
        begun = {"state": KeyState.CURRENT, "signs_from": now}
        await tx.execute(update(table).where(table.c.kid == upcoming.kid).values(begun))

    async def _end(self, tx: TxT, kid: str, state: KeyState, **moments: datetime | None) -> None:
        ended = {"state": state, "sealed_private_key": _DESTROYED, **moments}
        await tx.execute(update(self._table).where(self._table.c.kid == kid).values(ended))

    async def _require_current(self, tx: TxT, former: str) -> None:
        """Refuse unless `former` signs; its row is locked, so that of two rotations at once the second sees the first."""
        is_it = (self._table.c.kid == former) & (self._table.c.state == KeyState.CURRENT)
        if await tx.count(update(self._table).where(is_it).values(state=KeyState.CURRENT)) == 0:
            raise RotationRefused(f"{self.owner}: {former} does not sign any more; it was rotated meanwhile.")

    async def _load(self) -> None:
        rows = await self._database.read(lambda tx: tx.all(_everything(self._table)))
        (current,) = [row for row in rows if row.state == KeyState.CURRENT]
        signer = load_signer(self._sealer.open(current.sealed_private_key, context=_context(current.kid)))
        known = [_life(row) for row in rows]
        if self._keys is None:
            self._keys = SigningKeys(signer, known)
            return
        before = self._held()
        self._keys.replace(signer, known)
        for kid, state, _ in sorted(self._held() - before):
            _log.info("signing_key_changed", owner=self.owner, kid=kid, state=str(state))

    def _held(self) -> set[tuple[str, str, datetime]]:
        known = (key for key in self.keys.known if key.state is not KeyState.FORMER)
        return {(key.kid, key.state, key.signs_from) for key in known}

    def _row(self, signer: Signer, state: KeyState, now: datetime, signs_from: datetime) -> dict[str, object]:
        return {
            "kid": signer.key_id,
            "state": state,
            "sealed_private_key": self._sealer.seal(signer.private_bytes(), context=_context(signer.key_id)),
            "public_key": signer.public_key(),
            "created_at": now,
            "signs_from": signs_from,
        }


def _life(row: Row[Any]) -> SigningKey:
    return SigningKey(
        kid=row.kid,
        state=KeyState(row.state),
        public_key=row.public_key,
        created_at=row.created_at,
        signs_from=row.signs_from,
        signed_until=row.signed_until,
        withdrawn_at=row.withdrawn_at,
    )


def _context(kid: str) -> str:
    return f"signing key {kid}"


def _marks(table: Table):  # noqa: ANN202  # SQLAlchemy's query
    """Ask for what changes; a key that became a former one is seen by its not being among these any more."""
    return select(table.c.kid, table.c.state, table.c.signs_from).where(table.c.state != KeyState.FORMER)


def _everything(table: Table):  # noqa: ANN202  # SQLAlchemy's query
    return select(table).order_by(table.c.created_at, table.c.signs_from, table.c.kid)


async def list_keys(table: Table, database: Database[Any]) -> tuple[SigningKey, ...]:
    """List every key there ever was, as the database has them, the oldest first; opens none."""
    rows = await database.read(lambda tx: tx.all(_everything(table)))
    return tuple(_life(row) for row in rows)
