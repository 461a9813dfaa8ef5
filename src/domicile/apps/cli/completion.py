"""The command that prints or installs the completions of a shell."""

from typing import Annotated, Literal

from cyclopts import Parameter

from domicile.apps.cli.program import build_app


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="The shell.")],
    /,
    *,
    install: Annotated[bool, Parameter(negative=(), help="Write it where the shell looks for it.")] = False,
) -> None:
    """Print the completions of a shell, or install them."""
    app = build_app()
    if install:
        print(f"Installed: {app.install_completion(shell=shell)}")
    else:
        print(app.generate_completion(shell=shell))
