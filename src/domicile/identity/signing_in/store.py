"""Sign-ins under way and all their SQL; of the token only a keyed hash, of an unproved address only what is sealed."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    LargeBinary,
    Row,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from domicile.identity.known_devices.store import known_devices
from domicile.identity.passwords.store import passwords
from domicile.identity.sessions.domain import Earlier
from domicile.identity.sessions.store import sessions
from domicile.identity.signing_in.domain import MOST_TRIES, SignIn, Step
from domicile.identity.users.domain import User
from domicile.identity.users.store import user_of, users
from domicile.infra.databases import IdentityTx
from domicile.infra.planes import IDENTITY, UtcTime
from domicile.kernel.ids import UserId

sign_ins = Table(
    "sign_ins",
    IDENTITY,
    Column("sign_in_id", Text, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False),
    Column("step", Text, nullable=False),
    Column("sealed_address", LargeBinary),
    Column("user_id", Text),
    Column("epoch", BigInteger, nullable=False),
    Column("methods", Text, nullable=False),
    Column("challenge_id", Text, nullable=False),
    Column("tries", BigInteger, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Index("uq_sign_ins_token_hash", "token_hash", unique=True),
    Index("ix_sign_ins_expires_at", "expires_at"),
    Index("ix_sign_ins_user_id", "user_id"),
)

_HOW_MANY = (
    select(func.count()).select_from(sessions).where(sessions.c.user_id == users.c.user_id).scalar_subquery()
)
_OF_DEVICE = and_(known_devices.c.user_id == users.c.user_id, known_devices.c.mark == bindparam("mark"))
_BY_EMAIL = (
    select(users, passwords.c.hash, known_devices.c.last_used_at, _HOW_MANY.label("sessions"))
    .join(passwords, passwords.c.user_id == users.c.user_id)
    .outerjoin(known_devices, _OF_DEVICE)
    .where(users.c.email_key == bindparam("email_key"))
)
_INSERT = insert(sign_ins)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who may be signing in: a user, the hash of their password, and what is kept of their earlier sign-ins."""

    user: User
    hash: str = field(repr=False)
    earlier: Earlier


async def find_candidate(tx: IdentityTx, email_key: str, mark: bytes) -> Candidate | None:
    """Find everything that a sign-in by password needs, in one query, which is the same for every address."""
    row = await tx.first(_BY_EMAIL, {"email_key": email_key, "mark": mark})
    return Candidate(user_of(row), row.hash, Earlier(row.sessions, mark, row.last_used_at)) if row else None


async def insert_sign_in(tx: IdentityTx, begun: SignIn, token_hash: bytes) -> None:
    """Write a new sign-in down."""
    row = {"sign_in_id": begun.id, "tries": 0, "created_at": begun.created_at, "expires_at": begun.expires_at}
    await tx.execute(_INSERT, row | _state_of(begun, token_hash))


async def find_sign_in(tx: IdentityTx, token_hash: bytes, *, now: datetime) -> SignIn | None:
    """Find a sign-in that is not over, by its token."""
    row = await tx.first(select(sign_ins).where(_is_open(token_hash, now)))
    return _sign_in_of(row) if row else None


async def count_try(
    tx: IdentityTx, token_hash: bytes, steps: tuple[Step, ...], *, now: datetime
) -> SignIn | None:
    """Count a try before anything is compared, in one statement; None if the sign-in is over, in another step, or has had its tries."""
    mine = update(sign_ins).where(_is_open(token_hash, now), sign_ins.c.step.in_(steps))
    counted = mine.values(tries=sign_ins.c.tries + 1).returning(sign_ins)
    row = (await tx.execute(counted)).first()
    return _sign_in_of(row) if row else None


async def give_try_back(tx: IdentityTx, token_hash: bytes) -> None:
    """Take a try back that was counted and then not verified."""
    mine = update(sign_ins).where(sign_ins.c.token_hash == token_hash, sign_ins.c.tries > 0)
    await tx.execute(mine.values(tries=sign_ins.c.tries - 1))


async def advance_sign_in(
    tx: IdentityTx, former_hash: bytes, advanced: SignIn, token_hash: bytes, *, now: datetime
) -> bool:
    """Move a sign-in on under a new token, in one statement, with tries of its own; False if somebody else did, or it is over."""
    mine = update(sign_ins).where(
        sign_ins.c.sign_in_id == advanced.id,
        sign_ins.c.token_hash == former_hash,
        sign_ins.c.expires_at > now,
    )
    return await tx.count(mine.values(tries=0, **_state_of(advanced, token_hash))) == 1


async def put_challenge(tx: IdentityTx, sign_in_id: str, challenge_id: str) -> None:
    """Note the passkey ceremony that a sign-in waits for now."""
    mine = update(sign_ins).where(sign_ins.c.sign_in_id == sign_in_id)
    await tx.execute(mine.values(challenge_id=challenge_id))


async def finish_sign_in(tx: IdentityTx, sign_in_id: str, token_hash: bytes, *, now: datetime) -> bool:
    """Use a sign-in up, in one statement; False if it was used before, or is over."""
    mine = (sign_ins.c.sign_in_id == sign_in_id) & (sign_ins.c.token_hash == token_hash)
    return await tx.count(delete(sign_ins).where(mine, sign_ins.c.expires_at > now)) == 1


async def delete_sign_ins(tx: IdentityTx, user: UserId) -> None:
    """End every sign-in in which a user has shown something."""
    await tx.execute(delete(sign_ins).where(sign_ins.c.user_id == user))


async def forget_sign_ins(tx: IdentityTx, *, at_most: int, now: datetime) -> int:
    """Delete sign-ins that are over, the oldest first; tells how many."""
    over = select(sign_ins.c.sign_in_id).where(sign_ins.c.expires_at <= now)
    oldest = over.order_by(sign_ins.c.expires_at).limit(at_most)
    return await tx.count(delete(sign_ins).where(sign_ins.c.sign_in_id.in_(oldest)))


def _is_open(token_hash: bytes, now: datetime) -> ColumnElement[bool]:
    mine = (sign_ins.c.token_hash == token_hash) & (sign_ins.c.expires_at > now)
    return mine & (sign_ins.c.tries < MOST_TRIES)


def _state_of(one: SignIn, token_hash: bytes) -> dict[str, object]:
    return {
        "token_hash": token_hash,
        "step": one.step,
        "sealed_address": one.sealed_address,
        "user_id": one.user_id,
        "epoch": one.epoch,
        "methods": " ".join(one.methods),
        "challenge_id": one.challenge_id,
    }


def _sign_in_of(row: Row[Any]) -> SignIn:  # Any: a row of the table above
    return SignIn(
        id=row.sign_in_id,
        step=Step(row.step),
        sealed_address=row.sealed_address,
        user_id=UserId(row.user_id) if row.user_id else None,
        epoch=row.epoch,
        methods=tuple(row.methods.split()),
        challenge_id=row.challenge_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
