"""The worked example: three people, three accounts in three regions, and every cell of the table checked."""

from domicile.apps.cli.example.scenario import run_example as run_example
