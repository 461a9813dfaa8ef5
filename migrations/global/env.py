"""Migrations of the database of identity and directory."""

from alembic import context
from sqlalchemy import MetaData

from domicile.apps.tables import GLOBAL_METADATA
from domicile.infra.migrations import run_environment

metadata: list[MetaData] = GLOBAL_METADATA
run_environment(context, metadata)
