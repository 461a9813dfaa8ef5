"""How a command ends: the exit codes, and the one error that ends a command early."""

from collections.abc import Sequence
from enum import IntEnum


class Exit(IntEnum):
    """The exit codes that scripts may rely on."""

    OK = 0
    REFUSED = 1
    """The server refused or failed, or what was asked for did not come out as it should."""
    USAGE = 2
    NOT_SIGNED_IN = 3
    UNREACHABLE = 4


EXIT_CODES_HELP = """\
Exit codes:

- 0: done
- 1: refused or failed; the reason is on standard error
- 2: wrong usage
- 3: not signed in
- 4: the server cannot be reached
"""


class CommandError(Exception):
    """End the command with an exit code and a message for the reader; neither ever holds a secret."""

    def __init__(self, code: Exit, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = tuple(details)
