"""Use cases about API keys: creating, describing, changing, rotating, deleting; none rises above who handles it."""

from dataclasses import replace
from datetime import datetime, timedelta

from domicile.infra.databases import RegionTx
from domicile.infra.idempotency import RequestKey
from domicile.infra.secrets import new_api_key_secret
from domicile.kernel.callers import Caller
from domicile.kernel.errors import not_found
from domicile.kernel.ids import ApiKeyId, RoleId, new_api_key_id
from domicile.kernel.paging import Page, PageRequest
from domicile.kernel.permissions import check_not_above
from domicile.kernel.roles import BE_THERE, Role, rules_access
from domicile.kernel.urn import Principal
from domicile.kernel.versions import Precondition
from domicile.region.access_log.store import Changed, append_access_log
from domicile.region.api_keys import store
from domicile.region.api_keys.domain import (
    LOCK_OUT,
    ApiKey,
    ApiKeyChange,
    CreatedApiKey,
    NewApiKey,
    RotatedApiKey,
    apply_change,
    differences,
    make_api_key,
)
from domicile.region.audit.domain import by_caller
from domicile.region.audit.store import append_audit
from domicile.region.history.domain import Remembered, key_facts
from domicile.region.history.store import append_history
from domicile.region.plane import RegionPlane
from domicile.region.roles.service import get_role


async def create_api_key(
    plane: RegionPlane, caller: Caller, new: NewApiKey, request: RequestKey | None
) -> CreatedApiKey:
    """Make a key of the caller's account; its secret is in the answer and nowhere else.

    A repeated request with the same key gives the same key and secret. `above-your-role` if the role grants more than the caller
    holds; `reauthentication-required`; `idempotency-key-reused` if the request's key came with another body.
    """
    caller.require("identity:apikey:create")
    caller.require_fresh()

    async def work(tx: RegionTx) -> CreatedApiKey:
        await _check_role(plane, tx, caller, new.role_id, field="roleID")
        whose = {"owner_id": caller.account_id, "principal_id": caller.principal.id}
        if made := await plane.idempotency.recall(tx, request, CreatedApiKey, **whose):
            return made
        made = await _make(plane, tx, caller, new)
        await plane.idempotency.keep(tx, request, made, **whose)
        return made

    return await plane.database.run_tx(work)


async def _make(plane: RegionPlane, tx: RegionTx, caller: Caller, new: NewApiKey) -> CreatedApiKey:
    now = plane.clock()
    key_id, secret = new_api_key_id(plane.id), new_api_key_secret().reveal()
    version = await _log_key_change(plane, tx, caller, key_id)
    key = make_api_key(new, key_id, creator=caller.principal.id, version=version, now=now)
    await _remember(tx, caller, key, now)
    await store.insert_key(tx, caller.account_id, key, secret_hash=plane.key_hash.of(secret))
    details = {"apiKeyID": key.id, "alias": key.alias, "roleID": key.role_id}
    await append_audit(tx, by_caller(caller, "audit.apiKey_created.v1", details, now=now))
    return CreatedApiKey(key, secret)


async def list_api_keys(
    plane: RegionPlane, caller: Caller, page: PageRequest, *, role: RoleId | None
) -> Page[ApiKey]:
    """List the keys of the caller's account, oldest first."""
    caller.require("identity:apikey:read")

    async def read(tx: RegionTx) -> Page[ApiKey]:
        if role is not None:
            await get_role(tx, plane.catalogue, caller.account_id, role, field="roleID")
        return await store.list_keys(tx, caller.account_id, page, role=role)

    return await plane.database.read(read)


async def get_api_key(plane: RegionPlane, caller: Caller, key: ApiKeyId) -> ApiKey:
    """Describe one key of the caller's account; a key may always describe itself, whatever its role."""
    caller.require(BE_THERE if caller.principal == Principal.api_key(key) else "identity:apikey:read")
    return await plane.database.read(lambda tx: _get(tx, caller, key))


async def get_current_api_key(plane: RegionPlane, caller: Caller) -> ApiKey:
    """Describe the key that calls; `not-found` for a person."""
    if caller.principal.kind != "apikey":
        raise not_found("API key")
    return await get_api_key(plane, caller, ApiKeyId(caller.principal.id))


async def change_api_key(
    plane: RegionPlane, caller: Caller, key: ApiKeyId, change: ApiKeyChange, expected: Precondition
) -> ApiKey:
    """Change a key, lock it out or let it in again; holds from the next request on.

    `above-your-role` if its present or its new role grants more than the caller holds; to lock out, that is not asked.
    `reauthentication-required` to give it another role that has power over the account.
    """
    caller.require("identity:apikey:update")

    async def work(tx: RegionTx) -> ApiKey:
        now = plane.clock()
        before = await _get(tx, caller, key)
        if change.role_id is not None:
            wanted_role = await _check_role(plane, tx, caller, change.role_id, field="roleID")
            if change.role_id != before.role_id and rules_access(wanted_role):
                caller.require_fresh()
        expected(before.version)
        if change != LOCK_OUT:
            await _check_role(plane, tx, caller, before.role_id)
        wanted = apply_change(before, change)
        if not (changed := differences(before, wanted)):
            return before
        version = await _log_key_change(plane, tx, caller, key)
        after = replace(wanted, version=version, modified_at=now)
        await store.update_key(tx, caller.account_id, after)
        await _remember(tx, caller, after, now)
        details = {"apiKeyID": key, "changed": changed}
        await append_audit(tx, by_caller(caller, "audit.apiKey_updated.v1", details, now=now))
        return after

    return await plane.database.run_tx(work)


async def rotate_api_key(
    plane: RegionPlane,
    caller: Caller,
    key: ApiKeyId,
    overlap: timedelta,
    expected: Precondition,
    *,
    request: RequestKey | None,
) -> RotatedApiKey:
    """Give a key a new secret; the present one goes on for `overlap`, one that was former before ends at once.

    A repeated request with the same key gives the same secret and does not end the overlap. `above-your-role` if the key's role
    grants more than the caller holds: its secret would lift them. `reauthentication-required`, as for a new key.
    """
    caller.require("identity:apikey:update")
    caller.require_fresh()

    async def work(tx: RegionTx) -> RotatedApiKey:
        whose = {"owner_id": caller.account_id, "principal_id": caller.principal.id}
        if rotated := await plane.idempotency.recall(tx, request, RotatedApiKey, **whose):
            return rotated
        before = await _get(tx, caller, key)
        expected(before.version)
        await _check_role(plane, tx, caller, before.role_id)
        rotated = await _rotate(plane, tx, caller, before, overlap)
        await plane.idempotency.keep(tx, request, rotated, **whose)
        return rotated

    return await plane.database.run_tx(work)


async def _rotate(
    plane: RegionPlane, tx: RegionTx, caller: Caller, before: ApiKey, overlap: timedelta
) -> RotatedApiKey:
    now = plane.clock()
    secret, until = new_api_key_secret().reveal(), now + overlap
    version = await _log_key_change(plane, tx, caller, before.id)
    after = replace(before, version=version, modified_at=now)
    await store.replace_secret(
        tx,
        caller.account_id,
        after,
        secret_hash=plane.key_hash.of(secret),
        former_until=until if overlap else None,
    )
    details = {"apiKeyID": before.id, "rotated": True, "overlapSeconds": int(overlap.total_seconds())}
    await append_audit(tx, by_caller(caller, "audit.apiKey_updated.v1", details, now=now))
    return RotatedApiKey(after, secret, until)


async def delete_api_key(plane: RegionPlane, caller: Caller, key: ApiKeyId, expected: Precondition) -> None:
    """Delete a key; refused from the next request on. A key may delete itself if its role lets it delete keys."""
    caller.require("identity:apikey:delete")

    async def work(tx: RegionTx) -> None:
        now = plane.clock()
        before = await _get(tx, caller, key)
        expected(before.version)
        version = await _log_key_change(plane, tx, caller, key)
        await append_history(tx, caller.account_id, Remembered.API_KEY, key, seq=version, facts=None, now=now)
        await store.delete_key(tx, caller.account_id, key)
        details = {"apiKeyID": key, "alias": before.alias, "formerRoleID": before.role_id}
        await append_audit(tx, by_caller(caller, "audit.apiKey_deleted.v1", details, now=now))

    await plane.database.run_tx(work)


async def _log_key_change(plane: RegionPlane, tx: RegionTx, caller: Caller, key: ApiKeyId) -> int:
    return await append_access_log(
        tx,
        Changed.API_KEY,
        caller.account_id,
        key,
        now=plane.clock(),
        bump=plane.bump_access_log,
        revokes=True,
    )


async def _remember(tx: RegionTx, caller: Caller, key: ApiKey, now: datetime) -> None:
    facts = key_facts(
        key.alias,
        key.role_id,
        is_enabled=key.is_enabled,
        expires_at=key.expires_at,
        networks=(*key.allowed_ips, *key.allowed_cidrs),
    )
    await append_history(
        tx, caller.account_id, Remembered.API_KEY, key.id, seq=key.version, facts=facts, now=now
    )


async def _check_role(
    plane: RegionPlane, tx: RegionTx, caller: Caller, role: RoleId, *, field: str | None = None
) -> Role:
    found = await get_role(tx, plane.catalogue, caller.account_id, role, field=field)
    check_not_above(found, caller.role)
    return found


async def _get(tx: RegionTx, caller: Caller, key: ApiKeyId) -> ApiKey:
    if (found := await store.find_key(tx, caller.account_id, key)) is None:
        raise not_found("API key")
    return found
