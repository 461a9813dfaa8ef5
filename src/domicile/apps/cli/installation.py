"""Which installation an operator's command is about: its configuration file and its data folder."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import Output
from domicile.infra.settings import Settings, SettingsError, load_settings
from domicile.kernel.errors import DomainError


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


@contextmanager
def explained() -> Generator[None]:
    """End the command with a sentence, not a traceback, where a database or a key is not what it must be."""
    from domicile.infra.migrations import NotMigratedError  # noqa: PLC0415 - loads no database driver until it runs
    from domicile.infra.telemetry import configure_logs  # noqa: PLC0415

    configure_logs()
    try:
        yield
    except DomainError as refused:
        raise CommandError(Exit.REFUSED, refused.message) from None
    except NotMigratedError as refused:
        raise CommandError(Exit.REFUSED, str(refused)) from None
    except (OSError, ValueError) as refused:
        raise CommandError(Exit.REFUSED, f"The installation cannot be used: {refused}") from None
