"""What a command asks the person at the terminal; on standard error, so that standard output stays the answer."""

import sys
from getpass import getpass

from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.printing import as_text


def ask(question: str, *, option: str) -> str:
    """Ask for a line of text; without a terminal the command ends and names the `option` to give instead."""
    _require_terminal(f"Give {option}: there is no terminal to ask at.")
    print(f"{question}: ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline().strip()
    if not line:
        raise CommandError(Exit.USAGE, f"Nothing was entered: give {option} or answer the question.")
    return line


def ask_password(question: str = "Password: ") -> str:
    """Ask for a password without showing it."""
    _require_terminal(
        "Give --password-stdin and the password on standard input: there is no terminal to ask at."
    )
    return _ask_hidden(question)


def ask_new_password() -> str:
    """Ask twice for a new password without showing it."""
    password = ask_password()
    if _ask_hidden("The same again: ") != password:
        raise CommandError(Exit.USAGE, "The two passwords are not the same.")
    return password


def ask_proof() -> str:
    """Ask for what shows who one is, without showing it: the code of a second factor, or the password of who has none."""
    return _ask_hidden("Code of your second factor, or your password if you have none: ")


def read_password() -> str:
    """Read a password from standard input: everything up to the first line break."""
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise CommandError(Exit.USAGE, "There is no password on standard input.")
    return password


def require_consent(consequence: str, *, assume_yes: bool) -> None:
    """Ask whether to go on, and end the command if the answer is not yes.

    Without a terminal, and without `--yes`, the command ends: nothing is destroyed by a script that did not mean to.
    """
    if assume_yes:
        return
    _require_terminal(f"{consequence} Say --yes: there is no terminal to ask at.")
    print(f"{consequence} Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CommandError(Exit.USAGE, "Nothing was changed.")


def require_typed(name: str, consequence: str, *, assume_yes: bool) -> None:
    """Ask for the name of what is to be destroyed, and end the command unless it is typed as it is."""
    if assume_yes:
        return
    _require_terminal(f"{consequence} Say --yes: there is no terminal to ask at.")
    print(f"{as_text(consequence)}\nTo go on, type {as_text(name)}: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != name:
        raise CommandError(Exit.USAGE, "That is not its name. Nothing was changed.")


def _ask_hidden(question: str) -> str:
    try:
        return getpass(question, stream=sys.stderr)
    except EOFError:
        raise CommandError(Exit.USAGE, "Nothing was entered.") from None


def has_terminal() -> bool:
    """Tell whether there is somebody to ask."""
    return sys.stdin.isatty()


def _require_terminal(message: str) -> None:
    if not has_terminal():
        raise CommandError(Exit.USAGE, message)
