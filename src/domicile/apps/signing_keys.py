"""What an operator does about signing keys: listing those of every plane, and rotating them."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import make_url

from domicile.apps.node import open_keys
from domicile.identity.signing.service import OWNER as IDENTITY
from domicile.identity.signing.service import identity_keeper
from domicile.identity.signing.store import identity_signing_keys
from domicile.infra.databases import Database, IdentityTx, RegionTx, identity_database, region_database
from domicile.infra.migrations import History, prepare
from domicile.infra.settings import Settings
from domicile.infra.signing import ALGORITHM
from domicile.infra.signing_keys import KeyKeeper, Rotation, RotationRefused, list_keys
from domicile.kernel.clock import Clock, whole_seconds
from domicile.kernel.ids import RegionId
from domicile.kernel.signing_keys import KeyState, SigningKey
from domicile.region.signing.service import region_keeper
from domicile.region.signing.store import signing_keys


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a rotation of one region's, or identity's, key."""

    owner: str
    rotation: Rotation | None
    refusal: str = ""
    """Why there was none."""


def owners_of(settings: Settings) -> list[str]:
    """List whose keys there are: identity, and every region that this node serves."""
    return [IDENTITY, *(entry.id for entry in settings.served_regions)]


async def list_signing_keys(settings: Settings, owners: Sequence[str]) -> list[dict[str, str]]:
    """List every key of these owners, the oldest first, with nothing of its private part."""
    rows: list[dict[str, str]] = []
    for owner in owners:
        if owner == IDENTITY:
            async with _identity(settings) as database:
                known = await list_keys(identity_signing_keys, database)
        else:
            async with _region(settings, owner) as database:
                known = await list_keys(signing_keys, database)
        rows += [_row(owner, key, known) for key in known]
    return rows


async def rotate_signing_keys(
    settings: Settings, planned: Sequence[tuple[str, str]], clock: Clock
) -> list[Outcome]:
    """Rotate the keys of several owners, each if the planned key still signs; one that is refused stops no other."""
    return [await _rotate(settings, owner, kid, clock, at_once=False) for owner, kid in planned]


async def withdraw_signing_keys(
    settings: Settings, planned: Sequence[tuple[str, str]], clock: Clock
) -> list[Outcome]:
    """Withdraw the keys of several owners, each if the planned key still signs, and let new ones sign at once."""
    return [await _rotate(settings, owner, kid, clock, at_once=True) for owner, kid in planned]


async def _rotate(settings: Settings, owner: str, kid: str, clock: Clock, *, at_once: bool) -> Outcome:
    async with _keeper(settings, owner, clock) as keeper:
        try:
            done = await (keeper.rotate_now(kid) if at_once else keeper.rotate(kid))
        except RotationRefused as refused:
            return Outcome(owner, None, str(refused))
    return Outcome(owner, done)


@asynccontextmanager
async def _keeper(
    settings: Settings, owner: str, clock: Clock
) -> AsyncGenerator[KeyKeeper[IdentityTx] | KeyKeeper[RegionTx]]:
    """Lend the keeper of an owner's keys; ValueError if the root key is another than that of its database."""
    keyring = settings.root_key.open()
    if owner == IDENTITY:
        async with _identity(settings) as database:
            keeper = identity_keeper(database, keyring.sealer(IDENTITY), clock)
            await open_keys(keeper, settings)
            yield keeper
    else:
        async with _region(settings, owner) as database:
            sealer = keyring.sealer(f"region {owner}")
            keeper = region_keeper(RegionId(owner), database, sealer, clock)
            await open_keys(keeper, settings)
            yield keeper


@asynccontextmanager
async def _identity(settings: Settings) -> AsyncGenerator[Database[IdentityTx]]:
    _require_file(settings.identity_database)
    database = identity_database(settings.identity_database)
    try:
        await prepare(database.engine, History.GLOBAL)
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def _region(settings: Settings, owner: str) -> AsyncGenerator[Database[RegionTx]]:
    (url,) = [entry.database for entry in settings.served_regions if entry.id == owner]
    _require_file(url)
    database = region_database(url, RegionId(owner))
    try:
        await prepare(database.engine, History.REGION)
        yield database
    finally:
        await database.close()


def _require_file(url: str) -> None:
    """Refuse, by ValueError, an SQLite file that is not there: in a folder that was mistyped nothing is to be made."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").exists():
        raise ValueError(f"there is no database {address.database}; the first start of the server makes it")


def _row(owner: str, key: SigningKey, known: Sequence[SigningKey]) -> dict[str, str]:
    moments = {
        "created": key.created_at,
        "signsFrom": key.signs_from,
        "signedUntil": key.signed_until,
        "retires": _retires_at(key, known),
        "withdrawn": key.withdrawn_at,
    }
    told = {name: whole_seconds(at) if at else "" for name, at in moments.items()}
    return {"owner": owner, "kid": key.kid, "state": str(key.state), "algorithm": ALGORITHM, **told}


def _retires_at(key: SigningKey, known: Sequence[SigningKey]) -> datetime | None:
    """Tell from when on no token counts by this key; of the one that signs, when the next takes over, if that is planned."""
    match key.state:
        case KeyState.CURRENT:
            return next((other.signs_from for other in known if other.state is KeyState.NEXT), None)
        case KeyState.FORMER:
            return key.tokens_until
        case _:
            return None
