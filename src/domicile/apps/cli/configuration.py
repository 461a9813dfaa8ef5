"""Commands that read an installation's configuration: config check, region list."""

from typing import Annotated

from cyclopts import App, Parameter
from sqlalchemy import make_url

from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.installation import THIS_ONE, Installation
from domicile.apps.cli.output import Column, show_document, show_rows
from domicile.directory.grants import grant_statements
from domicile.infra.settings import SettingsError
from domicile.kernel.ids import RegionId

config = App(name="config")
region = App(name="region")

_REGION_COLUMNS = (
    Column("Id", "id", is_whole=True),
    Column("Name", "name"),
    Column("Open", "open"),
    Column("Address", "publicURL", is_whole=True),
    Column("Database", "database", is_whole=True),
)


@config.command(name="check")
def check_config(*, installation: Installation = THIS_ONE) -> None:
    """Read the configuration and explain each fault in it."""
    settings = installation.load()
    names = [entry.id for entry in settings.regions]
    if faults := settings.root_key.faults():
        raise CommandError(Exit.REFUSED, "The configuration cannot be used.", faults)
    if installation.json:
        show_document(
            {"isSound": True, "data": str(settings.data), "regions": names, "rootKey": settings.root_key.name}
        )
    else:
        where = f"Data in {settings.data}, root key from {settings.root_key.name}"
        print(f"The configuration is sound. {where}, regions {', '.join(names)}.")


@region.command(name="list")
def list_regions(*, installation: Installation = THIS_ONE) -> None:
    """List the regions of the configuration."""
    rows = [
        {
            "id": entry.id,
            "name": entry.name,
            "open": entry.open,
            "publicURL": entry.public_url,
            # An address may hold the password of the database.
            "database": make_url(entry.database).render_as_string(hide_password=True),
        }
        for entry in installation.load().regions
    ]
    if installation.json:
        show_document({"regions": rows})
    else:
        show_rows(rows, _REGION_COLUMNS)


@region.command(name="grants")
def show_grants(
    region_id: Annotated[str, Parameter(help="Id of the region, such as de-1.")],
    /,
    *,
    role: Annotated[str, Parameter(help="The PostgreSQL role of the region's process.")],
    installation: Installation = THIS_ONE,
) -> None:
    """Print the SQL that lets a region's own PostgreSQL role into the directory, and no further.

    Run it as the owner of identity's database, once it is migrated and the role is there, and again after each upgrade.
    """
    if region_id not in [entry.id for entry in installation.load().regions]:
        raise SettingsError([f"regions: there is no region {region_id!r}"])
    print("\n".join(f"{statement};" for statement in grant_statements(RegionId(region_id), role)))
