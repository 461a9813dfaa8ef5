"""Standings in process: loaded on first use, dropped exactly when the access log says so, never older than the last commit."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from domicile.infra.databases import Database, RegionTx
from domicile.kernel.ids import AccountId, ApiKeyId, RegionId, RoleId, UserId
from domicile.kernel.permissions import AccountStanding
from domicile.kernel.roles import Catalogue, Role
from domicile.kernel.urn import Principal
from domicile.region.access_log.store import AccessChange, Changed, list_changes, read_head
from domicile.region.api_keys.store import find_key_standing, note_key_activity
from domicile.region.memberships.store import note_activity
from domicile.region.roles.service import find_role, no_role
from domicile.region.standing.domain import ApiKeyCopy, MemberCopy, key_standing, member_standing
from domicile.region.standing.store import find_account_standing, find_member_record

KeyT = TypeVar("KeyT")
CopyT = TypeVar("CopyT")

_MOST_COPIES = 50_000
_CHANGES_AT_ONCE = 500
_TRUSTED_SECONDS = 2.0


class Standings:
    """The copies of one region's accesses in this process.

    `bump` is called after every commit that appended to the access log, before its request is answered; the next question then reads
    the log and drops what it names. Changes made by other processes are found by `poll`; where nobody has looked for two seconds,
    because the worker or the database is slow, the next question looks itself, and is refused if it cannot. A copy that was loaded
    while the log moved is used once and not kept.
    """

    def __init__(
        self,
        region: RegionId,
        database: Database[RegionTx],
        catalogue: Catalogue,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._region = region
        self._database = database
        self._catalogue = catalogue
        self._monotonic = monotonic
        self._generation = 1
        self._applied = 0
        self._position = -1
        self._looked_at = float("-inf")
        self._following = asyncio.Lock()
        self._members: dict[tuple[AccountId, UserId], MemberCopy] = {}
        self._keys: dict[ApiKeyId, ApiKeyCopy] = {}
        self._activity: dict[tuple[AccountId, Principal], datetime] = {}
        self.on_change: list[Callable[[AccountId | None], None]] = []
        """Called with each account about which the log has news, when it is applied; None: any account may have changed."""
        self.on_bump: set[Callable[[], None]] = set()
        """Called as soon as this process knows that the log has grown, whatever is in it."""

    def bump(self) -> None:
        """Note that the access log has grown."""
        self._generation += 1
        for listener in tuple(self.on_bump):
            listener()

    @property
    def generation(self) -> int:
        """A number that moves with every change known of; what was read while it moved is not worth keeping."""
        return self._generation

    @property
    def _is_current(self) -> bool:
        """Whether the log was looked at a moment ago, and every change known of has been applied to the copies."""
        is_applied = self._applied == self._generation
        return is_applied and self._monotonic() - self._looked_at < _TRUSTED_SECONDS

    def peek_member(self, account: AccountId, user: UserId) -> MemberCopy | None:
        """Give the copy of a membership without touching the database; None if it is not held or may be out of date."""
        return self._members.get((account, user)) if self._is_current else None

    def peek_key(self, key: ApiKeyId) -> ApiKeyCopy | None:
        """Give the copy of an API key without touching the database; None if it is not held or may be out of date."""
        return self._keys.get(key) if self._is_current else None

    async def find_member(self, account: AccountId, user: UserId) -> MemberCopy | None:
        """Find a user's place in an account, as of the last commit; None if they have none."""
        return (await self.find_member_as_of(account, user))[0]

    async def find_member_as_of(self, account: AccountId, user: UserId) -> tuple[MemberCopy | None, int]:
        """Find a user's place in an account, and the number in the access log up to which nothing speaks against it."""
        await self._follow()
        if (copy := self._members.get((account, user))) is not None:
            return copy, self._position
        generation = self._applied
        loaded = await self._database.read(lambda tx: self._load_member(tx, account, user))
        if loaded is not None and generation == self._generation:
            _keep(self._members, (account, user), loaded)
        return loaded, loaded.as_of if loaded else self._position

    async def find_key(self, key: ApiKeyId) -> ApiKeyCopy | None:
        """Find an API key's place in its account, as of the last commit."""
        await self._follow()
        if (copy := self._keys.get(key)) is not None:
            return copy
        generation = self._applied
        loaded = await self._database.read(lambda tx: self._load_key(tx, key))
        if loaded is not None and generation == self._generation:
            _keep(self._keys, key, loaded)
        return loaded

    async def poll(self) -> None:
        """Look whether another process has written to the access log."""
        looked_at = self._monotonic()
        if await self._database.read(read_head) > self._position:
            self.bump()
        else:
            self._looked_at = max(self._looked_at, looked_at)

    def note_activity(self, account: AccountId, principal: Principal, at: datetime) -> None:
        """Remember that a principal was active; written down by `flush_activity`."""
        self._activity[account, principal] = at

    async def flush_activity(self) -> None:
        """Write down when principals were last active; what fails to be written is tried again with the next."""
        if not self._activity:
            return
        taken, self._activity = self._activity, {}
        try:
            await self._database.run_tx(lambda tx: _write_activity(tx, taken))
        except BaseException:  # cancelled too: the next flush brings it
            self._activity = taken | self._activity
            raise
        for account, _ in taken:
            self._announce(account)

    async def _follow(self) -> None:
        if self._is_current:
            return
        async with self._following:
            while not self._is_current:
                generation, looked_at = self._generation, self._monotonic()
                moved = await self._apply_news()
                self._applied, self._looked_at = generation + moved, looked_at
                if self._applied == self._generation:
                    return  # however long it took: this question came before it

    async def _apply_news(self) -> int:
        """Drop what the log names; tells by how much that moved the generation, for what was being loaded meanwhile."""
        if self._position < 0:
            self._position = await self._database.read(read_head)
            return 0
        moved = 0
        while True:
            changes = await self._database.read(
                lambda tx: list_changes(tx, after=self._position, at_most=_CHANGES_AT_ONCE)
            )
            if changes and changes[0].seq != self._position + 1:
                self._drop_all()
            for change in changes:
                self._drop(change)
                self._position = change.seq
            if changes:
                self._generation += 1
                moved += 1
            if len(changes) < _CHANGES_AT_ONCE:
                return moved

    def _drop(self, change: AccessChange) -> None:
        match change.kind:
            case Changed.MEMBERSHIP:
                self._members.pop((change.account_id, UserId(change.subject_id)), None)
            case Changed.API_KEY:
                self._keys.pop(ApiKeyId(change.subject_id), None)
            case Changed.ROLE:
                self._drop_role(change.account_id, RoleId(change.subject_id))
            case Changed.ACCOUNT:
                self._members = {k: v for k, v in self._members.items() if k[0] != change.account_id}
                self._keys = {
                    k: v for k, v in self._keys.items() if v.standing.account.id != change.account_id
                }
        self._announce(change.account_id)

    def _drop_role(self, account: AccountId, role: RoleId) -> None:
        self._members = {k: v for k, v in self._members.items() if k[0] != account or v.role.id != role}
        self._keys = {
            k: v for k, v in self._keys.items() if v.standing.account.id != account or v.role.id != role
        }

    def _drop_all(self) -> None:
        """Start afresh: changes were forgotten before this process had seen them."""
        self._members.clear()
        self._keys.clear()
        self._announce(None)

    def _announce(self, account: AccountId | None) -> None:
        for listener in self.on_change:
            listener(account)

    async def _load_member(self, tx: RegionTx, account: AccountId, user: UserId) -> MemberCopy | None:
        record = await find_member_record(tx, account, user)
        if record is None:
            return None
        role = await self._role(tx, account, record.role_id)
        holder = AccountStanding(
            account, self._region, record.account_state, record.mfa_required, record.purge_after
        )
        standing = member_standing(
            holder,
            user,
            record.state,
            role,
            epoch=record.epoch,
            mfa_enabled=record.mfa_enabled,
            absence=record.absence,
        )
        return MemberCopy(standing, role, record.name, record.email, await read_head(tx))

    async def _load_key(self, tx: RegionTx, key: ApiKeyId) -> ApiKeyCopy | None:
        record = await find_key_standing(tx, key)
        if record is None or (holder := await find_account_standing(tx, record.account_id)) is None:
            return None
        role = await self._role(tx, record.account_id, record.role_id)
        standing = key_standing(
            holder,
            key,
            role,
            is_enabled=record.is_enabled,
            expires_at=record.expires_at,
            networks=record.networks,
        )
        return ApiKeyCopy(
            standing,
            role,
            record.alias,
            record.secret_hash,
            record.former_secret_hash,
            record.former_until,
        )

    async def _role(self, tx: RegionTx, account: AccountId, role: RoleId) -> Role:
        """Find the role that somebody holds; one that is not there grants nothing."""
        found = await find_role(tx, self._catalogue, account, role)
        return found.role if found else no_role(self._catalogue, role)


def _keep(copies: dict[KeyT, CopyT], key: KeyT, copy: CopyT) -> None:
    if len(copies) >= _MOST_COPIES:
        copies.clear()
    copies[key] = copy


async def _write_activity(tx: RegionTx, activity: dict[tuple[AccountId, Principal], datetime]) -> None:
    for (account, principal), at in activity.items():
        if principal.kind == "user":
            await note_activity(tx, account, UserId(principal.id), at)
        else:
            await note_key_activity(tx, account, ApiKeyId(principal.id), at)
