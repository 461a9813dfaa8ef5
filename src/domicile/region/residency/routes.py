"""The HTTP edge of residency."""

from typing import ClassVar

from litestar import get
from litestar.params import FromPath, SkipValidation
from msgspec import field

from domicile.kernel.callers import Caller
from domicile.region.plane import RegionPlane
from domicile.region.residency.service import describe_residency
from domicile.web.bodies import Wire
from domicile.web.operations import Access, operation


class TableBody(Wire, frozen=True):
    """How many rows of an account a table holds."""

    name: str
    rows: int


class ResidencyBody(Wire, frozen=True):
    """Where an account's data lies."""

    example: ClassVar[dict[str, object]] = {
        "accountID": "004217730956",
        "region": "de-1",
        "database": "sqlite region-de-1.db",
        "rows": 4,
        "tables": [{"name": "accounts", "rows": 1}, {"name": "memberships", "rows": 3}],
    }

    account_id: str = field(name="accountID")
    region: str
    database: str
    rows: int
    tables: list[TableBody]


@get(
    "/api/accounts/{account_id:str}/residency",
    summary="Where an account's data lies",
    tags=["Accounts"],
    opt=operation(Access.MEMBER, permission="identity:account:read"),
)
async def get_residency(
    account_id: FromPath[str], caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane]
) -> ResidencyBody:
    """The region, its database and the rows of each table, counted at the time of the request."""
    found = await describe_residency(plane, caller)
    tables = [TableBody(name=name, rows=rows) for name, rows in found.rows.items()]
    return ResidencyBody(
        account_id=caller.account_id,
        region=plane.id,
        database=found.database,
        rows=sum(found.rows.values()),
        tables=tables,
    )


ROUTES = [get_residency]
