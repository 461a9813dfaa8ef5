"""Imports every module that declares tables, so that each plane's metadata is whole."""

from domicile.infra.planes import DIRECTORY, IDENTITY, REGION

GLOBAL_METADATA = [IDENTITY, DIRECTORY]
"""What the database of identity and directory holds."""
REGION_METADATA = REGION
"""What every region's database holds."""
