"""Second factors of people, given to them in the database: enrolment has tests of its own."""

from dataclasses import dataclass
from datetime import datetime

import cbor2
from pyotp.totp import TOTP
from uuid_utils import uuid7

from domicile.identity.passkeys.domain import Passkey
from domicile.identity.passkeys.store import insert_passkey
from domicile.identity.plane import IdentityPlane
from domicile.identity.recovery_codes.domain import new_codes, read_code
from domicile.identity.recovery_codes.service import hash_of
from domicile.identity.recovery_codes.store import replace_codes
from domicile.identity.totp.service import seal_secret
from domicile.identity.totp.store import totp_factors
from domicile.identity.users.store import set_mfa_enabled
from domicile.infra.databases import IdentityTx
from domicile.infra.one_time_codes import new_totp_secret
from domicile.infra.secrets import SecretText
from domicile.kernel.ids import UserId
from tests.support.authenticator import Authenticator, cose_key, to_base64url


@dataclass(frozen=True)
class App:
    """An authenticator app."""

    secret: SecretText

    def code_at(self, now: datetime) -> str:
        """Read the code that it shows at a moment."""
        return TOTP(self.secret.reveal()).at(now)


async def give_app(plane: IdentityPlane, user: UserId) -> App:
    """Give a person an authenticator app that is confirmed."""
    factor_id, secret, now = str(uuid7()), new_totp_secret(), plane.clock()
    row = {
        "factor_id": factor_id,
        "user_id": user,
        "name": "Phone",
        "sealed_secret": seal_secret(plane, factor_id, secret),
        "created_at": now,
        "confirmed_at": now,
        "last_step": -1,
        "wrong_codes": 0,
    }

    async def work(tx: IdentityTx) -> None:
        await tx.execute(tx.insert(totp_factors).values(row))
        await set_mfa_enabled(tx, user, has_factor=True, now=now)

    await plane.database.run_tx(work)
    await plane.tell_regions()
    return App(secret)


async def give_recovery_codes(plane: IdentityPlane, user: UserId) -> tuple[str, ...]:
    """Give a person a set of recovery codes."""
    codes = new_codes()
    hashes = tuple(hash_of(plane, user, read_code(code) or "") for code in codes)
    await plane.database.run_tx(lambda tx: replace_codes(tx, user, hashes, now=plane.clock()))
    return codes


async def give_passkey(plane: IdentityPlane, user: UserId, device: Authenticator) -> None:
    """Give a person a passkey that a device holds."""
    rp_id, handle, now = plane.settings.passkeys.rp_id, user.encode(), plane.clock()
    asked = {"rp": {"id": rp_id}, "user": {"id": to_base64url(handle)}, "challenge": to_base64url(b"0" * 32)}
    device.create(asked)
    held = device.held[-1]
    passkey = Passkey(
        id=str(uuid7()),
        user_id=user,
        name="Laptop",
        credential_id=held.id,
        user_handle=handle,
        public_key=cbor2.dumps(cose_key(held.key, held.algorithm)),
        sign_count=held.count,
        transports=("internal",),
        aaguid="",
        backup_eligible=device.is_synced,
        backed_up=device.is_synced,
        uv_initialised=device.verifies_user,
        created_at=now,
        last_used_at=None,
    )

    async def work(tx: IdentityTx) -> None:
        assert await insert_passkey(tx, passkey)
        await set_mfa_enabled(tx, user, has_factor=True, now=now)

    await plane.database.run_tx(work)
    await plane.tell_regions()
