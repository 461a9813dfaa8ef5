"""Which installation an operator's command is about: its configuration file and its data folder."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import Output
from domicile.infra.settings import Settings, SettingsError, load_settings


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Installation(Output):
    """The options of every operator's command; the environment is read with the settings themselves."""

    config: Annotated[
        Path | None, Parameter(help="The configuration file (TOML). [env var: DOMICILE_CONFIG]")
    ] = None
    data: Annotated[
        Path | None, Parameter(help="The data folder. [env var: DOMICILE_DATA] [default: ./var]")
    ] = None

    def load(self, *, host: str | None = None, port: int | None = None) -> Settings:
        """Read the settings; faults end the command, each explained."""
        try:
            return load_settings(self.config, self.data, os.environ, host=host, port=port)
        except SettingsError as error:
            raise CommandError(Exit.REFUSED, "The configuration cannot be used.", error.faults) from None


THIS_ONE = Installation()
