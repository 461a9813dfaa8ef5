"""Commands that read an installation's configuration: config check, region list."""

from cyclopts import App
from sqlalchemy import make_url

from domicile.apps.cli.installation import THIS_ONE, Installation
from domicile.apps.cli.output import Column, show_document, show_rows

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
    if installation.json:
        show_document({"isSound": True, "data": str(settings.data), "regions": names})
    else:
        print(f"The configuration is sound. Data in {settings.data}, regions {', '.join(names)}.")


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
