"""Migrations of one region's database."""

from alembic import context

from domicile.apps.tables import REGION_METADATA
from domicile.infra.migrations import run_environment

run_environment(context, REGION_METADATA)
