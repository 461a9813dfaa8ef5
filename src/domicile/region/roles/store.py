"""The roles that accounts made for themselves, and all their SQL."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKeyConstraint,
    Row,
    Table,
    Text,
    bindparam,
    delete,
    func,
    select,
    update,
)

from domicile.infra.databases import RegionTx
from domicile.infra.planes import REGION, OpaqueJson, UtcTime
from domicile.kernel.ids import AccountId, RoleId
from domicile.region.roles.domain import CustomRole

roles = Table(
    "roles",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("role_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("service_roles", OpaqueJson, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("modified_at", UtcTime, nullable=False),
    Column("version", BigInteger, nullable=False),
    ForeignKeyConstraint(["account_id"], ["accounts.account_id"]),
)
_BY_ID = select(roles).where(
    roles.c.account_id == bindparam("of_account"), roles.c.role_id == bindparam("role")
)


async def insert_role(tx: RegionTx, account: AccountId, role: CustomRole) -> bool:
    """Make a role of an account; False if it has one of that id."""
    row = {
        "account_id": account,
        "role_id": role.id,
        "created_at": role.created_at,
        **_changeable(role),
    }
    return (await tx.execute(tx.insert(roles).on_conflict_do_nothing(), row)).rowcount == 1


async def find_custom_role(tx: RegionTx, account: AccountId, role: RoleId) -> CustomRole | None:
    """Find a role that an account made for itself."""
    row = await tx.first(_BY_ID, {"of_account": account, "role": role})
    return _custom_role(row) if row else None


async def list_custom_roles(tx: RegionTx, account: AccountId) -> tuple[CustomRole, ...]:
    """List the roles that an account made for itself, in the order of their ids; their number is bounded."""
    found = await tx.all(select(roles).where(roles.c.account_id == account).order_by(roles.c.role_id))
    return tuple(_custom_role(row) for row in found)


async def list_roles_giving(
    tx: RegionTx, service: str, levels: frozenset[str]
) -> tuple[tuple[AccountId, RoleId, str], ...]:
    """List (account, role, level) of all roles in the region that give one of these levels; reads every role there is."""
    every = await tx.all(
        select(roles.c.account_id, roles.c.role_id, roles.c.service_roles).order_by(
            roles.c.account_id, roles.c.role_id
        )
    )
    return tuple(
        (AccountId(row.account_id), RoleId(row.role_id), level)
        for row in every
        for given, level in row.service_roles
        if given == service and level in levels
    )


async def count_custom_roles(tx: RegionTx, account: AccountId) -> int:
    """Count the roles that an account made for itself."""
    query = select(func.count().label("many")).select_from(roles).where(roles.c.account_id == account)
    row = await tx.first(query)
    return int(row.many) if row else 0


async def update_role(tx: RegionTx, account: AccountId, role: CustomRole) -> None:
    """Bring a role to a new version."""
    await tx.execute(update(roles).where(_is(account, role.id)).values(**_changeable(role)))


async def delete_role(tx: RegionTx, account: AccountId, role: RoleId) -> None:
    """Delete a role."""
    await tx.execute(delete(roles).where(_is(account, role)))


def _is(account: AccountId, role: RoleId) -> ColumnElement[bool]:
    return (roles.c.account_id == account) & (roles.c.role_id == role)


def _changeable(role: CustomRole) -> dict[str, object]:
    return {
        "name": role.name,
        "description": role.description,
        "service_roles": [list(pair) for pair in role.service_roles],
        "modified_at": role.modified_at,
        "version": role.version,
    }


def _custom_role(row: Row[tuple[object, ...]]) -> CustomRole:
    created: datetime = row.created_at
    return CustomRole(
        id=RoleId(row.role_id),
        name=row.name,
        description=row.description,
        service_roles=tuple((str(service), str(level)) for service, level in row.service_roles),
        created_at=created,
        modified_at=row.modified_at,
        version=row.version,
    )
