"""The program `domicile`, from its arguments to its exit code."""

import os
import sys
from collections.abc import Sequence

from domicile.apps.cli.exits import CommandError
from domicile.apps.cli.printing import show_error
from domicile.apps.cli.program import build_app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and leave with its exit code; without `arguments`, those of the process are taken."""
    try:
        try:
            build_app()(sys.argv[1:] if arguments is None else arguments)
        finally:
            sys.stdout.flush()
    except CommandError as error:
        show_error(error)
        sys.exit(error.code)
    except BrokenPipeError:
        # The reader left, as `head` does; nothing may be left for the interpreter to write at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
